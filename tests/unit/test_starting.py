"""Where a training starts: the world that draws some pictures nearest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from vae.archive import OWN_FILE
from vae.errors import CheckpointError, ImageError
from vae.infer import CHECKPOINTS, get_infer_model, list_worlds
from vae.pixels import to_bytes
from vae.starting import MOST, nearest_world

SHIPPED = [CHECKPOINTS / name for name in list_worlds()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> dict[str, list[Path]]:
    """Two pictures of each shipped world, as files."""
    folder = tmp_path_factory.mktemp("drawn")
    found = {}
    for place in SHIPPED:
        world = get_infer_model(place)
        latents = world.sample(2, generator=torch.Generator().manual_seed(3), truncation=0.5)
        pictures = to_bytes(world.decode(latents).permute(0, 2, 3, 1).numpy())
        found[place.name] = [folder / f"{place.name}-{i}.png" for i in range(2)]
        for path, picture in zip(found[place.name], pictures, strict=True):
            Image.fromarray(picture).save(path)
    return found


@pytest.mark.parametrize("name", list_worlds())
def test_a_world_draws_its_own_pictures_nearest(name, drawn):
    assert nearest_world(drawn[name], SHIPPED).name == name


def test_a_world_made_here_is_asked_only_where_there_is_no_other(drawn, tmp_path):
    own = shutil.copytree(CHECKPOINTS / "pomona", tmp_path / "own")
    (own / OWN_FILE).write_text(json.dumps({}))
    assert nearest_world(drawn["pomona"], [own, CHECKPOINTS / "paintings"]).name == "paintings"
    assert nearest_world(drawn["pomona"], [own]) == own


def test_a_world_that_cannot_be_read_is_passed_over(drawn, tmp_path):
    torn = shutil.copytree(CHECKPOINTS / "pomona", tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"torn")
    assert nearest_world(drawn["pomona"], [torn, CHECKPOINTS / "paintings"]).name == "paintings"
    with pytest.raises(CheckpointError, match="no world to start from"):
        nearest_world(drawn["pomona"], [torn])


def test_many_pictures_are_looked_at_from_first_to_last(drawn, monkeypatch):
    seen = []

    def look(path):
        seen.append(path.name)
        raise ImageError("enough")

    monkeypatch.setattr("vae.starting.read_picture", look)
    with pytest.raises(ImageError):
        nearest_world([Path(f"{i}.png") for i in range(100)], SHIPPED)
    assert seen == ["0.png"]
    monkeypatch.setattr("vae.starting._error", lambda _, path: seen.append(path.name) or 1.0)
    seen.clear()
    nearest_world([Path(f"{i}.png") for i in range(100)], SHIPPED[:1])
    assert len(seen) <= MOST
    assert int(seen[-1].removesuffix(".png")) > 80

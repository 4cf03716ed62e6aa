"""The drawings a world was trained on: those of this machine's own runs, and no others."""

import asyncio
import base64
import io
import json
import shutil
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.jobs_support import screened
from vae.ledger import DATA
from vae.screening import Manifest
from vae.ui.drawings import PAGE_OF, TILE, drawing_functions
from vae.ui.train_desk import Desk

RUN, NUM = "2026-11-29T10-00-00-000Z-abcd", PAGE_OF + 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return screened(tmp_path_factory.mktemp("drawn"), NUM)


@pytest.fixture
def desk(tmp_path, data):
    worlds, runs = tmp_path / "worlds", tmp_path / "runs"
    for name, made in (("mine", RUN), ("foreign", "another-run"), ("climbing", "../mine")):
        (worlds / name).mkdir(parents=True)
        for file in ("config.json", "sliders.json", "model.safetensors"):
            (worlds / name / file).write_bytes(b"{}")
        (worlds / name / "training.json").write_text(json.dumps({"run": made}))
    shutil.copytree(data, runs / RUN / DATA)
    shutil.copytree(data, runs / "another-run" / DATA)  # on the disk, and no run of this server's
    jobs = SimpleNamespace(folder=runs, list=lambda: [SimpleNamespace(id=RUN)], close=lambda: None)
    desk = Desk(runs, worlds, make_jobs=lambda: jobs)
    yield desk
    desk.close()


@pytest.fixture
def ask(desk):
    functions = {function.__name__: function for function in drawing_functions(desk)}

    def call(name, **fields):
        return asyncio.run(functions[name](fields))

    return call


def test_drawings_are_told_of_by_the_artists_names_a_page_at_a_time(ask):
    first = ask("drawings", world="mine", after=0)
    then = ask("drawings", world="mine", after=PAGE_OF)
    assert (first["total"], len(first["drawings"]), len(then["drawings"])) == (NUM, PAGE_OF, 4)
    names = [row["name"] for row in (*first["drawings"], *then["drawings"])]
    assert names == [f"{i:02d}.png" for i in range(NUM)]
    with Image.open(io.BytesIO(base64.b64decode(first["drawings"][0]["webp"]))) as small:
        assert (small.format, max(small.size)) == ("WEBP", TILE)


def test_a_drawing_is_the_very_file_that_was_learned_from(ask, data):
    row = 5
    answer = ask("drawing", world="mine", row=row)
    verdict = Manifest.load(data).kept[row]
    assert answer["name"] == verdict.name
    assert base64.b64decode(answer["file"]) == (data / "images" / verdict.clean).read_bytes()


@pytest.mark.parametrize("world", ["foreign", "climbing", "nowhere", "../worlds/mine", None])
def test_a_world_that_was_not_made_here_has_none(ask, world):
    """What a world from a ZIP says of its run is not believed."""
    assert ask("drawings", world=world, after=0) == {"total": 0, "drawings": []}
    assert ask("drawing", world=world, row=0)["error"] == "This drawing is not here any more."


@pytest.mark.parametrize("row", [NUM, -1, 0.5, "1/../2", None])
def test_a_row_that_is_none_gets_a_sentence(ask, row):
    assert set(ask("drawing", world="mine", row=row)) == {"error"}


def test_pictures_that_were_cleared_away_are_left_out(ask, desk):
    for path in (desk.jobs.folder / RUN / DATA / "images").iterdir():
        path.unlink()
    assert ask("drawings", world="mine", after=0)["total"] == 0
    (desk.jobs.folder / RUN / DATA / "manifest.json").write_text("torn")
    assert ask("drawings", world="mine", after=0)["total"] == 0

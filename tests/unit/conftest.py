"""What several share: the engine of a drawn world, and a classifier that refuses what is red."""

import json
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from tests.browser.fake_world import FakeWorld
from vae.ui.engine import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders)
    yield engine
    engine.close()


class FakeModel:
    """Finds a picture unsafe by how red it is."""

    config = SimpleNamespace(id2label={0: "safe", 1: "nsfw"})

    def eval(self):
        return self

    def __call__(self, pixels):
        red = (pixels[0, 0] - pixels[0, 1]).mean()
        return SimpleNamespace(logits=torch.stack((1 - red * 20, red * 20))[None])


@pytest.fixture
def fake_transformers(monkeypatch, tmp_path):
    def processor(images, return_tensors):
        assert return_tensors == "pt"
        x = torch.from_numpy(np.asarray(images).copy()).permute(2, 0, 1)[None] / 255
        return {"pixels": x}

    def load(result):
        def from_pretrained(path, **settings):
            assert settings["local_files_only"] is True
            assert settings["trust_remote_code"] is False
            return result

        return SimpleNamespace(from_pretrained=from_pretrained)

    module = ModuleType("transformers")
    module.AutoImageProcessor = load(processor)  # type: ignore[attr-defined]
    module.AutoModelForImageClassification = load(FakeModel())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", module)
    folder = tmp_path / "models" / "watchful"
    folder.mkdir(parents=True)
    labels = {"id2label": {"0": "safe", "1": "nsfw"}}
    (folder / "config.json").write_text(json.dumps(labels))
    return folder

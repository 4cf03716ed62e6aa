import json
from types import SimpleNamespace

import pytest
import torch

from tests.browser.fake_world import slider
from vae.errors import CheckpointError
from vae.evaluation.command import update_sliders
from vae.slider import NUM_ALSO, Held, Slider, strongest
from vae.sliders import SliderTable
from vae.ui import words
from vae.ui.worlds import read_sliders

EFFECTS = {"warmth": 1.2, "redness": 0.4, "lightness": -0.9, "coverage": 0.01, "fineness": 0.2}
MEASURED = {"gain": 0.5, "purity": 0.8, "spearman": 0.99}


def test_the_strongest_others_are_kept_and_the_small_ones_are_not():
    also = strongest(EFFECTS, "warmth")
    assert also == (("lightness", 0.9), ("redness", 0.4), ("fineness", 0.2))
    assert len(strongest({f"a{i}": 1.0 for i in range(9)})) == NUM_ALSO
    assert strongest({}) == ()


def test_a_row_comes_back_as_it_was():
    row = slider("warmth", "style", also=strongest(EFFECTS, "warmth"))
    assert Slider.from_row(json.loads(json.dumps(row.as_row()))) == row
    held = slider("warmth", "style", held=Held(gain=0.5, purity=0.8, spearman=0.99))
    assert Slider.from_row(json.loads(json.dumps(held.as_row()))) == held


def test_an_older_table_without_effects_still_loads(tmp_path):
    old = slider("warmth", "style").as_row()
    assert "effects" not in old
    (tmp_path / "sliders.json").write_text(json.dumps({"format": 1, "sliders": [old]}))
    assert read_sliders(tmp_path) == (slider("warmth", "style"),)


@pytest.mark.parametrize(
    "damage",
    [
        *({"effects": effects} for effects in ("much", 3, {"redness": "much"}, [1, 2])),
        *({"held": held} for held in (3, [0.5], {"gain": 1}, {**MEASURED, "purity": "much"})),
    ],
)
def test_a_damaged_table_is_refused(tmp_path, damage):
    row = {**slider("warmth", "style").as_row(), **damage}
    (tmp_path / "sliders.json").write_text(json.dumps({"format": 1, "sliders": [row]}))
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_sliders(tmp_path)


def test_what_else_a_slider_moves_is_said_in_the_artists_words():
    text = words.slider_effect(slider("warmth", "style", also=(("colorfulness", 0.5),)))
    assert text.endswith("What else moves most: colourfulness.")
    several = (("colorfulness", 0.5), ("angle_cos", 0.4), ("redness", 0.3))
    text = words.slider_effect(slider("warmth", "style", also=several))
    assert "colourfulness, grain, upright and green to red" in text
    assert "else" not in words.slider_effect(slider("warmth", "style"))


@pytest.mark.parametrize(
    ("measured", "says"),
    [
        ({"gain": 1.02, "spearman": 1.0}, "as far as it says, and follows your hand always"),
        ({"gain": 0.1, "spearman": 0.3}, "hardly at all, and follows your hand only sometimes"),
        ({"gain": 1.6, "spearman": 0.95}, "further than it says, and follows your hand nearly"),
        ({"gain": -0.8, "spearman": -0.7}, "the other way, and follows your hand mostly"),
    ],
)
def test_how_far_and_how_surely_is_said_in_words(measured, says):
    assert says in words.slider_effect(slider("warmth", "style", **measured))


def test_an_evaluation_writes_what_it_measured_and_leaves_the_rest(tmp_path):
    table = SliderTable((slider("warmth", "style"), slider("redness", "style")), torch.zeros(2, 3))
    world = SimpleNamespace(sliders=table.sliders, table=table, path=tmp_path)
    update_sliders(world, [], [{"name": "redness", **MEASURED, "effects": {}}])
    warmth, redness = SliderTable.load(tmp_path / "sliders.json").sliders
    assert warmth == slider("warmth", "style")
    assert redness == slider("redness", "style", held=Held(**MEASURED))
    world.sliders = (warmth, redness)
    update_sliders(world, [{"name": "redness", "gain": 0.7, "purity": 0.3, "spearman": 1.0}])
    redness = SliderTable.load(tmp_path / "sliders.json").sliders[1]
    assert (redness.purity, redness.held) == (0.3, Held(**MEASURED))

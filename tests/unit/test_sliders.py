"""Sliders: what is measured, what is named, and what is kept on disk."""

import json

import pytest
import torch
from scipy.stats import spearmanr

from tests.conftest import draw_fruit, tiny_model, to_images
from vae import sliders
from vae.encodings import ATTRIBUTES
from vae.errors import CheckpointError
from vae.sliders import (
    REACH,
    SHAPE_WORDS,
    Slider,
    SliderTable,
    _clearest,
    _shape,
    build_slider_table,
    rank_correlation,
    travel,
)


def row(name: str = "warmth", **changes) -> Slider:
    values = {"kind": "style", "attribute": name, "low": -2.5, "high": 2.5, "gain": 0.9}
    return Slider(**({"name": name, **values, "purity": 0.5, "spearman": 1.0} | changes))


def test_rank_correlation_is_that_of_scipy():
    path = torch.randn(9, 5)
    path[:, 0] = torch.arange(9.0)
    path[:, 1] = -(torch.arange(9.0) ** 3)
    found = rank_correlation(path)
    assert found[:2].tolist() == pytest.approx([1, -1])
    expected = [spearmanr(range(9), path[:, j])[0] for j in range(5)]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_travel_ends_before_most_pictures_leave_the_world():
    path = torch.zeros(5, 4, 16)
    assert travel(path) == (-REACH, REACH)
    path[4, :2, 3] = 4.1  # half of the pictures are outside at +2
    assert travel(path) == (-REACH, REACH)
    path[4, 2, 5] = -4.1  # and one more, by another attribute
    assert travel(path) == (-REACH, 1.5)
    path[0], path[1] = 5, 5
    assert travel(path) == (-1.0, 1.5)
    path[:, :, :] = 5  # outside at rest too: the slider is not what took it there
    assert travel(path) == (-REACH, REACH)


def test_a_table_comes_back_from_disk(tmp_path):
    table = SliderTable((row(), row("width", kind="form", attribute=None)), torch.randn(2, 6))
    table.save(tmp_path / "sliders.json")
    loaded = SliderTable.load(tmp_path / "sliders.json")
    assert loaded.sliders == table.sliders
    assert torch.allclose(loaded.directions, table.directions, atol=1e-6)
    assert torch.equal(loaded.direction("width"), loaded.directions[1])
    with pytest.raises(KeyError, match="height"):
        loaded.direction("height")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"gain"', '"grain"'),
        lambda text: text.replace('"direction"', '"directions"'),
        lambda text: json.dumps({"format": 1}),
        lambda text: json.dumps({"format": 1, "sliders": ["warmth"]}),
        lambda text: json.dumps({"format": 1, "sliders": [1]}),
        lambda text: json.dumps({"format": 7, "sliders": []}),
        lambda text: "",
    ],
)
def test_a_damaged_table_says_so(tmp_path, damage):
    path = tmp_path / "sliders.json"
    SliderTable((row(),), torch.randn(1, 6)).save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(CheckpointError, match=r"sliders.json (is|was)"):
        SliderTable.load(path)
    with pytest.raises(CheckpointError, match=r"gone.json is damaged"):
        SliderTable.load(tmp_path / "gone.json")


@pytest.fixture(scope="module")
def table() -> SliderTable:
    torch.manual_seed(3)
    model = tiny_model().eval()
    generator = torch.Generator().manual_seed(1)
    model.standardizer.fit(torch.randn(50, 16, generator=generator) * 0.1)
    model.standardizer.active[3] = 0
    return build_slider_table(model, torch.randn(40, 22, generator=generator), num_pictures=12)


def test_style_moves_the_key_and_form_the_content(table):
    for slider, direction in zip(table.sliders, table.directions, strict=True):
        still = direction[:4] if slider.kind == "style" else direction[4:]
        assert not still.any()
        assert direction.any()
        assert -REACH <= slider.low <= -1
        assert 1 <= slider.high <= REACH


def test_rows_are_in_order_and_within_range(table):
    style = [s for s in table.sliders if s.kind == "style"]
    form = [s for s in table.sliders if s.kind == "form"]
    assert table.sliders == (*style, *form)
    assert len(form) == 4
    assert len({s.name for s in table.sliders}) == len(table.sliders)
    for s in table.sliders:
        assert 0 <= s.purity <= 1
        assert -1.0001 <= s.spearman <= 1.0001


def test_what_is_seen_most_comes_first(monkeypatch):
    model = tiny_model(latent_key_dim=16).eval()
    model.standardizer.fit(torch.randn(50, 16) * 0.1)
    moves = [(j, torch.zeros(20).index_fill(0, torch.tensor(4 + j), 2.0**j)) for j in (0, 3, 1)]
    monkeypatch.setattr(sliders, "style_directions", lambda *_, **__: moves)
    monkeypatch.setattr(sliders, "decode_joined", grey_by_key)
    found = build_slider_table(model, 0.01 * torch.randn(30, 20), num_pictures=3).sliders
    names = [s.name for s in found if s.kind == "style"]
    assert names == [ATTRIBUTES[j] for j in (3, 1, 0)]


def grey_by_key(model: object, joined: torch.Tensor) -> torch.Tensor:
    """Draw grey pictures that are the lighter the greater the key."""
    grey = (0.5 + 0.01 * joined[:, 4:].sum(1))[:, None, None, None].expand(-1, 4, 32, 32)
    return torch.cat((grey[:, :3], torch.ones_like(grey[:, 3:])), 1)


def test_style_sliders_are_named_for_attributes_that_vary(table):
    names = {s.attribute for s in table.sliders if s.kind == "style"}
    assert names <= set(ATTRIBUTES) - {ATTRIBUTES[3]}
    assert all(s.name == s.attribute for s in table.sliders if s.kind == "style")
    assert all(s.attribute is None for s in table.sliders if s.kind == "form")


def test_a_form_takes_the_next_clear_name_or_none():
    effect, clear = torch.zeros(9), torch.zeros(9).bool()
    effect[2], effect[3] = 3, 2
    clear[2:4] = True
    assert _clearest(effect, clear, ()) == ("across", 2)
    assert _clearest(effect, clear, {"across"}) == ("down", 3)
    assert _clearest(effect, clear, {"across", "down"}) == (None, 2)


def test_form_is_measured_as_it_looks():
    narrow, wide = torch.zeros(1, 4, 64, 64), torch.zeros(1, 4, 64, 64)
    narrow[:, 3, 16:48, 28:36] = 1
    wide[:, 3, 16:48, 8:56] = 1
    columns = list(SHAPE_WORDS)
    a, b = (dict(zip(columns, _shape(x)[0].tolist(), strict=True)) for x in (narrow, wide))
    assert b["width"] > 4 * a["width"]
    assert b["height"] == pytest.approx(a["height"], rel=0.02)
    assert b["across"] == pytest.approx(0, abs=1e-6)
    shifted = narrow.roll((5, -7), (2, 3))
    moved = dict(zip(columns, _shape(shifted)[0].tolist(), strict=True))
    assert moved["down"] - a["down"] == pytest.approx(5 / 64, abs=1e-5)
    assert moved["across"] - a["across"] == pytest.approx(-7 / 64, abs=1e-5)


def test_form_of_any_channels_is_finite():
    for channels in (1, 3, 4):
        x = to_images([draw_fruit(1, 32)])[:, :channels]
        for picture in (x, torch.zeros_like(x), torch.ones_like(x)):
            assert torch.isfinite(_shape(picture)).all()

"""Variations and the field of two sliders, without a browser."""

import asyncio
import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.fake_world import FakeWorld
from vae.pixels import shrink, to_pixels
from vae.ui.drawing import picture_of
from vae.ui.explore import AROUND, FIELD, make_field, make_variations
from vae.ui.explore_panel import _template
from vae.ui.state import PictureState, read_state

STATE = {"seed": 5, "moves": {"warmth": 1.0}}


def ask(make, engine, **data):
    return asyncio.run(make(engine)({**STATE, **data}))


def tiles(answer, columns, key="webp"):
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer[key])))).astype(int)
    rows = np.split(image, columns, axis=0)
    return [tile for row in rows for tile in np.split(row, columns, axis=1)]


def small(engine, data, side):
    state = data if isinstance(data, PictureState) else read_state(data, engine.ranges)
    return 255 * shrink(to_pixels(picture_of(FakeWorld(), state)), side)[0]


def assert_alike(tile, expected):
    solid = expected[..., 3] > 250
    assert np.abs(tile - expected)[solid].mean() < 8


def test_a_variation_leads_to_the_picture_on_its_tile(engine):
    answer = ask(make_variations, engine, directions=7, reach=0.5)
    shown = tiles(answer, AROUND)
    starts = answer["starts"]
    assert [start is None for start in starts] == [i == 4 for i in range(9)]
    for start, tile in zip(starts, shown, strict=True):
        state = {**STATE, **start} if start else STATE
        assert_alike(tile, small(engine, state, len(tile)))
    assert min(np.abs(tile - shown[4]).max() for i, tile in enumerate(shown) if i != 4) > 20


def test_no_reach_leads_nowhere_and_the_same_directions_come_again(engine):
    still = tiles(ask(make_variations, engine, directions=7, reach=0), AROUND)
    assert all(np.abs(tile - still[4]).mean() < 1 for tile in still)
    first = ask(make_variations, engine, directions=7, reach=0.5)
    assert first == ask(make_variations, engine, directions=7, reach=0.5)
    assert first["starts"] != ask(make_variations, engine, directions=8, reach=0.5)["starts"]


def test_a_sheet_to_keep_has_every_pixel(engine):
    answer = ask(make_variations, engine, directions=7, reach=0.5, sheet=True)
    middle = tiles(answer, AROUND, "png")[4]
    assert middle.shape == (128, 128, 4)
    expected = small(engine, STATE, 128)
    assert np.abs(middle - expected)[expected[..., 3] > 0].max() <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"directions": 1},
        {"reach": 0.5},
        {"directions": -1, "reach": 0.5},
        {"directions": True, "reach": 0.5},
        {"directions": 1.5, "reach": 0.5},
        {"directions": 2**40, "reach": 0.5},
        {"directions": 1, "reach": 1.01},
        {"directions": 1, "reach": float("nan")},
        {"directions": 1, "reach": "far"},
        {"directions": 1, "reach": 0.5, "seed": "x"},
    ],
)
def test_variations_of_nonsense_are_refused(engine, wrong):
    assert "expected" in ask(make_variations, engine, **wrong)["error"]


def test_a_place_in_the_field_leads_to_the_picture_on_its_tile(engine):
    answer = ask(make_field, engine, across="warmth", up="size")
    shown, moves = tiles(answer, FIELD), answer["moves"]
    assert moves[0] == {"warmth": -2.5, "size": 2.5}  # to the left is less, upwards is more
    assert moves[-1] == {"warmth": 2.5, "size": -2.5}
    assert moves[12] == {"warmth": 0.0, "size": 0.0}
    for index in (0, 7, 12, 24):
        state = PictureState(seed=5, moves=moves[index])
        assert_alike(shown[index], small(engine, state, len(shown[index])))


@pytest.mark.parametrize(
    "wrong",
    [{"across": "warmth"}, {"across": "nose", "up": "size"}, {"across": "size", "up": "size"}],
)
def test_a_field_of_what_is_not_there_is_refused(engine, wrong):
    assert "slider" in ask(make_field, engine, **wrong)["error"]


def test_the_panel_names_no_slider_and_holds_no_code():
    assert 'id="field"' in _template()
    assert "${" not in _template()  # Gradio would take it for a value of its own

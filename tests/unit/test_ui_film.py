"""The filmstrip and the sheets of small pictures, without a browser."""

import asyncio
import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.fake_world import FakeWorld, slider
from vae.pixels import shrink, to_pixels
from vae.ui.drawing import picture_of, pictures_of
from vae.ui.film import TILES, make_strip, places
from vae.ui.state import PictureState
from vae.ui.tiles import SIDE, sheet, small_pictures


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def image_in(answer):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["webp"]))))


def test_the_places_are_equal_steps_that_a_slider_can_stand_at():
    along = places(-2.5, 2.5)
    assert along == [-2.5, -1.65, -0.85, 0.0, 0.85, 1.65, 2.5]
    assert all(abs(place / 0.05 - round(place / 0.05)) < 1e-9 for place in along)


def test_a_strip_shows_where_a_slider_leads(engine):
    data = {"seed": 5, "moves": {"size": 1.0, "warmth": -2.0}, "slider": "warmth"}
    answer = ask(make_strip, engine, data)
    tiles = np.split(image_in(answer).astype(int), TILES, axis=1)
    assert all(tile.shape == (SIDE, SIDE, 4) for tile in tiles)
    for place, tile in zip(answer["places"], tiles, strict=True):
        state = PictureState(seed=5, moves={"size": 1.0, "warmth": place})
        expected = 255 * shrink(to_pixels(picture_of(FakeWorld(), state)), SIDE)[0]
        solid = expected[..., 3] > 250
        assert np.abs(tile - expected)[solid].mean() < 8
    assert np.abs(tiles[0] - tiles[-1]).max() > 30


@pytest.mark.parametrize("name", [None, "nose", 3, ["warmth"]])
def test_a_strip_of_a_slider_that_is_not_there_is_refused(engine, name):
    assert "slider" in ask(make_strip, engine, {"seed": 5, "moves": {}, "slider": name})["error"]


def test_a_slider_that_was_measured_short_has_places_within_its_range():
    row = slider("form 3", "form", low=-1.03, high=0.31)
    assert places(-1.0, 0.3)[0] >= row.low
    assert places(-1.0, 0.3)[-1] <= row.high


def test_several_states_are_drawn_as_each_alone():
    world = FakeWorld()
    states = [PictureState(seed=seed, moves={"size": 0.5 * seed}) for seed in range(3)]
    together = pictures_of(world, states)
    alone = torch.cat([picture_of(world, state) for state in states])
    assert torch.allclose(together, alone, atol=1e-6)


def test_small_pictures_come_in_parts_and_in_order(engine):
    states = [PictureState(seed=seed, moves={}) for seed in range(20)]
    small = asyncio.run(small_pictures(engine, states, 32))
    expected = shrink(to_pixels(pictures_of(FakeWorld(), states)), 32)
    assert np.abs(small - expected).max() < 1e-6


def test_what_nobody_waits_for_lets_frames_go_first(engine):
    order = []

    async def both():
        async def frames():
            for number in range(4):
                await engine.draw(lambda _, n=number: order.append(n))

        first = asyncio.create_task(frames())
        await asyncio.sleep(0)
        await engine.draw_later(lambda _: order.append("later"))
        await first

    asyncio.run(both())
    assert order == [0, 1, 2, 3, "later"]


def test_a_sheet_reads_row_by_row():
    cells = np.arange(5, dtype=np.float32)[:, None, None, None] * np.ones((5, 2, 3, 4), np.float32)
    page = sheet(cells, 3)
    assert page.shape == (4, 9, 4)
    assert page[::2, ::3, 0].tolist() == [[0, 1, 2], [3, 4, 0]]


def test_shrinking_is_the_mean_of_what_was_there_without_a_dark_rim():
    pixels = np.zeros((1, 8, 8, 4), np.float32)
    pixels[:, :, :3] = (0.8, 0.4, 0.2, 1.0)  # clear from the fourth column on
    small = shrink(pixels, 4)[0]
    assert small[0, 1].tolist() == pytest.approx([0.8, 0.4, 0.2, 0.5], abs=1e-5)
    assert small[0, 3].tolist() == [0, 0, 0, 0]
    assert shrink(pixels, 8) is pixels

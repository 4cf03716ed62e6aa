"""What the corners of the pad are made of, without a browser."""

import asyncio
import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.fake_world import FakeWorld
from vae.ui.blend import make_blend
from vae.ui.drawing import picture_of
from vae.ui.state import read_state

CORNERS = [{"seed": 1, "moves": {"size": 2.0}}, {"seed": 2, "moves": {}}, {"seed": 3, "moves": {}}]


def ask(engine, data):
    return asyncio.run(make_blend(engine)(data))


def test_a_corner_starts_where_its_sliders_had_moved_it(engine):
    answer = ask(engine, {"corners": CORNERS})
    assert len(answer["starts"]) == 3
    for corner, start in zip(CORNERS, answer["starts"], strict=True):
        moved = picture_of(FakeWorld(), read_state(corner, engine.ranges))
        settled = picture_of(FakeWorld(), read_state({**start, "moves": {}}, engine.ranges))
        assert (moved - settled).abs().max() < 1e-3
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["webp"]))))
    assert image.shape == (96, 288, 4)


@pytest.mark.parametrize(
    "corners",
    [None, [], CORNERS[:1], [*CORNERS, *CORNERS], "ab", [1, 2], [{"seed": -1}, {"seed": 1}]],
)
def test_corners_that_are_no_pictures_are_refused(engine, corners):
    assert "expected" in ask(engine, {"corners": corners})["error"]
    assert "expected" in ask(engine, corners)["error"]

"""Where a picture of one's own lies on a world's square."""

import numpy as np
import pytest

from vae.placement import Placement


def cut_out(height: int, width: int, box: tuple[int, int, int, int]) -> np.ndarray:
    """A clear picture with a full rectangle: left, top, right, bottom."""
    pixels = np.zeros((height, width, 4), dtype=np.uint8)
    left, top, right, bottom = box
    pixels[top:bottom, left:right] = 255
    return pixels


def shown(pixels: np.ndarray, channels: int = 4) -> tuple[int, int, int, int]:
    """Return the box of what is seen on a square of 128."""
    square = Placement.of(pixels, 128, channels).show(pixels)
    return square.getchannel("A").point(lambda alpha: 255 * (alpha > 127)).getbbox()


@pytest.mark.parametrize(
    "pixels",
    [
        cut_out(400, 400, (0, 0, 400, 400)) * [1, 1, 1, 0.99],
        cut_out(400, 400, (0, 50, 400, 350)),
        cut_out(200, 400, (0, 0, 399, 200)),
        cut_out(900, 900, (40, 60, 140, 160)),
    ],
    ids=["to every edge", "to two edges", "cropped to what is seen", "small in its file"],
)
def test_a_cut_out_has_room_to_grow(pixels):
    left, top, right, bottom = shown(pixels.astype(np.uint8))
    assert max(right - left, bottom - top) == 112  # seven eighths
    assert (left + right) / 2 == pytest.approx(64, abs=1)
    assert (top + bottom) / 2 == pytest.approx(64, abs=1)


def test_a_square_that_is_filled_well_stays_as_it_is_framed():
    assert shown(cut_out(256, 256, (20, 40, 240, 250))) == (10, 20, 120, 125)


def test_an_opaque_picture_is_fitted_whole():
    assert shown(cut_out(200, 400, (0, 0, 400, 200))) == (0, 32, 128, 96)


def test_in_a_world_without_transparency_it_fills_the_square():
    placement = Placement.of(cut_out(200, 400, (0, 0, 400, 200)), 128, 3)
    assert placement.filled
    assert placement.source == (100, 0, 300, 200)
    assert placement.box_of((0, 0, 400, 200)) == pytest.approx((-0.5, 0, 1.5, 1))

"""Many small pictures at once: drawn behind everybody's frames, sent as one webp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vae.pixels import encode_image, shrink, to_pixels
from vae.ui.drawing import pictures_of
from vae.ui.engine import Engine
from vae.ui.state import PictureState

if TYPE_CHECKING:
    from vae.infer import World

SIDE = 64  # pixels
AT_ONCE = 9  # pictures decoded in one go: about as long as a frame may be late
BORROWING_AT_ONCE = 2  # where a borrowed look must be solved for each


def draw_small(world: World, states: Sequence[PictureState], side: int) -> np.ndarray:
    """Return the pictures of states, (N, side, side, 4) straight; runs on the drawing thread."""
    return shrink(to_pixels(pictures_of(world, states)), side)


async def small_pictures(
    engine: Engine, states: Sequence[PictureState], side: int = SIDE
) -> np.ndarray:
    """Return the pictures of many states, (N, side, side, 4) straight floats in [0, 1].

    They are drawn in parts, so that frames find their way in between.
    """
    size = AT_ONCE if all(state.borrow is None for state in states) else BORROWING_AT_ONCE
    parts = [states[start : start + size] for start in range(0, len(states), size)]
    return np.concatenate([await engine.draw_later(draw_small, part, side) for part in parts])


def sheet(pictures: np.ndarray, columns: int) -> np.ndarray:
    """Return pictures (N, H, W, 4) side by side, row after row: (rows·H, columns·W, 4)."""
    num, height, width, channels = pictures.shape
    rows = -(-num // columns)
    empty = np.zeros((rows * columns - num, height, width, channels), pictures.dtype)
    cells = np.concatenate([pictures, empty]).reshape(rows, columns, height, width, channels)
    return cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def sprite(pictures: np.ndarray, columns: int) -> bytes:
    """Return pictures as one webp, which the page cuts into tiles again."""
    return encode_image(sheet(pictures, columns), "webp")

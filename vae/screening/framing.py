"""Crop and centre: the square in the middle, or the subject in the middle of a square."""

from __future__ import annotations

import numpy as np

from vae.paper import find_paper

_VISIBLE = 20  # alpha, of 255, from which a pixel belongs to the subject
_STANDS_OUT = 0.12  # difference from the paper, of the range
_SPECKS = 0.002  # share of a row or column that dust may take


def frame(pixels: np.ndarray, crop: str, margin: float) -> np.ndarray:
    """Return the picture cropped.

    Args:
        pixels: (H, W, 4) straight uint8.
        crop: "none", "centre" or "fit"; see `vae.screening.ScreeningSettings`.
        margin: Of "fit", on each side, as a share of the square.
    """
    if crop == "none":
        return pixels
    box = find_subject(pixels) if crop == "fit" else None
    if box is None:
        return _centre(pixels)
    top, bottom, left, right = box
    side = round(max(bottom - top, right - left) / (1 - 2 * margin))
    return _window(pixels, (top + bottom - side) // 2, (left + right - side) // 2, side)


def find_subject(pixels: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left, right of what is seen, or None where it has no bounds.

    In a picture with transparency that is what is not clear; in an opaque one what stands out
    from its paper, or nothing where there is none.
    """
    alpha = pixels[..., 3]
    if alpha.min() < _VISIBLE:
        mask = alpha >= _VISIBLE
    else:
        paper = find_paper(pixels)
        if paper is None:
            return None
        colour = pixels[..., :3].astype(np.float32) / 255
        mask = np.abs(colour - paper.surface(*alpha.shape)).max(axis=-1) > _STANDS_OUT
    rows, columns = _bounds(mask.mean(axis=1)), _bounds(mask.mean(axis=0))
    return None if rows is None or columns is None else (*rows, *columns)


def _bounds(shares: np.ndarray) -> tuple[int, int] | None:
    taken = np.flatnonzero(shares > _SPECKS)
    return (int(taken[0]), int(taken[-1]) + 1) if len(taken) else None


def _centre(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def _window(pixels: np.ndarray, top: int, left: int, side: int) -> np.ndarray:
    """Return a square that may reach over the edge: clear there, or the edge's own colour."""
    height, width = pixels.shape[:2]
    before = (max(0, -top), max(0, -left))
    after = (max(0, top + side - height), max(0, left + side - width))
    inside = pixels[max(0, top) : top + side, max(0, left) : left + side]
    room = ((before[0], after[0]), (before[1], after[1]), (0, 0))
    opaque = bool(pixels[..., 3].min() == 255)
    return np.pad(inside, room, mode="edge" if opaque else "constant")

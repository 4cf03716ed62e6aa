"""Means of windows, and the cells into which a picture of any size is divided.

All are linear and separable, so each is a product with one small matrix a side: several times
quicker on a processor than pooling and interpolating, at the sizes that are drawn here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

CELLS = 32
"""Of a side, about: where a mean is enough, without noise and grain."""
ABOUT = 3
"""Cells to either side that are "thereabouts", where windows are smoothed twice."""


def cell(side: int) -> int:
    """Return how many pixels a cell is wide."""
    return max(1, side // CELLS)


def in_cells(values: Tensor) -> Tensor:
    """Return the means of the cells of (N, C, H, W), (N, C, h, w); an odd rest is left out."""
    return _along_both(values, _pooling, cell(values.shape[-1]))


def in_pixels(cells: Tensor, height: int, width: int) -> Tensor:
    """Return values of cells (N, C, h, w) for each pixel, bilinearly, (N, C, H, W)."""
    down, across = (
        _enlarging(few, many).to(cells)
        for few, many in zip(cells.shape[-2:], (height, width), strict=True)
    )
    return down @ (cells @ across.T)


def boxed(values: Tensor, reach: int, times: int = 1) -> Tensor:
    """Return the mean of each pixel's window, of what of it lies in the picture.

    Args:
        values: (N, C, H, W).
        reach: Pixels to either side; the window is 2 * reach + 1 wide.
        times: How often: means of means are smooth.
    """
    return _along_both(values, _box, reach, times)


def _along_both(values: Tensor, matrix: Callable[..., Tensor], *how: int) -> Tensor:
    down, across = (matrix(side, *how).to(values) for side in values.shape[-2:])
    return down @ (values @ across.T)


@lru_cache(maxsize=32)
def _box(side: int, reach: int, times: int) -> Tensor:
    places = torch.arange(side)
    box = ((places[:, None] - places).abs() <= reach).double()
    return torch.linalg.matrix_power(box / box.sum(1, keepdim=True), times).float()


@lru_cache(maxsize=32)
def _pooling(side: int, width: int) -> Tensor:
    return F.avg_pool1d(torch.eye(side), width).T.contiguous()


@lru_cache(maxsize=32)
def _enlarging(few: int, many: int) -> Tensor:
    lines = torch.eye(few)[None]
    return F.interpolate(lines, size=many, mode="linear", align_corners=False)[0].T.contiguous()

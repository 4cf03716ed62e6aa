"""A change between two small pictures, laid on a large one with the large one's own edges.

A world draws 128² or 256² pixels; the picture that somebody dropped on it may have 4,000 a side.
Enlarging the changed picture would throw its detail away, and enlarging the plain difference draws
soft rims where the change follows an edge. So around each pixel of the small picture the change is
written as a linear map of the colours there, and the maps are enlarged: they are smooth, and
applied to the large picture they give edges where it has them.

References:
    He and Sun (2015), Fast guided filter. arXiv:1505.00996.
    Chen et al. (2016), Bilateral guided upsampling. ACM Transactions on Graphics 35 (6).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.change import Change
from vae.edge_change import veil
from vae.errors import ShapeError
from vae.losses import premultiply, straighten
from vae.warp import Warp
from vae.windows import boxed

RADIUS, RIDGE = 2, 1e-3
"""Of the windows of the least squares fit, in pixels; and what is added to the variances there, so
that a flat window asks for no steep map."""
_PARTS, _MARGIN = 8, 0.1
"""Beyond the square: the parts a side whose means hold there, and within how far, in halves of the
side, they take the place of the edge."""


@dataclass(frozen=True)
class LocalChange:
    """A change as a warp, and one linear map of premultiplied channels for each pixel.

    Attributes:
        maps: (1, C, C + 1, H, W): what is added to each channel, as C slopes and a shift.
        warp: What moves the picture first; None where nothing moves.
        small: Premultiplied square before the maps, (1, C, S, S), with how much of what is finer
            goes, (1, 1, S, S): where an edge becomes soft; None where none does.
    """

    maps: Tensor
    warp: Warp | None = None
    small: tuple[Tensor, Tensor] | None = None

    @classmethod
    def of(cls, change: Change) -> LocalChange:
        """Return a change of one picture."""
        local = cls.fit(change.moved, change.changed)
        warp = change.warp if change.warp and change.warp.moves else None
        if change.blur is None or not change.blur.any():
            return cls(local.maps, warp)
        lost = veil(change.moved[:, 3:], change.blur)
        return cls(local.maps, warp, (premultiply(change.moved), lost))

    @classmethod
    def fit(cls, before: Tensor, after: Tensor) -> LocalChange:
        """Fit the maps by least squares in the window around each pixel.

        Args:
            before: Straight (1, C, H, W) in [0, 1], C in 1, 3, 4.
            after: The same, changed.

        Returns:
            Maps that turn ``before`` into ``after`` but for rounding.

        Raises:
            ShapeError: The shapes differ, or are of several pictures.
        """
        if before.shape != after.shape or len(before) != 1:
            shapes = f"{tuple(before.shape)} and {tuple(after.shape)}"
            raise ShapeError(f"one picture before and after is needed, found {shapes}")
        old = premultiply(before)
        change, channels = premultiply(after) - old, old.shape[1]
        own = _covariances(old, old) + RIDGE * torch.eye(channels, device=old.device)
        with_change = _covariances(change, old)
        slopes = torch.linalg.solve(own, with_change, left=False)
        if channels == 4:  # alpha changes by alpha alone, or fine colours would show through in it
            slopes[..., -1, :-1] = 0
            slopes[..., -1, -1] = with_change[..., -1, -1] / own[..., -1, -1]
        slopes = boxed(slopes.permute(0, 3, 4, 1, 2).flatten(1, 2), RADIUS)
        slopes = slopes.unflatten(1, (channels, channels))
        # What the slopes leave over is shifted, so that on the small picture nothing is missing.
        shift = change - (slopes * old[:, None]).sum(2)
        return cls(torch.cat((slopes, shift[:, :, None]), 2))

    def lay_on(self, picture: Tensor, box: tuple[float, float, float, float]) -> Tensor:
        """Lay the maps on a picture of any size that has been warped already.

        Args:
            picture: Straight (1, C, H, W) in [0, 1].
            box: Where it lies on the small pictures: left, top, right, bottom, in shares of the
                sides. What lies outside changes as the nearest part does on the whole.

        Returns:
            Straight (1, C, H, W) in [0, 1]; black where all is clear.

        Raises:
            ShapeError: The picture has other channels than the change.
        """
        count, channels, height, width = picture.shape
        if (count, channels) != self.maps.shape[:2]:
            expected = tuple(self.maps.shape[:2])
            raise ShapeError(f"expected a picture of {expected}, found {tuple(picture.shape)}")
        left, top, right, bottom = box
        across, down = (
            2 * (low + (high - low) * (torch.arange(count, device=picture.device) + 0.5) / count)
            - 1
            for low, high, count in ((left, right, width), (top, bottom, height))
        )
        grid = torch.stack(torch.meshgrid(across, down, indexing="xy"), -1)[None].to(picture)
        maps = _sampled(self.maps.flatten(1, 2), grid)
        beyond = (grid.abs().amax(-1) - 1).clamp_min(0)[:, None]
        if beyond.any():  # a single row of pixels, drawn out, would be streaks
            parts = F.adaptive_avg_pool2d(self.maps.flatten(1, 2), _PARTS)
            maps = torch.lerp(maps, _sampled(parts, grid), (beyond / _MARGIN).clamp(max=1))
        maps = maps.unflatten(1, (channels, channels + 1))
        old = premultiply(picture)
        if self.small is not None:
            square, lost = (_sampled(part, grid) for part in self.small)
            old = torch.lerp(old, square, lost * (beyond == 0))
        return straighten(old + (maps[:, :, :-1] * old[:, None]).sum(2) + maps[:, :, -1]).clamp(
            0, 1
        )


def _sampled(maps: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(maps, grid, padding_mode="border", align_corners=False)


def _covariances(left: Tensor, right: Tensor) -> Tensor:
    """Return those of every channel with every other in each window, (1, S, S, C, C)."""
    channels = left.shape[1]
    products = boxed((left[:, :, None] * right[:, None]).flatten(1, 2), RADIUS)
    means = (boxed(left, RADIUS)[:, :, None] * boxed(right, RADIUS)[:, None]).flatten(1, 2)
    return (products - means).unflatten(1, (channels, channels)).permute(0, 3, 4, 1, 2)

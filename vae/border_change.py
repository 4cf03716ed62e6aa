"""A change of a square, carried on to the picture that goes on beyond it.

A world without transparency sees the square in the middle of a photograph (`vae.placement`). What
it changes there at the two borders where the photograph goes on is written as linear maps of the
colours, which vary along the border and hold beyond it. Toward the border the square's own change
gives way to them: a light or a hollow that it has there would end in a straight line.

The maps are a few numbers. So a page that has the photograph draws all of it with them, and the
same are laid on what is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from vae.errors import ShapeError

PARTS = 8
"""Along a border: each has a map of its own, between their middles it is mixed."""
INWARD, DEPTH = 1 / 4, 3 / 8
"""How far from its border the square's change gives way to the maps, and how far in they are
fitted: in sides of the square."""
_RIDGE = 1e-2  # added to the variances: a flat sky takes the slopes of the whole square


@dataclass(frozen=True)
class BorderChange:
    """A change at the two borders of a square, and beyond them.

    Attributes:
        maps: (2, PARTS, C, C + 1), of the border at the left or the top and of the other, from the
            top or the left on: what is added to each channel, as C slopes and a shift.
        across: Whether the picture goes on to the left and the right, else above and below.
    """

    maps: Tensor
    across: bool

    @classmethod
    def fit(cls, before: Tensor, after: Tensor, *, across: bool) -> BorderChange:
        """Fit the maps by weighted least squares, next to the borders.

        Where a part has but one colour its slopes are those of the whole square.

        Args:
            before: (1, C, S, S) in [0, 1], C in 1, 3.
            after: The same, changed.
            across: Whether the picture goes on to the left and the right.

        Raises:
            ShapeError: The shapes differ, have alpha, or are of several pictures.
        """
        if before.shape != after.shape or len(before) != 1 or before.shape[1] > 3:
            shapes = f"{tuple(before.shape)} and {tuple(after.shape)}"
            raise ShapeError(f"one opaque picture before and after is needed, found {shapes}")
        both = torch.cat((before, after - before), 1)[0]
        both = both if across else both.mT
        channels, side = before.shape[1], before.shape[-1]
        along, inward = (weights.to(both) for weights in _windows(side))
        strips = torch.stack((both[..., : len(inward)], both.flip(-1)[..., : len(inward)]))
        products = (strips[:, :, None] * strips[:, None, :channels]).flatten(1, 2)
        sums = (along @ (torch.cat((strips, products), 1) @ inward)[..., None])[..., 0].mT
        flat = both.flatten(1)
        products = (flat @ flat[:channels].T / side**2).flatten()
        prior, _ = _solved(torch.cat((flat.mean(1), products)), channels)
        return cls(torch.cat(_solved(sums, channels, prior), -1), across)

    def numbers(self) -> list[float]:
        """Return all of the maps, in the order of their axes, for a page to lay them."""
        return [round(number, 5) for number in self.maps.flatten().tolist()]

    def extend(self, whole: Tensor, after: Tensor) -> Tensor:
        """Change a picture as its square is changed.

        Args:
            whole: (1, C, H, W) in [0, 1]: in the middle of its longer side the square before, the
                shorter is the square's.
            after: The square, changed: (1, C, S, S) in [0, 1].

        Returns:
            (1, C, H, W) in [0, 1].
        """
        if not self.across:
            return BorderChange(self.maps, True).extend(whole.mT, after.mT).mT
        side, width = after.shape[-1], whole.shape[-1]
        beyond = (width - side) // 2
        changed = whole.clone()
        changed[..., beyond : beyond + side] = after
        places = torch.arange(width).to(whole) + 0.5 - beyond
        mixing = _mixing(side).to(whole)
        for maps, inward in zip(self.maps, (places, side - places), strict=True):
            rows = torch.einsum("sp,pcd->cds", mixing, maps)[None, ..., None]  # (1, C, C+1, S, 1)
            mapped = whole + (rows[:, :, :-1] * whole[:, None]).sum(2) + rows[:, :, -1]
            changed = torch.lerp(changed, mapped, faded(inward / side))
        return changed.clamp(0, 1)


def faded(inward: Tensor) -> Tensor:
    """Return how far the maps hold at so many sides from the border into the square, 0 to 1."""
    share = (1 - inward / INWARD).clamp(0, 1)
    return share * share * (3 - 2 * share)


def _solved(sums: Tensor, channels: int, prior: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return slopes (…, C, C) and shifts (…, C, 1) from means (…, 2C + 2C²), see `fit`."""
    both, products = sums.split((2 * channels, 2 * channels**2), -1)
    products = products.unflatten(-1, (2 * channels, channels))
    spread = products - both[..., :, None] * both[..., None, :channels]
    own, with_change = spread.split(channels, -2)
    ridge = _RIDGE * torch.eye(channels).to(sums)
    wanted = with_change if prior is None else with_change + _RIDGE * prior
    slopes = torch.linalg.solve(own + ridge, wanted, left=False)
    colour, change = both[..., None].split(channels, -2)
    return slopes, change - slopes @ colour


@lru_cache(maxsize=8)
def _mixing(side: int) -> Tensor:
    """Return how much of each part's map holds in each pixel along a border, (S, PARTS)."""
    places = ((torch.arange(side) + 0.5) * PARTS / side - 0.5).clamp(0, PARTS - 1)
    return (1 - (places[:, None] - torch.arange(PARTS)).abs()).clamp_min(0)


@lru_cache(maxsize=8)
def _windows(side: int) -> tuple[Tensor, Tensor]:
    """Return the weights of pixels along a border, (PARTS, S), and of those inward, (D,)."""
    along = _mixing(side).T
    inward = 1 - (torch.arange(round(DEPTH * side)) + 0.5) / (DEPTH * side)
    return along / along.sum(1, keepdim=True), inward / inward.sum()

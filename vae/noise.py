"""Noise in a decoder's layers, and grain on what it draws: fields, where it is strong, its limit.

Grain here is what is laid on; how much of it a picture has is measured in `vae.grain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

GRAINS = 3
"""Fields of grain laid on the picture itself: pixels, and blotches of two and of four of them."""
CELL, CELLS, TAIL = 8, 48, 0.9
"""Pixels between the knots of the map of its strength, their number to a side, and the deviation
of the logarithm of the strength."""
STRONGEST = 0.08
"""Deviation of grain that is nowhere passed, of colours in [0, 1]."""
BOUND = 0.12
"""Most that grain adds to a colour or takes from it in worlds that bound its value."""
DRIFT = 24.0
"""Deviation in pixels of the place on that map, over the pictures of a world."""


@lru_cache(maxsize=8)
def fixed_noise(size: int) -> Tensor:
    """The grain of every still picture: standard normal (1, 1, size, size), always the same.

    One fixed field keeps a dragged picture from flickering, and makes pictures reproducible.
    """
    generator = np.random.Generator(np.random.Philox(43 + size))
    field = generator.standard_normal((1, 1, size, size), dtype=np.float32)
    with torch.inference_mode(False):  # first asked for by a frozen world, it may yet be trained on
        return torch.from_numpy(field)


def grain_fields(noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return white noise (N, 1, S, S) averaged over 4 and over 2 pixels, and itself.

    All of deviation 1, of sides S/4, S/2 and S.
    """
    return F.avg_pool2d(noise, 4) * 4, F.avg_pool2d(noise, 2) * 2, noise


class Noise(NamedTuple):
    """Noise for a layer.

    Attributes:
        field: Standard normal (N or 1, 1, H, W).
        amount: How much of it every channel takes, (N, C).
    """

    field: Tensor
    amount: Tensor

    def add(self, h: Tensor) -> Tensor:
        """Return a map (N, C, H, W) with the noise on it."""
        return torch.addcmul(h, self.field, self.amount[:, :, None, None])


def enlarge(fields: Sequence[Tensor]) -> Tensor:
    """Bring fields of :func:`grain_fields` to the side of the last: (N, 3, S, S)."""
    return torch.cat([resize(field, fields[-1].shape[-1]) for field in fields], 1)


@lru_cache(maxsize=8)
def _drift(latent_dim: int, device: torch.device) -> Tensor:
    """Return (latent_dim, 2): where on the map of strength a step along z leads, in pixels."""
    generator = np.random.Generator(np.random.Philox(86))
    directions = generator.standard_normal((latent_dim, 2), dtype=np.float32)
    with torch.inference_mode(False):
        return (torch.from_numpy(directions) * (DRIFT / latent_dim**0.5)).to(device)


def places_of(z: Tensor) -> Tensor:
    """Where pictures lie on the map of strength: z (N, latent_dim) → (N, 2) in pixels."""
    return z @ _drift(z.shape[1], z.device)


@lru_cache(maxsize=4)
def _knots(device: torch.device) -> Tensor:
    """Return standard normal (CELLS, CELLS), the knots of the map of strength."""
    generator = np.random.Generator(np.random.Philox(43))
    knots = generator.standard_normal((CELLS, CELLS), dtype=np.float32)
    with torch.inference_mode(False):
        return torch.from_numpy(knots).to(device)


def strength_of(places: Tensor, side: int) -> Tensor:
    """How strong grain is, pixel by pixel: log-normal, in clusters of some ten pixels.

    A texture is busy here and calm there, so its differences have long tails; noise of one
    strength everywhere is told from it at once. The logarithm is a Gaussian field that repeats
    itself after ``CELL * CELLS`` pixels, equally smooth and equally strong at every place, so that
    it can be slid by any part of a pixel and nothing flickers.

    Args:
        places: (N, 2), row and column in pixels of the picture's corner on the map.
        side: S, in pixels.

    Returns:
        (N, 1, S, S), with a mean square of about 1.
    """
    pixels = torch.arange(side, device=places.device) / CELL
    knots = torch.arange(CELLS, device=places.device)
    away = places[:, :, None, None] / CELL + pixels[:, None] - knots  # (N, 2, S, CELLS)
    away = (away + CELLS / 2).remainder(CELLS) - CELLS / 2
    weights = torch.exp(-away.square())
    weights = weights / weights.square().sum(-1, keepdim=True).sqrt()
    field = weights[:, 0] @ _knots(places.device) @ weights[:, 1].mT
    return torch.exp(TAIL * field - TAIL**2)[:, None]


def bounded(grain: Tensor, amounts: Tensor, what: str) -> Tensor:
    """Keep grain from becoming specks of dirt, as a tail as long as a texture's would be.

    Where its strength has the limit :data:`STRONGEST`, grain that would be far stronger stays as
    even as all other. Where its value has the limit :data:`BOUND`, as in worlds of before, it then
    comes near that limit on most pixels, one way or the other: flat flakes with hard edges.

    Args:
        grain: (N, 1, S, S), the sum of fields of deviation 1, each by its amount.
        amounts: (N, fields, S, S).
        what: ``'strength'`` or ``'value'``.

    Returns:
        (N, 1, S, S).
    """
    if what == "value":
        return BOUND * torch.tanh(grain / BOUND)
    variance = amounts.square().sum(1, keepdim=True)
    return grain * torch.rsqrt(1 + variance / STRONGEST**2)


def lay_grain(picture: Tensor, grain: Tensor) -> Tensor:
    """Add grain (N, 1, S, S) to the colours of a picture (N, C, S, S), not to alpha."""
    colours = min(3, picture.shape[1])
    colour, alpha = picture.split((colours, picture.shape[1] - colours), 1)
    return torch.cat((colour + grain, alpha), 1)


def resize(h: Tensor, grid: int) -> Tensor:
    """Resample a map to grid x grid, bilinearly."""
    if grid == h.shape[-1]:
        return h
    return F.interpolate(h, size=(grid, grid), mode="bilinear", align_corners=False)

"""How much grain a picture has: measured, so that what is drawn after it is as rough or as smooth.

A world lays the grain of its medium on everything it draws, a flat shape in one colour included,
for it has never seen one. How strong grain is can be read off a picture itself, without knowing
what is in it: the median of what a small blur takes away (as Donoho & Johnstone 1994 do with
wavelets, doi:10.1093/biomet/81.3.425). Lines and edges are few, and do not move a median.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.errors import ConfigError, ShapeError

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of a world's grain that a picture is compared with."""
MOST = 2.0
"""Times a world's grain that can be asked for."""
_LEVELS = 2  # pixels, and pairs of them
_MARGIN = 5  # pixels within which all must be visible, so that no outline is taken for grain
_LEAST = 64  # pixels that must be left to say anything
_FAINT = 1e-3  # a quarter of a level of 255: differences below are none


def amounts_of(grain: float | Tensor, num: int) -> Tensor:
    """Return how strong grain is as factors of noise, (1 or N, 1, 1, 1).

    Args:
        grain: 0 to 2, one for all or (N,).
        num: N.

    Raises:
        ConfigError: It is out of range, or of another number.
    """
    amounts = torch.as_tensor(grain, dtype=torch.float32).reshape(-1, 1, 1, 1)
    if len(amounts) not in (1, num) or not bool(((amounts >= 0) & (amounts <= MOST)).all()):
        raise ConfigError(f"expected grain from 0 to {MOST:.0f}, one or {num} of it")
    return amounts


def roughness(images: Tensor) -> Tensor:
    """Measure how rough the visible parts of pictures are.

    Args:
        images: Straight (N, C, S, S) in [0, 1], S of 16 and more.

    Returns:
        (N, 2): median absolute difference of light from its mean over 3x3 pixels, at full and at
        half size; nan where too little is visible.
    """
    light = images[:, :3].mean(1, keepdim=True)
    alpha = images[:, 3:] if images.shape[1] == 4 else torch.ones_like(light)
    levels = []
    for _ in range(_LEVELS):
        inside = -F.max_pool2d(-alpha, _MARGIN, 1, _MARGIN // 2) > 0.9
        away = (light - F.avg_pool2d(light, 3, 1, 1, count_include_pad=False)).abs()
        away = torch.where(inside, away, torch.nan).flatten(1)
        median = away.nanmedian(1).values
        levels.append(torch.where(inside.sum((1, 2, 3)) < _LEAST, torch.nan, median))
        light, alpha = F.avg_pool2d(light, 2), F.avg_pool2d(alpha, 2)
    return torch.stack(levels, 1)


def matching_grain(rough: Tensor, draw: Callable[[float], Tensor]) -> Tensor:
    """Return the share of a world's grain with which its pictures are as rough as asked for.

    Never more than all of it: detail that a world cannot draw is not to be made up for by grain.

    Args:
        rough: What :func:`roughness` found (N, 2).
        draw: Share of the grain, 0 to 1 → N pictures, straight (N, C, S, S).

    Returns:
        (N,) from 0 to 1; 1 where too little is visible.

    Raises:
        ShapeError: They are not as many.
    """
    wanted = torch.log(rough + _FAINT)
    pictures = [draw(amount) for amount in AMOUNTS]
    if len(pictures[0]) != len(rough):
        raise ShapeError(f"expected {len(rough)} rows of latents, found {len(pictures[0])}")
    there = torch.stack([torch.log(roughness(drawn) + _FAINT) for drawn in pictures])
    shares = torch.linspace(0, 1, 41, device=rough.device)
    place = shares * (len(AMOUNTS) - 1)
    left = place.long().clamp(max=len(AMOUNTS) - 2)
    part = (place - left)[:, None, None]
    error = (there[left] * (1 - part) + there[left + 1] * part - wanted).square().nanmean(2)
    error = error.nan_to_num(0.0) - 1e-6 * shares[:, None]  # where nothing speaks, all of it
    return shares[error.argmin(0)]

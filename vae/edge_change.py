"""How soft an edit makes an edge, laid on the edge of a picture of one's own.

The softness of a world's two silhouettes is compared, and the picture's alpha is blurred by what
the one is softer than the other, or made as much steeper, wherever its own edge runs.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.losses import premultiply, straighten

_OPEN = (0.02, 0.05)
"""How much of the rectangle around it is left clear: up to the first by a photograph, from the
second on by a cut-out."""
_LEAST = 1e-3  # sum of gradients, in sides, below which there is no edge
_STEEPEST, _WIDEST = 3.0, 0.04  # how much steeper an edge becomes; blur, in sides
_STIR = 1.2  # how many times softer, or crisper, counts for nothing
_NEAR = 3  # pixels of the square that are next to an edge
_WIDTH = 4 / math.sqrt(math.pi)  # ∫ 4α(1 - α) across a blurred edge, in deviations


def ramp(values: Tensor, between: tuple[float, float]) -> Tensor:
    """Return 0 up to the first of two numbers, 1 from the second on, and straight between."""
    low, high = between
    return ((values - low) / (high - low)).clamp(0, 1)


def is_cut_out(alpha: Tensor) -> Tensor:
    """Return 1 for a cut-out and 0 for a full rectangle, as a photograph is, (N,); between, both.

    Args:
        alpha: (N, 1, S, S) in [0, 1].
    """
    seen = alpha > 0.5
    around = seen.any(3).sum(2) * seen.any(2).sum(2)
    return ramp(1 - alpha.sum((2, 3)) / around.clamp_min(1), _OPEN)[:, 0]


def softness(alpha: Tensor) -> Tensor:
    """Return the deviation of the blur that edges look as if they had, (N,), in sides.

    Args:
        alpha: (N, 1, S, S) in [0, 1].
    """
    side = alpha.shape[-1]
    across = (alpha[..., 1:-1, 2:] - alpha[..., 1:-1, :-2]) / 2
    down = (alpha[..., 2:, 1:-1] - alpha[..., :-2, 1:-1]) / 2
    length = torch.hypot(across, down).sum((1, 2, 3)) / side
    soft = (4 * alpha * (1 - alpha)).sum((1, 2, 3)) / side**2
    return torch.where(length > _LEAST, soft / length.clamp_min(_LEAST), 0) / _WIDTH


def edges_between(before: Tensor, after: Tensor, shown: Tensor) -> tuple[Tensor, Tensor]:
    """Return from which softness to which the edges of a picture go, each (N,), in sides.

    Nearly every edit of a world stirs its edges a little; that is no reason to touch a crisp one.

    Args:
        before: Alpha of a world's picture, (N, 1, S, S) in [0, 1].
        after: The same, edited.
        shown: Alpha of the picture itself: the frame of a photograph stays as it is.
    """
    old, new = softness(before), softness(after)
    ratio = new / old.clamp_min(1e-6)
    ratio = torch.where(ratio > 1, (ratio / _STIR).clamp_min(1), (ratio * _STIR).clamp_max(1))
    new = torch.where((old > 0) & (new > 0), old * ratio, new)
    return old, old.lerp(new, is_cut_out(shown))


def blur_between(before: Tensor, after: Tensor) -> Tensor:
    """Return the blur that makes an edge of one softness as soft as the other, (N,), in sides.

    0 where it becomes no softer, or either has no edge.
    """
    known = (before > 0) & (after > 0)
    blur = (after.square() - before.square()).clamp_min(0).sqrt().clamp(max=_WIDEST)
    return torch.where(known, blur, 0)


def veil(alpha: Tensor, blur: Tensor) -> Tensor:
    """Return how much of what is finer than the square a blur of its edges takes away.

    Args:
        alpha: Of the square before, (N, 1, S, S) in [0, 1].
        blur: In sides, (N,).

    Returns:
        (N, 1, S, S), 0 to 1: next to an edge what a Gaussian takes of the finest waves that the
        square can hold, and nothing elsewhere.
    """
    deviation = blur * alpha.shape[-1]
    lost = 1 - torch.exp(-(math.pi * deviation).square() / 2)
    highest, lowest = (
        sign * F.max_pool2d(sign * alpha, 2 * _NEAR + 1, 1, _NEAR) for sign in (1, -1)
    )
    return lost[:, None, None, None] * (highest - lowest)


def soften(picture: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Make edges softer, or steeper, as they become between two silhouettes.

    Args:
        picture: Straight (N, 4, S, S) in [0, 1].
        before: Softness (N,), as `softness` gives it.
        after: The same, edited.

    Returns:
        (N, 4, S, S). Colour is as it was where the picture showed any.
    """
    known = (before > 0) & (after > 0)
    blur = blur_between(before, after) * picture.shape[-1]
    steep = torch.where(known, before / after.clamp_min(1e-6), 1).clamp(1, _STEEPEST)
    colour, alpha = picture.split((3, 1), 1)
    spread = straighten(_blurred(premultiply(picture), blur))
    colour = torch.lerp(spread[:, :3], colour, (2 * alpha).clamp(max=1))
    steep = steep[:, None, None, None]  # the odds to a power: a blurred edge stays one, but steeper
    shown, hidden = spread[:, 3:] ** steep, (1 - spread[:, 3:]) ** steep
    return torch.cat((colour, shown / (shown + hidden)), 1)


def _blurred(values: Tensor, deviation: Tensor) -> Tensor:
    """Blur each of (N, C, S, S) by its own deviation, (N,), in pixels; 0 leaves it as it is."""
    places = torch.arange(values.shape[-1], device=values.device)
    apart = (places[:, None] - places).square()
    taps = torch.exp(-apart / (2 * deviation.clamp_min(1e-2).square())[:, None, None])
    taps = taps / taps.sum(2, keepdim=True)
    return taps[:, None] @ values @ taps.mT[:, None]

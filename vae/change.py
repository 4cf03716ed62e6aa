"""What a world changes, laid on a picture that the world itself cannot draw.

A small latent rebuilds a picture it was never shown only roughly, so all that an edit of the
rebuilt picture gains can be lost again by rebuilding. But the difference between two pictures of
the world, before and after an edit, can be laid on the picture itself: what the world did not
touch stays as it was.

The two silhouettes, of the picture and of the world's idea of it, are not the same, and a plain
sum would draw the rim of the one on the other. So colour changes by the difference of straight
colours, known where the world draws anything and spread from there over what it leaves clear
(push and pull over a pyramid); and alpha changes where the two agree on it.

References:
    Gortler et al. (1996), The Lumigraph (push-pull). SIGGRAPH.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.errors import ShapeError

AGREEMENT, SURE = 4, 4
"""Powers: of 1 - |difference of alphas|, by which alpha follows; of the lesser alpha, by which a
colour is known: near a rim it is half that of nothing."""


def lay_change(picture: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Lay the change between two pictures of a world on a third picture.

    Args:
        picture: Straight (N, C, H, W) in [0, 1], C in 1, 3, 4.
        before: The world's picture of it, of the same shape.
        after: The same, edited.

    Returns:
        Straight (N, C, H, W) in [0, 1]. With ``after`` equal to ``before`` the picture as it is.

    Raises:
        ShapeError: The shapes differ.
    """
    if not picture.shape == before.shape == after.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (picture, before, after))
        raise ShapeError(f"three pictures of one shape are needed, found {shapes}")
    if picture.shape[1] != 4:
        return (picture + (after - before)).clamp(0, 1)
    (colour, alpha), (old, had), (new, has) = (
        x.clamp(0, 1).split((3, 1), 1) for x in (picture, before, after)
    )
    moved = (colour + spread(new - old, torch.minimum(had, has) ** SURE)).clamp(0, 1)
    # Where the picture itself shows nothing, its colour is nothing to add to.
    moved = torch.where(alpha > 0, torch.lerp(new, moved, alpha.sqrt()), new)
    follow = (1 - (alpha - had).abs()) ** AGREEMENT
    found = torch.cat((moved, (alpha + follow * (has - had)).clamp(0, 1)), 1)
    unmoved = (before == after).flatten(1).all(1)[:, None, None, None]
    return torch.where(unmoved, picture, found)


def spread(values: Tensor, weight: Tensor) -> Tensor:
    """Fill in values where they are unknown, from where they are known.

    Args:
        values: (N, C, H, W).
        weight: How far each is known, 0 to 1, (N, 1, H, W).

    Returns:
        (N, C, H, W): the values where the weight is 1, else as much of what is around them.
    """
    side = min(values.shape[-2:])
    if side < 2:
        return values
    share = F.avg_pool2d(weight, 2, ceil_mode=True)
    coarse = F.avg_pool2d(values * weight, 2, ceil_mode=True) / share.clamp_min(1e-6)
    around = spread(coarse, (2 * share).clamp(max=1))
    around = F.interpolate(around, size=values.shape[-2:], mode="bilinear", align_corners=False)
    return torch.lerp(around, values, weight)

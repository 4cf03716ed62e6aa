"""How an edit changes colours, as maps of them: laid on a picture, they suit any shapes.

References:
    Hasler and Süsstrunk (2003), Measuring colourfulness in natural images. SPIE 5007.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vae.texture_change import LUMA
from vae.windows import boxed, in_cells, in_pixels

_REACH = 4  # cells: half the width of a window, which is smoothed once more
_ANYWHERE = 0.02  # weight of the whole picture in each window: where nothing is known it decides
_OPPONENT = (LUMA, (1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
"""Lightness, red against green, yellow against blue, of sRGB: Hasler and Süsstrunk (2003)."""
_LEAST_SPREAD, _MOST_SPREAD = 3e-3, 3.0  # a deviation that counts for nothing; the largest gain
_RIDGE = 1e-2  # added to the variances: colours that are all alike ask for no steep map


def recolour(
    colour: Tensor, old: Tensor, new: Tensor, known: Tensor, trust: Tensor
) -> tuple[Tensor, Tensor]:
    """Return colours (N, K, H, W) as they change from old to new, and the old, as they do by that.

    ``known``, (N, 1, H, W), weighs the pixels that the maps are fitted to; ``trust``, of the same
    shape, what the maps leave over.
    """
    slopes, shift = colour_maps(old, new - old, known)

    def mapped(x: Tensor) -> Tensor:
        return x + (slopes * x[:, None]).sum(2) + shift

    left = trust * (new - mapped(old))
    return (mapped(colour) + left).clamp(0, 1), (mapped(old) + left).clamp(0, 1)


def spread_colours(
    colour: Tensor, alpha: Tensor, carried: Tensor, after: Tensor, known: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw the colours of a picture apart, or together, as far as a world's still have to go.

    Maps of wide windows see little of colours that hardly differ in the world's soft picture. So
    what they leave over of the spread of red against green and of yellow against blue is made up
    for on the whole, about the mean, lightness as it is.

    Args:
        colour: Straight (N, K, H, W) in [0, 1]; grey is returned as it is.
        alpha: Of the picture, (N, 1, H, W).
        carried: The world's picture before, with all that is laid on the picture already.
        after: The world's picture after, of the same shape.
        known: Where the two are known, (N, 1, H, W), 0 to 1.

    Returns:
        Colours, and the world's picture carried as far; (N, K, H, W) in [0, 1].
    """
    if colour.shape[1] != 3:
        return colour, carried
    three = torch.stack((colour, carried, after))  # (3, N, 3, H, W)
    weights = torch.stack((alpha, known, known))
    weights = weights / weights.sum((3, 4), keepdim=True).clamp_min(1e-6)
    axes = colour.new_tensor(_OPPONENT)
    mean = (weights * three).sum((3, 4), keepdim=True)
    apart = torch.einsum("kc,mnchw->mnkhw", axes, three - mean)
    width = ((weights * apart.square()).sum((3, 4)) + _LEAST_SPREAD**2).sqrt()  # (3, N, 3)
    gains = (width[2] / width[1]).clamp(1 / _MOST_SPREAD, _MOST_SPREAD)
    gains[:, 0] = 1
    back = torch.einsum("ck,nk,kd->ncd", torch.linalg.inv(axes), gains, axes)
    found = mean[:2] + torch.einsum("ncd,mndhw->mnchw", back, (three - mean)[:2])
    spread, carried = found.clamp(0, 1)
    return spread, carried


def colour_maps(colour: Tensor, change: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Fit linear maps from colours to their change, by weighted least squares in wide windows.

    Args:
        colour: (N, K, H, W).
        change: Of each colour, the same shape.
        weight: Of each pixel, (N, 1, H, W).

    Returns:
        Slopes (N, K, K, H, W), the change first, and shifts (N, K, H, W).
    """
    width, (height, side) = colour.shape[1], colour.shape[-2:]
    cells = in_cells(torch.cat((weight, weight * colour, weight * change), 1))
    weight, both = cells[:, :1], cells[:, 1:] / cells[:, :1].clamp_min(1e-9)
    pairs = (both[:, :, None] * both[:, None, :width]).flatten(1, 2)
    sums = torch.cat((weight, weight * torch.cat((both, pairs), 1)), 1)
    sums = boxed(sums, _REACH, 2) + _ANYWHERE * sums.mean((2, 3), keepdim=True)
    means = sums[:, 1:] / sums[:, :1].clamp_min(1e-9)
    both, products = means.split((2 * width, 2 * width**2), 1)
    inner = (both[:, :, None] * both[:, None, :width]).flatten(1, 2)
    spread = (products - inner).unflatten(1, (2 * width, width)).permute(0, 3, 4, 1, 2)
    own = spread[..., :width, :] + _RIDGE * torch.eye(width, device=colour.device)
    slopes = torch.linalg.solve(own, spread[..., width:, :], left=False).permute(0, 3, 4, 1, 2)
    shift = both[:, width:] - (slopes * both[:, None, :width]).sum(2)
    maps = torch.cat((slopes.flatten(1, 2), shift), 1)
    slopes, shift = in_pixels(maps, height, side).split((width**2, width), 1)
    return slopes.unflatten(1, (width, width)), shift

"""What a world changes, laid on a picture that the world itself cannot draw.

A small latent rebuilds a picture it was never shown only roughly, so all that an edit of the
rebuilt picture gains can be lost again by rebuilding. But the difference between two pictures of
the world, before and after an edit, can be laid on the picture itself: what the world did not
touch stays as it was.

A plain sum would draw the world's shapes on a picture that has others. So colour changes in two
parts. What an edit does to colours thereabouts, darker or less vivid, is a linear map of them,
fitted to the world's two pictures in wide windows; it suits any shapes. What that leaves over, a
light here and a hollow there, is added where the world's picture is near to the picture, and only
there. Alpha changes where the two silhouettes agree on it, and nearly agree thereabouts.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.errors import ShapeError
from vae.losses import premultiply

AGREEMENT, SURE = 4, 4
"""Powers: of 1 - |difference of alphas|, by which alpha follows; of the lesser alpha, by which a
colour is known: near a rim it is half that of nothing."""
NEAR, ALIKE = 0.07, 0.15
"""How far a world's picture, seen from afar, may be off to be trusted with shapes: root mean square
of premultiplied channels; and its alpha, to be trusted with outlines."""
_CELLS = 32  # a side: the means to which colour maps are fitted, without noise and grain
_REACH = 4  # cells: half the width of a window, which is smoothed once more
_ANYWHERE = 0.02  # weight of the whole picture in each window: where nothing is known it decides
_RIDGE = 1e-2  # added to the variances: colours that are all alike ask for no steep map


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
    picture, before, after = (x.clamp(0, 1) for x in (picture, before, after))
    near = _nearness(premultiply(picture), premultiply(before), NEAR)
    if picture.shape[1] != 4:
        known = _inside(near)
        found = _recolour(picture, before, after, known, near * known)
    else:
        (colour, alpha), (old, had), (new, has) = (
            x.split((3, 1), 1) for x in (picture, before, after)
        )
        known = torch.minimum(had, has) ** SURE
        moved = _recolour(colour, old, new, known, near * known)
        # Where the picture itself shows nothing, its colour is nothing to change.
        moved = torch.where(alpha > 0, torch.lerp(new, moved, alpha.sqrt()), new)
        follow = (1 - (alpha - had).abs()) ** AGREEMENT * _nearness(alpha, had, ALIKE)
        found = torch.cat((moved, (alpha + follow * (has - had)).clamp(0, 1)), 1)
    unmoved = (before == after).flatten(1).all(1)[:, None, None, None]
    return torch.where(unmoved, picture, found)


def _recolour(colour: Tensor, old: Tensor, new: Tensor, known: Tensor, trust: Tensor) -> Tensor:
    """Return colours (N, K, H, W) as they change from old to new.

    ``known``, (N, 1, H, W), weighs the pixels that the maps are fitted to; ``trust``, of the same
    shape, what the maps leave over.
    """
    slopes, shift = colour_maps(old, new - old, known)

    def mapped(x: Tensor) -> Tensor:
        return (slopes * x[:, None]).sum(2) + shift

    left = new - old - mapped(old)
    return (colour + mapped(colour) + trust * left).clamp(0, 1)


def colour_maps(colour: Tensor, change: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Fit linear maps from colours to their change, by weighted least squares in wide windows.

    Args:
        colour: (N, K, H, W).
        change: Of each colour, the same shape.
        weight: Of each pixel, (N, 1, H, W).

    Returns:
        Slopes (N, K, K, H, W), the change first, and shifts (N, K, H, W).
    """
    width, sides = colour.shape[1], colour.shape[-2:]
    cells = torch.cat((weight, weight * colour, weight * change), 1)
    cells = F.avg_pool2d(cells, _cell(colour))
    weight, both = cells[:, :1], cells[:, 1:] / cells[:, :1].clamp_min(1e-9)
    pairs = (both[:, :, None] * both[:, None, :width]).flatten(1, 2)
    sums = torch.cat((weight, weight * torch.cat((both, pairs), 1)), 1)
    sums = boxed(boxed(sums, _REACH), _REACH) + _ANYWHERE * sums.mean((2, 3), keepdim=True)
    means = sums[:, 1:] / sums[:, :1].clamp_min(1e-9)
    both, products = means.split((2 * width, 2 * width**2), 1)
    inner = (both[:, :, None] * both[:, None, :width]).flatten(1, 2)
    spread = (products - inner).unflatten(1, (2 * width, width)).permute(0, 3, 4, 1, 2)
    own = spread[..., :width, :] + _RIDGE * torch.eye(width, device=colour.device)
    slopes = torch.linalg.solve(own, spread[..., width:, :], left=False).permute(0, 3, 4, 1, 2)
    shift = both[:, width:] - (slopes * both[:, None, :width]).sum(2)
    maps = torch.cat((slopes.flatten(1, 2), shift), 1)
    maps = F.interpolate(maps, size=sides, mode="bilinear", align_corners=False)
    slopes, shift = maps.split((width**2, width), 1)
    return slopes.unflatten(1, (width, width)), shift


def _inside(picture: Tensor) -> Tensor:
    """Return where pixels are not of the rim, where worlds of full squares draw strips."""
    rim = _cell(picture)
    inside = torch.zeros_like(picture[:, :1])
    inside[..., rim : picture.shape[-2] - rim, rim : picture.shape[-1] - rim] = 1
    return boxed(inside, rim) * inside


def _nearness(picture: Tensor, before: Tensor, scale: float) -> Tensor:
    """Return how near the two are, seen from afar, (N, 1, H, W), 0 to 1."""
    off = boxed(F.avg_pool2d(picture - before, _cell(picture)), 1)
    near = torch.exp(-off.square().mean(1, keepdim=True) / scale**2)
    return F.interpolate(near, size=picture.shape[-2:], mode="bilinear", align_corners=False)


def _cell(picture: Tensor) -> int:
    """Return how many pixels of a picture a cell is wide."""
    return max(1, picture.shape[-1] // _CELLS)


def boxed(values: Tensor, reach: int) -> Tensor:
    """Return the mean of each pixel's window, of what of it lies in the picture.

    Args:
        values: (N, C, H, W).
        reach: Pixels to either side; the window is 2 * reach + 1 wide.
    """
    width = 2 * reach + 1
    values = F.avg_pool2d(values, (1, width), 1, (0, reach), count_include_pad=False)
    return F.avg_pool2d(values, (width, 1), 1, (reach, 0), count_include_pad=False)

"""What a world changes, laid on a picture that the world itself cannot draw.

A small latent rebuilds a picture it was never shown only roughly, so all that an edit of the
rebuilt picture gains can be lost again by rebuilding. But the difference between two pictures of
the world, before and after an edit, can be laid on the picture itself: what the world did not
touch stays as it was.

A plain sum would draw the world's shapes on a picture that has others. So where a silhouette moves
the picture is moved itself (`vae.warp`), where its edge becomes softer so does the picture's own
(`vae.edge_change`), and colour changes in three parts. What an edit does to colours thereabouts,
darker or less vivid, is a linear map of them, fitted to the world's two pictures in wide windows;
it suits any shapes. What that leaves over, a light here and a hollow there, is added where the
world's picture is near to the picture, and only there; and where the picture has detail for it to
sit in, since on flat colour it would be a blotch. What both leave over of the spread of colours and
of the texture becomes a change of the picture's own (`spread_colours`, `vae.texture_change`). Alpha
changes, beyond what has moved, where the two silhouettes agree on it and the world knows the
picture thereabouts: elsewhere that would draw ghosts of outlines, and cut holes into a photograph.
A crisp drawing takes none of the world's soft growth, and what is large and no bend, a bite, is
left to the world's own pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.edge_change import blur_between, edges_between, ramp, soften, softness
from vae.errors import ShapeError
from vae.losses import premultiply
from vae.texture_change import LUMA, lay_texture
from vae.warp import Warp
from vae.windows import boxed, cell, in_cells, in_pixels

AGREEMENT, SURE = 4, 4
"""Powers: of 1 - |difference of alphas|, by which alpha follows; of the lesser alpha, by which a
colour is known: near a rim it is half that of nothing."""
NEAR, ALIKE = 0.07, 0.1
"""How far a world's picture, seen from afar, may be off to be trusted with shapes: root mean square
of premultiplied channels; and its alpha, to be trusted with outlines."""
_ABOUT, _ENOUGH = 3, 1.6
"""Cells to either side that are "thereabouts", twice; and what a nearness there is multiplied by:
somewhat less than all is near enough."""
_STEP, _FLAT = 4 / 255, (0.2, 0.5)
"""Largest gradient that counts as detail; up to which share of it a neighbourhood is flat, and from
which it has detail enough to take up lights and hollows."""
_AS_SOFT = (0.65, 0.9)
"""How many times as soft as the world's an edge is that takes up none of its growth, and all."""
_MINE = (0.95, 1.0)  # how near all of a world's picture is where it is the very picture itself
_BITE = (0.03, 0.06)  # of alpha, root mean square: up to which, and from which no more, it follows
_RIM, _CLEAR = 2, 0.02  # pixels that outlines may lie apart; a weight that is as good as none
_REACH = 4  # cells: half the width of a window, which is smoothed once more
_ANYWHERE = 0.02  # weight of the whole picture in each window: where nothing is known it decides
_OPPONENT = (LUMA, (1.0, -1.0, 0.0), (0.5, 0.5, -1.0))
"""Lightness, red against green, yellow against blue, of sRGB: Hasler and Süsstrunk (2003)."""
_LEAST_SPREAD, _MOST_SPREAD = 3e-3, 3.0  # a deviation that counts for nothing; the largest gain
_RIDGE = 1e-2  # added to the variances: colours that are all alike ask for no steep map


@dataclass(frozen=True)
class Change:
    """What an edit makes of a picture.

    Attributes:
        moved: The picture warped, and nothing else: straight (N, C, H, W) in [0, 1].
        changed: With all that the edit changes.
        warp: By which it was warped; None in worlds without transparency.
        blur: Of its edges, (N,), in sides; None in worlds without transparency.
    """

    moved: Tensor
    changed: Tensor
    warp: Warp | None
    blur: Tensor | None


def lay_change(picture: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Lay the change between two pictures of a world on a third picture: see `find_change`."""
    return find_change(picture, before, after).changed


def find_change(picture: Tensor, before: Tensor, after: Tensor) -> Change:
    """Find what the change between two pictures of a world makes of a third picture.

    Args:
        picture: Straight (N, C, H, W) in [0, 1], C in 1, 3, 4.
        before: The world's picture of it, of the same shape.
        after: The same, edited.

    Returns:
        The change. With ``after`` equal to ``before`` the picture is as it was.

    Raises:
        ShapeError: The shapes differ.
    """
    if not picture.shape == before.shape == after.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (picture, before, after))
        raise ShapeError(f"three pictures of one shape are needed, found {shapes}")
    picture, before, after = (x.clamp(0, 1) for x in (picture, before, after))
    warp = blur = None
    moved = picture
    if picture.shape[1] == 4:
        warp = Warp.fit(before[:, 3:], after[:, 3:], picture[:, 3:])
        moved, carried = warp.lay_on(picture), warp.lay_on(before)
        edges = edges_between(carried[:, 3:], after[:, 3:], moved[:, 3:])
        blur = blur_between(*edges)
        found = _lay_on_cut_out(moved, carried, after, edges)
    else:
        found = _lay_on_opaque(picture, before, after)
    unmoved = (before == after).flatten(1).all(1)[:, None, None, None]
    return Change(moved, torch.where(unmoved, picture, found), warp, blur)


def _lay_on_opaque(picture: Tensor, before: Tensor, after: Tensor) -> Tensor:
    near = _nearness(picture, before, NEAR)
    known = _inside(near)
    return _lay_colour(picture, torch.ones_like(near), before, after, known, near * known)


def _lay_on_cut_out(
    picture: Tensor, before: Tensor, after: Tensor, edges: tuple[Tensor, Tensor]
) -> Tensor:
    near = _nearness(premultiply(picture), premultiply(before), NEAR)
    mine = ramp(near.amin((1, 2, 3), keepdim=True), _MINE)
    near = near * _known_about(near, torch.maximum(picture[:, 3:], before[:, 3:]))
    (colour, alpha), (old, had), (new, has) = (
        x.split((3, 1), 1) for x in (soften(picture, *edges), soften(before, *edges), after)
    )
    known = torch.minimum(had, has) ** SURE
    within = -F.max_pool2d(-known, 2 * _RIM + 1, 1, _RIM)  # an outline that moved is no light
    moved = _lay_colour(colour, alpha, old, new, known, near * within)
    # Where the picture itself shows nothing, its colour is nothing to change.
    moved = torch.where(alpha > 0, torch.lerp(new, moved, alpha.sqrt()), new)
    follow = _nearness(alpha, had, ALIKE) * near
    slight = torch.maximum(_slight(before[:, 3:], after[:, 3:]), mine)
    follow = follow * slight * _as_soft(picture[:, 3:], before[:, 3:])
    return torch.cat((moved, reshaped(alpha, had, has, follow)), 1)


def reshaped(alpha: Tensor, had: Tensor, has: Tensor, follow: Tensor) -> Tensor:
    """Return alpha (N, 1, S, S) with as much of it gone, or of what was clear filled, as of had.

    Shares of what there was, not differences, and carried on beyond the world's own outline: where
    the two run a pixel apart no line is left standing between them.
    """
    agree = (1 - (alpha - had).abs()) ** AGREEMENT
    gone = (1 - has / had.clamp_min(1e-6)).clamp(0, 1)
    filled = ((has - had) / (1 - had).clamp_min(1e-6)).clamp(0, 1)
    gone, filled = (
        follow * _carried_on(share, of, agree) for share, of in ((gone, had), (filled, 1 - had))
    )
    return (alpha * (1 - gone) + (1 - alpha) * filled).clamp(0, 1)


def _carried_on(share: Tensor, of: Tensor, agree: Tensor) -> Tensor:
    """Return shares (N, 1, S, S) as they are where outlines agree; elsewhere as where they do.

    At most `_RIM` pixels away, twice.
    """
    weight = of * agree
    about, there = boxed(torch.cat((weight * share, weight), 1), _RIM, 2).split(1, 1)
    return torch.lerp(about / there.clamp_min(_CLEAR), share, agree)


def _slight(had: Tensor, has: Tensor) -> Tensor:
    """Return 1 where two silhouettes hardly differ, (N, 1, 1, 1), and 0 where very much.

    What a bend does not explain of a large change is a bite, or a horn: those are the world's own.
    """
    apart = boxed(in_cells(has - had), _ABOUT, 2).square().mean((1, 2, 3), keepdim=True).sqrt()
    return 1 - ramp(apart, _BITE)


def _as_soft(alpha: Tensor, had: Tensor) -> Tensor:
    """Return how far outlines may follow, (N, 1, 1, 1): a crisp drawing takes no smudges."""
    own, drawn = softness(alpha), softness(had)
    ratio = torch.where((own > 0) & (drawn > 0), own / drawn.clamp_min(1e-6), 1)
    return ramp(ratio, _AS_SOFT)[:, None, None, None]


def _detail(colour: Tensor, alpha: Tensor) -> Tensor:
    """Return where a picture has detail of its own, (N, 1, H, W), 0 to 1.

    Flat colour has none, whatever its outlines: each gradient counts up to a few steps of 8 bits.
    """
    across = (colour[..., :, 1:] - colour[..., :, :-1]).abs().amax(1, keepdim=True)
    down = (colour[..., 1:, :] - colour[..., :-1, :]).abs().amax(1, keepdim=True)
    steps = F.pad(across, (0, 1)) + F.pad(down, (0, 0, 0, 1))
    cells = in_cells(torch.cat((alpha * steps.clamp(max=_STEP), alpha), 1))
    stir, seen = boxed(cells, _ABOUT, 2).split(1, 1)
    return in_pixels(ramp(stir / (_STEP * seen).clamp_min(1e-6), _FLAT), *colour.shape[-2:])


def _lay_colour(
    colour: Tensor, alpha: Tensor, old: Tensor, new: Tensor, known: Tensor, trust: Tensor
) -> Tensor:
    """Return colours (N, K, H, W) of a picture changed in all three ways; see `_recolour`."""
    moved, carried = _recolour(colour, old, new, known, trust * _detail(colour, alpha))
    moved, carried = spread_colours(moved, alpha, carried, new, known)
    return lay_texture(moved, alpha, carried, new, known)


def _recolour(
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


def _inside(picture: Tensor) -> Tensor:
    """Return where pixels are not of the rim, where worlds of full squares draw strips."""
    rim = cell(picture.shape[-1])
    inside = torch.zeros_like(picture[:, :1])
    inside[..., rim : picture.shape[-2] - rim, rim : picture.shape[-1] - rim] = 1
    return boxed(inside, rim) * inside


def _known_about(near: Tensor, seen: Tensor) -> Tensor:
    """Return how near the two are where something is seen thereabouts, (N, 1, H, W), 0 to 1.

    Where both are clear they are alike for nothing: beside a picture that the world does not know
    that is no reason to draw there.
    """
    height, width = near.shape[-2:]
    cells = in_cells(torch.cat((near * seen, seen), 1))
    near, seen = boxed(cells, _ABOUT, 2).split(1, 1)
    return in_pixels((_ENOUGH * near / seen.clamp_min(1e-4)).clamp(max=1), height, width)


def _nearness(picture: Tensor, before: Tensor, scale: float) -> Tensor:
    """Return how near the two are, seen from afar, (N, 1, H, W), 0 to 1."""
    height, width = picture.shape[-2:]
    off = boxed(in_cells(picture - before), 1)
    return in_pixels(torch.exp(-off.square().mean(1, keepdim=True) / scale**2), height, width)

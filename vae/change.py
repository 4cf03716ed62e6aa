"""What a world changes, laid on a picture that the world itself cannot draw.

A small latent rebuilds a picture it was never shown only roughly, so all that an edit of the
rebuilt picture gains can be lost again by rebuilding. But the difference between two pictures of
the world, before and after an edit, can be laid on the picture itself: what the world did not
touch stays as it was.

A plain sum would draw the world's shapes on a picture that has others. So where a silhouette moves
the picture is moved itself (`vae.warp`), where its edge becomes softer so does the picture's own
(`vae.edge_change`), and colour changes in three parts (`vae.colour_change`). What an edit does to
colours thereabouts, darker or less vivid, is a linear map of them, fitted to the world's two
pictures in wide windows; it suits any shapes. What that leaves over, a light here and a hollow
there, is added where the world's picture is near to the picture, and only there; and where the
picture has detail for it to sit in, since on flat colour it would be a blotch. What both leave over
of the spread of colours and of the texture becomes a change of the picture's own
(`vae.texture_change`). Alpha changes, beyond what has moved, where the two silhouettes agree on it
and the world knows the picture thereabouts: elsewhere that would draw ghosts of outlines, and cut
holes into a photograph. What of it follows is said in `vae.outline_change`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.colour_change import recolour, spread_colours
from vae.edge_change import blur_between, edges_between, is_cut_out, ramp, soften
from vae.errors import ShapeError
from vae.losses import premultiply
from vae.outline_change import RIM, as_soft, reshaped, slight
from vae.texture_change import lay_texture
from vae.warp import Warp
from vae.windows import ABOUT, boxed, cell, in_cells, in_pixels

SURE = 4  # power of the lesser alpha, by which a colour is known: near a rim it is half nothing's
NEAR, ALIKE = 0.07, 0.1
"""How far a world's picture, seen from afar, may be off to be trusted with shapes: root mean square
of premultiplied channels; and its alpha, to be trusted with outlines."""
_ENOUGH = 1.6  # what a nearness is multiplied by: somewhat less than all is near enough
_STEP, _FLAT = 4 / 255, (0.2, 0.5)
"""Largest gradient that counts as detail; up to which share of it a neighbourhood is flat, and from
which it has detail enough to take up lights and hollows."""
_MINE = (0.95, 1.0)  # how near all of a world's picture is where it is the very picture itself


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
    within = -F.max_pool2d(-known, 2 * RIM + 1, 1, RIM)  # an outline that moved is no light
    moved = _lay_colour(colour, alpha, old, new, known, near * within)
    # Where the picture itself shows nothing, its colour is nothing to change.
    moved = torch.where(alpha > 0, torch.lerp(new, moved, alpha.sqrt()), new)
    # A photograph stays a rectangle: its edge is its frame's, not a silhouette.
    shaped = torch.maximum(is_cut_out(picture[:, 3:])[:, None, None, None], mine)
    follow = _nearness(alpha, had, ALIKE) * near * shaped
    follows = torch.maximum(slight(before[:, 3:], after[:, 3:]), mine)
    follow = follow * follows * as_soft(picture[:, 3:], before[:, 3:])
    return torch.cat((moved, reshaped(alpha, had, has, follow)), 1)


def _detail(colour: Tensor, alpha: Tensor) -> Tensor:
    """Return where a picture has detail of its own, (N, 1, H, W), 0 to 1.

    Flat colour has none, whatever its outlines: each gradient counts up to a few steps of 8 bits.
    """
    across = (colour[..., :, 1:] - colour[..., :, :-1]).abs().amax(1, keepdim=True)
    down = (colour[..., 1:, :] - colour[..., :-1, :]).abs().amax(1, keepdim=True)
    steps = F.pad(across, (0, 1)) + F.pad(down, (0, 0, 0, 1))
    cells = in_cells(torch.cat((alpha * steps.clamp(max=_STEP), alpha), 1))
    stir, seen = boxed(cells, ABOUT, 2).split(1, 1)
    return in_pixels(ramp(stir / (_STEP * seen).clamp_min(1e-6), _FLAT), *colour.shape[-2:])


def _lay_colour(
    colour: Tensor, alpha: Tensor, old: Tensor, new: Tensor, known: Tensor, trust: Tensor
) -> Tensor:
    """Return colours (N, K, H, W) of a picture changed in all three ways."""
    moved, carried = recolour(colour, old, new, known, trust * _detail(colour, alpha))
    moved, carried = spread_colours(moved, alpha, carried, new, known)
    return lay_texture(moved, alpha, carried, new, known)


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
    near, seen = boxed(cells, ABOUT, 2).split(1, 1)
    return in_pixels((_ENOUGH * near / seen.clamp_min(1e-4)).clamp(max=1), height, width)


def _nearness(picture: Tensor, before: Tensor, scale: float) -> Tensor:
    """Return how near the two are, seen from afar, (N, 1, H, W), 0 to 1."""
    height, width = picture.shape[-2:]
    off = boxed(in_cells(picture - before), 1)
    return in_pixels(torch.exp(-off.square().mean(1, keepdim=True) / scale**2), height, width)

"""How the outline of a picture follows that of a world's, beyond what a warp has moved.

Alpha changes by shares where two silhouettes agree on it. A crisp drawing takes none of a world's
soft growth, and a large change that is no bend, a bite, stays the world's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vae.edge_change import ramp, softness
from vae.windows import ABOUT, boxed, in_cells

RIM = 2  # pixels that outlines may lie apart and still be one
_AGREEMENT = 4  # power of 1 - |difference of alphas|, by which alpha follows
_AS_SOFT = (0.65, 0.9)
"""How many times as soft as the world's an edge is that takes up none of its growth, and all."""
_BITE = (0.03, 0.06)  # of alpha, root mean square: up to which, and from which no more, it follows
_CLEAR = 0.02  # a weight that is as good as none


def reshaped(alpha: Tensor, had: Tensor, has: Tensor, follow: Tensor) -> Tensor:
    """Return alpha (N, 1, S, S) with as much of it gone, or of what was clear filled, as of had.

    Shares of what there was, not differences, and carried on beyond the world's own outline: where
    the two run a pixel apart no line is left standing between them.
    """
    agree = (1 - (alpha - had).abs()) ** _AGREEMENT
    gone = (1 - has / had.clamp_min(1e-6)).clamp(0, 1)
    filled = ((has - had) / (1 - had).clamp_min(1e-6)).clamp(0, 1)
    gone, filled = (
        follow * _carried_on(share, of, agree) for share, of in ((gone, had), (filled, 1 - had))
    )
    return (alpha * (1 - gone) + (1 - alpha) * filled).clamp(0, 1)


def _carried_on(share: Tensor, of: Tensor, agree: Tensor) -> Tensor:
    """Return shares (N, 1, S, S) as they are where outlines agree; elsewhere as where they do.

    At most `RIM` pixels away, twice.
    """
    weight = of * agree
    about, there = boxed(torch.cat((weight * share, weight), 1), RIM, 2).split(1, 1)
    return torch.lerp(about / there.clamp_min(_CLEAR), share, agree)


def slight(had: Tensor, has: Tensor) -> Tensor:
    """Return 1 where two silhouettes hardly differ, (N, 1, 1, 1), and 0 where very much.

    What a bend does not explain of a large change is a bite, or a horn: those are the world's own.
    """
    apart = boxed(in_cells(has - had), ABOUT, 2).square().mean((1, 2, 3), keepdim=True).sqrt()
    return 1 - ramp(apart, _BITE)


def as_soft(alpha: Tensor, had: Tensor) -> Tensor:
    """Return how far outlines may follow, (N, 1, 1, 1): a crisp drawing takes no smudges."""
    own, drawn = softness(alpha), softness(had)
    ratio = torch.where((own > 0) & (drawn > 0), own / drawn.clamp_min(1e-6), 1)
    return ramp(ratio, _AS_SOFT)[:, None, None, None]

"""Style directions: moves of the key that change one attribute of the metadata and the rest least.

The tied key says which attribute each of its dimensions stands for; what the decoder does with it
is another matter, and is measured. One linear combination of the key's dimensions is sought for
every attribute, first from the responses to each dimension alone, about the pictures as they are,
then, where there is time, from those about the ends of its own travel: a decoder is not linear,
and a hand on a slider goes all the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vae.distributions import Latents
from vae.model import IvAE
from vae.parallel import parallel_map

STEP = 1.0
"""Half the move, in standard deviations, over which each dimension's response is measured."""
TRAVEL = 1.8
"""Half the travel over which a direction is refined. A least-squares slope over five places from
-2 to 2 weighs the ends four times as much as the places between."""
NUDGE = 0.3
"""How far a direction is turned towards each dimension to see what that would do."""


class Responses(NamedTuple):
    """What pictures do under a move d of the key, linearly: ``at_rest + d @ per_key``.

    Attributes:
        per_key: Change of each attribute of each picture for +1 of each key, (N, key, J).
        at_rest: What is added whatever the move, (N, J); zeros about the pictures as they are.
    """

    per_key: Tensor
    at_rest: Tensor

    def of(self, direction: Tensor) -> Tensor:
        """Return the changes (N, J) under a move (key,)."""
        return self.at_rest + torch.einsum("nkj,k->nj", self.per_key, direction)


def decode_joined(model: IvAE, joined: Tensor, *, size: int | None = None) -> Tensor:
    """Decode latents z and key side by side (N, latent_dim + latent_key_dim), a part at a time."""
    if size is None and model.config is not None:
        size = model.config.image_size
    split = (model.latent_dim, model.latent_key_dim)
    chunks = [model.decode(Latents(*c.split(split, 1)), size=size) for c in joined.split(16)]
    return torch.cat(chunks)


def scores(model: IvAE, joined: Tensor) -> Tensor:
    """Standardised metadata of decoded latents, (N, 16)."""
    return model.metadata(decode_joined(model, joined).clamp(0, 1))


@torch.no_grad()
def style_directions(
    model: IvAE,
    probes: Tensor,
    *,
    others: Tensor | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[int, Tensor]]:
    """Combine the key's dimensions so that each attribute moves alone.

    Args:
        model: In evaluation mode.
        probes: Latents of the pictures that are moved, (N, latent_dim + latent_key_dim).
        others: Latents of other pictures (M, ·). Where given, the whole travel is looked along
            too, which takes as long again for every attribute as all of them did together, and a
            direction is turned where these pictures bear it out.
        progress: Called with (attributes done, attributes).

    Returns:
        Attribute and move (latent_dim + latent_key_dim,), of those that follow the key.
    """
    keys = torch.eye(probes.shape[1], device=probes.device)[model.latent_dim :]
    active = [j for j, varies in enumerate(model.standardizer.active.tolist()) if varies > 0]
    changes = parallel_map(lambda d: _slopes(model, probes, STEP * d)[:, active] / STEP, keys)
    near = Responses(torch.stack(changes, 1), probes.new_zeros(len(probes), len(active)))
    directions = []
    for column, attribute in enumerate(active):
        direction = purest_direction(near, column)
        if direction is not None:
            if others is not None:
                direction = _refined(model, probes, others, direction, active, column)
            content = direction.new_zeros(model.latent_dim)
            directions.append((attribute, torch.cat((content, direction))))
        if progress is not None:
            progress(column + 1, len(active))
    return directions


def purity_of(changes: Tensor, own: int) -> float:
    """Mean change of attribute ``own`` over the sum of all mean absolute changes (N, J)."""
    return float(changes[:, own].mean() / changes.abs().mean(0).sum().clamp_min(1e-6))


def purest_direction(
    responses: Responses,
    own: int,
    *,
    ridge: float = 0.05,
    rounds: int = 30,
    longest: float = 4.0,
) -> Tensor | None:
    """Return the move of the key that changes one attribute by 1 and the others least.

    "Least" is the sum over attributes of the mean absolute change of a picture, as purity counts
    it: side effects that differ from picture to picture do not cancel. Solved by iteratively
    reweighted least squares.

    Args:
        responses: Of N pictures.
        own: Column of the attribute to move.
        ridge: Weight of the move's squared length.
        rounds: Times the weights are set anew.
        longest: Greatest length of the move, where the attribute hardly follows.

    Returns:
        (key,), or None where the attribute follows no key.

    References:
        Daubechies et al. (2010), "Iteratively reweighted least squares", arXiv:0807.0575
    """
    num, width, attributes = responses.per_key.shape
    # In double precision: weights differ by thousands, and after few steps so do the responses.
    per_key, at_rest = (part.cpu().double() for part in responses)
    target = per_key[:, :, own].mean(0)
    wanted = 1 - float(at_rest[:, own].mean())
    others = [a for a in range(attributes) if a != own]
    rows = per_key[:, :, others].transpose(1, 2).reshape(-1, width)  # (N * others, key)
    rest = at_rest[:, others].reshape(-1)
    shrink = ridge * torch.eye(width, dtype=rows.dtype)
    weight = torch.ones_like(rest)
    direction = torch.zeros_like(target)
    for _ in range(rounds):
        weighted = rows * weight[:, None] / num
        pull = torch.stack((target, weighted.T @ rest), 1)
        towards, back = torch.linalg.solve(weighted.T @ rows + shrink, pull).unbind(1)
        reached = float(towards @ target)
        if reached < 1e-6:
            return None
        direction = towards * (wanted + float(back @ target)) / reached - back
        weight = 1 / ((rows @ direction + rest).abs() + 0.02)
    direction = direction * min(1.0, longest / float(direction.norm()))
    return direction.to(responses.per_key)


def _slopes(model: IvAE, probes: Tensor, move: Tensor) -> Tensor:
    """Change of every attribute of every picture (N, 16), half of that from -move to +move."""
    return (scores(model, probes + move) - scores(model, probes - move)) / 2


def worth_of(changes: Tensor, own: int) -> float:
    """Purity, less where the attribute goes less far than 1, of changes (N, J)."""
    return purity_of(changes, own) * min(1.0, float(changes[:, own].mean()))


def _refined(
    model: IvAE, probes: Tensor, others: Tensor, direction: Tensor, active: list[int], own: int
) -> Tensor:
    """Turn a direction (key,) so that it is purer over its whole travel, if that can be done."""
    content = direction.new_zeros(model.latent_dim)

    def travelled(pictures: Tensor, move: Tensor) -> Tensor:
        joined = TRAVEL * torch.cat((content, move))
        return _slopes(model, pictures, joined)[:, active] / TRAVEL

    before = travelled(probes, direction)
    nudges = NUDGE * torch.eye(len(direction), device=direction.device)
    turns = parallel_map(lambda d: (travelled(probes, direction + d) - before) / NUDGE, nudges)
    per_key = torch.stack(turns, 1)
    bent = torch.einsum("nkj,k->nj", per_key, direction)
    turned = purest_direction(Responses(per_key, before - bent), own)
    if turned is None:
        return direction
    worth = [worth_of(travelled(others, move), own) for move in (direction, turned)]
    return turned if worth[1] > worth[0] else direction

"""Keys whose pictures measure as asked: the solver behind borrowed looks and held attributes.

A slider's effect differs from picture to picture, and every move leaks a little. So a move is found
by measuring: decode, compare all sixteen attributes with what is aimed at, correct the key by
damped least squares, and again. The content z stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.directions import scores as scores_of
from vae.distributions import Latents
from vae.encodings import ATTRIBUTES
from vae.model import IvAE
from vae.sliders import SliderTable

DAMPING = 0.15  # least squares: cost of a squared s.d. of the key, in squared s.d. of attributes
_HOLD = 3.0  # how much more a squared s.d. counts where an attribute is to stay
_TRUST = 1.5  # s.d. of a key dimension: the longest move of one step
_SPREAD = 3.0  # s.d. of the world's keys: how far from their mean a key may go


def effect_of_key(model: IvAE, table: SliderTable) -> Tensor:
    """Return the change of every attribute per unit of the key (16, latent_key_dim).

    The least-norm effect under which each style slider moves its own attribute by its measured
    gain, and no other: what the sliders were made for. Attributes without one are not moved.
    """
    effect = table.directions.new_zeros(len(ATTRIBUTES), model.latent_key_dim)
    style = [
        (ATTRIBUTES.index(slider.attribute), slider.gain, direction[model.latent_dim :])
        for slider, direction in zip(table.sliders, table.directions, strict=True)
        if slider.attribute is not None
    ]
    if style:
        rows, gains, directions = zip(*style, strict=True)
        alone = torch.linalg.pinv(torch.stack(directions).T)
        effect[list(rows)] = effect.new_tensor(gains)[:, None] * alone
    return effect.to(next(model.parameters()).device)


def scores(model: IvAE, z: Tensor, keys: Tensor) -> Tensor:
    """Return standardised attributes (N, M, 16) of pictures z, keys (N, M, ·)."""
    joined = torch.cat((z, keys), -1).flatten(0, 1)
    return scores_of(model, joined).view(*keys.shape[:2], -1)


@dataclass(frozen=True)
class Problem:
    """Which moves (N, M, width) of the key give the attributes aimed at (N, M, 16)?"""

    model: IvAE
    latents: Latents
    aim: Tensor
    borrowed: Tensor  # (M, 16)
    effect: Tensor  # (16, width), or (N, 1, 16, width) where it is known of each picture
    pull: Tensor  # (N, M, width): the move that damping is towards
    damping: float = DAMPING

    def correct(self, now: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Return the best moves found and what they reach, from what is measured ``now``.

        Levenberg's damped least squares: a step that makes it worse is taken back, and the next
        one is shorter. Meanwhile the effect of the key is brought up to date by the rank-one
        formula of Broyden (1965), which needs no further picture.
        """
        num, key = self.aim.shape[1], self.latents.key[:, None]
        z = self.latents.z[:, None].expand(-1, num, -1)
        low, high = key_bounds(self.model, key)
        effect = self.effect.expand(*self.aim.shape[:2], -1, -1)
        move = key.new_zeros(1, 1, 1).expand(*self.aim.shape[:2], key.shape[-1])
        least, damping = self._cost(move, now), torch.full_like(now[..., 0], self.damping)
        for _ in range(steps):
            change = self._step(effect, move, now, damping).clamp(-_TRUST, _TRUST)
            change = (key + move + change).clamp(low, high) - key - move
            then = scores(self.model, z, key + move + change)
            surprise = then - now - torch.einsum("nmak,nmk->nma", effect, change)
            along = change / change.square().sum(-1, keepdim=True).clamp_min(1e-4)
            effect = effect + surprise[..., None] * along[..., None, :]
            cost = self._cost(move + change, then)
            better = cost < least
            move = torch.where(better[..., None], move + change, move)
            now = torch.where(better[..., None], then, now)
            least, damping = torch.minimum(cost, least), torch.where(better, damping, 4 * damping)
        return move, now

    @property
    def _weight(self) -> Tensor:
        one = self.effect.new_ones(len(ATTRIBUTES))
        return torch.where(self.borrowed, one, _HOLD * one) * self.model.standardizer.active

    def _cost(self, move: Tensor, now: Tensor) -> Tensor:
        missed = ((self.aim - now).square() * self._weight).sum(-1)
        return missed + self.damping * (move - self.pull).square().sum(-1)

    def _step(self, effect: Tensor, move: Tensor, now: Tensor, damping: Tensor) -> Tensor:
        weighted = effect * self._weight[..., None]
        identity = torch.eye(effect.shape[-1], device=effect.device)
        gram = effect.mT @ weighted + damping[..., None, None] * identity
        slope = torch.einsum("nmak,nma->nmk", weighted, self.aim - now) - self.damping * (
            move - self.pull
        )
        return torch.linalg.solve(gram, slope)


def key_bounds(model: IvAE, key: Tensor) -> tuple[Tensor, Tensor]:
    """Return how low and high each key dimension may go: the world's keys, and the picture's."""
    density, first = model.density, model.latent_dim
    assert density is not None  # a world has one
    means, share = density.means[:, first:], density.weights[:, None]
    within = density.factors[:, first:].square().sum(2)
    mean = (share * means).sum(0)
    deviation = (share * (within + (means - mean).square())).sum(0).sqrt()
    low, high = mean - _SPREAD * deviation, mean + _SPREAD * deviation
    return torch.minimum(low, key), torch.maximum(high, key)

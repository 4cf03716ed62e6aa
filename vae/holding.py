"""Sliders that hold the rest: a style attribute moves, the other fifteen are kept by correction.

A slider's direction is right for the mean of pictures; on one of them it drags other attributes
along. Here the change of every attribute with every dimension of the key is measured on the picture
itself, once, by central differences (the Jacobian), and every move is then solved for: decode,
measure, correct, again (`vae.solver`). It costs 2 pictures for each dimension of the key, and one
picture for each step of a move. What hangs together by definition (local contrast and the spread of
lightness, say) cannot be taken apart, so a held slider may also travel less far than it was asked.

Under a hand that is too many pictures. There a move begins with the mean effect that the sliders
were made for, which needs none, and is corrected more often: as pure, and a little shorter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.directions import STEP
from vae.distributions import Latents
from vae.encodings import ATTRIBUTES
from vae.errors import ConfigError
from vae.model import IvAE
from vae.solver import Problem, scores

STEPS = 4
STEPS_UNMEASURED = 6
_DAMPING = 0.03


@dataclass(frozen=True)
class Holding:
    """Pictures whose attributes can be moved one at a time.

    Attributes:
        model: In evaluation mode, with its density fitted.
        latents: The pictures, N of them.
        before: What they measure (N, 1, 16), standard scores.
        effect: Change of every attribute for +1 of each key (N, 1, 16, latent_key_dim), or one
            for all (16, latent_key_dim).
        steps: Rounds of measuring and correcting.
    """

    model: IvAE
    latents: Latents
    before: Tensor
    effect: Tensor
    steps: int = STEPS

    @torch.inference_mode()
    def move(self, by: Mapping[str, float | Tensor]) -> Latents:
        """Move attributes and hold the others.

        Args:
            by: Attribute → move in standard deviations of the training set; a number, or (N,).

        Raises:
            ConfigError: There is no such attribute.
        """
        check_names(by)
        aim = self.before.clone()
        for name, amount in by.items():
            aim[:, 0, ATTRIBUTES.index(name)] += torch.as_tensor(amount).to(aim)
        move = self._solve(aim, by)
        return Latents(self.latents.z, self.latents.key + move[:, 0])

    @torch.inference_mode()
    def path(self, name: str, places: Sequence[float]) -> Tensor:
        """Return the moves of the key that put one attribute at several places, the rest held.

        Args:
            name: The attribute.
            places: M moves of it in standard deviations of the training set.

        Returns:
            (N, M, latent_key_dim), each as :meth:`move` would make it alone.

        Raises:
            ConfigError: There is no such attribute.
        """
        check_names([name])
        aim = self.before.repeat(1, len(places), 1)
        aim[..., ATTRIBUTES.index(name)] += aim.new_tensor(places)
        return self._solve(aim, [name])

    def _solve(self, aim: Tensor, names: Collection[str]) -> Tensor:
        """Return the moves (N, M, latent_key_dim) towards what is aimed at (N, M, 16)."""
        own = torch.tensor([[name in names for name in ATTRIBUTES]], device=aim.device)
        still = self.latents.key.new_zeros(*aim.shape[:2], self.latents.key.shape[-1])
        problem = Problem(self.model, self.latents, aim, own, self.effect, still, _DAMPING)
        move, _ = problem.correct(self.before.expand_as(aim), self.steps)
        return move


def check_names(names: Iterable[str]) -> None:
    """Raise ConfigError where some of the names are of no attribute."""
    unknown = sorted(set(names) - set(ATTRIBUTES))
    if unknown:
        raise ConfigError(
            f"only the style sliders can hold the rest ({', '.join(ATTRIBUTES)}); "
            f"found {', '.join(unknown)}"
        )


@torch.inference_mode()
def hold(model: IvAE, latents: Latents, effect: Tensor | None = None) -> Holding:
    """Measure pictures, and what each dimension of the key does to each of them.

    Args:
        model: In evaluation mode, with its density fitted.
        latents: The pictures, N of them.
        effect: To begin with, where the pictures' own is not to be measured.
    """
    z, key = latents.z[:, None], latents.key[:, None]
    before = scores(model, z, key)
    if effect is not None:
        return Holding(model, latents, before, effect, STEPS_UNMEASURED)
    width = key.shape[-1]
    steps = STEP * torch.eye(width, device=key.device)
    along = z.expand(-1, width, -1)
    change = scores(model, along, key + steps) - scores(model, along, key - steps)
    return Holding(model, latents, before, (change / (2 * STEP)).mT[:, None])

"""Sliders that hold the rest: a style attribute moves, the other fifteen are kept by correction.

A slider's direction is right for the mean of pictures; on one of them it drags other attributes
along. Here the change of every attribute with every dimension of the key is measured on the picture
itself, once, by central differences (the Jacobian), and every move is then solved for: decode,
measure, correct, again (`vae.solver`). It costs 2 pictures for each dimension of the key, and one
picture for each step of a move. What hangs together by definition (local contrast and the spread of
lightness, say) cannot be taken apart, so a held slider may also travel less far than it was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vae.distributions import Latents
from vae.encodings import ATTRIBUTES
from vae.errors import ConfigError
from vae.model import IvAE
from vae.sliders import STEP
from vae.solver import Problem, scores

STEPS = 4
_DAMPING = 0.03


@dataclass(frozen=True)
class Holding:
    """Pictures whose attributes can be moved one at a time.

    Attributes:
        model: In evaluation mode, with its density fitted.
        latents: The pictures, N of them.
        before: What they measure (N, 1, 16), standard scores.
        effect: Change of every attribute for +1 of each key (N, 1, 16, latent_key_dim).
    """

    model: IvAE
    latents: Latents
    before: Tensor
    effect: Tensor

    @torch.inference_mode()
    def move(self, by: Mapping[str, float | Tensor], *, steps: int = STEPS) -> Latents:
        """Move attributes and hold the others.

        Args:
            by: Attribute → move in standard deviations of the training set; a number, or (N,).
            steps: Rounds of measuring and correcting.

        Raises:
            ConfigError: There is no such attribute.
        """
        unknown = sorted(set(by) - set(ATTRIBUTES))
        if unknown:
            raise ConfigError(
                f"only the style sliders can hold the rest ({', '.join(ATTRIBUTES)}); "
                f"found {', '.join(unknown)}"
            )
        aim, own = self.before.clone(), self.before.new_zeros(1, len(ATTRIBUTES)).bool()
        for name, amount in by.items():
            column = ATTRIBUTES.index(name)
            aim[:, 0, column] += torch.as_tensor(amount).to(aim)
            own[0, column] = True
        key = self.latents.key
        problem = Problem(
            self.model,
            self.latents,
            aim,
            own,
            self.effect,
            torch.zeros_like(key)[:, None],
            _DAMPING,
        )
        move, _ = problem.correct(self.before, steps)
        return Latents(self.latents.z, key + move[:, 0])


@torch.inference_mode()
def hold(model: IvAE, latents: Latents) -> Holding:
    """Measure pictures, and what each dimension of the key does to each of them.

    Args:
        model: In evaluation mode, with its density fitted.
        latents: The pictures, N of them.
    """
    z, key = latents.z[:, None], latents.key[:, None]
    width = key.shape[-1]
    steps = STEP * torch.eye(width, device=key.device)
    along = z.expand(-1, width, -1)
    change = scores(model, along, key + steps) - scores(model, along, key - steps)
    effect = (change / (2 * STEP)).mT[:, None]
    return Holding(model, latents, scores(model, z, key), effect)

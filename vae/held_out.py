"""How a model does on pictures it has not seen: the training losses, by the same names."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vae.batches import REACH, Batch
from vae.checkpoint import load_state, state_of
from vae.data import ImageSet
from vae.discriminator import Discriminator
from vae.losses import hinge_discriminator_loss, premultiply
from vae.model import IvAE
from vae.objective import Objective
from vae.protocols import Protocol

MAX_PICTURES = 32
AT_ONCE = 16


class HeldOut:
    """Measures always the same pictures with the same random numbers, and touches no others.

    Args:
        pictures: Held-out pictures, at most :data:`MAX_PICTURES` of which are taken. One alone is
            joined by its mirror image, as some losses compare pictures.
        protocol: Of the run.
        device: Where the model is.
    """

    def __init__(self, pictures: ImageSet, protocol: Protocol, device: torch.device):
        self.protocol, self.device = protocol, device
        # The closed loop takes every picture: of three, every fourth would be one alone.
        self.measured = replace(protocol, loop_stride=1)
        x = pictures.floats(slice(0, MAX_PICTURES))
        self.num = len(x)
        self.x = torch.cat((x, x.flip(-1))) if len(x) == 1 else x

    @torch.no_grad()
    def losses(
        self,
        model: IvAE,
        *,
        step: int,
        judge: Discriminator | None = None,
        adversarial_weight: float = 0.0,
        autocast: AbstractContextManager[Any],
    ) -> dict[str, Any]:
        """Return the losses of a model in evaluation mode, and their weighed ``total``.

        ``pictures`` beside them is a list: the reconstruction loss of each picture.
        """
        objective = Objective(model, self.measured)
        generator = torch.Generator().manual_seed(self.protocol.seed)
        sums: dict[str, float] = {}
        each: list[float] = []
        chunks = self.x.tensor_split(-(-len(self.x) // AT_ONCE))
        with autocast:
            for x in chunks:
                batch = self._batch(x.to(self.device), model, generator)
                losses, output = objective(batch, judge)
                if judge is not None:
                    losses["judge"] = _verdict(judge, batch.x, output)
                own = {k: v for k, v in losses.items() if k != "judge"}
                losses["total"] = objective.total(
                    own, step=step, adversarial_weight=adversarial_weight
                )
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(value) * len(x) / len(self.x)
                rows = zip(output.split(1), batch.x.split(1), batch.backdrop.split(1), strict=False)
                each += [float(objective.reconstruction(*row)) for row in rows]
        if self.num == 1:  # and its mirror image
            each = [sum(each) / len(each)]
        return sums | {"pictures": [round(value, 6) for value in each]}

    def _batch(self, x: Tensor, model: IvAE, g: torch.Generator) -> Batch:
        """Make a batch as `vae.batches` does, every random number from one generator."""
        n, size, p = len(x), x.shape[-1], self.protocol
        width = model.latent_dim + model.latent_key_dim
        u = model.metadata(x).clamp(-REACH, REACH)
        shift = (2 * torch.rand(n, generator=g) - 1) * p.loop_reach
        draws = {
            "noise": torch.randn(n, width, generator=g),
            "grain": torch.randn(n, 1, size, size, generator=g),
            "backdrop": torch.rand(n, 3, generator=g),
            "slider": torch.randint(0, u.shape[1], (n,), generator=g),
            "shift": shift,
            "swap": torch.rand(n, generator=g) < 0.4,
        }
        latents = model.posterior(x).mean if p.rests_encoder else None
        return Batch(x=x, u=u, latents=latents, **{k: v.to(self.device) for k, v in draws.items()})  # type: ignore[arg-type]


@torch.no_grad()
def psnr_of(model: IvAE, pictures: ImageSet, device: torch.device) -> float:
    """Return the premultiplied PSNR of a model's reconstructions in dB."""
    squared, count = 0.0, 0
    for i in range(0, len(pictures), 64):
        x = pictures.floats(slice(i, i + 64)).to(device)
        error = premultiply(model(x)[0].float()) - premultiply(x)
        squared += float(error.square().sum())
        count += error.numel()
    return -10 * math.log10(max(squared / count, 1e-10))


def _verdict(judge: Discriminator, x: Tensor, output: Tensor) -> Tensor:
    verdict = judge(torch.cat((x, output)))
    n = len(x)
    return hinge_discriminator_loss(
        [v[:n] for v in verdict.logits], [v[n:] for v in verdict.logits]
    )


class Kept:
    """The averaged weights that a run keeps, by the verdict of `vae.keeping`.

    Attributes:
        step: Whose they are; None before any.
        state: The weights; None before any.
    """

    def __init__(self) -> None:
        self.step: int | None = None
        self.state: dict[str, Tensor] | None = None

    def take(self, model: IvAE, step: int) -> None:
        """Keep a copy of a model's weights."""
        self.step = step
        self.state = {name: t.detach().clone() for name, t in state_of(model).items()}

    def header(self) -> dict[str, Any]:
        """Return what a checkpoint says of the weights beside them."""
        return {"step": self.step}

    @classmethod
    def restored(
        cls, header: Mapping[str, Any] | None, state: Mapping[str, Tensor], device: torch.device
    ) -> Kept:
        """Return what a checkpoint kept; nothing where it kept none."""
        kept = cls()
        if header is not None:
            kept.step = header["step"]
            kept.state = {name: t.to(device) for name, t in state.items()}
        return kept

    def model(self, like: IvAE) -> IvAE:
        """Return a model with these weights, or a copy of ``like`` where there are none."""
        kept = copy.deepcopy(like).eval()
        if self.state is not None:
            load_state(kept, self.state, "the weights that are kept")
        return kept

"""Replay against forgetting: a share of every batch is drawn from the world a run started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.batches import BatchSource
from vae.checkpoint import read_tensors, write_tensors
from vae.data import ImageSet
from vae.distributions import Latents
from vae.model import IvAE
from vae.protocols import Protocol

POOL = 96
"""Pictures drawn once; batches take from these."""


class ReplaySource(BatchSource):
    """Batches whose last rows are pictures of the start world.

    Args:
        model: As for :class:`BatchSource`.
        training: The run's own pictures.
        protocol: Settings of the run.
        replay: Pictures of the start world.
        share: Of a batch that they take, 0 to 0.5.
        device: Where all are held.
        rank: Which process this is.
        num_processes: Of how many.
    """

    def __init__(
        self,
        model: IvAE,
        training: ImageSet,
        protocol: Protocol,
        *,
        replay: ImageSet,
        share: float,
        device: torch.device,
        rank: int = 0,
        num_processes: int = 1,
    ):
        both = ImageSet(
            torch.cat((training.images, replay.images)), [*training.names, *replay.names]
        )
        super().__init__(
            model, both, protocol, device=device, rank=rank, num_processes=num_processes
        )
        self.num_own, self.num_replay = len(training), len(replay)
        self.taken = round(share * protocol.batch_size)

    def _index(self) -> Tensor:
        need = self.protocol.batch_size - self.taken
        while len(self.order) < need:
            more = torch.randperm(self.num_own, generator=self.generator)
            self.order = torch.cat((self.order, more))
        index, self.order = self.order[:need], self.order[need:]
        pool = torch.randint(0, self.num_replay, (self.taken,), generator=self.generator)
        return torch.cat((index, self.num_own + pool))


def make_source(
    model: IvAE,
    training: ImageSet,
    protocol: Protocol,
    *,
    replay: ImageSet | None,
    share: float,
    **place: Any,
) -> BatchSource:
    """Return the source of a run's batches, with replay where there is any."""
    if replay is None or not share:
        return BatchSource(model, training, protocol, **place)
    return ReplaySource(model, training, protocol, replay=replay, share=share, **place)


@torch.no_grad()
def draw_replay(model: IvAE, *, num: int = POOL, seed: int = 0) -> ImageSet:
    """Draw pictures from a finished model's own density, as 8-bit pictures of its size."""
    density, config, was_training = model.density, model.config, model.training
    assert density is not None
    assert config is not None
    model.eval()
    drawn = density.sample(num, generator=torch.Generator().manual_seed(seed)).split(16)
    split = (model.latent_dim, model.latent_key_dim)
    images = [
        model.decode(Latents(*some.split(split, 1)), size=config.image_size) for some in drawn
    ]
    model.train(was_training)
    pictures = torch.cat(images).clamp(0, 1).mul(255).round().to(torch.uint8).cpu()
    return ImageSet(pictures.contiguous(), [f"replay {i}" for i in range(num)])


def keep_replay(path: Path, start: IvAE | None, *, num: int = POOL) -> ImageSet:
    """Return the pictures kept in a file; draw them from a model and keep them if there are none.

    A resumed run must see the same ones, though the start world may have been deleted since.

    Raises:
        CheckpointError: The file is damaged, or the disk refuses.
    """
    if not path.is_file() and start is not None:
        write_tensors(path, {"images": draw_replay(start, num=num).images}, {"kind": "replay"})
    images = read_tensors(path)[0]["images"]
    return ImageSet(images, [f"replay {i}" for i in range(len(images))])

"""Replay against forgetting: a share of every batch is drawn from the world a run started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.batches import BatchSource
from vae.checkpoint import read_tensors, write_tensors
from vae.data import ImageSet
from vae.infer import World
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


def draw_replay(world: World, *, num: int = POOL, seed: int = 0) -> ImageSet:
    """Draw pictures from a world's own density, as 8-bit pictures of its size."""
    generator = torch.Generator().manual_seed(seed)
    latents = world.sample(num, generator=generator)
    images = [
        world.decode(world.split(some)).mul(255).round().to(torch.uint8).cpu()
        for some in latents.joined().split(16)
    ]
    return ImageSet(torch.cat(images).contiguous(), [f"replay {i}" for i in range(num)])


def keep_replay(path: Path, world: World, *, num: int = POOL) -> ImageSet:
    """Return the pictures kept in a file; draw and keep them where there is none.

    A resumed run must see the same ones, though the start world may have been deleted since.

    Raises:
        CheckpointError: The file is damaged, or the disk refuses.
    """
    if not path.is_file():
        write_tensors(path, {"images": draw_replay(world, num=num).images}, {"kind": "replay"})
    images = read_tensors(path)[0]["images"]
    return ImageSet(images, [f"replay {i}" for i in range(len(images))])

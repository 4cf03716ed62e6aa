"""Before a run: where it will be trained, and three real steps to tell how long it will take."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from vae.config import ModelConfig
from vae.data import load_split
from vae.infer import get_infer_model
from vae.ledger import TrainRequest
from vae.model import IvAE, build_model
from vae.presets import Preset, get_preset, most_steps, stages
from vae.run import fitting
from vae.screening import Manifest
from vae.trainer import Trainer

FINISH_PICTURES = 400
"""Sheets on the way and finishing a world take about as long as training on so many pictures."""
SHEETS_BYTES = 10 * 2**20
_NEW: dict[str, Any] = {"image_size": 128, "channels": 4, "latent_dim": 32, "latent_key_dim": 28}


def starting_model(preset: Preset, start: str | None, worlds: Path) -> IvAE:
    """Return the start world's model, or a fresh one where the preset needs no world."""
    if preset.needs_world and start is not None:
        return get_infer_model(worlds / start).model
    return build_model(ModelConfig(**_NEW))


def rehearse(request: TrainRequest, worlds: Path) -> dict[str, Any]:
    """Take three real steps of a request and return what an estimate tells; nothing is written.

    Of a stage against the judge it takes one, for the memory.

    Raises:
        VAEError: The request cannot be trained.
    """
    began = time.monotonic()
    preset, manifest = get_preset(request.preset), Manifest.load(request.manifest)
    manifest.verify()
    model = starting_model(preset, request.start, worlds)
    assert model.config is not None
    images = load_split(
        manifest.images, size=model.config.image_size, channels=model.config.channels
    )
    num = len(images[0]) + len(images[1])
    protocols = stages(preset, request.changes, num_images=num, device=device_name())
    trainer = Trainer(model, *images, fitting(protocols[0], images[0]))
    trainer.train_step()  # the first one warms up
    prepared = time.monotonic()
    for _ in range(3):
        trainer.train_step()
    if trainer.device.type == "cuda":
        torch.cuda.synchronize()
    pace = (time.monotonic() - prepared) / 3 / trainer.protocol.batch_size
    protocol = trainer.protocol
    training = 60 * protocol.minutes if protocol.minutes else 0.0
    steps = protocol.steps or (protocol.epochs or 1) * trainer.steps_per_epoch
    training = training or steps * pace * protocol.batch_size
    most = most_steps(
        preset, request.changes, num_training=len(images[0]), batch_size=protocol.batch_size
    )
    if most is not None and len(protocols) == 1:
        training = min(training, most * pace * protocol.batch_size)
    for later in protocols[1:]:  # the judge takes memory of its own
        Trainer(model, *images, fitting(later, images[0])).train_step()
    weights = sum(p.numel() for p in model.parameters()) * 4
    return {
        "seconds": prepared - began + training + FINISH_PICTURES * pace,
        "memory_bytes": peak_memory(trainer.device),
        "device": trainer.device.type,
        "images_per_second": 1 / pace,
        "num_images": num,
        "disk_bytes": 6 * weights + SHEETS_BYTES,
    }


def device_name() -> str:
    """Where a run is trained: ``'cuda'``, ``'mps'`` or ``'cpu'``, as Accelerate chooses."""
    return Accelerator().device.type


def peak_memory(device: torch.device) -> int:
    """Return the most bytes used so far: of the GPU, or of this process; 0 where unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

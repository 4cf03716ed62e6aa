"""What the trainer itself costs over a bare loop of the same networks.

The bare loop takes one batch that is made beforehand and does forward, backward and step, the
judge's too where there is one. The trainer adds what a real run needs: batches drawn, flipped
and measured, the schedule, clipping, the weight average, the balance of the two losses, events.
Both run in turn, a block of steps each, so that a noisy machine is noisy to both.

``python -m vae.evaluation.overhead --data FOLDER`` prints one line.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from vae.evaluation.exit_status import in_one_line

if TYPE_CHECKING:
    from vae.batches import Batch
    from vae.trainer import Event, Trainer


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Milliseconds a step, medians over blocks.

    Attributes:
        trainer: Of a real run.
        bare: Of forward, backward and step alone.
    """

    trainer: float
    bare: float

    @property
    def share(self) -> float:
        """What the trainer adds, as a share of the bare loop."""
        return self.trainer / self.bare - 1.0


def measure_overhead(trainer: Trainer, *, rounds: int = 6, block: int = 10) -> Overhead:
    """Time a trainer's own steps and bare ones in turn.

    Args:
        trainer: A fresh one without a folder, whose protocol has more than
            ``(rounds + 1) × block`` steps and an event every `block` steps. It is trained on.
        rounds: Blocks of each kind that are timed; one of each before is not.
        block: Steps in a block.
    """
    events = trainer.run()
    # Warms up: kernels are chosen, memory is found, and the draws that a batch is compared in the
    # company of are there, which both loops are to pay for.
    run_trainer(trainer, events, block)
    batch = trainer.source.next()  # the bare loop is given its batch
    run_bare(trainer, batch, 2)
    real, bare = [], []
    for _ in range(rounds):
        first = trainer.step
        spent = _time_of(lambda: run_trainer(trainer, events, block), trainer.device)
        real.append(spent / (trainer.step - first))
        bare.append(_time_of(lambda: run_bare(trainer, batch, block), trainer.device) / block)
    return Overhead(trainer=1000 * float(np.median(real)), bare=1000 * float(np.median(bare)))


def run_trainer(trainer: Trainer, events: Iterator[Event], steps: int) -> None:
    """Take at least so many real steps; how many lie between two events hangs on their pace."""
    end = trainer.step + steps
    while trainer.step < end:
        next(events)


def run_bare(trainer: Trainer, batch: Batch, steps: int) -> None:
    """Take `steps` bare steps on one batch with a trainer's networks and optimisers."""
    weight = trainer.protocol.judge_weight * trainer.balance
    for _ in range(steps):
        with trainer._autocast():
            losses, output = trainer.objective(batch, trainer.judge)
        total = trainer._objective.total(losses, step=trainer.step, adversarial_weight=weight)
        trainer.optimizer.zero_grad(set_to_none=True)
        total.backward()
        trainer.optimizer.step()
        if trainer.judge is not None:
            trainer._judge_step(batch, output)


def _time_of(call: Callable[[], object], device: torch.device) -> float:
    """Return the seconds of one call, waiting for a GPU to be done."""
    begun = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def evaluate(options: argparse.Namespace) -> None:
    """Measure, and print one line."""
    overhead = measure_overhead(_make_trainer(options), rounds=options.rounds)
    print(
        f"{options.protocol}: {overhead.trainer:.1f} ms a step, bare {overhead.bare:.1f} ms, "
        f"overhead {overhead.share:+.1%}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a protocol on a folder with a fresh model of the usual size."""
    parser = argparse.ArgumentParser(prog="python -m vae.evaluation.overhead", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--protocol", default="pretrain", help="name of a protocol")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--channels", type=int, default=4, help="1, 3 or 4")
    parser.add_argument("--num-images", type=int, default=256, help="read at most so many")
    parser.add_argument("--rounds", type=int, default=6, help="blocks of ten steps, each kind")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


def _make_trainer(options: argparse.Namespace) -> Trainer:
    from vae.config import ModelConfig
    from vae.data import load_split
    from vae.model import build_model
    from vae.protocols import get_protocol
    from vae.trainer import Trainer

    train, validation = load_split(
        options.data, size=options.size, channels=options.channels, limit=options.num_images
    )
    config = ModelConfig(
        channels=options.channels, image_size=options.size, latent_dim=32, latent_key_dim=28
    )
    steps = 10 * (options.rounds + 2)
    protocol = get_protocol(options.protocol, steps=steps, log_every=10, loop_warmup=0)
    return Trainer(build_model(config), train, validation, protocol)


if __name__ == "__main__":
    sys.exit(main())

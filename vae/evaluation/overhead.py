"""What the trainer itself costs over a bare loop of the same networks.

The bare loop is what one would write by hand: one batch that is made beforehand, the same losses
forward and backward, clipping, the optimiser's step, the weight average, and the judge's step where
there is one. The trainer adds what a real run needs: batches drawn, flipped and measured, the
schedule, the balance of the two losses, events. With the closed loop inline, as the bare loop has
it, the difference is its overhead. With the closed loop beside, on a second core, as it really runs
where there is one to spare, it is set against itself inline. All in turn, a block of steps each, so
that a noisy machine is noisy to all; and where one thread does all the work its own seconds count,
not those that others took it off the core for.

``python -m vae.evaluation.overhead --data FOLDER`` prints two lines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vae.evaluation.exit_status import in_one_line
from vae.evaluation.speed import own_clock, torch_threads, wall_clock
from vae.losses import hinge_discriminator_loss, translate
from vae.objective import Objective
from vae.precision import autocast

if TYPE_CHECKING:
    from vae.batches import Batch
    from vae.beside import LoopBeside
    from vae.trainer import Event, Trainer

LOG_EVERY = 10


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Milliseconds a step, one number a round.

    Attributes:
        bare: Of the loop written by hand, by :func:`vae.evaluation.speed.own_clock`.
        inline: Of the trainer with the closed loop in the step's own graph, by the same.
        wall: The same steps by the clock on the wall.
        beside: Of the trainer with the closed loop beside, by that; empty where it has none.
    """

    bare: tuple[float, ...]
    inline: tuple[float, ...]
    wall: tuple[float, ...]
    beside: tuple[float, ...] = ()

    @property
    def share(self) -> float:
        """What the trainer adds, as a share of the bare loop: median of the rounds' own ratios."""
        return _added(self.inline, self.bare)

    @property
    def share_beside(self) -> float | None:
        """What the closed loop beside takes off the trainer's own step, below 0, or adds to it."""
        return _added(self.beside, self.wall) if self.beside else None


def _added(some: Sequence[float], others: Sequence[float]) -> float:
    return float(np.median(np.divide(some, others))) - 1.0


class BareLoop:
    """Forward, backward, clipping, step, average and judge, on a trainer's own nets.

    Args:
        trainer: Its networks, optimisers and average are used, and so trained.
    """

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        self.objective = Objective(trainer.model, trainer.protocol)
        self.judge = (
            None if trainer.judge is None else trainer.accelerator.unwrap_model(trainer.judge)
        )

    def step(self, batch: Batch) -> Tensor:
        """Take one step on a batch; return the weighted sum of the losses."""
        t, p = self.trainer, self.trainer.protocol
        with autocast(t.device, p):
            losses, output = self.objective(batch, self.judge)
        total = self.objective.total(
            losses, step=t.step, adversarial_weight=p.judge_weight * t.balance
        )
        t.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(t.model.parameters(), p.grad_clip)
        t.optimizer.step()
        t.average.update_parameters(t.model)
        if self.judge is not None:
            self.judge_step(batch, output)
        return total.detach()

    def judge_step(self, batch: Batch, output: Tensor) -> None:
        """Take the judge's step on a batch and what was drawn from it."""
        assert self.judge is not None
        t, n = self.trainer, len(batch.x)
        with autocast(t.device, t.protocol):
            verdict = self.judge(translate(torch.cat((batch.x, output)), batch.offset))
        real, fake = [v[:n] for v in verdict.logits], [v[n:] for v in verdict.logits]
        t.judge_optimizer.zero_grad(set_to_none=True)
        hinge_discriminator_loss(real, fake).backward()
        t.judge_optimizer.step()


def measure_overhead(trainer: Trainer, *, rounds: int = 6, block: int = 10) -> Overhead:
    """Time a trainer's own steps, closed loop inline and beside, and bare ones in turn.

    Args:
        trainer: A fresh one without a folder, whose protocol has an event every `block` steps and
            twice as many steps as ``2 × (rounds + 1) × block``. It is trained on.
        rounds: Blocks of each kind that are timed; one of each before is not.
        block: Steps in a block.
    """
    events, beside, bare = trainer.run(), trainer.beside, BareLoop(trainer)
    clocks = own_clock(trainer.device), wall_clock(trainer.device)

    def real(way: LoopBeside | None) -> np.ndarray:
        trainer.beside, first = way, trainer.step
        spent = _spent(lambda: run_trainer(trainer, events, block), clocks)
        return spent / (trainer.step - first)

    def by_hand() -> np.ndarray:
        return _spent(lambda: [bare.step(batch) for _ in range(block)], clocks) / block

    kinds = {"bare": by_hand, "inline": lambda: real(None)}
    if beside is not None:
        kinds["beside"] = lambda: real(beside)
    # Warms up: kernels are chosen, memory is found, and the draws that a batch is compared in the
    # company of are there, which both loops are to pay for.
    for warm in [kind for name, kind in kinds.items() if name != "bare"]:
        warm()
    batch = trainer.source.next()  # the bare loop is given its batch
    by_hand()
    found: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for number in range(rounds):
        turn = number % len(kinds)
        for name in (*list(kinds)[turn:], *list(kinds)[:turn]):
            found[name].append(kinds[name]())
    trainer.beside = beside
    own, wall = (
        {name: tuple(row[i] for row in rows) for name, rows in found.items()} for i in (0, 1)
    )
    return Overhead(
        bare=own["bare"], inline=own["inline"], wall=wall["inline"], beside=wall.get("beside", ())
    )


def run_trainer(trainer: Trainer, events: Iterator[Event], steps: int) -> None:
    """Take at least so many real steps; how many lie between two events hangs on their pace."""
    end = trainer.step + steps
    while trainer.step < end:
        next(events)


def _spent(call: Callable[[], object], clocks: Sequence[Callable[[], float]]) -> np.ndarray:
    """Return the milliseconds of one call by each clock."""
    begun = [clock() for clock in clocks]
    call()
    return 1000 * np.subtract([clock() for clock in clocks], begun)


def format_lines(name: str, overhead: Overhead, *, own_core: bool) -> str:
    """Return what was found in two lines: the overhead, and the trainer as it runs."""
    bare, inline, wall = map(np.median, (overhead.bare, overhead.inline, overhead.wall))
    lines = [
        f"{name}, closed loop inline: {inline:.1f} ms of work a step, bare {bare:.1f} ms, "
        f"overhead {overhead.share:+.1%}"
    ]
    if overhead.share_beside is not None:
        where = "on a core of its own" if own_core else "with no core to spare, after the rest"
        lines.append(
            f"{name}, closed loop beside, {where}: {np.median(overhead.beside):.1f} ms a step on "
            f"the wall, inline {wall:.1f} ms, {overhead.share_beside:+.1%}"
        )
    return "\n".join(lines)


def evaluate(options: argparse.Namespace) -> None:
    """Measure, and print the lines."""
    from vae.utils import num_cores

    with torch_threads(options.threads):
        overhead = measure_overhead(_make_trainer(options), rounds=options.rounds)
    own_core = options.threads == 1 and num_cores() > 1
    print(format_lines(options.protocol, overhead, own_core=own_core))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure a protocol on a folder with a fresh model of the usual size."""
    from vae.child import threads

    parser = argparse.ArgumentParser(prog="python -m vae.evaluation.overhead", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--protocol", default="pretrain", help="name of a protocol")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--channels", type=int, default=4, help="1, 3 or 4")
    parser.add_argument("--num-images", type=int, default=256, help="read at most so many")
    parser.add_argument("--rounds", type=int, default=6, help="blocks of ten steps, each kind")
    parser.add_argument(
        "--threads", type=int, default=threads(), help="as a run beside the page has (%(default)s)"
    )
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
    steps = 2 * LOG_EVERY * 2 * (options.rounds + 1)
    protocol = get_protocol(options.protocol, steps=steps, log_every=LOG_EVERY, loop_warmup=0)
    return Trainer(build_model(config), train, validation, protocol)


if __name__ == "__main__":
    sys.exit(main())

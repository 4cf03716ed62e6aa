"""Where a training step goes, and what would make it faster: images a second, part by part.

A step of the shipped trainer is taken apart: the batch (drawn, flipped, its metadata looked up),
the losses forward, their backward pass, the closed loop, the optimiser, the weight average, the
judge. Every part is timed in the same steps, so the parts add up to the step. Then, in turn and in
the same process: the trainer's own step with the closed loop inline and beside, bf16 and fp32 at
two batches, Adam fused and not, memory by pixel and by channel; and, in a process of its own with a
time limit, ``torch.compile``. Where one thread does all the work its own seconds count, as others
may be at work on the machine; but for the two places of the closed loop, which are of the wall.

``python -m vae.evaluation.training_speed --data FOLDER`` takes some three minutes at 128².
"""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from vae.distributions import Latents
from vae.evaluation.compiled import try_compiler
from vae.evaluation.exit_status import in_one_line
from vae.evaluation.overhead import BareLoop
from vae.evaluation.speed import own_clock, torch_threads, wall_clock
from vae.objective import Objective
from vae.precision import autocast, computes_bf16

if TYPE_CHECKING:
    from vae.beside import LoopBeside
    from vae.model import IvAE
    from vae.trainer import Trainer

PARTS = ("data", "forward", "backward", "closed loop", "optimiser", "average", "judge")
WITHIN = ("u measured anew", "encoder forward", "decoder forward", "forward without the judge")
"""Timed alone, beside the step: shares of a part, or what a part would cost done otherwise."""

Times = dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One way to do a thing beside another, in the same rounds.

    Attributes:
        title: Of the way.
        against: Of the one it is compared with; empty for that one itself.
        seconds: Median of one step, or of the part that differs.
        ratio: Median of the rounds' own ratios to the other; below 1 is faster.
        images: Pictures in a step; 0 where no step is timed.
    """

    title: str
    against: str
    seconds: float
    ratio: float
    images: int = 0


class Stopwatch:
    """Seconds by name.

    Args:
        clock: See `vae.evaluation.speed`.
    """

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.times: Times = {}

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Time what is done within."""
        begun = self.clock()
        yield
        self.times.setdefault(name, []).append(self.clock() - begun)


class SplitStep:
    """A step as the trainer takes it, the closed loop inline, its parts one after the other.

    Args:
        trainer: Its networks, optimisers and average are used, and so trained.
        changes: Of the protocol: ``batch_size`` and ``precision``.
    """

    def __init__(self, trainer: Trainer, **changes: Any):
        self.trainer, self.bare = trainer, BareLoop(trainer)
        self.protocol = trainer.protocol.changed(**changes)
        self.source = copy.copy(trainer.source)  # the same pictures in memory
        self.source.protocol = self.protocol
        self.objective = Objective(trainer.model, self.protocol)

    def take(self, watch: Stopwatch) -> None:
        """Take one step."""
        t, p, judge = self.trainer, self.protocol, self.bare.judge
        with watch.lap("data"):
            batch = self.source.next()
        with watch.lap("forward"), autocast(t.device, p):
            losses, output, moves = self.objective.first(batch, judge)
        with watch.lap("backward"):
            t.optimizer.zero_grad(set_to_none=True)
            self._total(losses).backward()
        if moves is not None:
            with watch.lap("closed loop"):
                with autocast(t.device, p):
                    losses = self.objective.closed_loop(moves)
                self._total(losses).backward()
        with watch.lap("optimiser"):
            nn.utils.clip_grad_norm_(t.model.parameters(), p.grad_clip)
            t.optimizer.step()
        with watch.lap("average"):
            t.average.update_parameters(t.model)
        if judge is not None:
            with watch.lap("judge"):
                self.bare.judge_step(batch, output)

    def look_within(self, watch: Stopwatch) -> None:
        """Time alone what is a share of a part."""
        t, p, model = self.trainer, self.protocol, self.trainer.model
        batch = self.source.next()
        with watch.lap("u measured anew"), torch.no_grad():
            model.metadata(batch.x)
        if self.bare.judge is not None:
            with watch.lap("forward without the judge"), autocast(t.device, p):
                self.objective.first(batch)
            return
        with watch.lap("encoder forward"), autocast(t.device, p):
            posterior = model.posterior(batch.x)
        latents = Latents(*(some.detach() for some in posterior.mean))
        with watch.lap("decoder forward"), autocast(t.device, p):
            model.decode(latents, size=batch.x.shape[-1], noise=batch.grain)

    def _total(self, losses: dict[str, Tensor]) -> Tensor:
        weight = self.protocol.judge_weight * self.trainer.balance
        return self.objective.total(losses, step=self.trainer.step, adversarial_weight=weight)


def measure_parts(step: SplitStep, *, rounds: int) -> dict[str, float]:
    """Return median seconds of each part of a step, and of what is within, after an untimed one."""
    clock = own_clock(step.trainer.device)
    step.take(Stopwatch(clock))
    watch = Stopwatch(clock)
    for _ in range(rounds):
        step.take(watch)
        step.look_within(watch)
    return {name: float(np.median(times)) for name, times in watch.times.items()}


def in_turn(
    ways: Mapping[str, Callable[[], object]], clock: Callable[[], float], *, rounds: int
) -> Times:
    """Return the seconds of each way, a round after another, after one that is not timed."""
    watch = Stopwatch(clock)
    for number in range(rounds + 1):
        if number == 1:
            watch = Stopwatch(clock)
        for name, way in ways.items():
            with watch.lap(name):
                way()
    return watch.times


def compare(times: Times, images: Mapping[str, int] | None = None) -> list[Choice]:
    """Set every way against the first, round by round; of other batches picture by picture."""
    images = images or {}
    (first, base), *_ = times.items()
    chosen = []
    for title, seconds in times.items():
        per = images.get(title, 1) / images.get(first, 1)
        chosen.append(
            Choice(
                title=title,
                against="" if title == first else first,
                seconds=float(np.median(seconds)),
                ratio=float(np.median(np.divide(seconds, base))) / per,
                images=images.get(title, 0),
            )
        )
    return chosen


def compare_loops(trainer: Trainer, *, rounds: int) -> list[Choice]:
    """The trainer's own step, closed loop inline and, where it has one, beside; on the wall."""
    beside, size = trainer.beside, trainer.protocol.batch_size

    def stepping(way: LoopBeside | None) -> None:
        trainer.beside = way
        trainer.train_step()

    ways = {"closed loop inline": lambda: stepping(None)}
    if beside is not None:
        ways["closed loop beside"] = lambda: stepping(beside)
    times = in_turn(ways, wall_clock(trainer.device), rounds=rounds)
    trainer.beside = beside
    return compare(times, dict.fromkeys(ways, size))


def compare_batches(trainer: Trainer, batches: Sequence[int], *, rounds: int) -> list[Choice]:
    """A step at several batches, in fp32 and, where the processor has it, in bf16."""
    bf16 = computes_bf16(trainer.device, trainer.protocol.changed(precision="auto"))
    ways, images, clock = {}, {}, own_clock(trainer.device)
    for size in batches:
        for precision in ("bf16", "fp32") if bf16 else ("fp32",):
            name = f"{precision}, batch {size}"
            step = SplitStep(trainer, batch_size=size, precision=precision)
            ways[name] = lambda step=step: step.take(Stopwatch(clock))
            images[name] = size
    return compare(in_turn(ways, clock, rounds=rounds), images)


def compare_optimisers(model: nn.Module, *, rounds: int, repeat: int = 5) -> list[Choice]:
    """A step of Adam over a model's parameters: fused, foreach, and one by one."""
    ways: dict[str, Callable[[], object]] = {}
    for name, fused, foreach in (
        ("Adam fused", True, False),
        ("Adam foreach", False, True),
        ("Adam one by one", False, False),
    ):
        parameters = [p.detach().clone().requires_grad_() for p in model.parameters()]
        for parameter in parameters:
            parameter.grad = torch.randn_like(parameter)
        optimizer = torch.optim.Adam(parameters, 1e-5, fused=fused, foreach=foreach)
        ways[name] = lambda o=optimizer: [o.step() for _ in range(repeat)]
    device = next(model.parameters()).device
    times = in_turn(ways, own_clock(device), rounds=rounds)
    return compare({name: [s / repeat for s in some] for name, some in times.items()})


def compare_layouts(trainer: Trainer, *, rounds: int) -> list[Choice]:
    """Encoder and decoder, forward and backward: memory by pixel, as shipped, and by channel."""
    batch = trainer.source.next()
    shipped = copy.deepcopy(trainer.model)
    plain = copy.deepcopy(trainer.model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    def there_and_back(model: IvAE) -> None:
        with autocast(trainer.device, trainer.protocol):
            latents = model.posterior(batch.x).mean
            output = model.decode(latents, size=batch.x.shape[-1], noise=batch.grain)
        output.float().square().mean().backward()

    def by_channel() -> None:
        with one_layout():
            there_and_back(plain)

    ways = {"channels_last": lambda: there_and_back(shipped), "contiguous": by_channel}
    return compare(in_turn(ways, own_clock(trainer.device), rounds=rounds))


@contextmanager
def one_layout() -> Iterator[None]:
    """Let the networks lay pictures out by channel: their own wish for the other is not heard."""
    real = torch.Tensor.contiguous
    torch.Tensor.contiguous = lambda self, **_: real(self)  # type: ignore[method-assign]
    try:
        yield
    finally:
        torch.Tensor.contiguous = real  # type: ignore[method-assign]


def format_parts(title: str, parts: Mapping[str, float], num_images: int) -> str:
    """Return the parts of a step as a Markdown table."""
    whole = sum(parts[name] for name in PARTS if name in parts)
    lines = [f"| {title} | ms a step | share | images a second |", "|---|---|---|---|"]
    rows = [(name, parts[name]) for name in PARTS if name in parts] + [("whole step", whole)]
    rows += [(f"({name})", parts[name]) for name in WITHIN if name in parts]
    lines += [
        f"| {name} | {1000 * s:.1f} | {s / whole:.1%} | {num_images / s:.1f} |" for name, s in rows
    ]
    return "\n".join(lines)


def format_choices(choices: Sequence[Choice]) -> str:
    """Return ways beside one another as a Markdown table."""
    lines = [
        "| what was tried | ms | images a second | time, of the other's |",
        "|---|---|---|---|",
    ]
    for c in choices:
        pace = f"{c.images / c.seconds:.1f}" if c.images else ""
        ratio = f"{c.ratio:.2f} × {c.against}" if c.against else "1"
        if c.images and c.against:
            ratio += " (a picture)"
        lines.append(f"| {c.title} | {1000 * c.seconds:.1f} | {pace} | {ratio} |")
    return "\n".join(lines)


def evaluate(options: argparse.Namespace) -> None:
    """Measure and print; what is done is printed at once."""
    rounds, size = options.rounds, options.size
    with torch_threads(options.threads):
        trainer = make_trainer(options, "pretrain", batch_size=options.batch[0])
        parts = measure_parts(SplitStep(trainer), rounds=rounds)
        title = f"`pretrain`, {size}², batch {options.batch[0]}"
        print(format_parts(title, parts, options.batch[0]), flush=True)
        choices = compare_loops(trainer, rounds=rounds)
        choices += compare_batches(trainer, options.batch, rounds=rounds)
        choices += compare_layouts(trainer, rounds=rounds)
        choices += compare_optimisers(trainer.model, rounds=rounds)
        print("\n" + format_choices(choices), flush=True)
        game = make_trainer(options, "adversarial", model=trainer.model)
        parts = measure_parts(SplitStep(game), rounds=max(1, rounds - 1))
        num = game.protocol.batch_size
        print("\n" + format_parts(f"`adversarial`, {size}², batch {num}", parts, num), flush=True)
    if options.compile_seconds:
        print("\n" + try_compiler(options, seconds=options.compile_seconds))


def make_trainer(
    options: argparse.Namespace, name: str, *, model: IvAE | None = None, **changes: Any
) -> Trainer:
    """Return a fresh trainer of a model of the usual size on a folder's pictures."""
    from vae.config import ModelConfig
    from vae.data import load_split
    from vae.model import build_model
    from vae.protocols import get_protocol
    from vae.trainer import Trainer

    sets = load_split(
        options.data, size=options.size, channels=options.channels, limit=options.num_images
    )
    config = ModelConfig(
        channels=options.channels, image_size=options.size, latent_dim=32, latent_key_dim=28
    )
    protocol = get_protocol(name, steps=1000, loop_warmup=0, **changes)
    return Trainer(model or build_model(config), *sets, protocol)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure on a folder; an error is one line on stderr and exit code 1."""
    from vae.child import threads

    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.training_speed",
        description="Where a training step goes, and what would make it faster.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--size", type=int, default=128, help="side in pixels")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=4)
    parser.add_argument("--batch", type=int, nargs="+", default=[32, 64], help="the first is split")
    parser.add_argument("--num-images", type=int, default=96, help="read at most so many")
    parser.add_argument("--rounds", type=int, default=4, help="medians of so many (%(default)s)")
    parser.add_argument(
        "--threads", type=int, default=threads(), help="as a run beside the page has (%(default)s)"
    )
    parser.add_argument(
        "--compile-seconds", type=float, default=60, help="limit for torch.compile; 0 leaves it out"
    )
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

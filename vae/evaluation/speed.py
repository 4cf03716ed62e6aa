"""How long one picture takes: decode at batch 1, as when a slider is dragged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from vae.infer import World


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Times of many calls.

    Attributes:
        num_calls: How many were timed.
        p50: Their median, milliseconds.
        p95: Their 95th percentile, milliseconds.
    """

    num_calls: int
    p50: float
    p95: float


def measure_decode(
    world: World, *, size: int, threads: int = 2, num_calls: int = 300, warmup: int = 30
) -> Speed:
    """Time ``world.decode`` of one picture, latents to a tensor in memory.

    Every call decodes other latents, as a drag does. On a GPU the device is waited for.

    Args:
        world: A loaded world.
        size: Side in pixels; the world's own, or any other it can draw.
        threads: Of PyTorch's own; those of the process are set back afterwards.
        num_calls: Calls to time.
        warmup: Calls before, not timed.
    """
    latents = world.sample(16, generator=torch.Generator().manual_seed(0))
    singles = [
        latents._replace(z=latents.z[i : i + 1], key=latents.key[i : i + 1]) for i in range(16)
    ]
    turn = iter(range(num_calls + warmup))

    def decode() -> None:
        world.decode(singles[next(turn) % 16], size=size)
        if world.device.type == "cuda":
            torch.cuda.synchronize(world.device)

    with torch_threads(threads):
        return time_calls(decode, num_calls=num_calls, warmup=warmup)


def time_calls(call: Callable[[], object], *, num_calls: int, warmup: int) -> Speed:
    """Return the times of `num_calls` calls, after `warmup` that are not timed."""
    for _ in range(warmup):
        call()
    times = []
    for _ in range(num_calls):
        begun = time.perf_counter()
        call()
        times.append(1000.0 * (time.perf_counter() - begun))
    p50, p95 = np.percentile(times, [50, 95])
    return Speed(num_calls=num_calls, p50=float(p50), p95=float(p95))


def wall_clock(device: torch.device) -> Callable[[], float]:
    """Return what tells the seconds that pass; it waits for a GPU to be done."""

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def own_clock(device: torch.device) -> Callable[[], float]:
    """Return what tells the seconds of work: of the processor where one thread does all of it.

    A shared machine takes that thread off its core for as long as it likes, and a run would look
    slow for what others do. Where several threads work, or a GPU does, it is the wall clock.
    """
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time if alone else wall_clock(device)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Give PyTorch `count` threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)

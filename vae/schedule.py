"""What changes over a run by rule: the learning rate, and the memory of the weight average."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vae.protocols import Protocol

FLOOR = 0.01
"""What a cosine leaves of the peak rate."""
WARM = 0.1
"""Share of a stretch by whose end it is warm, however few steps that is."""
AGAIN = 0.4
"""How far a run that had come down goes up again when it is extended, of the peak rate."""


@dataclass
class Schedule:
    """One stretch of a run: the rate warms up to a top and comes down to its end.

    A run has one stretch unless it is extended; then another begins at the rate where it is, or
    at :data:`AGAIN` of the peak where that is more, and comes down over what is left.

    Attributes:
        began: Seconds of training, or steps, done before this stretch, as the protocol counts.
        first_step: Steps done before this stretch.
        low: Share of the peak rate to warm up from.
        top: Share of the peak rate to warm up to.
        ease: Factor on every rate, less than 1 after a loss that was not finite.
    """

    began: float = 0.0
    first_step: int = 0
    low: float = 0.0
    top: float = 1.0
    ease: float = 1.0

    def scale(self, protocol: Protocol, *, step: int, done: float, total: float) -> float:
        """Return the share of the peak rate for the next step.

        Args:
            protocol: Says how long to warm up, and whether to come down.
            step: Steps done.
            done: Seconds of training, or steps, done.
            total: Where the run ends, in the same unit.
        """
        scale = self.top
        part = min(1.0, max(0.0, (done - self.began) / max(total - self.began, 1e-9)))
        if protocol.cosine:
            scale = FLOOR + (self.top - FLOOR) * 0.5 * (1 + math.cos(math.pi * part))
        if protocol.warmup:
            warm = min(1.0, max((step - self.first_step + 1) / protocol.warmup, part / WARM))
            scale = self.low + (scale - self.low) * warm
        return scale

    def next(self, protocol: Protocol, *, step: int, done: float, total: float) -> Schedule:
        """Return the stretch that begins here when the end is put off."""
        low = self.scale(protocol, step=step, done=done, total=total)
        top = max(low, AGAIN * self.top)
        return Schedule(began=done, first_step=step, low=low, top=top, ease=self.ease)


def warming_ema(decay: float, warmup: float) -> Callable[[Any, Any, Tensor | int], None]:
    """Exponential weight average whose decay warms up, so that short runs forget their start.

    Until the decay is reached, it is over about 1 / (``warmup`` - 1) of the run, its last.
    """

    def update(averaged: Any, current: Any, num_averaged: Tensor | int) -> None:
        step = int(num_averaged)
        weight = 1 - min(decay, (1 + step) / (warmup + step))
        torch._foreach_lerp_(averaged, current, weight)  # type: ignore[reportPrivateImportUsage]

    return update

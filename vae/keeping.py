"""Which weights a run keeps: the latest that are not clearly worse than the best before them.

The lowest of many held-out losses is chance as much as merit, the more so the fewer pictures are
held out. So the losses of each picture are averaged over the last few measurements, and
two moments of a run are compared picture by picture, as ratios: a later one is clearly worse where
the mean rise is above both a share and what the standard error over the pictures allows. The coach,
the early stop and the keeping of weights all ask :func:`judge`.

What is judged is the reconstruction, not the total: the weights of the total's other terms move
during a run (the closed loop comes in slowly, the judge's share is adaptive).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

WINDOW, SPAN = 5, 0.13
"""Measurements that are averaged, within what share of a run: the weights of one step shake."""
CLEAR, MANY = 0.02, 32
"""Least rise, as a share, that counts with so many pictures; it grows as √(MANY / n) with fewer."""
ALONE = 0.5
"""That rise where one picture alone is held out, which cannot tell of its own chance."""
EARLY = 0.5
"""Share of a run before which weights are kept only if later ones are twice as clearly worse."""
PATIENCE = 0.25
"""Share of a run that has to be clearly worse before it stops early, never before :data:`EARLY`."""
LEAST_STEPS = 60
"""Steps of that, too: on a slow machine a quarter of a taste is three steps."""
_T95 = (6.31, 2.92, 2.35, 2.13, 2.02, 1.94, 1.89, 1.86, 1.83, 1.81)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What held-out pictures say of a run so far.

    Attributes:
        kept: The step whose weights are kept; None before any measurement.
        worse: Whether the newest weights are clearly worse than the best; if not, they are kept.
        steps: How many steps ago those that are kept were measured.
        share: The same as a share of the whole run.
        progress: Of the run, 0 to 1.
    """

    kept: int | None = None
    worse: bool = False
    steps: int = 0
    share: float = 0.0
    progress: float = 0.0

    @property
    def may_stop(self) -> bool:
        """Whether a run has been clearly worse for long enough to end early."""
        long = self.share >= PATIENCE and self.steps >= LEAST_STEPS
        return self.worse and long and self.progress >= EARLY


def judge(measured: Sequence[Mapping[str, Any]]) -> Verdict:
    """Say which weights are kept, and whether the newest are clearly worse.

    It decides as a run goes, from what was known at each measurement, so that it says the same of
    a whole run as was decided within it.

    Args:
        measured: Records of held-out pictures, in order: ``step``, ``progress`` (0 to 1),
            ``reconstruction``, and in ``pictures`` that of each picture.
    """
    if not measured:
        return Verdict()
    logs = np.log(np.maximum(_averaged(measured), 1e-12))  # (measurements, pictures)
    means = np.where(np.isfinite(logs).all(1), logs.mean(1), np.inf)
    best = kept = 0
    worse = False
    for i in range(1, len(means)):
        best = i if means[i] < means[best] else best
        early = measured[kept].get("progress", 1.0) < EARLY
        worse = bool(np.isinf(means[i])) or rises(logs[i] - logs[best], factor=1 + early)
        kept = kept if worse else i
    step, at = int(measured[-1]["step"]), int(measured[kept]["step"])
    progress = float(measured[-1].get("progress", 1.0))
    share = progress * (step - at) / max(step, 1)
    return Verdict(kept=at, worse=worse, steps=step - at, share=share, progress=progress)


def rises(logs: np.ndarray, *, factor: float = 1.0) -> bool:
    """Return whether the losses of some pictures are clearly higher than they were.

    They are where the mean rise is above ``factor`` times the larger of two: the least one that
    counts, and the one-sided 95 % bound of Student's t over the pictures.

    Args:
        logs: Natural logarithm of later over earlier, a picture each, (n,).
        factor: See above.
    """
    n = len(logs)
    if n == 1:
        return float(logs[0]) > factor * math.log1p(ALONE)
    least = math.log1p(CLEAR * math.sqrt(MANY / min(n, MANY)))
    chance = student(n - 1) * float(logs.std(ddof=1)) / math.sqrt(n)
    return float(logs.mean()) > factor * max(least, chance)


def student(freedom: int) -> float:
    """Return the 95 % point of Student's t; within half a hundredth above ten degrees."""
    return _T95[freedom - 1] if freedom <= len(_T95) else 1.645 + 1.6 / freedom


def _averaged(measured: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Losses of each picture, averaged over the last measurements, (measurements, pictures)."""
    rows = [list(r.get("pictures", ())) or [r["reconstruction"]] for r in measured]
    if len({len(row) for row in rows}) > 1:  # some records tell of no single picture
        rows = [[r["reconstruction"]] for r in measured]
    losses = np.array(rows, dtype=float)
    when = np.array([r.get("progress", 1.0) for r in measured])
    averaged = []
    for i, now in enumerate(when):
        last = slice(max(0, i + 1 - WINDOW), i + 1)
        averaged.append(losses[last][np.abs(now - when[last]) < SPAN].mean(0))
    return np.stack(averaged)

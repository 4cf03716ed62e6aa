"""The coach: what the curves say, in one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENOUGH = 4
"""Held-out measurements before anything is said of them."""
WORSE = 1.02
"""How much worse than the best the last held-out measurements are, to call it overfitting."""
MANY, FEWEST = 32, 3
"""Held-out pictures for which that is enough; fewer must show more, and fewest show nothing."""
PATIENT = 30
"""Steps without anything better before overfitting is spoken of."""
WEAK_JUDGE, STRONG_JUDGE = 1.9, 0.4
"""The judge's hinge loss: 2 is one who cannot tell, 0 one who always can."""


@dataclass(frozen=True)
class Advice:
    """What the coach says.

    Attributes:
        code: ``'starting'``, ``'learning'``, ``'settled'``, ``'collapsed'``, ``'judge'``,
            ``'overfitting'`` or ``'rolled_back'``.
        sentence: For the artist.
    """

    code: str
    sentence: str


def advise(
    training: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]],
    *,
    floor: float,
    rolled_back: int | None = None,
    pictures: int = MANY,
) -> Advice:
    """Read the curves.

    Args:
        training: Records of steps, in order, the newest last.
        held_out: Records of held-out pictures, likewise.
        floor: What KL z is, in nats, when no dimension of it carries anything.
        rolled_back: The last step at which the loss was not finite.
        pictures: How many held-out pictures are measured.
    """
    step = int(training[-1]["step"]) if training else 0
    if rolled_back is not None and step <= rolled_back + 20:
        return Advice(
            "rolled_back",
            f"The loss was not finite at step {rolled_back}: back at the last good state, "
            "with smaller steps.",
        )
    if len(held_out) < ENOUGH:
        return Advice("starting", "Just begun: the first measurements are coming in.")
    if _collapsed(training, floor):
        return Advice(
            "collapsed",
            "The form latents have gone silent: every picture is drawn the same. "
            "Less weight on KL z (beta_z) would help.",
        )
    if _judge_wins(training):
        return Advice(
            "judge",
            "The judge is winning: it tells every drawn picture from a real one. "
            "More images, or less of the judge, would help.",
        )
    values = [float(record["reconstruction"]) for record in held_out]
    best = min(range(len(values)), key=values.__getitem__)
    at = int(held_out[best]["step"])
    if int(held_out[-1]["step"]) - at >= PATIENT and _rises(values[best:], pictures):
        return Advice(
            "overfitting",
            f"Overfitting since step {at}: it learns your images by heart. "
            "The best weights are kept.",
        )
    before = values[max(0, len(values) - 1 - max(ENOUGH, len(values) // 4))]
    gain = 1 - min(values[-3:]) / max(before, 1e-9)
    if gain > 0.01:
        whole = 100 * (1 - values[best] / max(values[0], 1e-9))
        return Advice(
            "learning",
            f"Learning: pictures it has not seen come out {whole:.0f} % closer than at the start.",
        )
    return Advice("settled", "Settled: more time changes little now.")


def overfits(held_out: Sequence[tuple[float, float]], patience: float) -> bool:
    """Whether a run may stop early: held-out pictures have been getting worse for long enough.

    Args:
        held_out: Progress (0 to 1) and loss of each measurement.
        patience: For how much of the run.
    """
    if len(held_out) < ENOUGH + 3:
        return False
    progress, value = min(held_out, key=lambda pair: pair[1])
    recent = sum(pair[1] for pair in held_out[-3:]) / 3
    return held_out[-1][0] - progress >= patience and recent > WORSE * value


def _rises(values: Sequence[float], pictures: int) -> bool:
    """Whether measurements after the best, which comes first, are clearly worse than it.

    They must be worse by a share that grows as pictures get fewer, and by three times what one
    measurement shakes: the median second difference, which a steady rise leaves at nothing.
    """
    if len(values) < ENOUGH or pictures < FEWEST:
        return False
    bends = sorted(
        abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)
    )
    noise = 1.4826 * bends[len(bends) // 2] / math.sqrt(6)
    share = (WORSE - 1) * math.sqrt(MANY / min(pictures, MANY))
    return sum(values[-3:]) / 3 - values[0] > max(share * values[0], 3 * noise)


def _collapsed(training: Sequence[Mapping[str, Any]], floor: float) -> bool:
    recent = [float(r["kl_z"]) for r in training[-10:] if "kl_z" in r]
    return len(recent) >= 5 and max(recent) < 1.02 * floor


def _judge_wins(training: Sequence[Mapping[str, Any]]) -> bool:
    recent = [float(r["judge"]) for r in training[-20:] if "judge" in r]
    return len(recent) >= 20 and sum(recent) / len(recent) < STRONG_JUDGE

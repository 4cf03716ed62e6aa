"""The coach: what the curves say, in one plain sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vae.keeping import Verdict

ENOUGH = 4
"""Held-out measurements before anything is said of them."""
PATIENT = 30
"""Steps since the weights that are kept before overfitting is spoken of."""
STRONG_JUDGE = 0.4
"""The judge's hinge loss below which it wins: 2 is one who cannot tell, 0 one who always can."""


@dataclass(frozen=True)
class Advice:
    """What the coach says.

    Attributes:
        code: ``'starting'``, ``'learning'``, ``'settled'``, ``'collapsed'``, ``'judge'``,
            ``'overfitting'``, ``'rolled_back'`` or, at the end, ``'learned'``.
        sentence: For the artist.
    """

    code: str
    sentence: str


def advise(
    training: Sequence[Mapping[str, Any]],
    held_out: Sequence[Mapping[str, Any]],
    *,
    floor: float,
    verdict: Verdict,
    rolled_back: int | None = None,
) -> Advice:
    """Read the curves.

    Args:
        training: Records of steps, in order, the newest last.
        held_out: Records of held-out pictures, likewise.
        floor: What KL z is, in nats, when no dimension of it carries anything.
        verdict: What :func:`vae.keeping.judge` says of the held-out pictures.
        rolled_back: The last step at which the loss was not finite.
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
    if verdict.worse and verdict.steps >= PATIENT:
        return Advice(
            "overfitting",
            f"Overfitting since step {verdict.kept}: it learns your images by heart. "
            "The weights of that step are kept.",
        )
    values = [float(record["reconstruction"]) for record in held_out]
    before = values[max(0, len(values) - 1 - max(ENOUGH, len(values) // 4))]
    gain = 1 - min(values[-3:]) / max(before, 1e-9)
    if gain > 0.01:
        whole = 100 * (1 - min(values[-3:]) / max(values[0], 1e-9))
        if whole < 0:
            return Advice(
                "learning",
                f"Learning: pictures it has not seen still come out {-whole:.0f} % further off "
                "than at the start.",
            )
        if _number_of(held_out) == 1:
            return Advice(
                "learning",
                f"Learning: the one picture it has not seen comes out {whole:.0f} % closer than at "
                "the start.",
            )
        return Advice(
            "learning",
            f"Learning: pictures it has not seen come out {whole:.0f} % closer than at the start.",
        )
    return Advice("settled", "Settled: more time changes little now.")


def sum_up(held_out: Sequence[Mapping[str, Any]]) -> Advice:
    """Say at the end what came of it; see :func:`advise`."""
    first, last = (float(held_out[place]["reconstruction"]) for place in (0, -1))
    count, closer = _number_of(held_out), 100 * (1 - last / max(first, 1e-9))
    if closer < 0:
        said = f"Of {count} pictures kept apart it draws none closer than at the start."
    elif count == 1:
        said = f"The one picture kept apart comes out {closer:.0f} % closer than at the start."
    else:
        said = f"The {count} pictures kept apart come out {closer:.0f} % closer than at the start."
    return Advice("learned", said)


def _number_of(held_out: Sequence[Mapping[str, Any]]) -> int:
    return len(held_out[0].get("pictures", ()))


def _collapsed(training: Sequence[Mapping[str, Any]], floor: float) -> bool:
    recent = [float(r["kl_z"]) for r in training[-10:] if "kl_z" in r]
    return len(recent) >= 5 and max(recent) < 1.02 * floor


def _judge_wins(training: Sequence[Mapping[str, Any]]) -> bool:
    recent = [float(r["judge"]) for r in training[-20:] if "judge" in r]
    return len(recent) >= 20 and sum(recent) / len(recent) < STRONG_JUDGE

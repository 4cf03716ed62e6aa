"""The stages of a run one after another, and its length over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.presets import JUDGE_SHARE
from vae.rehearsal import FINISH_PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae.guard import Grant
    from vae.protocols import Protocol
    from vae.trainer import Trainer


class Course:
    """One stage, or two: the second, against the judge, has `JUDGE_SHARE` of the whole.

    Args:
        protocols: Of the stages; each carries the length of the whole.
        most_steps: After which the first stage has seen its pictures often enough: the run ends, or
            the judge comes. None is without bound, and so is a run that is extended.
    """

    def __init__(self, protocols: Sequence[Protocol], most_steps: int | None = None):
        self.protocols = tuple(protocols)
        self.most_steps = most_steps

    def first(self) -> Protocol:
        """Return the first stage with its share of the length."""
        first = self.protocols[0]
        if len(self.protocols) == 1:
            return first
        share = 1 - JUDGE_SHARE
        if first.minutes is not None:
            return first.changed(minutes=share * first.minutes)
        return first.changed(steps=max(1, round(share * (first.steps or 1))))

    def second(self, before: Trainer) -> Protocol:
        """Return the second stage: its share of the length, and what the first one left."""
        protocol = self.protocols[1]
        if protocol.minutes is not None:
            end = before.elapsed / 60 + JUDGE_SHARE * protocol.minutes
            return protocol.changed(minutes=max(end, protocol.minutes))
        steps = before.step + round(JUDGE_SHARE * (protocol.steps or 1))
        return protocol.changed(steps=max(before.step + 1, steps))

    def has_next(self, trainer: Trainer) -> bool:
        """Whether a stage against the judge follows."""
        return len(self.protocols) > 1 and not trainer.protocol.adversarial

    def judge_is_due(self, trainer: Trainer) -> bool:
        """Whether the first stage of two has seen its pictures often enough."""
        return self.has_next(trainer) and self._seen(trainer) == 1

    def _seen(self, trainer: Trainer) -> float | None:
        """Return the share behind it of the steps that are enough; None without bound."""
        if self.most_steps is None or trainer.extended:
            return None
        return min(1.0, trainer.step / self.most_steps)

    def _share_seen(self, trainer: Trainer) -> float | None:
        """Return the same where they are those of the whole run."""
        return self._seen(trainer) if len(self.protocols) == 1 else None

    def limit(self, trainer: Trainer, grant: Grant, *, full: bool) -> str:
        """Return the sentence of the limit that a run has come to, empty where it has not.

        Args:
            trainer: Where it is.
            grant: What it may take.
            full: Whether it has taken the disk that it may.
        """
        if trainer.step >= grant.steps:
            return f"It ended at the limit of {grant.steps:,} steps."
        if trainer.progress < 1 and trainer.elapsed >= 60 * grant.minutes:
            return f"It ended at the limit of {grant.minutes:g} minutes."
        if trainer.progress < 1 and self._share_seen(trainer) == 1:
            return "It has seen each picture often enough: with more it would learn them by heart."
        return f"It ended at the limit of {grant.disk / 2**30:.1f} GB of disk." if full else ""

    def progress(self, trainer: Trainer) -> float:
        """Return that of all stages together, 0 to 1."""
        progress = trainer.progress * (1 - JUDGE_SHARE * self.has_next(trainer))
        return max(progress, self._share_seen(trainer) or 0.0)

    def minutes(self, trainer: Trainer) -> float:
        """Return the length of the whole run; 0 where it is counted in steps."""
        if trainer.protocol.minutes is None:
            return 0.0
        later = JUDGE_SHARE * (self.protocols[0].minutes or 0.0)
        return trainer.protocol.minutes + later * self.has_next(trainer)

    def seconds_left(self, trainer: Trainer) -> float | None:
        """Return the seconds to the new world; None before anything is known."""
        progress = self.progress(trainer)
        if progress <= 0:
            return None
        p = trainer.protocol
        training = trainer.elapsed / progress * (1 - progress)
        if p.minutes is not None:
            by_the_clock = max(0.0, 60 * self.minutes(trainer) - trainer.elapsed)
            bounded = self._share_seen(trainer) is not None
            training = min(training, by_the_clock) if bounded else by_the_clock
        pace = trainer.elapsed / max(trainer.step, 1) / p.batch_size
        return training + FINISH_PICTURES * pace

    def room(self, trainer: Trainer, most: float, *, from_here: bool = False) -> float:
        """Return the minutes that a run may still be extended by.

        Args:
            trainer: Where it is.
            most: Minutes of the whole run, extensions included; of one that is counted in steps
                the extensions alone.
            from_here: Whether they are counted from where it is, not from where it would end.
        """
        if trainer.protocol.minutes is None:
            return most - trainer.extended
        return most - (trainer.elapsed / 60 if from_here else self.minutes(trainer))

"""The stages of a run one after another, and its length over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.presets import JUDGE_SHARE
from vae.rehearsal import FINISH_PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vae.protocols import Protocol
    from vae.trainer import Trainer


class Course:
    """One stage, or two: the second, against the judge, has `JUDGE_SHARE` of the whole.

    Args:
        protocols: Of the stages; each carries the length of the whole.
    """

    def __init__(self, protocols: Sequence[Protocol]):
        self.protocols = tuple(protocols)

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
        """Return the second stage, which ends its share after where the first one is."""
        protocol = self.protocols[1]
        if protocol.minutes is not None:
            end = before.elapsed / 60 + JUDGE_SHARE * protocol.minutes
            return protocol.changed(minutes=end)
        steps = before.step + round(JUDGE_SHARE * (protocol.steps or 1))
        return protocol.changed(steps=max(before.step + 1, steps))

    def has_next(self, trainer: Trainer) -> bool:
        """Whether a stage against the judge follows."""
        return len(self.protocols) > 1 and not trainer.protocol.adversarial

    def progress(self, trainer: Trainer) -> float:
        """Return that of all stages together, 0 to 1."""
        return trainer.progress * (1 - JUDGE_SHARE * self.has_next(trainer))

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
        if p.minutes is not None:
            training = max(0.0, 60 * self.minutes(trainer) - trainer.elapsed)
        else:
            training = trainer.elapsed / progress * (1 - progress)
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

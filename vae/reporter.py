"""A worker's side of the run's folder: says how far it is, and hears what is asked.

What the disk refuses of a mere report is dropped, and said again later; a run does not end because
its status could not be written.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from vae.errors import TrainingError
from vae.ledger import CONTROL, RECORDS, Control, Ledger, Status
from vae.tracker import Record, Tracker

REPORT_EVERY = 0.2
"""Seconds between two reports of the same state."""
HEAR_EVERY = 0.1


class VanishedError(TrainingError):
    """The run's folder is gone."""


class Reporter:
    """Keeps a run's status, records and wishes.

    Args:
        ledger: The run's folder.
        tensorboard: Write TensorBoard event files beside the records.
    """

    def __init__(self, ledger: Ledger, *, tensorboard: bool = False):
        self.ledger = ledger
        self.status: Status = ledger.status()
        events = ledger.folder / "tensorboard" if tensorboard else None
        self.tracker = Tracker(ledger.folder / RECORDS, tensorboard=events)
        self.steps: list[Record] = []
        self.tests: list[Record] = []
        self._control, self._heard, self._stamp = Control(), 0.0, (0, 0)
        self._said = 0.0

    def go_on_from(self, step: int) -> None:
        """Drop the records after a step and remember the others."""
        self.tracker.resume(step)
        records = self.tracker.read()
        self.steps = [r for r in records if r.get("kind") == "step"]
        self.tests = [r for r in records if r.get("kind") == "test"]

    def note(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Append a record."""
        record: Record = {"kind": kind, "step": step, **values}
        {"step": self.steps, "test": self.tests}.get(kind, []).append(record)
        with suppress(OSError):
            self.tracker.append(record)

    def say(self, *, now: bool = False, **changes: Any) -> None:
        """Change the status; it is written a few times a second, a new state at once.

        Raises:
            VanishedError: The run's folder is gone.
        """
        urgent = now or changes.get("state", self.status.state) != self.status.state
        self.status = self.status.changed(**changes)
        if not urgent and time.monotonic() - self._said < REPORT_EVERY:
            return
        self.check()
        self._said = time.monotonic()
        with suppress(OSError):
            self.ledger.write_status(self.status, sync=urgent)

    def check(self) -> None:
        """Raise a VanishedError where the run's folder is gone."""
        if not self.ledger.exists:
            raise VanishedError("the folder of this run is gone")

    def wishes(self) -> Control:
        """Return what is asked; the file is looked at a few times a second."""
        if time.monotonic() - self._heard >= HEAR_EVERY:
            self._heard = time.monotonic()
            try:
                found = (self.ledger.folder / CONTROL).stat()
            except OSError:
                return self._control
            stamp = (found.st_mtime_ns, found.st_ino)  # two asks may come within one tick
            if stamp != self._stamp:
                self._stamp, self._control = stamp, self.ledger.control()
        return self._control

"""What is known of every run: from its folder, and from memory what the disk would not take.

A full disk refuses a status, and a folder may vanish; what is to be said of such a run is kept
here, and written as soon as the disk takes it. Free of PyTorch and of Gradio.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vae.errors import TrainingError
from vae.ledger import JOB, RESTING, WORKING, Ledger, Status, all_runs

VANISHED = "The folder of this run is gone, and it has stopped. Your worlds are as they were."
_ORDER = {"working": 0, "queued": 1, "resting": 2}


class Board:
    """The states of all runs below one folder. Not safe with threads: who has it locks.

    Args:
        folder: Of the runs.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._said: dict[str, Status] = {}

    def runs(self) -> list[Ledger]:
        """Return every run whose folder is there."""
        return all_runs(self.folder)

    def ledger(self, id: str, *, known: bool = False) -> Ledger:  # noqa: A002  # as in a status
        """Return the folder of a run, which may have vanished since.

        Args:
            id: Of the run.
            known: That there was such a run is known, whether its folder is there or not.

        Raises:
            TrainingError: There is no such run.
        """
        path = self.folder / id
        there = known or id in self._said or (path / JOB).is_file()
        if path.parent != self.folder or id.startswith(".") or not there:
            raise TrainingError("there is no such run; it may have been removed")
        return Ledger(path)

    def latest(self, id: str) -> Status:  # noqa: A002
        """Return the last that is known of a run, but for its place."""
        ledger, said = Ledger(self.folder / id), self._said.get(id)
        if not ledger.exists:
            return said or Status(id=id, state="failed", message=VANISHED)
        status = ledger.status()
        return said if said is not None and said.updated > status.updated else status

    def waiting(self) -> list[str]:
        """Return the ids of the queue, next first."""
        found = [s for s in (self.latest(run.id) for run in self.runs()) if s.state == "queued"]
        return [s.id for s in sorted(found, key=lambda s: (s.queued, s.id))]

    def placed(self, status: Status) -> Status:
        """Return a status with its place in the queue."""
        if status.state == "queued":
            queue = self.waiting()
            return replace(status, place=1 + queue.index(status.id) if status.id in queue else -1)
        return replace(status, place=0 if status.state in WORKING else -1)

    def list(self) -> tuple[Status, ...]:
        """Return every run: at work, then waiting in order, then the rest, newest first."""
        ids = {run.id for run in self.runs()} | self._said.keys()
        found = [self.placed(self.latest(id)) for id in ids]  # noqa: A001

        def order(status: Status) -> tuple[int, float, str]:
            group = _group(status)
            when = -status.updated if group == "resting" else status.queued
            return _ORDER[group], when, status.id

        return tuple(sorted(found, key=order))

    def write(self, status: Status) -> None:
        """Write a status, or remember it where the disk refuses."""
        self._said.pop(status.id, None)
        ledger = Ledger(self.folder / status.id)
        try:
            ledger.write_status(status)
        except OSError:
            self._said[status.id] = status
        if not ledger.exists:  # there is nowhere to write to
            self._said[status.id] = status

    def write_again(self) -> None:
        """Try once more to write what the disk refused."""
        for id, said in list(self._said.items()):  # noqa: A001
            if Ledger(self.folder / id).exists and self.latest(id) is said:
                self.write(said)

    def forget(self, id: str) -> None:  # noqa: A002
        """Know nothing more of a run but what its folder says."""
        self._said.pop(id, None)


def _group(status: Status) -> str:
    if status.state in WORKING:
        return "working"
    return "resting" if status.state in RESTING else "queued"

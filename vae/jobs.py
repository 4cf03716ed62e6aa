"""Training runs beside the page: a queue, one child process at a time, found again after any crash.

Everything that matters is in the runs' folders (see `vae.ledger`), so another :class:`Jobs`, in the
same process or after a restart, goes on where this one was. All methods may be called from any
thread. Free of PyTorch and of Gradio.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any

from vae.board import VANISHED, Board
from vae.child import Estimate, estimate, spawn
from vae.errors import ConfigError, TrainingError
from vae.guard import WAITING_EACH, Authority, Caps, Grant
from vae.ledger import (
    BUSY,
    DATA,
    RECORDS,
    WORKING,
    Ledger,
    Status,
    TrainRequest,
    planned_minutes,
)
from vae.mirror import Mirror
from vae.presets import PRESETS, Preset
from vae.submission import NEW, check_request, check_waiting, submit_run
from vae.tracker import Record, Tracker

ROOT = Path(__file__).resolve().parent.parent
RUNS_VARIABLE = "VAE_RUNS"
TICK = 0.25
"""Seconds between two looks at the queue."""
MAX_RESTARTS = 3
"""How often a run that died goes on by itself without having got further."""


def runs_folder() -> Path:
    """Where runs are kept: ``VAE_RUNS``, or ``runs`` beside the package."""
    return Path(os.environ.get(RUNS_VARIABLE) or ROOT / "runs")


class Jobs:
    """The queue of one machine.

    Args:
        folder: Of the runs; made with the first.
        worlds: Where worlds are found to start from, and finished ones appear.
        caps: The most that a grant allows.
        waiting: Runs of one visitor that may wait for their turn.
        run: Whether to start runs; otherwise they are only shown and asked.
    """

    def __init__(
        self, folder: Path, worlds: Path, *, caps: Caps | None = None,
        waiting: int = WAITING_EACH, run: bool = True,
    ) -> None:  # fmt: skip
        self.folder, self.worlds, self.caps = Path(folder), Path(worlds), caps or Caps()
        self.waiting = waiting
        self.authority = Authority(self.folder)
        self._lock = threading.RLock()
        self._children: dict[str, Popen[bytes]] = {}
        self._submitting = threading.Lock()
        self._spent: set[str] = set()  # nonces of grants that were used
        self._board = Board(self.folder)
        self._gone = threading.Event()
        self._recover()
        self._thread = threading.Thread(target=self._watch, name="vae-jobs", daemon=True)
        if run:
            self._thread.start()

    # Before a run

    def presets(self) -> tuple[Preset, ...]:
        """Return what an artist can choose from."""
        return PRESETS

    def estimate(self, request: TrainRequest) -> Estimate:
        """Take three real steps in a child process; at most a minute, nothing is kept.

        Raises:
            VAEError: The request cannot be trained, for the reason it says.
        """
        check_request(request, self.worlds, self.caps)
        return estimate(request, self.worlds, self.caps)

    def grant(self, caps: Caps | None = None) -> Grant:
        """Hand out a grant for one run, within this server's caps."""
        return self.authority.grant(caps.within(self.caps) if caps else self.caps)

    def submit(self, request: TrainRequest, grant: Grant, *, visitor: str | None = None) -> str:
        """Put a run into the queue, with its own copy of the pictures, and return its id.

        Args:
            request: What is asked for.
            grant: Of this server.
            visitor: Who asks, which bounds how many may wait; None is this machine itself.

        Raises:
            TrainingError: The grant is not good, has been used, or is too small for the request;
                or too many runs of this visitor are waiting.
            DatasetError: The pictures are not screened, not agreed to, or changed since.
            ConfigError: The world, the preset or a setting is unknown.
            OSError: The disk refuses; nothing is left behind.
        """
        self.authority.check(grant)
        with self._submitting:  # hashing and copying take their time: only this waits for it
            runs = self._board.runs()
            used = {led.job()["grant"].get("nonce") for led in runs} | self._spent
            if grant.nonce in used:
                raise TrainingError("this permission to train was used before; press Train again")
            check_waiting(runs, visitor, self.waiting)
            run = submit_run(self.folder, self.worlds, request, grant, visitor=visitor)
            self._spent.add(grant.nonce)
            return run

    # What is seen

    def list(self) -> tuple[Status, ...]:
        """Return every run: at work, then waiting in order, then the rest, newest first."""
        with self._lock:
            return self._board.list()

    def status(self, id: str) -> Status:  # noqa: A002  # the word of the status itself
        """Return how far a run is.

        Raises:
            TrainingError: There is no such run.
        """
        with self._lock:
            return self._board.placed(self._board.latest(self._ledger(id).id))

    def records(self, id: str, since: int = 0) -> tuple[list[Record], int]:  # noqa: A002
        """Return the records after a place in the run's curves, and the place to ask from next.

        Where a run went back to its last state the records come from the beginning again: a
        reader that finds a step it has drops what it has from that step on.
        """
        path = self._ledger(id).folder / RECORDS
        try:
            file = path.stat().st_ino & 0xFFFFF  # so that a place tells whether it is of this file
        except FileNotFoundError:
            return [], 0
        before, offset = divmod(since, 1 << 32)
        records, end = Tracker(path).read_from(offset if before == file else 0)
        return records, (file << 32) + end

    def pictures(self, id: str) -> list[tuple[int, Path]]:  # noqa: A002
        """Return step and file of every sheet: reconstructions, originals, samples, nine each."""
        return self._ledger(id).pictures()

    def kept_picture(self, id: str) -> Path | None:  # noqa: A002
        """Return the sheet of the weights that became the world; None while there is no world."""
        return self._ledger(id).kept_picture()

    def live_picture(self, id: str) -> Path | None:  # noqa: A002
        """Return the sheet that is drawn while somebody looks, and note that somebody does."""
        ledger = self._ledger(id)
        ledger.mark_seen()
        return ledger.live_picture()

    def mirror(self, id: str) -> Mirror:  # noqa: A002
        """Return samples beside their nearest training pictures; empty before the end."""
        return Mirror.load(self._ledger(id).folder)

    # Control

    def pause(self, id: str) -> Status:  # noqa: A002
        """Save and rest; the next in the queue may work meanwhile."""
        with self._lock:
            status = self.status(id)
            if self._live(id):
                self._ledger(id).ask(ask="pause")
            elif status.state == "queued":
                self._board.write(status.changed(state="paused", message=""))
            return self.status(id)

    def resume(self, id: str) -> Status:  # noqa: A002
        """Go on with a run that rests, from its last state; it waits for its turn."""
        with self._lock:
            status = self.status(id)
            if status.state in ("paused", "failed"):
                self._queue(status, restarts=0)
            elif self._live(id) and self._ledger(id).control().ask == "pause":
                self._ledger(id).ask(ask="run")
            return self.status(id)

    def stop(self, id: str) -> Status:  # noqa: A002
        """Stop and keep: what it has learned so far becomes a world."""
        with self._lock:
            status, ledger = self.status(id), self._ledger(id)
            if self._live(id):
                ledger.ask(ask="stop")
            elif status.state in ("queued", "paused", "failed"):
                if status.saved:
                    self._queue(status, ask="stop")
                elif status.state != "failed":
                    self._board.write(status.changed(state="stopped", message=_BEFORE))
            return self.status(id)

    def save(self, id: str) -> Status:  # noqa: A002
        """Write the state to the disk now."""
        with self._lock:
            if self._live(id):
                ledger = self._ledger(id)
                ledger.ask(saves=ledger.control().saves + 1)
            return self.status(id)

    def extend(self, id: str, minutes: float) -> Status:  # noqa: A002
        """Train for some minutes more: from where it is, or, if it has ended, from there.

        Raises:
            TrainingError: The grant does not allow it, or the run has nothing to go on from.
        """
        with self._lock:
            status, ledger = self.status(id), self._ledger(id)
            control = ledger.control()
            left = Grant.from_dict(ledger.job()["grant"]).minutes - planned_minutes(status, control)
            if not 0 < minutes <= left:
                left = max(0.0, left)
                raise TrainingError(f"this run may take {left:g} minutes more, not {minutes:g}")
            if status.state in ("done", "stopped") and not status.saved:
                raise TrainingError("this run has nothing to go on from; start a new one")
            control = ledger.ask(minutes=control.minutes + minutes)
            if not self._live(id):
                planned = planned_minutes(status, control)
                status = status.changed(minutes=planned, extended=control.minutes)
                self._board.write(status)
                if status.state in ("done", "stopped"):
                    self._queue(status, restarts=0)
            return self.status(id)

    def forget(self, id: str, *, confirm: bool = False) -> None:  # noqa: A002
        """Remove a run's folder (never its world).

        Raises:
            ConfigError: It was not confirmed.
            TrainingError: It is at work.
        """
        if confirm is not True:
            raise ConfigError("removing a run cannot be undone; confirm it")
        with self._lock:
            ledger = self._ledger(id)
            if self._live(id):
                raise TrainingError("this run is at work; stop it first")
            self._board.forget(id)
            trash = self.folder / f"{NEW}{id}"
            with suppress(FileNotFoundError):  # it has vanished by itself
                ledger.folder.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)

    def close(self, *, wait: float = 15.0) -> None:
        """Let the run at work save itself and rest until the next :class:`Jobs`."""
        self._gone.set()
        if self._thread.is_alive():
            self._thread.join(wait)
        with self._lock:
            children = dict(self._children)
            for id, child in children.items():  # noqa: A001
                ledger = self._ledger(id)
                if child.poll() is None and ledger.exists and ledger.control().ask == "run":
                    ledger.ask(ask="leave")
        until = time.monotonic() + wait
        while time.monotonic() < until and any(c.poll() is None for c in children.values()):
            time.sleep(0.05)

    # The queue

    def _watch(self) -> None:
        while not self._gone.wait(TICK):
            try:
                with self._lock:
                    self._tick()
            except (OSError, TrainingError):  # a full disk, a folder gone: try again
                self._gone.wait(1.0)

    def _tick(self) -> None:
        for id, child in list(self._children.items()):  # noqa: A001
            if child.poll() is not None:
                del self._children[id]
                self._after(id, child.returncode)
        self._board.write_again()
        runs = self._board.runs()
        for ledger in runs:
            if self._board.latest(ledger.id).state in WORKING and not self._live(ledger.id):
                self._after(ledger.id, None)
        if not any(self._live(ledger.id) for ledger in runs):
            waiting = self._board.waiting()
            if waiting:
                self._start(waiting[0])

    def _start(self, id: str) -> None:  # noqa: A002
        ledger = self._ledger(id)
        if ledger.control().ask in ("pause", "leave"):
            ledger.ask(ask="run")
        self._board.write(self._board.latest(id).changed(state="preparing", message=""))
        self._children[id] = spawn(ledger.folder, self.worlds)

    def _after(self, id: str, code: int | None) -> None:  # noqa: A002
        """Decide what becomes of a run whose worker is no more."""
        ledger = Ledger(self.folder / id)
        if not ledger.exists:
            if not (ledger.folder / DATA).is_dir():  # only what was written since it vanished
                shutil.rmtree(ledger.folder, ignore_errors=True)
            self._board.write(Status(id=id).changed(state="failed", message=VANISHED))
            return
        if code == BUSY or ledger.busy:  # another process is at it, and tells how it goes
            return
        status = self._board.latest(id)
        if status.state not in WORKING:
            return
        restarts = status.restarts + 1
        why = _cause(code)
        if restarts > MAX_RESTARTS:
            message = f"{why} It did so {restarts} times without getting further."
            self._board.write(status.changed(state="failed", message=message, pid=None))
            return
        message = f"{why} It goes on from step {status.saved}."
        self._queue(status, first=True, message=message, restarts=restarts)

    def _recover(self) -> None:
        """Sweep what a killed server left half made, and put its runs back into the queue."""
        if not self.folder.is_dir():
            return
        for path in self.folder.glob(f"{NEW}*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.glob(".key.*.part"):
            path.unlink(missing_ok=True)
        for ledger in self._board.runs():
            if not ledger.busy:
                ledger.sweep()

    def _queue(
        self,
        status: Status,
        *,
        ask: str | None = None,
        first: bool = False,
        **changes: Any,
    ) -> None:
        ledger = self._ledger(status.id)
        control = ledger.control()
        if ask is not None or (control.ask != "run" and not first):
            ledger.ask(ask=ask or "run")
        queued = 0.0 if first else time.time()
        values = {"state": "queued", "message": "", "pid": None, "queued": queued} | changes
        self._board.write(status.changed(**values))

    def _live(self, id: str) -> bool:  # noqa: A002
        child = self._children.get(id)
        return (child is not None and child.poll() is None) or self._ledger(id).busy

    def _ledger(self, id: str) -> Ledger:  # noqa: A002
        return self._board.ledger(id, known=id in self._children)


_BEFORE = "It was stopped before it began; nothing was kept."


def _cause(code: int | None) -> str:
    if code is not None and code < 0:
        return "The training process was killed from outside, perhaps for want of memory."
    return "The training process ended unexpectedly."

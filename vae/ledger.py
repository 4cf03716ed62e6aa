"""The folder of one training run: what was asked, how far it is, and who is at work on it.

Free of PyTorch, so that a page can read it before anything heavy is imported. A run's folder holds

===================== ==========================================================================
``job.json``          the request, the grant and the world's name; written last, once
``data/``             the run's own copy of the screened pictures
``status.json``       how far it is: written by the worker while it lives, else by :class:`Jobs`
``control.json``      what was asked of the worker since
``run.jsonl``         training and held-out losses, and what the coach said
``pictures/``         one sheet a moment, ``live.webp`` while somebody looks, and ``kept.webp`` of
                      the weights that became the world
``training.safetensors``  the state to go on from
``mirror/``           samples beside their nearest training pictures
===================== ==========================================================================
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vae.errors import CheckpointError, TrainingError
from vae.lock import alone, taken
from vae.utils import sweep, write_atomic

JOB, STATUS, CONTROL, RECORDS = "job.json", "status.json", "control.json", "run.jsonl"
LOCK, PICTURES, DATA, MIRROR = "lock", "pictures", "data", "mirror"
KEPT, LIVE = "kept", "live"
SEEN = ".seen"
"""Marked while somebody looks at a run."""
SEEN_FOR = 2.0
"""Seconds after a mark for which somebody is taken to look on."""
STATE_FILE = "training.safetensors"
BUSY = 3
"""Exit code of a worker that found another at its run."""
WAITING, RESTING = ("queued",), ("paused", "done", "stopped", "failed")
WORKING = ("preparing", "training", "stopping", "finishing")
STATES = (*WAITING, *WORKING, *RESTING)


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """What an artist asks for.

    Attributes:
        name: Of the new world, in the artist's own letters.
        start: Name of the world to start from; None starts from nothing.
        manifest: Folder of the screened pictures.
        preset: ``'taste'``, ``'proper'`` or ``'scratch'``.
        changes: Settings of the protocol to replace, and ``replay`` (share of the batch).
    """

    name: str
    start: str | None
    manifest: Path
    preset: str = "taste"
    changes: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self) | {"manifest": str(self.manifest)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainRequest:
        """Read what :meth:`to_dict` made."""
        request = cls(**values)
        return replace(request, manifest=Path(request.manifest))


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a run is.

    Attributes:
        id: The name of its folder.
        name: As the artist wrote it.
        state: One of :data:`STATES`.
        place: In the queue, 0 at work; -1 for one that is not waiting.
        step: Optimiser steps done.
        progress: 0 to 1.
        images_per_second: Trained on.
        seconds_left: To the new world; None where that cannot be told yet.
        kept_step: The step whose weights are kept, see `vae.keeping`; None before any.
        message: A sentence, or nothing.
        coach: ``{"code", "sentence"}``.
        pid: Of the process at work.
        started: Unix seconds; None before.
        updated: Unix seconds.
        device: ``'cpu'``, ``'cuda'`` or ``'mps'``.
        num_images: Training and held-out pictures.
        minutes: The length asked for, extensions included.
        world: The finished world's name; empty before.
        extended: Minutes of it that were added since it began, and have been heard.
        made: The step at whose end that world was put in place; None before.
        queued: Unix seconds of when it was put into the queue.
        saved: The step of the last state on the disk.
        saves: How many times "save now" has been done.
        memory_bytes: Peak memory of the process at work.
        restarts: How often it died and went on without getting further.
    """

    id: str
    name: str = ""
    state: str = "queued"
    place: int = -1
    step: int = 0
    progress: float = 0.0
    images_per_second: float = 0.0
    seconds_left: float | None = None
    kept_step: int | None = None
    message: str = ""
    coach: dict[str, str] = field(default_factory=lambda: {"code": "", "sentence": ""})
    pid: int | None = None
    started: float | None = None
    updated: float = 0.0
    device: str = ""
    num_images: int = 0
    minutes: float = 0.0
    extended: float = 0.0
    world: str = ""
    made: int | None = None
    queued: float = 0.0
    saved: int = 0
    saves: int = 0
    memory_bytes: int = 0
    restarts: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def changed(self, **changes: Any) -> Status:
        """Return a copy with some fields replaced and the time of now."""
        return replace(self, **changes, updated=time.time())


@dataclass(frozen=True, kw_only=True)
class Control:
    """What was asked of a worker.

    Attributes:
        ask: ``'run'``, ``'pause'``, ``'stop'`` (stop and keep) or ``'leave'`` (the server goes).
        saves: How many times "save now" was pressed.
        minutes: By how much the run was extended, in all.
    """

    ask: str = "run"
    saves: int = 0
    minutes: float = 0.0


def planned_minutes(status: Status, control: Control) -> float:
    """Return the length of a run with all it was extended by, heard by its worker or not yet.

    Of a run that is counted in steps it is the extensions alone.
    """
    return (status.minutes or status.extended) + max(0.0, control.minutes - status.extended)


class Ledger:
    """Reads and writes the files of one run.

    Args:
        folder: ``runs/ID``.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def id(self) -> str:
        """The run's name among the others."""
        return self.folder.name

    def job(self) -> dict[str, Any]:
        """Return what was asked for: ``request``, ``grant``, ``world``, ``submitted``.

        Raises:
            CheckpointError: The folder is gone, or holds no run.
        """
        try:
            return json.loads((self.folder / JOB).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.folder.name} is not a run, or its folder is gone"
            ) from error

    def write_job(self, job: dict[str, Any]) -> None:
        """Write ``job.json``; a folder without it is no run."""
        write_atomic(self.folder / JOB, _json(job))

    def status(self) -> Status:
        """Return the last status written, or that of a run just put into the queue."""
        known = {f.name for f in fields(Status)} - {"id"}
        try:
            found = json.loads((self.folder / STATUS).read_text(encoding="utf-8"))
            return Status(id=self.id, **{k: v for k, v in found.items() if k in known})
        except (OSError, ValueError, AttributeError, TypeError):
            return Status(id=self.id)

    def write_status(self, status: Status, *, sync: bool = True) -> None:
        """Replace the status; a run whose folder is gone stays gone."""
        if self.exists:
            write_atomic(self.folder / STATUS, _json(status.to_dict()), sync=sync)

    def control(self) -> Control:
        """Return what was asked since the run began."""
        known = {f.name for f in fields(Control)}
        try:
            found = json.loads((self.folder / CONTROL).read_text(encoding="utf-8"))
            return Control(**{k: v for k, v in found.items() if k in known})
        except (OSError, ValueError, AttributeError, TypeError):
            return Control()

    def write_control(self, control: Control) -> None:
        """Replace what is asked."""
        if self.exists:
            write_atomic(self.folder / CONTROL, _json(asdict(control)))

    def ask(self, **changes: Any) -> Control:
        """Change what is asked, and return it."""
        control = replace(self.control(), **changes)
        self.write_control(control)
        return control

    @property
    def exists(self) -> bool:
        """Whether the run's folder is still there."""
        return (self.folder / JOB).is_file()

    def pictures(self) -> list[tuple[int, Path]]:
        """Return step and file of every sheet, in order."""
        found = (self.folder / PICTURES).glob("[0-9]*.webp")
        return sorted((int(path.stem), path) for path in found if path.stem.isdigit())

    def kept_picture(self) -> Path | None:
        """Return the sheet of the weights that became the world; None while there is no world."""
        path = self.folder / PICTURES / f"{KEPT}.webp"
        return path if self.status().state in ("done", "stopped") and path.is_file() else None

    def live_picture(self) -> Path | None:
        """Return the sheet that is drawn tile by tile; None while the run is not training."""
        path = self.folder / PICTURES / f"{LIVE}.webp"
        return path if self.status().state == "training" and path.is_file() else None

    def mark_seen(self) -> None:
        """Say that somebody looks at this run."""
        with suppress(OSError):
            if self.exists:
                (self.folder / SEEN).touch()

    @property
    def is_seen(self) -> bool:
        """Whether somebody looks at this run."""
        try:
            marked = (self.folder / SEEN).stat().st_mtime
        except OSError:
            return False
        return abs(time.time() - marked) < SEEN_FOR

    def size(self) -> int:
        """Return the bytes that the run's folder takes, its copy of the pictures included."""
        total = 0
        for path in self.folder.rglob("*"):
            try:
                total += path.stat().st_size if path.is_file() else 0
            except OSError:  # replaced or swept just now
                continue
        return total

    def sweep(self) -> None:
        """Remove the half-written files of a process that was killed."""
        for folder in (self.folder, self.folder / PICTURES, self.folder / MIRROR):
            sweep(folder)

    @property
    def busy(self) -> bool:
        """Whether a worker lives: it holds the lock, which the system takes back with its life."""
        return taken(self.folder / LOCK)

    @contextmanager
    def at_work(self) -> Iterator[bool]:
        """Hold the run's lock; gives False at once where another process has it."""
        with alone(self.folder / LOCK, patience=2.0) as got:
            yield got


def all_runs(folder: Path) -> list[Ledger]:
    """Return the runs below ``folder``; names that begin with a dot are no runs."""
    if not folder.is_dir():
        return []
    return [
        Ledger(path)
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (path / JOB).is_file()
    ]


def find_run(folder: Path, name: str) -> Ledger:
    """Return a run by its id, its folder, or the name of its world (the newest of that name).

    Raises:
        TrainingError: There is none.
    """
    for path in (folder / name, Path(name)):
        if (path / JOB).is_file():
            return Ledger(path.resolve())
    found = [led for led in all_runs(folder) if name in (led.job()["world"], led.status().name)]
    if not found:
        known = ", ".join(str(led.job()["world"]) for led in all_runs(folder)) or "none"
        raise TrainingError(f"there is no run called {name}; there are: {known}")
    return found[-1]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()

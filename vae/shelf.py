"""Where worlds lie: which folders are worlds, and putting one in the place of another as a whole.

A folder whose name begins with a dot is no world. A change to the worlds is prepared in one, a
tray, beside them. It holds

======== =========================================================================================
``lock`` held by who is at work; the system takes it back with the life of that process
``new``  the files of a world, as they are being written
``old``  the world whose place it takes, or one that is being deleted
``goal`` the name of that place: written once ``new`` is whole, before anything moves
======== =========================================================================================

A killed process leaves a tray that tells what is to be done: a place that was emptied gets the new
world, and everything else is swept. Free of PyTorch.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vae.lock import alone
from vae.utils import sync_folder, write_atomic

CHECKPOINTS = Path(__file__).resolve().parent.parent / "checkpoints"
"""Where the shipped worlds are."""
WEIGHTS = "model.safetensors"
REQUIRED = ("config.json", "sliders.json", WEIGHTS)
"""The files without which a folder is no world."""
TRAY = ".tray-"
STALE = 3600.0
"""Seconds after which a hidden folder that nobody holds is taken for left behind."""
_LOCK, _GOAL, _NEW, _OLD = "lock", "goal", "new", "old"
_BEFORE = (".import-", ".deleted-")
"""How such folders began that held no lock."""


def world_folders(worlds: Path) -> list[Path]:
    """Return the folders that hold the weights of a world, by name; see :func:`tend`."""
    tend(worlds)
    found = (path.parent for path in worlds.glob(f"*/{WEIGHTS}"))
    return sorted(path for path in found if not path.name.startswith("."))


class Tray:
    """A hidden folder beside the worlds, for one change to them; see :func:`tray`.

    Attributes:
        new: Folder for the files of a world; made with the first.
        old: Where a world goes that is to be no more.
    """

    def __init__(self, folder: Path) -> None:
        self.new, self.old = folder / _NEW, folder / _OLD
        self._goal = folder / _GOAL

    def put(self, target: Path) -> None:
        """Move the new world, which is whole, to its place; the one that was there goes.

        Raises:
            OSError: The disk refuses; the place is as it was.
        """
        write_atomic(self._goal, target.name.encode())
        taken = target.exists()
        try:
            if taken:
                target.rename(self.old)
            self.new.rename(target)
        except BaseException:
            if self.old.exists():
                self.old.rename(target)
            self._goal.unlink(missing_ok=True)
            raise
        with suppress(OSError):  # it is in place, whatever the disk says of how long it stays
            sync_folder(target.parent)


@contextmanager
def tray(worlds: Path) -> Iterator[Tray]:
    """Hold a tray beside the worlds; what is left in it goes with it.

    Raises:
        OSError: The disk refuses.
    """
    worlds.mkdir(parents=True, exist_ok=True)
    tend(worlds)
    folder = worlds / f"{TRAY}{secrets.token_hex(6)}"
    folder.mkdir()
    try:
        with alone(folder / _LOCK, patience=2.0):
            try:
                yield Tray(folder)
            finally:
                _clear(folder)
    finally:
        _remove(folder)


def tend(worlds: Path) -> None:
    """Finish what a killed process has begun with the worlds, and sweep what else it left.

    What a living one is at work on stays, and a folder that cannot be written is left alone.
    """
    with suppress(OSError):
        for path in [path for path in worlds.iterdir() if path.name.startswith(".")]:
            with suppress(OSError):
                if path.name.startswith(TRAY):
                    _take_up(path)
                elif path.name.startswith(_BEFORE) and _age(path) > STALE:
                    shutil.rmtree(path, ignore_errors=True)


def _take_up(folder: Path) -> None:
    if not (folder / _LOCK).is_file() and _age(folder) < STALE:
        return  # of one who is about to take the lock
    with alone(folder / _LOCK) as left:
        if left:
            _clear(folder)
    if left:
        _remove(folder)


def _clear(folder: Path) -> None:
    """Fill the place that a tray has emptied, if it has, and empty the tray; its lock is held."""
    with suppress(FileNotFoundError):
        place = folder.parent / Path((folder / _GOAL).read_text(encoding="utf-8")).name
        if not place.exists():
            whole = [path for path in (folder / _NEW, folder / _OLD) if path.is_dir()]
            for path in whole[:1]:
                path.rename(place)
                sync_folder(folder.parent)
        (folder / _GOAL).unlink()  # first: what is removed in part must never come back
    for path in (folder / _NEW, folder / _OLD):
        shutil.rmtree(path, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a tray, unless it still has to give a world back."""
    if not (folder / _GOAL).exists():
        shutil.rmtree(folder, ignore_errors=True)


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime

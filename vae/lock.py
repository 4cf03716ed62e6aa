"""One process at a time: locks that the system takes back with the life of who holds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def alone(path: Path, patience: float = 0.0) -> Iterator[bool]:
    """Hold the lock of a file, which is made if need be.

    Args:
        path: The file; its folder exists. Nothing is written into it, and it stays.
        patience: Seconds to wait for another process that has it.

    Yields:
        Whether it is held; False where another has it.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def taken(path: Path) -> bool:
    """Whether some process holds the lock of a file; not where there is none to hold."""
    if not path.is_file():
        return False
    try:
        with alone(path) as got:
            return not got
    except OSError:
        return False

"""Two small things that everybody needs one way only: timestamps and safe file writing.

Nothing else belongs here; a helper with one caller lives beside its caller.
"""

from __future__ import annotations

import errno
import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

TIMESTAMP_FORMAT = "%Y-%m-%dT%H-%M-%S-%fZ"


def log_timestamp(when: datetime | None = None) -> str:
    """Return the one timestamp of logs and file names, in UTC to the millisecond.

    It sorts as text in the order of time, and holds no character (colon, space, dot) that
    a file system or a file suffix could trip over.

    Args:
        when: A moment; naive ones are taken as UTC. None is now.

    Returns:
        Text such as ``2026-11-22T18-37-35-042Z``, always 24 characters.
    """
    moment = datetime.now(UTC) if when is None else when
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H-%M-%S}-{moment.microsecond // 1000:03d}Z"


def parse_timestamp(text: str) -> datetime:
    """Return the moment that `log_timestamp` wrote, in UTC.

    Raises:
        ValueError: The text is not such a timestamp.
    """
    return datetime.strptime(text, TIMESTAMP_FORMAT).replace(tzinfo=UTC)


def write_atomic(path: str | os.PathLike[str], data: bytes, *, sync: bool = True) -> Path:
    """Write `data` to `path` so that a reader, or a crash, sees the old file or the new one whole.

    The bytes go to a file of a name of its own beside the target, are fsynced, take the
    target's place by rename, and then the folder is fsynced so that the rename lasts too.
    Missing folders are made. A new file gets the permissions of any other (the umask's), a
    replaced one keeps its own.

    Args:
        path: The file to write or replace.
        data: Its whole content.
        sync: Wait for the disk. Without it a crash of the machine itself (not of the process) may
            leave an empty file: only for what is written anew several times a second.

    Returns:
        The path that was written.

    Raises:
        OSError: The folder cannot be written, or the disk is full. The target is as it was,
            and nothing is left beside it.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        _write_new(beside, data, sync=sync)
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o7777)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(target.parent)
    return target


def sweep(folder: Path) -> None:
    """Remove what a process that was killed within `write_atomic` left in `folder`."""
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)


def sync_tree(folder: Path) -> None:
    """Wait until all that lies below `folder` is on the disk: before a rename that publishes it.

    After the last write rather than file by file, most of it is there by then: 200 pictures of a
    screening cost half a second.

    Raises:
        OSError: The disk refuses.
    """
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        elif not path.is_symlink():
            _sync(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` last; Windows has no such call and needs none."""
    if os.name != "nt":
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_new(path: Path, data: bytes, *, sync: bool) -> None:
    """Create `path`, which must not exist, with `data`; on the disk where `sync` is asked."""
    with path.open("xb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())


def num_cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system tells
        return os.cpu_count() or 1

"""Run records: one JSON object a line, appended by one process and read by any other.

A training run writes with `Tracker.append` while a page reads with `Tracker.read_from`. A line is
written by one call and ends in a newline, so a reader takes whole lines only and leaves a torn
last one for the next time; a crash costs at most the line that was being written.

A record is a dict with an integer ``"step"`` and numbers, text, lists or dicts beside it. JSON
has no NaN and no infinity, and a diverging run is just the one worth reading about: they are
written as ``{"$float": "nan"}`` and read back as floats.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from vae.errors import ConfigError, TrainingError
from vae.utils import write_atomic

Record = dict[str, Any]
_MARK = "$float"


class Tracker:
    """A file of run records.

    Opening costs nothing and creates nothing: the file is made by the first `append`, so a
    reader may be there before the writer. One process writes at a time.

    Args:
        path: The file; by custom ``run.jsonl``.
        sync: Wait for the disk after every record. Off by default: whole lines are handed to the
            operating system at once, so only a crash of the machine itself can lose any.
        tensorboard: Folder to write TensorBoard event files into as well; None writes none.

    Raises:
        ConfigError: Event files are asked for and ``tensorboard`` is not installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sync: bool = False,
        tensorboard: str | os.PathLike[str] | None = None,
    ):
        self.path = Path(path)
        self.sync = sync
        self._events = None if tensorboard is None else _event_writer(tensorboard)
        self._file: int | None = None
        self._read_file: tuple[int, int] | None = None

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record, whole and at once visible to readers.

        Args:
            record: ``{"step": 12, "loss": 0.3, …}``. Numbers of NumPy and PyTorch are taken as
                their values. Keys are text.

        Raises:
            TrainingError: There is no integer step, or a value has no place in JSON.
            OSError: The disk refuses; what was written of the line is cut off by the next one.
        """
        line = _encode(record)
        if self._file is None:
            self._file = self._open()
        try:
            _write_all(self._file, line)
            if self.sync:
                os.fsync(self._file)
        except OSError:
            os.close(self._file)
            self._file = None
            raise
        if self._events is not None:
            _add_scalars(self._events, record)

    def read(self) -> list[Record]:
        """Return all whole records; none where the file is not there yet."""
        return self.read_from(0)[0]

    def read_from(self, offset: int) -> tuple[list[Record], int]:
        """Return the records after byte `offset`, and the offset to go on from.

        The offset only ever stands at the end of a whole line, so a line that is half written
        now is returned whole by a later call. Where a resume has replaced the file since, the
        records come from its beginning again: a caller that finds a step it has already seen
        drops what it has from that step on.

        Raises:
            TrainingError: A whole line is not a record.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return [], 0
        with file:
            start = self._place_of(offset, os.fstat(file.fileno()))
            file.seek(start)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        return list(self._decode(whole)), start + len(whole)

    def resume(self, step: int) -> int:
        """Keep the records up to and with `step` and drop the rest, so that a run can go on.

        Records of the steps after a checkpoint are written once more by the resumed run; the
        curves then have no step twice. The file is replaced in one go.

        Args:
            step: The last step that the checkpoint has done.

        Returns:
            Number of records kept.
        """
        self.close()
        records = self.read()
        kept = [record for record in records if record["step"] <= step]
        if len(kept) < len(records):
            write_atomic(self.path, b"".join(_encode(record) for record in kept))
        return len(kept)

    def close(self) -> None:
        """Hand everything to the disk and close; a later `append` opens again."""
        if self._file is not None:
            os.fsync(self._file)
            os.close(self._file)
            self._file = None
        if self._events is not None:
            self._events.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place_of(self, offset: int, file: os.stat_result) -> int:
        """Return where to read on: at `offset`, or at 0 in a file that is not the one before."""
        before, self._read_file = self._read_file, (file.st_dev, file.st_ino)
        same = before is None or before == self._read_file
        return offset if same and 0 <= offset <= file.st_size else 0

    def _open(self) -> int:
        """Open for appending, and cut off a line that an earlier crash left torn."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        file = os.open(self.path, flags, 0o666)
        size = os.fstat(file).st_size
        whole = _end_of_last_line(file, size)
        if whole < size:
            os.ftruncate(file, whole)
        return file

    def _decode(self, data: bytes) -> Iterator[Record]:
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                record = json.loads(line, object_hook=_restore)
            except ValueError as error:
                raise TrainingError(
                    f"expected run records in {self.path.name}, found a line that is not JSON "
                    f"(number {number} of those read); remove it or start a new run."
                ) from error
            if not isinstance(record, dict) or not isinstance(record.get("step"), int):
                raise TrainingError(
                    f"expected run records with a step in {self.path.name}, found {line[:60]!r}; "
                    "is it the file of something else?"
                )
            yield record


def column(records: list[Record], key: str) -> tuple[list[int], list[float]]:
    """Return the steps and the values of one key, for a curve; records without it are skipped."""
    some = [(record["step"], float(record[key])) for record in records if key in record]
    return [step for step, _ in some], [value for _, value in some]


def _event_writer(folder: str | os.PathLike[str]) -> Any:
    """Return a writer of TensorBoard event files."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ConfigError(
            "TensorBoard event files need the package tensorboard: pip install tensorboard"
        ) from error
    return SummaryWriter(os.fspath(folder))


def _add_scalars(events: Any, record: Mapping[str, Any]) -> None:
    """Write the numbers of a record as ``name/kind``, so that training and test share a chart."""
    kind = record.get("kind", "step")
    for name, value in record.items():
        if name != "step" and isinstance(value, int | float) and not isinstance(value, bool):
            events.add_scalar(f"{name}/{kind}", value, record["step"])


def _encode(record: Mapping[str, Any]) -> bytes:
    """Return the line of a record."""
    step = _plain(record.get("step"))
    if not isinstance(step, int) or isinstance(step, bool):
        raise TrainingError(f"expected a record with an integer 'step', found {step!r}; add one.")
    text = json.dumps(_plain(dict(record)), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_MARK: repr(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy and PyTorch, without importing either
        return _plain(value.tolist())
    raise TrainingError(
        f"expected numbers, text, lists or dicts in a record, found {type(value).__name__}; "
        "convert it first."
    )


def _restore(value: dict[str, Any]) -> Any:
    """Turn the mark of a number that JSON lacks back into that number."""
    return float(value[_MARK]) if value.keys() == {_MARK} else value


def _write_all(file: int, data: bytes) -> None:
    """Write everything; one call in practice, more where the system takes less at a time."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _end_of_last_line(file: int, size: int, block: int = 65536) -> int:
    """Return the offset behind the last newline."""
    end = size
    while end > 0:
        start = max(0, end - block)
        os.lseek(file, start, os.SEEK_SET)
        place = os.read(file, end - start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0

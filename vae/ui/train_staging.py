"""Where an artist's drawings wait: a folder a batch, filled by small pieces, swept when stale.

The browser makes up the number of a batch and sends each file as pieces of a few megabytes, each
in a request of its own, so that a large ZIP needs no door wider than the one for a picture. A file
appears among the others once it is whole. Nothing is decoded here.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from vae.errors import DatasetError
from vae.ui.visitor import visitor
from vae.ui.words import TRAIN
from vae.utils import write_atomic

PIECE_BYTES = 4 * 2**20
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_BATCH = re.compile(r"[0-9a-f]{32}")
_LONGEST_NAME = 80
_FILES, _PARTS, _OWNER = "files", "parts", "visitor"


@dataclass(frozen=True, kw_only=True)
class Caps:
    """How much may wait.

    Attributes:
        files: Files in a batch.
        file_bytes: Bytes of a picture.
        zip_bytes: Bytes of a ZIP.
        batch_bytes: Bytes of a batch.
        batches: Batches at once, of all visitors.
        visitor_batches: Batches at once, of one visitor.
        visitor_bytes: Bytes of all batches of one visitor.
        stale: Seconds after which an untouched batch may be removed.
        idle: Seconds after which the oldest one makes room, of who needs a new one at this machine.
    """

    files: int = 2000
    file_bytes: int = 20 * 2**20
    zip_bytes: int = 512 * 2**20
    batch_bytes: int = 2**30
    batches: int = 16
    visitor_batches: int = 5
    visitor_bytes: int = 2 * 2**30
    stale: float = 24 * 3600.0
    idle: float = 3600.0


class Staging:
    """Batches of files below one folder.

    Args:
        folder: Made when the first file comes.
        caps: How much may wait.
    """

    def __init__(self, folder: Path, caps: Caps | None = None) -> None:
        self.folder = folder
        self.caps = caps or Caps()
        self._lock = threading.Lock()

    def path(self, batch: str) -> Path:
        """Return the folder of a batch, which need not be there.

        Raises:
            DatasetError: This is no number of a batch.
        """
        if not isinstance(batch, str) or not _BATCH.fullmatch(batch):
            raise DatasetError(TRAIN["lost_batch"])
        return self.folder / batch

    def files(self, batch: str) -> list[Path]:
        """Return the whole files of a batch, by name."""
        folder = self.path(batch) / _FILES
        return sorted(path for path in folder.glob("*") if path.is_file())

    def put(self, batch: str, part: str, name: str, piece: bytes, *, offset: int, size: int) -> int:
        """Take a piece of a file, in order; return the bytes of the file there are now.

        Args:
            batch: Number of the batch, 32 hexadecimal digits.
            part: Number of this file in the browser, of the same form.
            name: The file's name in the artist's words; folders before it are dropped.
            piece: The bytes from ``offset`` on.
            offset: Bytes sent before.
            size: Bytes of the whole file.

        Raises:
            DatasetError: The file is of no use here, a piece is missing, or a cap is reached.
        """
        folder, name = self.path(batch), clean_name(name)
        self.path(part)  # of the same form
        self._check(name, piece, offset, size)
        with self._lock:
            if not folder.is_dir():
                self._make_room()
            beside = folder / _PARTS / part
            self._check_room(batch, offset, size)
            if not offset:
                self._check_visitor(batch, size)
            beside.parent.mkdir(parents=True, exist_ok=True)
            if not (folder / _OWNER).is_file():
                write_atomic(folder / _OWNER, visitor().encode())
            there = beside.stat().st_size if offset and beside.is_file() else 0
            if there != offset:
                raise DatasetError(TRAIN["torn"].format(name=name))
            with beside.open("ab" if offset else "wb") as file:
                file.write(piece)
            if offset + len(piece) == size:
                (folder / _FILES).mkdir(exist_ok=True)
                beside.replace(_free(folder / _FILES / name))
            folder.touch()
        return offset + len(piece)

    def remove(self, batch: str) -> None:
        """Forget a batch."""
        shutil.rmtree(self.path(batch), ignore_errors=True)

    def sweep(self) -> int:
        """Remove what nobody has touched for long; return how many batches that were."""
        latest = time.time() - self.caps.stale
        old = [path for path in self._batches() if path.stat().st_mtime < latest]
        for path in old:
            shutil.rmtree(path, ignore_errors=True)
        return len(old)

    def _batches(self) -> list[Path]:
        return [path for path in self.folder.glob("*") if path.is_dir()]

    def _make_room(self) -> None:
        self.sweep()
        if len(self._batches()) >= self.caps.batches and not self._gave_way():
            raise DatasetError(TRAIN["crowded"])
        if visitor() and len(self._batches_of(visitor())) >= self.caps.visitor_batches:
            raise DatasetError(TRAIN["many_tables"].format(limit=self.caps.visitor_batches))

    def _gave_way(self) -> bool:
        """Remove this machine's own oldest idle batch, where it is this machine that needs room.

        Every opening of the page lays a new table; what is trained on was copied from it before.
        """
        if visitor():
            return False
        latest = time.time() - self.caps.idle
        aged = [(path.stat().st_mtime, path) for path in self._batches_of("")]
        idle = sorted(pair for pair in aged if pair[0] < latest)
        if idle:
            shutil.rmtree(idle[0][1], ignore_errors=True)
        return bool(idle)

    def _batches_of(self, owner: str) -> list[Path]:
        return [path for path in self._batches() if _owner(path) == owner]

    def _check_visitor(self, batch: str, size: int) -> None:
        """Raise where a file that begins now, with all that its visitor has here, is too much."""
        folder = self.path(batch)
        owner = _owner(folder) if folder.is_dir() else visitor()
        if not owner:
            return
        waiting = [
            path.stat().st_size
            for mine in self._batches_of(owner)
            for path in (*(mine / _FILES).glob("*"), *(mine / _PARTS).glob("*"))
        ]
        if sum(waiting) + size > self.caps.visitor_bytes:
            raise DatasetError(TRAIN["full_tables"].format(limit=self.caps.visitor_bytes // 2**20))

    def _check(self, name: str, piece: bytes, offset: int, size: int) -> None:
        zipped = name.lower().endswith(".zip")
        if not zipped and not name.lower().endswith(SUFFIXES):
            raise DatasetError(TRAIN["foreign"])
        limit = self.caps.zip_bytes if zipped else self.caps.file_bytes
        if size > limit:
            raise DatasetError(TRAIN["large"].format(limit=limit // 2**20))
        if size <= 0 or not piece:
            raise DatasetError(TRAIN["empty"])
        if len(piece) > PIECE_BYTES or offset < 0 or offset + len(piece) > size:
            raise DatasetError(TRAIN["torn"].format(name=name))

    def _check_room(self, batch: str, offset: int, size: int) -> None:
        waiting = [path.stat().st_size for path in self.files(batch)]
        if not offset and len(waiting) >= self.caps.files:
            raise DatasetError(TRAIN["many"].format(limit=self.caps.files))
        parts = list((self.path(batch) / _PARTS).glob("*"))
        begun = sum(path.stat().st_size for path in parts) - offset
        if sum(waiting) + max(begun, 0) + size > self.caps.batch_bytes:
            raise DatasetError(TRAIN["full"].format(limit=self.caps.batch_bytes // 2**20))


def clean_name(name: str) -> str:
    """Return a name that any file system takes and that leads nowhere else."""
    last = re.split(r"[/\\]", str(name))[-1]
    plain = "".join("_" if c in '<>:"|?*' or unicodedata.category(c)[0] == "C" else c for c in last)
    stem, dot, suffix = plain.strip().rstrip(" .").rpartition(".")
    stem = stem.encode()[:_LONGEST_NAME].decode(errors="ignore").strip(" .")
    return f"{stem or 'drawing'}{dot}{suffix[:8]}"


def _owner(folder: Path) -> str:
    """Return whose a batch is; empty for this machine's, and before its first file is there."""
    try:
        return (folder / _OWNER).read_text(encoding="utf-8")
    except OSError:
        return ""


def _free(path: Path) -> Path:
    """Return the path, or the first one numbered after it that is not taken."""
    numbered = (path.with_stem(f"{path.stem} {number}") for number in range(2, 10**6))
    return path if not path.exists() else next(p for p in numbered if not p.exists())

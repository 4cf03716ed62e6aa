"""Where pictures come from: files, folders and ZIPs, listed first and read one by one.

Nothing is ever unpacked to the disk and no name from outside becomes a path, so no name can lead
anywhere. What is counted is what really comes out while reading, not what a header promises.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vae.errors import DatasetError
from vae.screening.manifest import ScreeningSettings
from vae.zips import DAMAGED, METHODS

MAX_LISTED = 20_000  # files that are looked at, at most
MAX_DIRECTORY = 16 * 2**20  # bytes of a ZIP's table of contents
MAX_RATIO = 100  # to which an entry of a ZIP may unfold
_RATIO_FROM = 2**20  # bytes; smaller ones may be anything
_CHUNK = 2**16
_JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_ARCHIVES = (*_ZIP, b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")


class Refused(Exception):  # noqa: N818  # it is an answer, not a failure
    """A file is not taken: its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Item:
    """One file that was found.

    Attributes:
        name: As the artist knows it.
        read: Returns its bytes, or raises `Refused`.
    """

    name: str
    read: Callable[[], bytes] = field(repr=False)


class Intake:
    """The files below some sources. A context manager: ZIPs stay open within.

    Attributes:
        items: What was found, in the order of the sources, sorted within each.
        notes: Sentences on what was left out as a whole.
    """

    def __init__(self, sources: Sequence[str | Path], settings: ScreeningSettings) -> None:
        """List the sources.

        Raises:
            DatasetError: There is no source, or one of them does not exist.
        """
        self.settings = settings
        self.items: list[Item] = []
        self.notes: list[str] = []
        self._total = 0
        self._open = ExitStack()
        if not sources:
            raise DatasetError("name a file, a folder or a ZIP to screen")
        try:
            for source in map(Path, sources):
                if not source.exists():
                    raise DatasetError(f"there is no file or folder {source}")
                self._list(source)
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _list(self, source: Path) -> None:
        if source.is_dir():
            for path in _walk(source):
                self._add(path, path.relative_to(source).as_posix())
        else:
            self._add(source.resolve(), source.name)

    def _add(self, path: Path, name: str) -> None:
        name = _shown(name)
        try:
            zipped = path.is_file() and not path.is_symlink() and _first_bytes(path) in _ZIP
        except (OSError, Refused):
            zipped = False  # why not is told when it is read
        if zipped:
            self._list_zip(path, name)
        else:
            self._append(Item(name, lambda: self._count(_read_file(path, self.settings.max_bytes))))

    def _append(self, item: Item) -> None:
        if len(self.items) < MAX_LISTED:
            self.items.append(item)
        elif not self.notes:
            self.notes.append(f"Only the first {MAX_LISTED} files were looked at.")

    def _list_zip(self, path: Path, name: str) -> None:
        try:
            file = self._open.enter_context(path.open("rb"))
            archive = zipfile.ZipFile(_Metered(file))
        except (*DAMAGED, OSError):
            self._append(Item(name, _refuse("unreadable")))
            return
        self._open.enter_context(archive)
        for info in sorted(archive.infolist(), key=lambda i: i.filename):
            if info.is_dir() or _is_junk(PurePosixPath(info.filename.replace("\\", "/")).parts):
                continue
            shown = f"{name}/{_shown(info.filename)}"
            self._append(Item(shown, lambda a=archive, i=info: self._read_entry(a, i)))

    def _read_entry(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
        """Read an entry, counting what comes out."""
        check_entry(info, self.settings.max_bytes)
        data = bytearray()
        most = min(self.settings.max_bytes, info.file_size)
        try:
            with archive.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    data += chunk
                    if len(data) > most:
                        raise Refused("archive_ratio")
                    if len(data) > max(_RATIO_FROM, MAX_RATIO * info.compress_size):
                        raise Refused("archive_ratio")
        except (*DAMAGED, OSError) as error:
            raise Refused("unreadable") from error
        return self._count(bytes(data))

    def _count(self, data: bytes) -> bytes:
        """Return a file's bytes, unless it is an archive or all together became too much."""
        self._total += len(data)
        if self._total > self.settings.max_total_bytes:
            raise Refused("total")
        if data.startswith(_ARCHIVES):
            raise Refused("archive")
        return data


def check_entry(info: zipfile.ZipInfo, max_bytes: int) -> None:
    """Judge an entry of a ZIP by its header alone.

    Raises:
        Refused: Its name leads elsewhere, it is a link, it is locked, or it says it is too large.
    """
    if not _is_safe_name(info.orig_filename) or not _is_safe_name(info.filename):
        raise Refused("name")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise Refused("link")
    if info.flag_bits & 0x1:
        raise Refused("locked")
    if info.compress_type not in METHODS:
        raise Refused("archive_method")
    if info.file_size > max_bytes:
        raise Refused("too_many_bytes")


def _is_safe_name(name: str) -> bool:
    """Return whether a name stays below where it would be unpacked, on every system."""
    parts = name.replace("\\", "/").split("/")
    plain = name.isprintable() and 0 < len(name) <= 1024
    rooted = name.startswith(("/", "\\")) or ":" in parts[0]
    return plain and not rooted and ".." not in parts


def _shown(name: str) -> str:
    """Return a name fit to be shown: printable and not endless."""
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name)
    return text if len(text) <= 200 else f"…{text[-199:]}"


def _is_junk(parts: Sequence[str]) -> bool:
    """Return whether a path is of the kind systems leave behind."""
    hidden = any(part.startswith(".") and part.strip(".") for part in parts)
    return hidden or any(part.lower() in _JUNK for part in parts)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder, sorted; links are named but never followed."""
    for root, folders, files in os.walk(folder, followlinks=False):
        here = Path(root)
        linked = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(n for n in folders if n not in linked and not _is_junk((n,)))
        for name in sorted([*files, *linked]):
            if not _is_junk((name,)):
                yield here / name


def _open_file(path: Path) -> io.BufferedReader:
    """Open a regular file without following a link and without waiting on a pipe.

    Raises:
        Refused: It is something else, or cannot be opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        if path.is_symlink():
            raise Refused("link")
        handle = os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))
    except PermissionError as error:
        raise Refused("denied") from error
    except OSError as error:
        raise Refused("unreadable") from error
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise Refused("link")
    return file


def _read_file(path: Path, max_bytes: int) -> bytes:
    with _open_file(path) as file:
        if os.fstat(file.fileno()).st_size > max_bytes:
            raise Refused("too_many_bytes")
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise Refused("unreadable") from error
    if len(data) > max_bytes:
        raise Refused("too_many_bytes")
    return data


def _first_bytes(path: Path) -> bytes:
    with _open_file(path) as file:
        return file.read(4)


def _refuse(code: str) -> Callable[[], bytes]:
    def read() -> bytes:
        raise Refused(code)

    return read


class _Metered(io.RawIOBase):
    """A ZIP that gives no more than `MAX_DIRECTORY` in one piece: no endless table of contents."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("its table of contents is too large")
        data = self._file.read(MAX_DIRECTORY + 1 if size is None or size < 0 else size)
        if len(data) > MAX_DIRECTORY:
            raise zipfile.BadZipFile("its table of contents is too large")
        return data

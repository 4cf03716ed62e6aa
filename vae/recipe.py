"""Recipes: how a picture was made, as a line of JSON inside its own PNG or WebP.

A recipe names the world (with the first digits of its weights' hash), the state of the picture and
the program. In a PNG it is a standard iTXt chunk, in a WebP the user's comment of its XMP
(``exif:UserComment``), so other programs keep or ignore it, and it is read by walking over the
chunks: no pixel is decoded, nothing is inflated beyond a cap, no entity of XML is expanded. It says
nothing about who made the picture, when, or on which machine.
"""

from __future__ import annotations

import hashlib
import json
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn
from xml.sax.saxutils import escape

from vae import __version__
from vae.errors import CheckpointError, ConfigError, ImageError

FORMAT = 1
"""Version of the recipe; one of another version is refused."""
PROGRAM = "43.VAE"
KEYWORD = "43.VAE recipe"
HASH_DIGITS = 12
MAX_TEXT = 256 * 2**10  # bytes of JSON: a recipe takes some two thousand

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 100_000
_DAMAGED = "The recipe in this file is damaged."
_EXIF = "http://ns.adobe.com/exif/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">
<rdf:Description rdf:about="" xmlns:exif="{_EXIF}" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
<xmp:CreatorTool>{{program}}</xmp:CreatorTool>
<exif:UserComment><rdf:Alt>
<rdf:li xml:lang="x-default">{{text}}</rdf:li>
</rdf:Alt></exif:UserComment>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a picture was made.

    Attributes:
        world: The world's name.
        hash: The first 12 hexadecimal digits of the SHA-256 of its weights.
        state: The picture's state as the page carries it, plain JSON.
        factor: The enlargement it was saved at.
        version: Of the program that wrote it.
    """

    world: str
    hash: str
    state: Mapping[str, Any]
    factor: int = 1
    version: str = __version__

    def to_json(self) -> str:
        """Return canonical JSON: sorted keys, no spaces, ASCII. The same recipe, the same text.

        Raises:
            ConfigError: The state is not plain JSON, or too much of it.
        """
        content = {
            "format": FORMAT,
            "program": PROGRAM,
            "version": self.version,
            "world": {"name": self.world, "hash": self.hash},
            "state": self.state,
            "factor": self.factor,
        }
        try:
            text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigError("expected a state of plain JSON for the recipe") from error
        if len(text) > MAX_TEXT:
            raise ConfigError(f"expected a recipe of at most {MAX_TEXT} characters")
        return text

    def as_text(self) -> dict[str, str]:
        """Return the text chunks of the PNG, for ``vae.pixels.encode_image``."""
        return {KEYWORD: self.to_json(), "Software": f"{PROGRAM} {self.version}"}

    def as_xmp(self) -> bytes:
        """Return the XMP packet of the WebP."""
        text = escape(f"{KEYWORD}: {self.to_json()}")
        return _XMP.format(program=f"{PROGRAM} {self.version}", text=text).encode()


def read_recipe(data: bytes) -> Recipe:
    """Return the recipe in the bytes of a PNG or WebP; no pixel is decoded.

    Raises:
        ImageError: There is none, or it is damaged, or of another version of the program.
    """
    text = _find_text(data)
    if text is None:
        raise ImageError("This file carries no recipe: it was not saved here, or without one.")
    return _parse(text)


def carries_recipe(data: bytes) -> bool:
    """Return whether bytes are a PNG or WebP with a recipe in it, usable or not."""
    try:
        return _find_text(data) is not None
    except ImageError:
        return True


def world_hash(weights: Path) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of a world's weights.

    Read once for each version of the file, streamed.

    Raises:
        CheckpointError: The file cannot be read.
    """
    try:
        found = weights.stat()
        return _hash_of(weights, found.st_mtime_ns, found.st_size)
    except OSError as error:
        raise CheckpointError(f"{weights.name} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=16)
def _hash_of(weights: Path, changed: int, size: int) -> str:
    del changed, size  # only to tell versions of the file apart
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:HASH_DIGITS]


def _find_text(data: bytes) -> bytes | None:
    """Return the JSON of the first recipe, or None."""
    return _find_in_webp(data) if data[:4] == b"RIFF" else _find_in_png(data)


def _find_in_webp(data: bytes) -> bytes | None:
    packet = next((body for kind, body in _riff_chunks(data) if kind == b"XMP "), None)
    mark = f"{KEYWORD}: ".encode()
    if packet is None or mark not in bytes(packet[: MAX_TEXT + 4096]):
        return None
    if len(packet) > MAX_TEXT + 4096 or b"<!" in bytes(packet):  # declarations are none of ours
        _refuse()
    try:
        root = ET.fromstring(bytes(packet).decode("utf-8").strip("\0\ufeff \r\n\t"))
    except (ET.ParseError, ValueError) as error:
        raise ImageError(_DAMAGED) from error
    for comment in root.iter(f"{{{_EXIF}}}UserComment"):
        text = "".join(comment.itertext()).strip()
        if text.startswith(mark.decode()):
            return text[len(mark) :].encode()
    return _refuse()


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield (kind, body) of a WebP's chunks; what is cut short ends the walk."""
    if data[8:12] != b"WEBP":
        return
    view, place = memoryview(data), 12
    for _ in range(_MAX_CHUNKS):
        if place + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, place)
        end = place + 8 + length
        if end > len(data):
            return
        yield kind, view[place + 8 : end]
        place = end + length % 2


def _find_in_png(data: bytes) -> bytes | None:
    wanted = KEYWORD.encode("latin-1") + b"\0"
    for kind, body, crc in _chunks(data):
        if kind != b"iTXt" or bytes(body[: len(wanted)]) != wanted:
            continue
        if len(body) > MAX_TEXT + 1024 or zlib.crc32(body, zlib.crc32(kind)) != crc:
            _refuse()
        return _text_of(bytes(body[len(wanted) :]))
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield (kind, body, checksum) of a PNG's chunks; what is cut short ends the walk."""
    if data[:8] != _SIGNATURE:
        return
    view, place = memoryview(data), 8
    for _ in range(_MAX_CHUNKS):
        if place + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            return
        yield kind, view[place + 8 : end], struct.unpack_from(">I", data, end)[0]
        place = end + 4


def _text_of(body: bytes) -> bytes:
    """Return the text of an iTXt chunk behind its keyword; compressed text is inflated to a cap."""
    if len(body) < 2:
        _refuse()
    parts = body[2:].split(b"\0", 2)  # language, translated keyword, text
    if len(parts) != 3:
        _refuse()
    if not body[0]:
        return parts[2]
    inflate = zlib.decompressobj()
    try:
        text = inflate.decompress(parts[2], MAX_TEXT)
    except zlib.error as error:
        raise ImageError(_DAMAGED) from error
    if not inflate.eof:  # cut short, or larger than any recipe
        _refuse()
    return text


def _parse(text: bytes) -> Recipe:
    try:
        content = json.loads(text.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ImageError(_DAMAGED) from error
    if not isinstance(content, dict) or content.get("program") != PROGRAM:
        _refuse()
    version = content.get("version")
    if content.get("format") != FORMAT:
        raise ImageError(
            f"The recipe in this file is of another version of {PROGRAM} ({str(version)[:20]}), "
            f"this is {__version__}."
        )
    world, state, factor = (content.get(name) for name in ("world", "state", "factor"))
    if not isinstance(world, dict) or not isinstance(state, dict) or not isinstance(version, str):
        _refuse()
    name, digits = world.get("name"), world.get("hash")
    if not isinstance(name, str) or not isinstance(digits, str) or type(factor) is not int:
        _refuse()
    return Recipe(world=name, hash=digits, state=state, factor=factor, version=version)


def _refuse(_: str = "") -> NoReturn:
    raise ImageError(_DAMAGED)

"""Do-not-train marks that a maker has put into a file, read before all metadata is left behind.

Two are known. The PLUS property ``DataMining`` in XMP (adopted by IPTC Photo Metadata 2023.1;
namespace ``http://ns.useplus.org/ldf/xmp/1.0/``, values under ``http://ns.useplus.org/ldf/vocab/``):
every ``DMI-PROHIBITED…`` forbids, ``DMI-ALLOWED`` and ``DMI-UNSPECIFIED`` do not. And the training
and data mining assertion of C2PA and CAWG (``c2pa.training-mining``, ``cawg.training-mining``):
entries whose ``use`` is ``notAllowed`` or ``constrained``. The optional library ``c2pa-python``
reads it; without it the assertion is looked for in the bytes, where it is stored uncompressed.

Runs in the child process: what is parsed here is not to be trusted.
"""

from __future__ import annotations

import importlib
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

PLUS_NAMESPACE = "http://ns.useplus.org/ldf/xmp/1.0/"
PLUS_VOCABULARY = "http://ns.useplus.org/ldf/vocab/"
TRAINING_LABELS = ("c2pa.training-mining", "cawg.training-mining")
TRAINING_ENTRIES = ("ai_training", "ai_generative_training", "data_mining")

_RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"
_PROPERTY = f"{{{PLUS_NAMESPACE}}}DataMining"
_PACKET = re.compile(rb"<(?:\w+:)?xmpmeta.*?</(?:\w+:)?xmpmeta\s*>|<rdf:RDF.*?</rdf:RDF\s*>", re.S)
_WORDS = re.compile(rb"DMI-PROHIBITED[A-Z-]*")
_XMP_TAG = 700  # of TIFF, in EXIF
_CBOR = re.compile(
    rb"(?:c2pa|cawg)\.(" + "|".join(TRAINING_ENTRIES).encode() + rb").{1,24}?"
    rb"(notAllowed|constrained)",
    re.S,
)
_LIMIT = 8 * 2**20


def find_marks(data: bytes, info: Mapping[Any, Any], exif: Mapping[Any, Any]) -> list[str]:
    """Return what forbids training, as short words such as ``"DMI-PROHIBITED"``; often nothing.

    Args:
        data: The whole file.
        info: ``PIL.Image.Image.info`` after loading.
        exif: Of the picture.
    """
    found = {mark for packet in _packets(data, info, exif) for mark in _plus_marks(packet)}
    found |= set(_c2pa_marks(data))
    return sorted(found)


def _packets(data: bytes, info: Mapping[Any, Any], exif: Mapping[Any, Any]) -> Iterator[bytes]:
    for key in ("xmp", "XML:com.adobe.xmp", "Raw profile type xmp"):
        value = info.get(key)
        if isinstance(value, str):
            value = value.encode("utf-8", "replace")
        if isinstance(value, bytes):
            yield _unhex(value) if key.startswith("Raw") else value
    tag = exif.get(_XMP_TAG)
    if isinstance(tag, bytes | tuple):
        yield bytes(tag)
    for match in _PACKET.finditer(data):
        yield match.group()


def _unhex(text: bytes) -> bytes:
    """Return what ImageMagick wrote as a name, a length and hex digits, line by line."""
    digits = b"".join(text.split()[2:])
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return text


def _plus_marks(packet: bytes) -> Iterator[str]:
    packet = packet[:_LIMIT].strip(b"\0 \t\r\n")
    try:
        root = ElementTree.fromstring(packet)
    except Exception:  # it may be anything
        # Cut, split or damaged: the words alone are enough to be careful.
        for match in _WORDS.finditer(packet.replace(b"\0", b"")):
            yield match.group().decode("ascii")
        return
    for element in root.iter():
        values = [element.get(_PROPERTY)]
        if element.tag == _PROPERTY:
            values += [element.get(_RESOURCE), "".join(element.itertext())]
        for value in values:
            word = (value or "").strip().removeprefix(PLUS_VOCABULARY)
            if "PROHIBITED" in word.upper():  # the name, or the label some programs write
                yield word if word.startswith("DMI-") else "DMI-PROHIBITED"


def load_c2pa() -> Any | None:
    """Return the module ``c2pa`` where it is installed."""
    try:
        return importlib.import_module("c2pa")
    except Exception:  # also where its native library does not fit this machine
        return None


def _c2pa_marks(data: bytes) -> Iterator[str]:
    if b"jumb" not in data and b"c2pa" not in data:
        return
    for name, use in _CBOR.findall(data):
        yield f"C2PA {name.decode()} {use.decode()}"
    library = load_c2pa()
    if library is not None:
        yield from _read_c2pa(library, data)


def _read_c2pa(library: Any, data: bytes) -> Iterator[str]:
    """Read the assertions of every manifest of the file, ingredients included; fetch nothing."""
    try:
        settings = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
        context = library.Context.from_dict(settings)
        reader = library.Reader(_mime(data), io.BytesIO(data), context=context)
        manifests = json.loads(reader.json()).get("manifests", {})
    except Exception:  # no manifest, a broken one, or another version of the library
        return
    for manifest in manifests.values():
        for assertion in manifest.get("assertions", ()):
            if str(assertion.get("label", "")).startswith(TRAINING_LABELS):
                yield from assertion_marks(assertion.get("data"))


def assertion_marks(data: Any) -> Iterator[str]:
    """Yield what a training and data mining assertion, as JSON, forbids."""
    entries = data.get("entries", {}) if isinstance(data, dict) else {}
    for key, entry in entries.items():
        name, use = str(key).partition(".")[2], entry.get("use") if isinstance(entry, dict) else ""
        if name in TRAINING_ENTRIES and use in ("notAllowed", "constrained"):
            yield f"C2PA {name} {use}"


def _mime(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8") else "image/webp"

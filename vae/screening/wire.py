"""How the two processes speak: a head as JSON, then raw bytes. Nothing is ever unpickled."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct("<IQ")
MAX_HEAD = 64 * 2**10


def send(stream: BinaryIO, head: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """Write one message."""
    text = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(text), len(body)))
    stream.write(text)
    stream.write(body)
    stream.flush()


def receive(stream: BinaryIO, max_body: int) -> tuple[dict[str, Any], bytes] | None:
    """Read one message, or None where the other side has ended.

    Raises:
        ValueError: It is no such message, or longer than allowed.
    """
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    text_length, body_length = _LENGTHS.unpack(lengths)
    if text_length > MAX_HEAD or body_length > max_body:
        raise ValueError("a message is longer than allowed")
    text, body = stream.read(text_length), stream.read(body_length)
    if len(text) < text_length or len(body) < body_length:
        return None
    head = json.loads(text)
    if not isinstance(head, dict):
        raise ValueError("a message without a head")
    return head, body

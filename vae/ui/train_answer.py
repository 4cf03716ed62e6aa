"""How the Train tab's server functions are asked and how they answer.

The work is done on threads beside the page's own, in the language of the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from vae.errors import ConfigError, DatasetError, VAEError
from vae.ui.words import ERRORS, TRAIN, explain, told

Answer = dict[str, Any]
Function = Callable[[Any], Awaitable[Answer]]


def answered(work: Callable[[Mapping[str, Any]], Answer]) -> Function:
    """Return a server function: what ``work`` returns, or one sentence of what went wrong."""

    def guarded(data: Any) -> Answer:
        if not isinstance(data, Mapping):
            return {"error": TRAIN["failed"]}
        return safely(lambda: work(data))

    async def function(data: Any) -> Answer:
        return await asyncio.to_thread(guarded, data)

    function.__name__ = work.__name__
    return function


def answered_file(work: Callable[[Mapping[str, Any], bytes], Answer]) -> Function:
    """Return a server function for one piece of a file: its fields and its bytes as multipart."""

    async def function(data: Any) -> Answer:
        return await asyncio.to_thread(safely, lambda: work(*piece_of(data)))

    function.__name__ = work.__name__
    return function


def safely(work: Callable[[], Answer]) -> Answer:
    """Return what ``work`` returns, or ``{"error": sentence}`` in the language that is spoken."""
    try:
        return work()
    except VAEError as error:
        return {"error": as_sentence(told(error))}
    except Exception as error:  # the boundary: explain() logs what nobody foresaw
        return {"error": explain(error)}


def spoken(sentence: str) -> str:
    """Return a sentence of the library's in the language that is spoken, if it is known there."""
    return as_sentence(told(VAEError(sentence))) if sentence else ""


def as_sentence(text: str) -> str:
    """Return a message with a capital and a full stop."""
    text = text.strip()
    ended = text if text.endswith((".", "!", "?", "。", "？", "！")) else text + ERRORS["stop"]
    return ended[:1].upper() + ended[1:]


def piece_of(data: Any) -> tuple[Mapping[str, Any], bytes]:
    """Return the fields and the bytes of a multipart request.

    Raises:
        DatasetError: There are none; a path or an address is no file here.
    """
    files, fields = getattr(data, "files", None), getattr(data, "data", None)
    if not files or not isinstance(files[0][1], bytes) or not isinstance(fields, Mapping):
        raise DatasetError(TRAIN["unread"])
    return fields, files[0][1]


def whole_number(data: Mapping[str, Any], name: str) -> int:
    """Return a number from 0 on that a form may have made text of.

    Raises:
        ConfigError: It is none.
    """
    value = data.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ConfigError(TRAIN["failed"])


def named(data: Mapping[str, Any], name: str) -> str:
    """Return a text of a request, or an empty one."""
    value = data.get(name)
    return value if isinstance(value, str) else ""

"""Which language a piece of work speaks.

The visitor chooses in the page, and every request says what was chosen; the server remembers
nobody's choice. A request speaks its language for as long as it is worked on and no longer: the
choice is a context variable, and each request is a task with a context of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

T = TypeVar("T")
V = TypeVar("V")

LANGUAGES = {"en": "English", "zh-CN": "中文"}
"""Code (of HTML, of Gradio's own translations) to the name a language calls itself."""

FIRST = "en"
"""The language that everything is written in first, and that is spoken where none is asked for."""

_spoken: ContextVar[str] = ContextVar("language", default=FIRST)


def language() -> str:
    """Return the code of the language that is being spoken."""
    return _spoken.get()


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak a language within the block.

    Args:
        code: One of ``LANGUAGES``.
    """
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


def in_every(make: Callable[[], T]) -> dict[str, T]:
    """Return what ``make`` returns when it speaks each language, by code."""
    versions = {}
    for code in LANGUAGES:
        with speaking(code):
            versions[code] = make()
    return versions


def answering(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a server function that answers in the language its request names.

    The page adds ``language`` to whatever it sends: to an object as a field, to a file as a field
    of the form.
    """
    if not iscoroutinefunction(function):

        @wraps(function)
        def answered_at_once(data: Any) -> Any:
            with speaking(asked_language(data)):
                return function(data)

        return answered_at_once

    @wraps(function)
    async def answered(data: Any) -> Any:
        with speaking(asked_language(data)):
            return await function(data)

    return answered


def asked_language(data: Any) -> str:
    """Return the language a request names, or the first where it names none that is known."""
    fields = getattr(data, "data", data)
    code = fields.get("language") if isinstance(fields, Mapping) else None
    return code if isinstance(code, str) and code in LANGUAGES else FIRST


class Table(dict[str, V]):
    """Words by key, read in the language that is being spoken.

    As a plain dictionary, which is what a JSON encoder sees, it is the first language's.
    """

    def __init__(self, *versions: Mapping[str, V]) -> None:
        """Join one table a language, in the order of ``LANGUAGES``.

        Raises:
            ValueError: They have not the same keys.
        """
        if any(set(version) != set(versions[0]) for version in versions):
            odd = set.union(*map(set, versions)) - set.intersection(*map(set, versions))
            raise ValueError(f"expected the same words in every language, found {sorted(odd)}")
        super().__init__(versions[0])
        self.versions = dict(zip(LANGUAGES, versions, strict=True))

    def __getitem__(self, key: str) -> V:
        """Return the words in the language that is being spoken."""
        return self.versions[_spoken.get()][key]

    def __iter__(self) -> Iterator[str]:
        """Go over the keys; overridden so that ``{**table}`` asks for each of them."""
        return iter(self.versions[FIRST])

    def get(self, key: str, default: Any = None) -> Any:
        """Return the words in the language that is being spoken, or the default."""
        return self.versions[_spoken.get()].get(key, default)

    def items(self) -> Any:
        """Return keys and words in the language that is being spoken."""
        return self.versions[_spoken.get()].items()

    def values(self) -> Any:
        """Return the words in the language that is being spoken."""
        return self.versions[_spoken.get()].values()

    def copy(self) -> dict[str, V]:
        """Return the table of the language that is being spoken."""
        return dict(self.versions[_spoken.get()])

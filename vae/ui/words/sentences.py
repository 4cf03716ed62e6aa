"""What the library said in English, in the language that is being spoken.

Errors, verdicts and advice come from modules that know no languages. Their sentences are looked up
by what they look like, with the values that were filled in carried over.
"""

from __future__ import annotations

import re
from functools import cache

from vae.ui.language import language
from vae.ui.words import zh_card, zh_sentences

_BOOKS = {
    "library": {"zh-CN": zh_sentences.SENTENCES},
    "card": {"zh-CN": zh_card.PHRASES},
}
"""Who wrote them, and code of a language, to English sentences, with {values}, in that language."""

_NUMBERS = ("number", "ratio", "area")
"""Values that are numbers and nothing else, so that nobody's own words are taken for them."""

_VALUE = re.compile(r"\\\{(\w+)\\\}")  # a {value} as re.escape leaves it


def translated(message: str, book: str = "library") -> str:
    """Return a sentence of the library's in the language that is being spoken.

    One that nobody has translated stays as it is. A capital or a full stop may have been put to
    it on its way, and a value may be a sentence itself.

    Args:
        message: In English.
        book: Where it is looked up: what the ``library`` says, or what it writes into a ``card``.
    """
    for pattern, sentence in _patterns(book, language()):
        if found := pattern.fullmatch(message):
            values = {name: translated(value, book) for name, value in found.groupdict().items()}
            full = message.endswith(".") and not sentence.endswith(("。", "{message}"))
            return sentence.format(**values) + ("。" if full else "")
    return message


@cache
def _patterns(book: str, code: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return what a sentence of the library looks like, and what it is in a language."""
    return tuple(
        (re.compile(_looks(english), re.DOTALL), sentence)
        for english, sentence in _BOOKS[book].get(code, {}).items()
    )


def _looks(sentence: str) -> str:
    first, rest = sentence[:1], re.escape(sentence[1:].removesuffix("."))
    if first == "{":
        first, rest = "", re.escape(sentence.removesuffix("."))
    either = f"[{first.lower()}{first.upper()}]" if first.isalpha() else re.escape(first)
    return either + _VALUE.sub(_value, rest) + r"\.?"


def _value(found: re.Match[str]) -> str:
    wanted = r"[\d.,]*\d²?" if found[1] in _NUMBERS else ".*?"
    return f"(?P<{found[1]}>{wanted})"

"""Why a file is not taken, in the words of an artist."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "unreadable": "This file is damaged or cut short.",
    "denied": "This file may not be read: its permissions forbid it.",
    "format": "This is not a PNG, JPEG or WebP picture.",
    "too_large": "This picture has {millions} million pixels; at most {most} million are read.",
    "too_many_bytes": "This file is larger than {megabytes} MB.",
    "tiny": "This picture is only {width} × {height}; {side} pixels a side are needed.",
    "blank": "There is nothing to see in this picture.",
    "dark": "This picture is so dark that nothing can be made out.",
    "blurred": "This picture is too blurred to learn from.",
    "duplicate": "This is the same picture as {other}.",
    "near_duplicate": "This looks the same as {other}.",
    "do_not_train": "Its maker has marked this picture as not to be used for training ({marks}).",
    "unsafe": "The content check took this for “{label}”.",
    "archive": "An archive within is not opened. Please unpack it first.",
    "archive_ratio": "This entry unfolds to far more than it should, as a ZIP bomb does.",
    "archive_method": "This entry is packed in a way that is not read. Please use a plain ZIP.",
    "locked": "This entry is locked by a password.",
    "link": "This is a link or a device; only real files are read.",
    "name": "The name of this entry leads out of its ZIP.",
    "total": "All files together are larger than {gigabytes} GB; the rest was left out.",
    "too_many": "There are {most} pictures already, which is the most for one world.",
    "memory": "This picture needs more memory than it may take.",
    "crashed": "This file made the decoder fail, as damaged or harmful files do.",
    "slow": "This picture took too long to open.",
}
"""Sentence by code. What is in braces is filled in."""

# Several ways to the same end share a code, which is what the page and the tests go by.
PUBLIC_CODES = {
    "denied": "unreadable",
    "too_many_bytes": "too_large",
    "memory": "too_large",
    "total": "too_large",
    "archive_ratio": "archive",
    "archive_method": "archive",
    "locked": "archive",
}


def public_code(code: str) -> str:
    """Return the code a verdict carries."""
    return PUBLIC_CODES.get(code, code)

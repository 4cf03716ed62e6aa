"""Want of memory or of room on the disk: how it is known, and how it is said within a sentence."""

from __future__ import annotations

_WORDS = (
    *("can't allocate memory", "not enough memory", "out of memory", "cannot allocate"),
    "bad_alloc",
    "could not create a primitive",  # all that oneDNN says of it
)


def is_memory(error: BaseException) -> bool:
    """Whether an error is for want of memory, of the CPU or of a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _WORDS)


def cause_of(error: BaseException) -> str | None:
    """Return what was short, as a part of a sentence; None where the error is of another kind."""
    if is_memory(error):
        return "there was not enough memory"
    if isinstance(error, OSError):
        return f"the disk refused ({error.strerror})"
    return None

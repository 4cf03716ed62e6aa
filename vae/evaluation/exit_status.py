"""The exit status of an evaluation run as a command of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable

from vae.errors import VAEError


def in_one_line(work: Callable[[], object]) -> int:
    """Do a command's work; return its exit status: 1 after an error, said in one line on stderr."""
    try:
        work()
    except VAEError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0

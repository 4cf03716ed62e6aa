"""Memory that is freed stays with the process, so that the next picture finds it warm."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's mallopt(3)
_LARGEST_BLOCK = 1 << 30
_MOST_KEPT = 1 << 29


def keep_freed_memory() -> bool:
    """Ask the C library to hold on to freed memory; return whether it does.

    A feature map of 256² is 4 MB. glibc fetches such a block from the kernel and gives it back
    after every picture, and each of its pages is then faulted in and zeroed anew: some 2,500
    faults and a third of the time of a picture of that size, and a seventh of a training step.
    At most 512 MB that are free are kept. For programs, at their start; a library should leave
    its host's allocator alone. Elsewhere than on glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK) and mallopt(_TRIM_THRESHOLD, _MOST_KEPT))

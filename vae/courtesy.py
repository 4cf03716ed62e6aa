"""Training gives way to a hand on a slider, so that what is dragged stays smooth.

Two processes share the cores, and niceness alone does not help where one of them spreads a picture
over all of them. So the page's server marks a file when it draws for a hand, and whoever trains
looks at it between two steps, and rests. It rests only so long in all as it has worked, after a
first :data:`MOST` seconds: an hour of dragging does not put off a run for more than an hour.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

HAND = ".hand"
"""The file that is marked, in the folder of all runs."""
MARK_EVERY = 0.1
"""Seconds between two marks."""
HELD = 0.4
"""Seconds after a mark for which the hand is taken to be there still."""
MOST = 15.0
"""Seconds of rest that may be saved up."""
_LOOK = 0.03


class Hand:
    """The server's side.

    Args:
        runs: Folder of the runs. Where there is none yet, there is nobody to give way.
    """

    def __init__(self, runs: Path) -> None:
        self._file, self._marked = runs / HAND, float("-inf")

    def mark(self) -> None:
        """Say that a hand is waiting for a picture; cheap enough for every one."""
        now = time.monotonic()
        if now - self._marked < MARK_EVERY:
            return
        self._marked = now
        with suppress(OSError):
            self._file.touch()


class Courtesy:
    """The side of a process that trains.

    Args:
        runs: Folder of the runs.
        most: Seconds of rest at first, and at most at once.
    """

    def __init__(self, runs: Path, *, most: float = MOST) -> None:
        self._file, self._most, self._credit = runs / HAND, most, most
        self._worked_from = time.monotonic()
        self._alone = threading.Lock()

    def give_way(self, wanted: Callable[[], bool] = lambda: False) -> float:
        """Rest while a hand is there and rest is left; return the seconds of it.

        Of several threads that ask, one rests and the others wait for it.

        Args:
            wanted: Whether something is asked of this process that cannot wait.
        """
        with self._alone:
            began = time.monotonic()
            self._credit = min(self._most, self._credit + began - self._worked_from)
            while self._held() and time.monotonic() - began < self._credit and not wanted():
                time.sleep(_LOOK)
            self._worked_from = time.monotonic()
            rested = self._worked_from - began
            self._credit -= rested
        return rested

    def _held(self) -> bool:
        try:
            since = time.time() - self._file.stat().st_mtime
        except OSError:
            return False
        return -HELD < since < HELD  # a clock that was set back holds nobody up

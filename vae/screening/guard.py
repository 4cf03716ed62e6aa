"""The parent's side of decoding: a child that is fed bytes, watched, reused and replaced."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from vae.errors import ImageError
from vae.screening.manifest import ScreeningSettings
from vae.screening.wire import receive, send

RECYCLED_AFTER = 250  # files
_START_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); from vae.screening.child import main"
_KEPT_VARIABLES = (
    "PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
)
_JOB = ("max_pixels", "min_side", "max_side", "paper", "crop", "margin", "cpu_seconds")


@dataclass(frozen=True)
class Decoded:
    """What a child said of one file. All of it is as doubtful as the file, but bounded.

    Attributes:
        codes: What is wrong; empty where the picture is good.
        width: Of the original, upright, in pixels; 0 where unknown.
        height: The same.
        marks: What forbids training.
        paper: Whether a paper was found and removed.
        pixels: Straight uint8 (H, W, 4), or None where it could not be decoded.
        before: The picture as it came, where that was asked for.
    """

    codes: tuple[str, ...]
    width: int = 0
    height: int = 0
    marks: tuple[str, ...] = ()
    paper: bool = False
    pixels: np.ndarray | None = field(default=None, repr=False)
    before: np.ndarray | None = field(default=None, repr=False)


class DecodeGuard:
    """One child process at a time. A context manager; not for several threads at once."""

    def __init__(
        self, settings: ScreeningSettings, *, recycled_after: int = RECYCLED_AFTER
    ) -> None:
        self.settings = settings
        self.recycled_after = recycled_after
        self.reads_c2pa = False
        self._child: subprocess.Popen[bytes] | None = None
        self._served = 0

    def __enter__(self) -> DecodeGuard:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the child, if there is one."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not flushed is of no use any more
                    stream.close()

    def start(self) -> None:
        """Start the child and wait for its greeting; does nothing where it runs.

        Raises:
            ImageError: It does not start.
        """
        if self._child is not None:
            return
        environment = {k: os.environ[k] for k in _KEPT_VARIABLES if k in os.environ}
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-c",
                f"{_CODE}; main(sys.argv[2:])",
                str(_ROOT),
                str(self.settings.memory_bytes),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | dict.fromkeys(threads, "1"),
        )
        self._served = 0
        greeting = self._watched(None, _START_SECONDS)
        if greeting is None:
            self.close()
            raise ImageError("the process that opens pictures does not start")
        self.reads_c2pa = bool(greeting[0].get("c2pa"))

    def decode(self, data: bytes, *, before: bool = False) -> Decoded:
        """Decode one file in the child; whatever befalls the child is said of this file alone.

        Args:
            data: The whole file.
            before: Return the picture as it came, too.

        Raises:
            ImageError: No child can be started at all.
        """
        self.start()
        job = {name: value for name, value in asdict(self.settings).items() if name in _JOB}
        reply = self._watched(({**job, "before": before}, data), 4.0 * self.settings.cpu_seconds)
        self._served += 1
        if reply is None:
            ended, late = self._end()
            return Decoded(("slow" if late or ended in _TOO_LONG else "crashed",))
        if self._served >= self.recycled_after:
            self.close()
        try:
            return _checked(*reply, max_side=self.settings.max_side)
        except (KeyError, TypeError, ValueError, OverflowError):
            self.close()
            return Decoded(("crashed",))

    def _watched(
        self, message: tuple[dict[str, Any], bytes] | None, seconds: float
    ) -> tuple[dict[str, Any], bytes] | None:
        """Send a message and return the reply, or None where the child ended or took too long."""
        child = self._child
        assert child is not None
        stdin, stdout = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
        self._late = threading.Event()
        timer = threading.Timer(seconds, self._stop, (child, self._late))
        timer.daemon = True
        timer.start()
        try:
            if message is not None:
                send(stdin, *message)
            side = self.settings.max_side
            return receive(stdout, 2 * 4 * side * side)
        except (OSError, ValueError, RecursionError):
            return None
        finally:
            timer.cancel()

    @staticmethod
    def _stop(child: subprocess.Popen[bytes], late: threading.Event) -> None:
        late.set()
        child.kill()

    def _end(self) -> tuple[int | None, bool]:
        """Clear the child away; return how it had ended by itself, and whether it was late."""
        child = self._child
        assert child is not None
        try:
            code = child.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        return code, self._late.is_set()


_TOO_LONG = (-24, 152)  # SIGXCPU, on Linux and as a shell says it


def _checked(head: dict[str, Any], body: bytes, *, max_side: int) -> Decoded:
    """Return a reply whose every field has the type and size it must have.

    Raises:
        KeyError, TypeError, ValueError: It has not.
    """
    codes = tuple(str(code)[:40] for code in head["codes"][:8])
    marks = tuple(str(mark)[:80] for mark in head.get("marks", [])[:8])
    width, height = int(head.get("width", 0)), int(head.get("height", 0))
    arrays, place = [], 0
    for rows, columns in head.get("shapes", [])[:2]:
        if not (1 <= rows <= max_side and 1 <= columns <= max_side):
            raise ValueError("pixels of another size")
        count = 4 * int(rows) * int(columns)
        array = np.frombuffer(body, np.uint8, count, offset=place)
        arrays.append(array.reshape(int(rows), int(columns), 4))
        place += count
    if place != len(body) or (not arrays and not codes):
        raise ValueError("a reply without a picture and without a reason")
    return Decoded(
        codes,
        width=width,
        height=height,
        marks=marks,
        paper=bool(head.get("paper")),
        pixels=arrays[0] if arrays else None,
        before=arrays[1] if len(arrays) > 1 else None,
    )

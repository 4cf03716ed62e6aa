"""Starting the child process that trains: apart from the page, gentle, and with bounded threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from vae import errors
from vae.errors import TrainingError, VAEError
from vae.guard import Caps
from vae.ledger import TrainRequest
from vae.utils import num_cores

ROOT = Path(__file__).resolve().parent.parent
MAX_THREADS = 8
SPIN = "10000"
"""How often an idle thread looks for work before it sleeps. It bridges the gaps between layers, a
third of a step on two cores, and leaves the core to the page where there is nothing to do."""
ESTIMATE_SECONDS = 60.0
LOG, OLD_LOG = "worker.log", "worker.old.log"
LOG_BYTES = 2**20
"""From which size on the log of a run begins anew; the one before it is kept."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a run will take, from three real steps.

    Attributes:
        seconds: To the new world, all in all.
        memory_bytes: Peak memory; of the GPU where it trains there.
        device: ``'cpu'``, ``'cuda'`` or ``'mps'``.
        images_per_second: Trained on.
        num_images: Training and held-out pictures.
        disk_bytes: Of the run's folder, about.
        notes: Sentences on what bounds the run, before it does.
    """

    seconds: float
    memory_bytes: int
    device: str
    images_per_second: float
    num_images: int
    disk_bytes: int
    notes: tuple[str, ...] = ()


def threads() -> int:
    """Return how many threads a run computes with: one core is left to the page.

    A layer's threads wait for each other. Where the page takes a core's time one of them is late
    at every layer: on two cores a run is faster with one thread than with two, while it is watched.
    """
    return max(1, min(MAX_THREADS, num_cores() - 1))


def spawn(run: Path, worlds: Path) -> subprocess.Popen[bytes]:
    """Start the worker of a run; it outlives the page, and says everything in the run's folder."""
    _turn_log(run)
    with (run / LOG).open("ab") as log:
        return subprocess.Popen(
            _command("run", str(run.resolve()), str(worlds.resolve())),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=_environment(),
            start_new_session=True,  # Ctrl+C in the server's terminal is the server's alone
        )


def _turn_log(run: Path) -> None:
    """Put a long log aside, over the one put aside before."""
    with suppress(OSError):
        if (run / LOG).stat().st_size > LOG_BYTES:
            (run / LOG).replace(run / OLD_LOG)


def estimate(request: TrainRequest, worlds: Path, caps: Caps) -> Estimate:
    """Take three steps in a child and return what they tell.

    Raises:
        VAEError: What the child found wrong, or that it took too long or died.
    """
    try:
        done = subprocess.run(
            _command("estimate", str(worlds.resolve())),
            input=json.dumps(request.to_dict()).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            timeout=ESTIMATE_SECONDS,
        )
        answer = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired as error:
        raise TrainingError("three steps took over a minute: this machine is too busy") from error
    except (ValueError, IndexError) as error:
        raise TrainingError(
            "three steps could not be taken, perhaps for want of memory: take fewer images"
        ) from error
    if "error" in answer:
        kind = getattr(errors, answer["kind"], VAEError)
        raise kind(answer["error"])
    known = {f.name for f in fields(Estimate)} - {"notes"}
    notes = (caps.sentence(), *answer.get("notes", ()))
    return Estimate(**{k: v for k, v in answer.items() if k in known}, notes=notes)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "vae.worker", *arguments]


def _environment() -> dict[str, Any]:
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    few = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads()))
    return {**os.environ, **few, "PYTHONPATH": path, "GOMP_SPINCOUNT": SPIN}

"""A run on a tiny world: screened pictures, a request, and waiting for a state."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.conftest import draw_art
from vae.jobs import Jobs
from vae.ledger import Ledger, Status, TrainRequest
from vae.screening import Manifest, screen

EXACT = {"steps": 8, "batch_size": 4, "log_every": 1, "warmup": 2, "save_every": 0.0}
"""A run counted in steps, which is the same to the bit each time, saved at every step."""


def screened(folder: Path, num: int = 12) -> Path:
    """Draw pictures, screen them, agree to them; return the screened folder."""
    source = folder / "drawings"
    source.mkdir(parents=True)
    for i in range(num):
        Image.fromarray(draw_art(i, 96)).save(source / f"{i:02d}.png")
    manifest = screen([source], folder / "screened")
    assert len(manifest.kept) == num, [v.reasons for v in manifest.refused]
    manifest.with_consent(who="test")
    return manifest.folder


def request(
    data: Path, *, name: str = "Mine", preset: str = "taste", **changes: Any
) -> TrainRequest:
    """A request from the world ``tiny``."""
    return TrainRequest(
        name=name, start="tiny", manifest=data, preset=preset, changes=EXACT | changes
    )


def worlds_with(tiny: Path, folder: Path) -> Path:
    """A folder of worlds that holds ``tiny``."""
    shutil.copytree(tiny, folder / "tiny")
    return folder


def submitted(jobs: Jobs, wanted: TrainRequest) -> Ledger:
    """Put a request into the queue with a fresh grant."""
    return Ledger(jobs.folder / jobs.submit(wanted, jobs.grant()))


def wait_for(
    jobs: Jobs,
    id: str,  # noqa: A002
    *states: str,
    seconds: float = 240.0,
) -> Status:
    """Wait until a run is in one of some states."""
    return wait_until(jobs, id, lambda status: status.state in states, seconds=seconds)


def wait_until(
    jobs: Jobs,
    id: str,  # noqa: A002
    true: Callable[[Status], bool],
    *,
    seconds: float = 240.0,
) -> Status:
    """Wait until something is true of a run's status."""
    until = time.monotonic() + seconds
    while True:
        status = jobs.status(id)
        if true(status):
            return status
        assert time.monotonic() < until, status
        time.sleep(0.02)


def losses(folder: Path) -> list[tuple[int, float]]:
    """Steps and total losses of a run's records."""
    from vae.tracker import Tracker

    records = Tracker(folder / "run.jsonl").read()
    return [(r["step"], r["total"]) for r in records if r.get("kind") == "step"]


def left_behind(folder: Path) -> list[str]:
    """Half-written files below a folder."""
    return [str(path) for path in folder.rglob("*.part")]


def consent_of(folder: Path) -> Manifest:
    """The manifest of a screened folder."""
    return Manifest.load(folder)

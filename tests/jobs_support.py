"""A run on a tiny world: screened pictures, a request, and waiting for a state."""

from __future__ import annotations

import json
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


STRAY = ("*.part", ".new-*", ".import-*", ".deleted-*")
"""What is being written, submitted or removed, imported, deleted: gone when it is done."""


def left_behind(folder: Path) -> list[str]:
    """Half-written files, and folders half made or half removed, below a folder."""
    return sorted(str(path) for pattern in STRAY for path in folder.rglob(pattern))


def unreadable(folder: Path) -> list[str]:
    """Files below a folder that cannot be read whole, with the reason; half-written ones aside."""
    bad = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".part"):
            try:
                _read(path)
            except Exception as error:  # whatever it is, it is a torn file
                bad.append(f"{path.relative_to(folder)}: {error}")
    return bad


def _read(path: Path) -> None:
    """Read a file as what its name says it is; one of a kind that is not known is an error."""
    from vae.checkpoint import read_tensors
    from vae.tracker import Tracker

    if path.suffix == ".safetensors":
        read_tensors(path)
    elif path.suffix == ".jsonl":
        Tracker(path).read()
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix in (".png", ".webp"):
        with Image.open(path) as image:
            image.load()
    elif path.suffix in (".md", ".log"):
        text = path.read_text(encoding="utf-8")
        assert text or path.suffix == ".log", "it is empty"
    else:
        assert path.name in ("lock", ".key"), "no known kind of file"


def consent_of(folder: Path) -> Manifest:
    """The manifest of a screened folder."""
    return Manifest.load(folder)

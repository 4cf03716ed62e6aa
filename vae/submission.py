"""A request becomes a run: checked, with its own copy of the pictures, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vae.archive import clean_name, free_name
from vae.errors import ConfigError, TrainingError
from vae.guard import Caps, Grant, check_manifest
from vae.ledger import DATA, Ledger, Status, TrainRequest, all_runs
from vae.presets import get_preset, replay_share, stages
from vae.screening import Manifest
from vae.shelf import world_folders
from vae.utils import log_timestamp, sync_folder, sync_tree

NEW = ".new-"
"""How the folder of a run begins that is being made or removed."""


def check_request(request: TrainRequest, worlds: Path, caps: Caps) -> float:
    """Raise where a request cannot be trained; return the minutes it will take.

    Raises:
        ConfigError: The world, the preset or a setting is unknown.
        TrainingError: It is longer than the caps allow.
    """
    preset = get_preset(request.preset)
    if preset.needs_world:
        known = [path.name for path in world_folders(worlds)]
        if request.start not in known:
            raise ConfigError(
                f"there is no world called {request.start}; there are {', '.join(known)}"
            )
    replay_share(preset, request.changes)
    protocol = stages(preset, request.changes, num_images=0)[0]
    minutes, steps = protocol.minutes or 0.0, protocol.steps or 0
    if minutes > caps.minutes:
        raise TrainingError(f"at most {caps.minutes:g} minutes are allowed, not {minutes:g}")
    if steps > caps.steps:
        raise TrainingError(f"at most {caps.steps:,} steps are allowed, not {steps:,}")
    return minutes


def check_waiting(runs: Iterable[Ledger], visitor: str | None, most: int) -> None:
    """Raise where a visitor has as many runs that have not begun as one may have.

    Args:
        runs: All there are.
        visitor: Who asks for another; None is this machine itself, which is not bounded.
        most: How many one may have.

    Raises:
        TrainingError: It is so.
    """
    if visitor is None:
        return
    mine = [run.status() for run in runs if run.job().get("visitor") == visitor]
    idle = [s for s in mine if s.state == "queued" or (s.state == "paused" and not s.started)]
    if len(idle) >= most:
        raise TrainingError(
            f"{len(idle)} runs of yours are waiting, and {most} are the most for one visitor: let "
            "one begin, or take one out of the queue"
        )


def submit_run(
    folder: Path,
    worlds: Path,
    request: TrainRequest,
    grant: Grant,
    *,
    visitor: str | None = None,
) -> str:
    """Make the folder of a run and return its id; see :meth:`vae.jobs.Jobs.submit`."""
    minutes = check_request(request, worlds, grant)
    manifest = Manifest.load(request.manifest)
    check_manifest(manifest, grant)
    name = " ".join(request.name.split())[:60] or "My world"
    stamp = f"{log_timestamp()}-{secrets.token_hex(2)}"
    taken = {str(ledger.job().get("world")) for ledger in all_runs(folder)}
    now = time.time()
    job = {
        "request": replace(request, name=name).to_dict(),
        "grant": grant.to_dict(),
        "world": free_name(worlds, clean_name(name), taken),
        "submitted": now,
        "visitor": visitor,
    }
    status = Status(id=stamp, name=name, num_images=len(manifest.kept), minutes=minutes, queued=now)
    ledger = Ledger(folder / f"{NEW}{stamp}")
    try:
        _copy_data(request.manifest, ledger.folder / DATA)
        ledger.write_job(job)
        ledger.write_status(status.changed())
        sync_tree(ledger.folder)
        ledger.folder.rename(folder / stamp)
    except BaseException:
        shutil.rmtree(ledger.folder, ignore_errors=True)
        raise
    sync_folder(folder)
    return stamp


def _copy_data(source: Path, target: Path) -> None:
    """Copy a screened folder without its thumbnails; by hard links where that is possible."""
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.is_symlink() or not path.is_file() or inside.parts[0] == "thumbs":
            continue
        goal = target / inside
        goal.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, goal)
        except OSError:
            shutil.copyfile(path, goal)

"""Kill a training run with SIGKILL at random moments, some of them within a save, and compare.

    python tests/benchmarks/kills.py [--kills 40] [--in-save 10]

A run counted in steps on a tiny world is trained once in peace and once under fire: the worker is
killed at random moments, and started again each time. After every kill each file of the run and
of the worlds must be readable: states, replay, records, sheets, mirror, pictures, cards. At the end
every loss must be the same to the bit, as many kills as asked have fallen within a save, and
nothing half-written, half-made or half-removed be left. Prints one line a kill and a verdict.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from subprocess import Popen

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.conftest import make_world  # noqa: E402
from tests.jobs_support import (  # noqa: E402
    left_behind,
    losses,
    request,
    screened,
    submitted,
    unreadable,
    worlds_with,
)
from vae.child import spawn, threads  # noqa: E402
from vae.jobs import Jobs  # noqa: E402
from vae.ledger import Ledger  # noqa: E402
from vae.worker import work  # noqa: E402

STATE = "training.safetensors"


def main() -> int:
    """Run the benchmark; exit code 0 where nothing was torn or lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--in-save", type=int, default=10)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seed", type=int, default=43)
    options = parser.parse_args()
    torch.set_num_threads(threads())  # as a child: another number may round another way
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        worlds = worlds_with(make_world(home / "t" / "tiny"), home / "worlds")
        data = screened(home)
        jobs = Jobs(home / "runs", worlds, run=False)
        wanted = request(data, steps=options.steps, replay=0.25)  # with a file of replay
        peace, fire = submitted(jobs, wanted), submitted(jobs, wanted)
        assert work(peace, worlds) == 0
        assert peace.status().state == "done", peace.status().message
        return under_fire(fire, worlds, losses(peace.folder), options)


def under_fire(
    ledger: Ledger, worlds: Path, wanted: list[tuple[int, float]], options: argparse.Namespace
) -> int:
    """Kill and restart until all kills are spent, let the run end, and compare."""
    rng = random.Random(options.seed)
    places = ["save"] * options.in_save + ["anywhere"] * (options.kills - options.in_save)
    rng.shuffle(places)
    within, torn_files = 0, 0
    for number, place in enumerate(places, 1):
        left = parts(ledger)  # of a save that was killed: swept once the next worker is at work
        child = spawn(ledger.folder, worlds)
        if place == "save":
            torn = wait_for_save(ledger, child, left, rng.randint(1, 6))
        else:
            # half of them from the first moment on, half once it trains again
            if rng.random() < 0.5:
                wait_for_step(ledger, child, ledger.status().saved + rng.randint(1, 12))
            time.sleep(rng.uniform(0, 0.5) if ledger.status().step else rng.uniform(0, 4))
            torn = bool(parts(ledger) - left)
        child.send_signal(signal.SIGKILL)
        child.wait()
        within += torn
        bad = unreadable(ledger.folder) + unreadable(worlds)
        torn_files += len(bad)
        step = ledger.status().saved
        print(
            f"kill {number:2}: {place:8} saved {step:4} within a save: {torn} bad: {bad}",
            flush=True,
        )
    child = spawn(ledger.folder, worlds)
    child.wait()
    status = ledger.status()
    torn_files += len(unreadable(ledger.folder)) + len(unreadable(worlds))
    print(f"state {status.state}, {status.message or 'no message'}")
    left = left_behind(ledger.folder.parent) + left_behind(worlds)
    same = losses(ledger.folder) == wanted
    line, failed = verdict(
        within=within, options=options, torn_files=torn_files, same=same, left=left
    )
    print(line)
    return int(failed or status.state != "done")


def verdict(
    *, within: int, options: argparse.Namespace, torn_files: int, same: bool, left: list[str]
) -> tuple[str, bool]:
    """Return what came of all kills in a line, and whether it is less than was promised."""
    line = (
        f"{options.kills} kills, {within} within a save (at least {options.in_save} wanted); "
        f"{torn_files} unreadable files; losses {'the same' if same else 'DIFFER'}; "
        f"stray files: {[Path(path).name for path in left] or 'none'}"
    )
    return line, bool(torn_files or left or not same or within < options.in_save)


def parts(ledger: Ledger) -> set[Path]:
    """The saves that are half written."""
    return set(ledger.folder.glob(f".{STATE}.*.part"))


def wait_for_step(ledger: Ledger, child: Popen[bytes], step: int, seconds: float = 300.0) -> None:
    """Wait until a worker has come so far."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and child.poll() is None:
        status = ledger.status()
        if status.pid == child.pid and status.step >= step:
            return
        time.sleep(0.01)


def wait_for_save(
    ledger: Ledger, child: Popen[bytes], left: set[Path], number: int, seconds: float = 300.0
) -> bool:
    """Wait until the save of that number is being written; say whether one was caught."""
    until, seen = time.monotonic() + seconds, set(left)
    while time.monotonic() < until and child.poll() is None:
        new = {path for path in parts(ledger) - seen if size(path)}
        if new and len(seen - left) + 1 >= number:
            return True
        seen |= new
        time.sleep(0.001)
    return False


def size(path: Path) -> int:
    """Bytes of a file, 0 where it has gone meanwhile."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())

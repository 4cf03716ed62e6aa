"""Train a world on some pictures of a folder, as the page does: how long, how near, does it copy?

    python tests/benchmarks/taste.py FOLDER                     # "A quick taste" of 30 pictures
    python tests/benchmarks/taste.py FOLDER --num 10 30 200 --sheets OUT
    python tests/benchmarks/taste.py FOLDER --preset proper --num 200

A run takes the best device there is (CUDA, MPS, CPU), and the table names it: on a machine with a
GPU the same lines measure the GPU.

Pictures are taken by chance, always the same; as many others (`--unseen`) are never shown to the
run. They are screened, submitted and trained in a process of their own, as from the page, from the
press of the button to the new world. Reconstruction is told three ways, each before and after: the
page's own curve, on the tenth of the pictures that the run holds out; and the squared error of
premultiplied pictures of the unseen ones, drawn with the world's grain and without.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from vae.data import read_picture  # noqa: E402
from vae.infer import CHECKPOINTS, World, get_infer_model, list_worlds  # noqa: E402
from vae.jobs import Jobs  # noqa: E402
from vae.ledger import Status, TrainRequest  # noqa: E402
from vae.losses import premultiply  # noqa: E402
from vae.placement import fit  # noqa: E402
from vae.presets import NAMES  # noqa: E402
from vae.screening import screen  # noqa: E402
from vae.starting import nearest_world  # noqa: E402

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
AT_ONCE = 16
COLUMNS = (
    "pictures",
    "from",
    "seconds to a world",
    "steps",
    "images a second",
    "lower: page's held-out tenth",
    "unseen, with grain",
    "unseen, without grain",
    "unseen, error × 1000",
    "mirror",
    "copies",
)


def choose(folder: Path, num: int, unseen: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Return pictures to learn from, and others.

    Raises:
        SystemExit: There are not as many.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if len(found) < num + unseen:
        sys.exit(f"{folder} has {len(found)} pictures; {num} and {unseen} others are needed")
    random.Random(seed).shuffle(found)
    return found[:num], found[num : num + unseen]


def error(world: World, pictures: Tensor, *, grain: float) -> float:
    """Return the mean squared error of reconstructions of premultiplied pictures."""
    squared = []
    for x in pictures.split(AT_ONCE):
        again = world.decode(world.encode(x), grain=grain)
        squared.append((premultiply(again) - premultiply(x)).square().mean((1, 2, 3)))
    return float(torch.cat(squared).mean())


def train(jobs: Jobs, request: TrainRequest) -> tuple[Status, float]:
    """Submit a run and wait for its end; return it and the seconds it took.

    Raises:
        SystemExit: It failed.
    """
    began = time.monotonic()
    run = jobs.submit(request, jobs.grant())
    while (status := jobs.status(run)).state not in ("done", "stopped", "failed"):
        time.sleep(0.2)
    if status.state == "failed":
        sys.exit(f"the run failed: {status.message}")
    return status, time.monotonic() - began


def _nearest(pictures: Sequence[Path]) -> Path:
    """Return the shipped world that draws some pictures nearest."""
    return nearest_world(pictures, [CHECKPOINTS / name for name in list_worlds()])


def measure(options: argparse.Namespace, num: int, home: Path) -> str:
    """Train on ``num`` pictures and return a line of the table."""
    learned, others = choose(options.folder, num, options.unseen, options.seed)
    drawings, worlds = home / "drawings", home / "worlds"
    drawings.mkdir(parents=True)
    for path in learned:
        shutil.copy(path, drawings)
    start = get_infer_model(options.world or _nearest(learned))
    shutil.copytree(start.path, worlds / start.name)
    manifest = screen([drawings], home / "screened").with_consent(who="benchmark")
    jobs = Jobs(home / "runs", worlds)
    request = TrainRequest(
        name="Mine", start=start.name, manifest=manifest.folder, preset=options.preset
    )
    status, seconds = train(jobs, request)
    own = get_infer_model(worlds / str(status.world))
    unseen = torch.cat([fit(read_picture(p), own.image_size, own.channels) for p in others])
    mirror, tests = jobs.mirror(status.id), [
        record["reconstruction"]
        for record in jobs.records(status.id)[0]
        if record["kind"] == "test"
    ]  # fmt: skip
    if options.sheets is not None:
        options.sheets.mkdir(parents=True, exist_ok=True)
        sheet = jobs.kept_picture(status.id)
        assert sheet is not None  # it has a world
        shutil.copy(sheet, options.sheets / f"{options.preset}-{num}.webp")
    pace = f"{status.images_per_second:.0f} on {status.device}"
    ours, before = ([error(w, unseen, grain=g) for g in (1.0, 0.0)] for w in (own, start))
    lower = [1 - tests[-1] / tests[0]] + [1 - a / b for a, b in zip(ours, before, strict=True)]
    cells = [f"{num}", start.name, f"{seconds:.1f}", f"{status.step}", pace]
    cells += [f"{100 * share:.1f} %" for share in lower]
    cells += [f"{1000 * before[0]:.1f} → {1000 * ours[0]:.1f}"]
    cells += [f"{mirror.score:.2f}", f"{100 * mirror.copies:.0f} %"]
    jobs.close()
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, a line when it is there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="pictures, in folders or not")
    parser.add_argument("--num", type=int, nargs="+", default=[30], help="to learn from")
    parser.add_argument("--unseen", type=int, default=60, help="others (%(default)s)")
    parser.add_argument("--world", help="to start from (as on the page, the nearest)")
    parser.add_argument("--preset", choices=NAMES, default="taste", help="(%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="which pictures (%(default)s)")
    parser.add_argument("--sheets", type=Path, help="folder for nine pictures of each world")
    options = parser.parse_args(arguments)
    print(f"| {' | '.join(COLUMNS)} |")
    print("|" + "---|" * len(COLUMNS), flush=True)
    for num in options.num:
        with tempfile.TemporaryDirectory(prefix="taste-") as home:
            print(measure(options, num, Path(home)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Drag a slider while a world is trained beside it, and while nothing is: what does it cost?

    python tests/benchmarks/beside.py                  # the world pomona, about four minutes
    python tests/benchmarks/beside.py --rounds 5

The real page, a real run ("A quick taste", on pictures drawn here) in its own process, and a
slider dragged at 30 inputs a second in headless Chromium, in turns: the run paused, the run at
work, and the run making its world after "stop and keep" (a run of its own each round). A page
that stays smooth has ratios of the medians (p50) to that of the paused run of at most 1.5.
First the run is watched on its own tab: frames a second, and points that its curves gain.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.drag import DRIVER, STEP, load, measure, visit_ours  # noqa: E402
from tests.browser.conftest import FLAGS, find_chromium, served  # noqa: E402
from tests.browser.serve_train import WORLDS  # noqa: E402
from tests.jobs_support import screened  # noqa: E402
from vae.jobs import RUNS_VARIABLE, Jobs  # noqa: E402
from vae.ledger import TrainRequest  # noqa: E402

PAGE = ROOT / "tests" / "browser" / "serve_train.py"
RATE, IMAGES, MINUTES = 30, 30, 120.0
BOUND = 1.5
POINTS, FULL = 3.0, 0.98  # of a curve, a second; share of the frames that come in time

FRAMES = """(seconds) => new Promise((done) => {
  const times = [];
  const sheets = new Set();
  const frame = (now) => {
    times.push(now);
    sheets.add(vae43.watch.painted);
    if (now - times[0] < 1000 * seconds) return requestAnimationFrame(frame);
    done([times.slice(1).map((time, i) => time - times[i]), sheets.size]);
  };
  requestAnimationFrame(frame);
})"""
COUNT = "() => vae43.watch.charts.get('total').seen.x.length"


def wait_for(jobs: Jobs, run: str, state: str, *, steps: int = 0, seconds: float = 300) -> None:
    """Wait until a run is in a state and has taken some steps in it.

    Raises:
        RuntimeError: It failed, or it takes too long.
    """
    first, until = None, time.monotonic() + seconds
    while True:
        status = jobs.status(run)
        if status.state == state:
            first = status.step if first is None else first
            if status.step >= first + steps:
                return
        if status.state == "failed" or time.monotonic() > until:
            raise RuntimeError(f"the run is {status.state}: {status.message}")
        time.sleep(0.1)


def watch(page, run: str, seconds: float) -> bool:
    """Look at a run on its tab; print how it moves, and return whether it does so well."""
    page.get_by_role("tab", name="Train").click()
    page.click(f"nav.runs [data-run='{run}']")
    page.wait_for_function(f"() => ({COUNT})() > 3")
    before, began = page.evaluate(COUNT), time.monotonic()
    gaps, sheets = page.evaluate(FRAMES, seconds)
    rate = (page.evaluate(COUNT) - before) / (time.monotonic() - began)
    gaps.sort()
    shown, p99 = 1000 * len(gaps) / sum(gaps), gaps[int(0.99 * len(gaps))]
    in_time = sum(gap < 25 for gap in gaps) / len(gaps)
    print(
        f"  watched  {shown:.1f} frames/s, p99 {p99:.1f} ms, {100 * in_time:.1f} % in time; "
        f"curves gain {rate:.1f} points a second, "
        f"of the pictures {sheets / seconds:.1f} are drawn anew",
        flush=True,
    )
    page.get_by_role("tab", name="Create").click()
    page.wait_for_timeout(500)
    return rate >= POINTS and in_time >= FULL


def compare(
    page, selector: str, jobs: Jobs, wanted: TrainRequest, *, rounds: int, seconds: float
) -> float:
    """Drag in turns, beside nothing, training and finishing; print, and return the worst ratio."""
    found: dict[str, list[float]] = {"paused": [], "training": [], "finishing": []}
    for _ in range(rounds):
        run = jobs.submit(wanted, jobs.grant())
        wait_for(jobs, run, "training", steps=3)
        turns = {"paused": jobs.pause, "training": jobs.resume, "finishing": jobs.stop}
        for state, ask in turns.items():
            ask(run)
            wait_for(jobs, run, state, steps=3 if state == "training" else 0)
            dragged = measure(page, selector, RATE, seconds)
            ended = "" if jobs.status(run).state == state else "  (it ended on the way)"
            print(f"  {'idle' if state == 'paused' else state:9}{dragged}{ended}", flush=True)
            found[state].append(dragged.p50)
        wait_for(jobs, run, "stopped")
    idle, *busy = (statistics.median(values) for values in found.values())
    for state, p50 in zip(("training", "finishing"), busy, strict=True):
        ratio = p50 / max(idle, 1e-9)
        print(f"p50 idle {idle:.0f} ms, {state} {p50:.0f} ms: ratio {ratio:.2f}, at most {BOUND:g}")
    return max(busy) / max(idle, 1e-9)


def main() -> int:
    """Run it; the exit status is 1 where the page does not stay smooth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--world", default="pomona", help="a shipped world (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=8, help="of each drag (%(default)s)")
    options = parser.parse_args()

    from playwright.sync_api import sync_playwright

    world = load(options.world)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beside-")))
        worlds, runs = home / "worlds", home / "runs"
        shutil.copytree(ROOT / "checkpoints" / options.world, worlds / options.world)
        os.environ |= {WORLDS: str(worlds), RUNS_VARIABLE: str(runs)}
        data = screened(home, IMAGES)
        url = stack.enter_context(served(PAGE))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=find_chromium(), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url, timeout=120_000)
        selector = visit_ours(world.sliders[0].name, film=False)(page)
        page.evaluate(DRIVER, [selector, RATE, 1, STEP])  # warms up
        jobs = Jobs(runs, worlds, run=False)  # the page's server does the work
        wanted = TrainRequest(
            name="Beside", start=options.world, manifest=data, changes={"minutes": MINUTES}
        )
        size = f"{world.name}, {world.image_size}², {os.cpu_count()} cores"
        print(f"{size}, {options.rounds} rounds of three drags, {options.seconds:g} s", flush=True)
        run = jobs.submit(wanted, jobs.grant())
        wait_for(jobs, run, "training", steps=3)
        moves = watch(page, run, options.seconds)
        jobs.stop(run)
        wait_for(jobs, run, "stopped")
        ratio = compare(
            page, selector, jobs, wanted, rounds=options.rounds, seconds=options.seconds
        )
        browser.close()
    return 0 if moves and ratio <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())

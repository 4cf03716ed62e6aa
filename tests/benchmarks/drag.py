"""Drag a slider in headless Chromium and count what arrives; beside it, the naive page.

    python tests/benchmarks/drag.py                 # the world pomona
    python tests/benchmarks/drag.py --world fake    # the tests' drawn world: the page alone

Per input rate it prints frames shown a second, the time from an input to its picture (p50, p95),
and whether the last value is the one shown: of this page as it stands, with the filmstrip under the
slider in hand, with a picture of one's own that keeps its detail, and behind a round trip of 200 ms
and 10 Mbit/s (``delay.py``). "naive" is the same world behind ``slider.change(draw, sliders,
gr.Image)``, near and far. ``--only film`` measures one.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.delay import far_away  # noqa: E402
from tests.browser.conftest import FAKE, FLAGS, find_chromium, served  # noqa: E402

STEP = 0.05
MARK = 12  # side of the corner in which the naive page's pictures carry their value, in pixels

# A triangle wave in whole steps; each input is stamped, each picture is matched to the latest
# input of its value.
DRIVER = """([selector, rate, seconds, step]) => new Promise((done) => {
  const range = document.querySelector(selector);
  const stamps = new Map();
  const key = (value) => Math.round(value / step);
  window.shown43 = [];
  window.arrived43 = (value) => {
    const now = performance.now();
    window.shown43.push([value, now, now - (stamps.get(key(value)) ?? NaN)]);
  };
  const start = performance.now();
  let count = 0;
  const tick = () => {
    const now = performance.now();
    if (now - start >= 1000 * seconds) return done([start, now, count, Number(range.value)]);
    if (now - start >= (1000 * count) / rate) {
      const phase = ++count % 160;
      range.value = (phase < 80 ? phase - 40 : 120 - phase) * step;
      stamps.set(key(Number(range.value)), performance.now());
      range.dispatchEvent(new Event("input", { bubbles: true }));
    }
    setTimeout(tick, 2);
  };
  tick();
})"""

WATCH_OURS = """(name) => document.addEventListener("vae43:frame", ({ detail }) => {
  const value = detail.state.moves[name] ?? 0;
  if (!detail.state.still) window.arrived43?.(value);
  window.last43 = value;
})"""

WATCH_NAIVE = """(step) => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  document.addEventListener("load", ({ target }) => {
    if (target.tagName !== "IMG") return;
    canvas.drawImage(target, 2, 2, 1, 1, 0, 0, 1, 1);
    const value = (canvas.getImageData(0, 0, 1, 1).data[0] - 100) * step;
    window.arrived43?.(value);
    window.last43 = value;
  }, true);
}"""


def load(name: str):
    """Return the world to draw with."""
    if name == "fake":
        from tests.browser.fake_world import FakeWorld

        return FakeWorld()
    from vae.infer import get_infer_model

    return get_infer_model(name)


def serve_naive(name: str, port: int) -> None:
    """Serve the page everybody writes first: every change draws a gr.Image through the queue."""
    from vae.ui.app import prepare_environment

    prepare_environment()
    import gradio as gr
    import torch

    from vae.pixels import to_pixels

    world = load(name)
    start = world.sample(1, generator=torch.Generator().manual_seed(43))

    def draw(value: float):
        picture = world.decode(world.move(start, {world.sliders[0].name: value}))
        pixels = (to_pixels(picture)[0] * 255).astype("uint8")
        pixels[:MARK, :MARK] = (100 + round(value / STEP), 0, 0, 255)
        return pixels

    with gr.Blocks() as page:
        slider = gr.Slider(-2.5, 2.5, 0, step=STEP, elem_id="slider")
        image = gr.Image(image_mode="RGBA", format="png")
        slider.change(draw, slider, image)
    page.launch(server_port=port, quiet=True)


class Dragged(NamedTuple):
    """What came of a drag: inputs and frames a second, ms from an input to its picture."""

    inputs: float
    frames: float
    p50: float
    p95: float
    right: bool  # the last value is the one shown

    def __str__(self) -> str:
        return (
            f"{self.inputs:5.0f} inputs/s   {self.frames:5.1f} frames/s   p50 {self.p50:4.0f} ms   "
            f"p95 {self.p95:4.0f} ms   last value {'shown' if self.right else 'NOT SHOWN'}"
        )


def measure(page, selector: str, rate: int, seconds: float) -> Dragged:
    """Drag and return the numbers."""
    start, end, inputs, last = page.evaluate(DRIVER, [selector, rate, seconds, STEP])
    page.wait_for_timeout(2500)
    shown = page.evaluate("() => window.shown43")
    frames = sum(start <= at <= end for _, at, _ in shown)
    waits = sorted(wait for _, _, wait in shown if wait is not None and wait == wait)
    p50, p95 = (statistics.quantiles(waits, n=20)[i] for i in (9, 18)) if len(waits) > 1 else [0, 0]
    right = abs(page.evaluate("() => window.last43") - last) < STEP / 2
    return Dragged(inputs / seconds, frames / seconds, p50, p95, right)


def run(
    browser, script: Path, options: list[str], visit: Callable, seconds: float, far: bool = False
) -> None:
    """Serve a page, warm it up with one short drag, measure at 30 and 60 inputs a second."""
    with ExitStack() as stack:
        url = stack.enter_context(served(script, *options))
        if far:
            port = stack.enter_context(far_away(int(url.rpartition(":")[2])))
            url = f"http://127.0.0.1:{port}"
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url, timeout=120_000)
        selector = visit(page)
        page.evaluate(DRIVER, [selector, 30, 1, STEP])
        page.wait_for_timeout(2000)
        for rate in (30, 60):
            print("  ", measure(page, selector, rate, seconds), flush=True)
        page.close()


def drawing(side: int = 2450) -> bytes:
    """Return a drawn picture of 6 million pixels: a disc with fine stripes, as a PNG."""
    import io

    import numpy as np
    from PIL import Image

    row, column = np.mgrid[:side, :side] / side - 0.5
    picture = np.zeros((side, side, 4), dtype=np.uint8)
    picture[..., 0] = 200 - 60 * (column * side % 12 < 6)
    picture[..., 1] = 120 + 100 * row
    picture[..., 3] = 255 * (np.hypot(row, column) < 0.46)
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def visit_ours(name: str, *, film: bool, kept: bool = False) -> Callable:
    """Return what opens our page and finds the first slider, with or without the filmstrip.

    Args:
        name: The slider.
        film: Whether the filmstrip is on.
        kept: Whether the page starts from a picture of one's own, whose detail is kept.
    """

    def visit(page) -> str:
        page.wait_for_selector(".mat[data-state=ready]", timeout=60_000)
        page.set_checked("#film-switch input", film)
        if film:
            page.locator(f"#slider-{name} input[type=range]").focus()
            page.wait_for_selector(f"#slider-{name} .film:not(.blank)", timeout=60_000)
        if kept:
            upload = {"name": "drawn.png", "mimeType": "image/png", "buffer": drawing()}
            page.set_input_files("#stage .file", upload)
            page.wait_for_function("() => vae43.original.of(vae43.store.state)")
            page.wait_for_timeout(4000)
        page.evaluate(WATCH_OURS, name)
        return f"#slider-{name} input[type=range]"

    return visit


def visit_naive(page) -> str:
    """Open the naive page and find its slider."""
    page.wait_for_selector("#slider input[type=range]", timeout=60_000)
    page.evaluate(WATCH_NAIVE, STEP)
    return "#slider input[type=range]"


def main() -> None:
    """Run both pages one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default="pomona")
    parser.add_argument("--only", choices=("plain", "film", "kept", "far", "naive"))
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--serve-naive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_naive:
        return serve_naive(options.world, options.port)

    from playwright.sync_api import sync_playwright

    world = load(options.world)
    print(f"{world.name}, {world.image_size}², {os.cpu_count()} cores, {options.seconds:g} s each")
    fake = options.world == "fake"
    script, extra = (FAKE, []) if fake else (ROOT / "app.py", ["--world", options.world])
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        name, seconds = world.sliders[0].name, options.seconds
        ours, film = (visit_ours(name, film=on) for on in (False, True))
        naive = Path(__file__).resolve(), ["--serve-naive", "--world", options.world], visit_naive
        kept = visit_ours(name, film=False, kept=True)
        far = "behind 200 ms and 10 Mbit/s"
        for kind, title, page, away in (
            ("plain", "this page", (script, extra, ours), False),
            ("film", "this page, with the filmstrip", (script, extra, film), False),
            ("kept", "this page, a picture of 6 million pixels kept", (script, extra, kept), False),
            ("far", f"this page, {far}", (script, extra, film), True),
            ("naive", "naive: change → gr.Image", naive, False),
            ("naive", f"naive, {far}", naive, True),
        ):
            if options.only in (None, kind):
                print(title)
                run(browser, *page, seconds, away)
        browser.close()
    return None


if __name__ == "__main__":
    main()

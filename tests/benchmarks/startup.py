"""Time from ``python app.py`` to a page that answers, and to the first picture in Chromium.

    python tests/benchmarks/startup.py [--world pomona] [--runs 3]

The browser is running beforehand, as an artist's is.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FAKE, FLAGS, find_chromium, free_port, wait_for_answer  # noqa: E402


def once(browser, script: Path, options: list[str]) -> tuple[float, float]:
    """Start the app once; return seconds to the answer and to the first picture."""
    port = free_port()
    command = [sys.executable, str(script), "--port", str(port), *options]
    begun = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_for_answer(process, f"http://127.0.0.1:{port}")
            answered = time.perf_counter() - begun
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}")
            page.wait_for_selector(".mat[data-state=ready]", timeout=60_000)
            drawn = time.perf_counter() - begun
            page.close()
        finally:
            process.terminate()
            process.communicate(timeout=20)
    return answered, drawn


def main() -> None:
    """Run a few times and print every run and the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", default="pomona")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    fake = options.world == "fake"
    script, extra = (FAKE, []) if fake else (ROOT / "app.py", ["--world", options.world])

    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        runs = [once(browser, script, extra) for _ in range(options.runs)]
        browser.close()
    for answered, drawn in runs:
        print(f"page answers {answered:5.2f} s   first picture {drawn:5.2f} s")
    medians = [statistics.median(column) for column in zip(*runs, strict=True)]
    print(f"median       {medians[0]:5.2f} s                 {medians[1]:5.2f} s")


if __name__ == "__main__":
    main()

"""The real page in a process of its own, and a real Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vae.ui.worlds import CHECKPOINTS

ROOT = Path(__file__).resolve().parents[2]
FAKE = ROOT / "tests" / "browser" / "serve_fake.py"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BROWSER_VARIABLE = "VAE_CHROMIUM"
WORLD = "pomona"


def find_chromium() -> str | None:
    """Return the browser named by the environment, or the first one on the path."""
    names = (os.environ.get(BROWSER_VARIABLE), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name))), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(script: Path, *options: str) -> Iterator[str]:
    """Run a script that serves the page, wait until it answers, stop it afterwards."""
    port = free_port()
    command = [sys.executable, str(script), "--port", str(port), *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            wait_for_answer(process, url)
            yield url
        finally:
            stopped = process.poll() is not None
            process.terminate()
            output = process.communicate(timeout=20)[0]
            assert not stopped, f"the server stopped by itself: {output}"
    assert "Traceback" not in output, output


def wait_for_answer(process: subprocess.Popen[str], url: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server stopped: {process.communicate()[0]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {url} within {seconds} s")


@pytest.fixture(scope="session")
def fake_url() -> Iterator[str]:
    with served(FAKE) as url:
        yield url


@pytest.fixture(scope="session")
def shared_url() -> Iterator[str]:
    with served(FAKE, "--share") as url:
        yield url


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    path = find_chromium()
    if path is None:
        pytest.skip(f"no Chromium found; name one in {BROWSER_VARIABLE}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium) -> Iterator[Callable]:
    """Open a page and wait for its first picture; any complaint in the console fails the test."""
    complaints: list[str] = []
    contexts = []

    def open_page(url: str, width: int = 1440, height: int = 900, **options):
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on(
            "console",
            lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.add_init_script(
            "window.frames43 = []; document.addEventListener('vae43:frame',"
            " (event) => window.frames43.push({...event.detail, at: performance.now()}));"
        )
        page.goto(url)
        rest(page)
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def rest(page) -> None:
    """Wait until the exact picture of the last state is shown."""
    page.wait_for_function(
        "() => window.frames43.length && window.frames43.at(-1).state.still"
        " && performance.now() - window.frames43.at(-1).at > 60"
    )


def shown_state(page) -> dict:
    return page.evaluate("() => window.frames43.at(-1).state")


def drag(page, name: str, value: float) -> None:
    """Put a slider to a value as a hand does: the range's own input event."""
    page.evaluate(
        """([name, value]) => {
            const range = document.querySelector(`#slider-${name} input[type=range]`);
            range.value = value;
            range.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [name, value],
    )


def after(page, action: Callable[[], object]) -> None:
    """Do something and wait until the picture it leads to rests."""
    count = page.evaluate("() => { window.frames43 = []; return 0; }")
    assert count == 0
    action()
    rest(page)


def pixels(page) -> str:
    """Return the canvas as it is, for comparison."""
    return page.evaluate("() => document.querySelector('#stage canvas').toDataURL()")


@pytest.fixture(scope="session")
def world_url() -> Iterator[str]:
    """The page as it is shipped."""
    if not (CHECKPOINTS / WORLD / "model.safetensors").is_file():
        pytest.skip(f"the world {WORLD} is not in this checkout")
    with served(ROOT / "app.py", "--world", WORLD) as url:
        yield url

"""The page as it is shipped: ``python app.py`` with the real world."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.browser.conftest import ROOT, WORLD, after, drag, pixels, shown_state
from vae.ui.surface import with_grain
from vae.ui.worlds import CHECKPOINTS, read_sliders

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

LIGHTNESS = """() => {
  const copy = new OffscreenCanvas(64, 64).getContext("2d", { willReadFrequently: true });
  copy.drawImage(document.querySelector("#stage canvas"), 0, 0, 64, 64);
  const { data } = copy.getImageData(0, 0, 64, 64);
  let light = 0, weight = 0;
  for (let i = 0; i < data.length; i += 4) {
    light += data[i + 3] * (0.2126 * data[i] + 0.7152 * data[i + 1] + 0.0722 * data[i + 2]);
    weight += data[i + 3];
  }
  return light / weight;
}"""


def test_the_lightness_slider_makes_the_picture_lighter(visit, world_url):
    page = visit(world_url)
    seen = []
    for value in (-2, 0, 2):
        if value:
            after(page, lambda value=value: drag(page, "lightness", value))
        else:
            after(page, lambda: page.click("#reset-all"))
        seen.append(page.evaluate(LIGHTNESS))
    assert seen[0] < seen[1] < seen[2]
    assert seen[2] - seen[0] > 15


def test_every_slider_of_the_table_is_on_the_page_and_draws(visit, world_url):
    page = visit(world_url)
    page.click("#more-style > button")
    page.click("#more-form > button")
    start, rows = pixels(page), with_grain(read_sliders(CHECKPOINTS / WORLD))
    page.wait_for_function(
        f"() => document.querySelectorAll('.sliders input[type=range]').length === {len(rows)}"
    )
    for row in (rows[0], rows[-1]):
        after(page, lambda row=row: drag(page, row.name.replace(" ", "-"), row.high))
        assert shown_state(page)["moves"] == {row.name: row.high}
        assert pixels(page) != start
        after(page, lambda: page.click("#reset-all"))
        assert pixels(page) == start


def test_a_surprise_and_its_seed(visit, world_url):
    page = visit(world_url)
    first, seed = pixels(page), page.input_value("#seed input")
    after(page, lambda: page.click("#surprise"))
    assert pixels(page) != first
    after(page, lambda: page.fill("#seed input", seed))
    assert pixels(page) == first


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--world", "nowhere"], "no world called nowhere"),
        (["--world", "tests"], "not a world"),
        (["--device", "abacus"], "'abacus'"),
        (["--password"], "password"),
        (["--port", "0"], "from 1 to 65535"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_bad_options_end_with_one_sentence(options, says):
    done = subprocess.run(
        [sys.executable, "app.py", *options], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode != 0
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_taken_port_ends_with_one_sentence(fake_url):
    port = fake_url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "app.py", "--port", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert f"cannot serve at 127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_damaged_world_ends_with_one_sentence(tmp_path):
    if not (CHECKPOINTS / WORLD / "model.safetensors").is_file():
        pytest.skip(f"the world {WORLD} is not in this checkout")
    for name in ("config.json", "sliders.json", "model.safetensors"):
        data = (CHECKPOINTS / WORLD / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2] if name[0] == "m" else data)
    done = subprocess.run(
        [sys.executable, "app.py", "--world", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "model.safetensors is damaged" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1

"""The strength of the grain in a real Chromium: a hand moves it, a flat picture takes it away."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw

from tests.browser.conftest import after, drag, pixels, rest, shown_state
from vae.ui.surface import GRAIN

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

RANGE = "#slider-grain-strength input[type=range]"


def flat() -> dict:
    """A green disk, as a file."""
    image = Image.new("RGBA", (200, 200))
    ImageDraw.Draw(image).ellipse((30, 40, 170, 160), fill=(51, 153, 51, 255))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return {"name": "flat.png", "mimeType": "image/png", "buffer": buffer.getvalue()}


def test_a_hand_moves_it_and_everything_carries_it(visit, world_url):
    page = visit(world_url)
    start = pixels(page)
    after(page, lambda: drag(page, "grain-strength", -1))
    smooth = pixels(page)
    assert smooth != start
    assert shown_state(page)["moves"] == {GRAIN.name: -1}
    page.wait_for_timeout(600)  # everything is in the browser's storage, and in the address
    again = visit(page.evaluate("() => location.href"))
    assert pixels(again) == smooth
    assert float(again.input_value(RANGE)) == -1
    after(page, lambda: page.keyboard.press("Control+z"))
    assert pixels(page) == start


def test_a_flat_picture_comes_back_flat_and_another_seed_as_it_would(visit, world_url):
    page = visit(world_url)
    after(page, lambda: page.locator("#stage input[type=file]").set_input_files(flat()))
    assert shown_state(page)["moves"] == {GRAIN.name: -1}
    assert page.locator("#slider-grain-strength").evaluate("e => e.classList.contains('moved')")
    page.wait_for_timeout(600)  # everything is in the browser's storage
    page.reload()
    rest(page)
    after(page, lambda: page.get_by_role("button", name="Surprise me").click())
    assert shown_state(page)["moves"] == {}


def test_what_a_hand_has_set_since_stays(visit, world_url):
    page = visit(world_url)
    after(page, lambda: page.locator("#stage input[type=file]").set_input_files(flat()))
    after(page, lambda: drag(page, "grain-strength", 0.5))
    after(page, lambda: page.get_by_role("button", name="Surprise me").click())
    assert shown_state(page)["moves"] == {GRAIN.name: 0.5}


def test_what_a_hand_sets_after_the_upload_was_undone_is_the_hands(visit, world_url):
    page = visit(world_url)
    after(page, lambda: page.set_input_files("#stage .file", flat()))
    after(page, lambda: page.keyboard.press("Control+z"))
    after(page, lambda: drag(page, "grain-strength", -1))
    after(page, lambda: page.get_by_role("button", name="Surprise me").click())
    assert shown_state(page)["moves"] == {GRAIN.name: -1}

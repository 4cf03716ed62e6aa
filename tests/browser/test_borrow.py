"""A reference lends its look: dials, locks, undo, in a real Chromium with a drawn world."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import after, drag, pixels, shown_state
from tests.browser.test_memory import redo, undo
from tests.browser.test_page import png_file

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def take(page, **options):
    reference = png_file("teal.png", (20, 160, 150), **options)
    after(page, lambda: page.set_input_files("#borrow .file", reference))


def dial(page, name, value):
    page.evaluate(
        """([name, value]) => {
            const range = document.querySelector(`#borrow [data-dial=${name}] input`);
            range.value = value;
            range.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        [name, value],
    )


def test_a_reference_lends_its_look_and_takes_it_back(visit, fake_url):
    page = visit(fake_url)
    plain = pixels(page)
    take(page)
    assert pixels(page) != plain
    assert page.inner_text("#borrow .name") == "teal.png"
    page.wait_for_function("() => document.querySelector('#borrow .differs').textContent")
    borrow = shown_state(page)["borrow"]
    assert len(borrow["u"]) == 16
    assert "name" not in borrow
    for name in ("texture", "palette", "transparency"):
        after(page, lambda name=name: dial(page, name, 0))
    assert pixels(page) == plain
    after(page, lambda: dial(page, "palette", 40))
    assert shown_state(page)["borrow"]["palette"] == 0.4
    after(page, lambda: page.click("#borrow .remove"))
    assert "borrow" not in shown_state(page)
    assert page.is_visible("#borrow .pick")


def test_dials_and_locks_follow_a_state_that_is_restored(visit, fake_url):
    page = visit(fake_url)
    take(page)
    page.click("#borrow summary")
    whole, before = pixels(page), page.evaluate("() => vae43.store.state")
    lock = page.locator("#borrow li[data-attribute=warmth] .lock")
    after(page, lock.click)
    after(page, lambda: dial(page, "palette", 25))
    assert lock.get_attribute("aria-pressed") == "true"
    assert pixels(page) != whole
    after(page, lambda: page.evaluate("(state) => vae43.restore(state)", before))
    assert pixels(page) == whole
    assert lock.get_attribute("aria-pressed") == "false"
    assert page.input_value("#borrow [data-dial=palette] input") == "100"


def test_an_exact_palette_is_put_on_after_the_model(visit, fake_url):
    page = visit(fake_url)
    take(page)
    drawn = pixels(page)
    after(page, lambda: page.check("#borrow .exact input"))
    assert shown_state(page)["borrow"]["exact"]["on"] is True
    assert pixels(page) != drawn


def drop(page, selector, file):
    """Drop a file on an element, as a hand does that carries it from the desktop."""
    data = base64.b64encode(file["buffer"]).decode()
    transfer = page.evaluate_handle(
        """([name, type, data]) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], name, { type }));
            return transfer;
        }""",
        [file["name"], file["mimeType"], data],
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event(selector, kind, {"dataTransfer": transfer})


def test_a_file_dropped_on_the_panel_is_a_reference_and_elsewhere_a_start(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drop(page, "#borrow .pick", png_file("teal.png", (20, 160, 150))))
    state = shown_state(page)
    assert state["borrow"]["palette"] == 1
    assert "z" not in state
    assert page.inner_text("#borrow .name") == "teal.png"
    after(page, lambda: drop(page, "#stage .mat", png_file("mine.png", (190, 90, 30))))
    state = shown_state(page)
    assert len(state["z"]) == 12
    assert page.inner_text("#borrow .name") == "teal.png"  # it is still lent


def test_references_and_dials_are_undone_to_the_start(visit, fake_url):
    page = visit(fake_url)
    seen = [(pixels(page), shown_state(page))]
    for step in (
        lambda: take(page),
        lambda: dial(page, "palette", 30),
        lambda: drag(page, "size", 1),
        lambda: page.check("#borrow .exact input"),
        lambda: take(page, size=64),
        lambda: page.click("#borrow .remove"),
    ):
        after(page, step)
        page.wait_for_timeout(700)
        seen.append((pixels(page), shown_state(page)))
    for expected in seen[-2::-1]:
        undo(page)
        assert (pixels(page), shown_state(page)) == expected
    assert page.is_visible("#borrow .pick")
    for expected in seen[1:3]:
        redo(page)
        assert (pixels(page), shown_state(page)) == expected
    assert page.input_value("#borrow [data-dial=palette] input") == "30"


def test_a_transparent_reference_lends_its_transparency_and_an_opaque_one_has_none(visit, fake_url):
    page = visit(fake_url)
    take(page)
    cut_out = page.locator("#borrow [data-dial=transparency] input")
    assert cut_out.is_enabled()
    assert shown_state(page)["borrow"]["transparency"] == 1
    whole = pixels(page)
    after(page, lambda: dial(page, "transparency", 0))
    assert pixels(page) != whole
    opaque = np.full((80, 80, 3), (120, 60, 20), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(opaque).save(buffer, "PNG")
    file = {"name": "wood.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    after(page, lambda: page.set_input_files("#borrow .file", file))
    assert cut_out.is_disabled()
    assert page.is_visible("#borrow .why")
    assert shown_state(page)["borrow"]["transparency"] == 0


def test_an_invisible_reference_is_explained(visit, fake_url):
    page = visit(fake_url)
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((40, 40, 4), np.uint8)).save(buffer, "PNG")
    file = {"name": "air.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    page.set_input_files("#borrow .file", file)
    page.wait_for_function("() => document.querySelector('#borrow .trouble').textContent")
    assert "transparent" in page.inner_text("#borrow .trouble")
    assert "borrow" not in shown_state(page)

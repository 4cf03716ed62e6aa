"""A reference lends its look: dials, locks, undo, in a real Chromium with a drawn world."""

from __future__ import annotations

import pytest

from tests.browser.conftest import after, pixels, shown_state
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

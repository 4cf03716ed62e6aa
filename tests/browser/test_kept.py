"""Small things that stay as they were left, and a WebP that brings its picture back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import after, drag, pixels, rest, shown_state
from tests.browser.test_memory import written

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def saved_webp(page):
    page.click("details.export summary")
    with page.expect_download() as caught:
        page.click("details.export [data-factor='1']")
    return Path(caught.value.path()).read_bytes()


def test_the_switch_of_the_recipe_is_remembered(visit, fake_url):
    page = visit(fake_url)
    box = page.locator("#keep-recipe input")
    assert box.is_checked()
    box.uncheck()
    page.reload()
    rest(page)
    assert not box.is_checked()
    assert b"43.VAE" not in saved_webp(page)
    box.check()
    page.reload()
    rest(page)
    assert box.is_checked()


@pytest.mark.parametrize("width", [1440, 900, 390])
def test_the_tab_key_goes_through_the_row_as_the_eye_does(visit, fake_url, width):
    page = visit(fake_url, width=width)
    places = page.locator("#save :is(input, button, summary):visible").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().x)"
    )
    assert len(places) == 6
    assert places == sorted(places)
    page.focus("#keep-recipe input")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.id") == "save-1x"


def test_a_webp_dropped_on_the_page_brings_the_exact_picture_back(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1.5))
    expected, state = pixels(page), shown_state(page)
    file = saved_webp(page)
    page.wait_for_timeout(700)
    after(page, lambda: page.click("#surprise"))
    dropped = {"name": "a.webp", "mimeType": "image/webp", "buffer": file}
    after(page, lambda: page.set_input_files("#stage .file", dropped))
    assert (pixels(page), shown_state(page)) == (expected, state)


def test_the_corners_of_the_pad_are_kept(visit, fake_url):
    page = visit(fake_url)
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")
    page.select_option("#blend .count", "3")
    after(page, lambda: page.click("#surprise"))
    page.locator("#blend .corner button").nth(1).click()
    written(page)
    corners = "() => localStorage.getItem('43.VAE/fake/blend')"
    page.wait_for_function(f"() => JSON.parse(({corners})()).count === 3")
    seeds = f"() => JSON.parse(({corners})()).corners.map(({{ state }}) => state.seed)"
    kept = page.evaluate(seeds)
    page.reload()
    rest(page)
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")
    assert page.input_value("#blend .count") == "3"
    assert page.locator("#blend .corner:not([hidden])").count() == 3
    assert page.evaluate(seeds) == kept


@pytest.mark.parametrize("damaged", ["{", '{"corners": 3}', '{"corners": [1, 2, 3, null]}'])
def test_damaged_corners_are_drawn_anew(visit, fake_url, damaged):
    page = visit(fake_url)
    page.evaluate("(kept) => localStorage.setItem('43.VAE/fake/blend', kept)", damaged)
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")
    assert page.locator("#blend .corner:not([hidden])").count() == 4

"""More like these: marks, the slider they make, and what a picture carries, in a real Chromium."""

from __future__ import annotations

import pytest

from tests.browser.conftest import after, pixels, rest, shown_state
from tests.browser.test_explore import open_sheet
from tests.browser.test_memory import settle, undo, written

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def press(page, tile, kind):
    """Press a mark of the n-th variation, as a hand does that points at it."""
    page.locator("#variations .tiles button").nth(tile).hover(position={"x": 40, "y": 30})
    page.locator(f"#variations .marks span:nth-child({tile + 1}) .{kind}").click()


def make(page, opened=False):
    """Mark three variations and make a slider of them; returns its row."""
    if not opened:
        open_sheet(page, "variations")
    for tile, kind in ((0, "like"), (1, "like"), (8, "dislike")):
        press(page, tile, kind)
    page.click("#variations .make")
    row = page.locator("#likes .block").last
    row.wait_for()
    return row


def slide(page, row, value):
    row.locator("input[type=range]").evaluate(
        """(range, value) => {
            range.value = value;
            range.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        value,
    )


def along(page):
    return [(move["id"], move["at"]) for move in shown_state(page).get("along", [])]


def test_marks_make_a_slider_that_is_tried_at_once(visit, fake_url):
    page = visit(fake_url)
    assert not page.is_visible("#likes-sliders")
    row = make(page)
    assert page.inner_text("#variations .counts") == "2 liked, 1 not"
    assert row.locator(".name").input_value() == "More like these 1"
    assert row.locator("input[type=range]").evaluate("e => e === document.activeElement")
    plain = pixels(page)
    after(page, lambda: slide(page, row, 1.5))
    [(_, at)] = along(page)
    assert at == 1.5
    assert pixels(page) != plain
    after(page, lambda: row.locator("input[type=range]").dblclick(position={"x": 5, "y": 15}))
    assert along(page) == []
    assert pixels(page) == plain
    press(page, 0, "like")
    assert page.inner_text("#variations .counts") == "1 liked, 1 not"
    page.click("#variations .clear")
    assert not page.is_visible("#variations .make")


def test_a_slider_without_a_name_of_its_own_is_called_in_the_language_spoken(visit, fake_url):
    page = visit(fake_url)
    row = make(page)
    row.locator(".keep").click()
    page.click("#masthead [data-language=zh-CN]")
    page.wait_for_function(
        "() => document.querySelector('#likes .block .name').value === '更像这些 1'"
    )
    row.locator(".name").fill("Rosy")
    row.locator(".name").press("Enter")
    page.click("#masthead [data-language=en]")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    assert row.locator(".name").input_value() == "Rosy"


def test_the_keyboard_marks_too(visit, fake_url):
    page = visit(fake_url)
    open_sheet(page, "variations")
    page.locator("#variations .tiles button").nth(4).focus()
    page.keyboard.press("+")  # the picture itself is no variation
    assert page.inner_text("#variations .counts") == ""
    page.keyboard.press("ArrowUp")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("-")
    assert page.inner_text("#variations .counts") == "1 liked, 1 not"
    pressed = page.locator("#variations .marks [aria-pressed=true]")
    assert [pressed.nth(i).get_attribute("aria-label") for i in range(2)] == [
        "Not this: Variation 1 of 8",
        "I like this: Variation 2 of 8",
    ]


def test_a_kept_slider_stays_is_renamed_and_deleted_with_undo(visit, fake_url):
    page = visit(fake_url)
    row = make(page)
    page.click("[data-opens=variations]")  # closed, so that the picture has its own size again
    row.locator(".keep").click()
    row.locator(".name").fill("Rosy")
    row.locator(".name").press("Enter")
    after(page, lambda: slide(page, row, 2))
    moved, state = pixels(page), shown_state(page)
    written(page)
    page.reload()
    rest(page)
    row = page.locator("#likes .block")
    assert (row.count(), row.locator(".name").input_value()) == (1, "Rosy")
    assert row.locator("input[type=number]").input_value() == "2"
    assert not row.locator(".keep").is_visible()
    assert pixels(page) == moved
    after(page, lambda: row.locator(".delete").click())
    assert along(page) == []
    assert "Rosy is deleted." in page.inner_text("#likes .gone")
    after(page, lambda: page.click("#likes .undo"))
    assert (shown_state(page), pixels(page)) == (state, moved)
    assert row.locator(".name").input_value() == "Rosy"
    after(page, lambda: row.locator(".delete").click())
    page.wait_for_timeout(700)
    undo(page)  # of the page: the picture is back, and its slider with it
    assert pixels(page) == moved
    assert row.locator(".name").input_value() == "Rosy"
    assert not row.locator(".keep").is_visible()


def test_a_link_carries_the_slider_to_another_browser(visit, fake_url):
    page = visit(fake_url)
    row = make(page)
    page.click("[data-opens=variations]")  # closed, so that the picture has its own size again
    row.locator(".keep").click()
    row.locator(".name").fill("For Anna")
    row.locator(".name").press("Enter")
    after(page, lambda: slide(page, row, -1.25))
    settle(page)
    page.wait_for_function("() => location.hash")
    assert "Anna" not in page.evaluate("() => JSON.stringify(vae43.snapshot())")
    elsewhere = visit(page.url)
    settle(elsewhere)
    assert pixels(elsewhere) == pixels(page)
    guest = elsewhere.locator("#likes .block")
    assert guest.locator(".name").input_value() == "A direction"
    assert guest.locator("input[type=number]").input_value() == "-1.25"
    guest.locator(".keep").click()
    after(elsewhere, lambda: elsewhere.click("#reset-all"))
    assert along(elsewhere) == []
    elsewhere.reload()
    rest(elsewhere)
    assert guest.count() == 1


@pytest.mark.parametrize("kept", ["{", '{"rows": 3}', '{"rows": [1, {"id": "a"}, null]}'])
def test_damaged_storage_is_no_slider(visit, fake_url, kept):
    page = visit(fake_url)
    page.evaluate("(kept) => localStorage.setItem('43.VAE/fake/likes', kept)", kept)
    page.reload()
    rest(page)
    assert not page.is_visible("#likes-sliders")
    make(page)

"""A tablet, held upright, and fingers."""

from __future__ import annotations

import pytest

from tests.browser.conftest import after, pixels, shown_state
from tests.browser.test_likes import along, slide

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def tablet(visit, fake_url):
    return visit(fake_url, 820, 1180, has_touch=True, is_mobile=True)


def swipe(page, selector, start, end):
    """Draw a finger over an element, from one share of its width to another."""
    box = page.locator(selector).bounding_box()
    session = page.context.new_cdp_session(page)
    y = box["y"] + box["height"] / 2

    def touch(kind, share=None):
        x = None if share is None else box["x"] + share * box["width"]
        points = [] if x is None else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", start)
    for step in range(1, 6):
        touch("touchMove", start + (end - start) * step / 5)
    touch("touchEnd")
    session.detach()


def test_nothing_is_wider_than_the_page(tablet):
    wide = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not tablet.evaluate(wide)
    for door in ("variations", "field", "blend"):
        tablet.tap(f"[data-opens={door}]")
        tablet.wait_for_timeout(200)
        assert not tablet.evaluate(wide)


def test_a_finger_drags_a_slider(tablet):
    tablet.locator("#slider-warmth").scroll_into_view_if_needed()
    before = pixels(tablet)
    after(tablet, lambda: swipe(tablet, "#slider-warmth input[type=range]", 0.5, 0.9))
    assert shown_state(tablet)["moves"]["warmth"] > 1
    assert pixels(tablet) != before


def test_a_finger_marks_variations_and_tries_what_they_make(tablet):
    tablet.tap("[data-opens=variations]")
    tablet.wait_for_selector("#variations .tiles:not(.blank):not([aria-busy])")
    tablet.tap("#variations .marks span:nth-child(1) .like")
    tablet.tap("#variations .marks span:nth-child(9) .dislike")
    assert tablet.inner_text("#variations .counts") == "1 liked, 1 not"
    tablet.tap("#variations .make")
    row = tablet.locator("#likes .block")
    row.wait_for()
    after(tablet, lambda: slide(tablet, row, 1))
    assert len(along(tablet)) == 1


def test_a_finger_moves_on_the_pad(tablet):
    tablet.tap("[data-opens=blend]")
    tablet.wait_for_selector("#blend .pad:not(.blank)")
    tablet.locator("#blend .pad").scroll_into_view_if_needed()
    after(tablet, lambda: swipe(tablet, "#blend .pad", 0.5, 0.7))
    assert len(shown_state(tablet)["z"]) == 12


def test_what_is_pressed_is_large_enough_for_a_finger(tablet):
    """At least 24 px either way, as WCAG 2.2 asks for (2.5.8)."""
    tablet.tap("[data-opens=variations]")
    tablet.wait_for_selector("#variations .tiles:not(.blank):not([aria-busy])")
    small = tablet.evaluate(
        """() => [...document.querySelectorAll("#create button, #create select, #create summary")]
            .filter((one) => one.checkVisibility())
            .map((one) => [one, one.getBoundingClientRect()])
            .filter(([_, { width, height }]) => width && Math.min(width, height) < 24)
            .map(([one]) => one.outerHTML.slice(0, 80))"""
    )
    assert small == []

"""Keep its own detail: a picture of one's own stays, and sliders change it, in a real Chromium."""

from __future__ import annotations

import pytest

from tests.browser.conftest import after, drag, pixels, shown_state
from tests.browser.test_memory import settle, undo
from tests.browser.test_page import png_file

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
ROW = "#detail"
SWITCH = "#detail input"


def start(page, colour=(190, 90, 30)):
    page.set_input_files("#stage .file", png_file("mine.png", colour))
    page.wait_for_function("() => vae43.store.state.z")
    settle(page)


def toggle(page):
    after(page, lambda: page.click(f"{ROW} label"))
    settle(page)


def test_the_picture_itself_is_shown_and_a_slider_changes_it(visit, fake_url):
    page = visit(fake_url)
    assert not page.is_visible(ROW)  # there is no picture whose detail could be kept
    start(page)
    own = pixels(page)
    assert page.is_checked(SWITCH)
    assert shown_state(page)["detail"]["z"] == shown_state(page)["z"]
    after(page, lambda: drag(page, "warmth", 0.8))
    settle(page)
    warm = pixels(page)
    assert warm != own
    toggle(page)
    assert pixels(page) not in (own, warm)  # the world's own picture
    undo(page)
    assert pixels(page) == warm
    assert page.is_checked(SWITCH)
    undo(page)
    assert pixels(page) == own


def test_it_is_there_again_after_a_reload_and_by_a_link(visit, fake_url):
    page = visit(fake_url)
    start(page)
    own, address = pixels(page), page.url
    page.reload()
    settle(page)
    assert pixels(page) == own
    assert page.is_checked(SWITCH)
    elsewhere = visit(address)
    settle(elsewhere)
    assert pixels(elsewhere) == own
    assert elsewhere.is_checked(SWITCH)  # the link carries the picture


def test_it_goes_with_its_picture_and_stays_off_where_it_was_switched_off(visit, fake_url):
    page = visit(fake_url)
    start(page)
    first = pixels(page)
    after(page, lambda: page.click("#surprise"))
    settle(page)
    assert not page.is_visible(ROW)
    assert shown_state(page).get("detail") is None
    start(page, (30, 90, 190))
    assert page.is_checked(SWITCH)
    assert pixels(page) != first
    toggle(page)
    start(page)
    assert not page.is_checked(SWITCH)


def test_a_match_reads_it_anew_and_leaves_it_as_it_is(visit, fake_url):
    page = visit(fake_url)
    start(page)
    own = pixels(page)
    page.click("#closer")
    page.wait_for_function(
        "() => document.querySelector('#stage .message').textContent.startsWith('Away from')"
    )
    settle(page)
    state = shown_state(page)
    assert state["detail"]["z"] == state["z"]
    assert pixels(page) == own


def test_what_it_is_compared_with_is_the_picture_itself(visit, fake_url):
    page = visit(fake_url)
    start(page)
    own = shown_state(page)["detail"]
    after(page, lambda: drag(page, "warmth", 0.8))
    settle(page)
    asked = page.evaluate("() => vae43.compare.start()")
    assert asked["detail"] == own
    assert asked["moves"] == {}


def test_while_dragging_the_picture_is_named_and_sent_again_when_asked_for(visit, fake_url):
    page = visit(fake_url)
    start(page)
    page.evaluate(
        """() => {
          [window.sent, window.forget] = [[], false];
          const { frame } = vae43.server;
          vae43.server.frame = (state) => {
            const whole = Boolean(state.detail.webp);
            window.sent.push(whole);
            return window.forget && !whole ? Promise.resolve({ forgotten: true }) : frame(state);
          };
        }"""
    )
    after(page, lambda: drag(page, "warmth", 0.5))
    settle(page)
    assert page.evaluate("() => window.sent.length") > 1
    assert not page.evaluate("() => window.sent.some(Boolean)")
    before = pixels(page)
    page.evaluate("() => (window.forget = true)")  # as after a restart of the server
    after(page, lambda: drag(page, "warmth", 0.9))
    settle(page)
    assert page.evaluate("() => window.sent.some(Boolean)")
    assert pixels(page) != before

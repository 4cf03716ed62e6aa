"""Match closer: from a picture of one's own to a nearer one, as one step, in a real Chromium."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import after, drag, pixels, rest, shown_state
from tests.browser.test_memory import settle, undo, written
from tests.browser.test_page import png_file

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
BUTTON = "#closer"


def start(page):
    """Start from a picture, shown as the world draws it."""
    page.set_input_files("#stage .file", png_file("mine.png", (190, 90, 30)))
    page.wait_for_function("() => vae43.store.state.z")
    settle(page)
    if page.is_checked("#detail input"):
        after(page, lambda: page.click("#detail label"))
        settle(page)


def match(page):
    page.click(BUTTON)
    page.wait_for_function(
        "() => document.querySelector('#stage .message').textContent.startsWith('Away from')"
    )
    settle(page)


def shares(page):
    """The distances that are told, in percent: before and now."""
    text = page.inner_text("#stage .message")
    return [float(word) for word in text.replace("%", "").split() if word[0].isdigit()]


def test_a_picture_is_matched_closer_as_one_step(visit, fake_url):
    page = visit(fake_url)
    assert not page.is_visible(BUTTON)  # there is no picture to come nearer to
    start(page)
    after(page, lambda: drag(page, "size", 0.5))
    page.wait_for_timeout(700)
    first, before = shown_state(page), pixels(page)
    match(page)
    was, now = shares(page)
    assert now < was
    second = shown_state(page)
    assert second["z"] != first["z"]
    assert second["moves"] == first["moves"]
    assert pixels(page) != before
    undo(page)
    assert (shown_state(page), pixels(page)) == (first, before)
    assert page.is_visible(BUTTON)


def test_what_it_was_first_read_as_is_what_a_wipe_shows(visit, fake_url):
    page = visit(fake_url)
    start(page)
    first = pixels(page)
    match(page)
    page.click("#memory .wiping")
    page.locator("#stage .before").wait_for(state="visible")
    assert page.inner_text("#stage .which") == "Before: as it was first read"
    same = page.evaluate(
        """async (first) => {
            const draw = async (src) => {
                const image = new Image();
                image.src = src;
                await image.decode();
                const canvas = new OffscreenCanvas(64, 64);
                canvas.getContext("2d").drawImage(image, 0, 0, 64, 64);
                return canvas.getContext("2d").getImageData(0, 0, 64, 64).data;
            };
            const [a, b] = [await draw(first), await draw(
                document.querySelector("#stage .before").src)];
            return a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;
        }""",
        first,
    )
    assert same < 2


def test_a_search_can_be_stopped_and_leaves_the_picture(visit, fake_url):
    page = visit(fake_url)
    start(page)
    before = shown_state(page)
    page.evaluate(
        """() => {
            window.asked = 0;
            const ask = vae43.server.match;
            const later = (ms) => new Promise((go) => setTimeout(go, ms));
            vae43.server.match = async (data) => {
                window.asked++;
                await later(400); // time to stop it
                return ask(data);
            };
        }"""
    )
    page.click(BUTTON)
    assert page.inner_text(BUTTON) == "Stop"
    page.click(BUTTON)
    page.wait_for_function(
        "() => document.querySelector('#stage .message').textContent.startsWith('Stopped')"
    )
    page.wait_for_timeout(800)
    assert shown_state(page) == before
    assert page.inner_text(BUTTON) == "Match closer"


def test_the_picture_is_remembered_over_a_reload(visit, fake_url):
    page = visit(fake_url)
    start(page)
    written(page)
    page.reload()
    rest(page)
    assert page.is_visible(BUTTON)
    match(page)
    was, now = shares(page)
    assert now < was
    written(page)
    kept = page.evaluate("() => localStorage.getItem('43.VAE/fake/pictures')")
    assert len(json.loads(kept)["pictures"]) == 1
    after(page, lambda: page.click("#stage .origin"))
    assert not page.is_visible(BUTTON)

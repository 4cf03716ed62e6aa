"""Nothing is lost: undo, history, pins, comparing, links and recipes, in a real Chromium."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.browser import conftest
from tests.browser.conftest import FAKE, after, drag, pixels, rest, served, shown_state
from vae.ui.seed import FIRST_SEED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

STATE = "43.VAE/fake/state"
HISTORY = "43.VAE/fake/history"


def settle(page):
    """Wait until the exact picture of the page's own state is shown."""
    page.wait_for_function(
        """() => {
            const { still, ...shown } = window.frames43.at(-1)?.state ?? {};
            return still && vae43.memory.same(shown, vae43.store.state);
        }"""
    )


def undo(page):
    page.keyboard.press("Control+z")
    settle(page)


def redo(page):
    page.keyboard.press("Control+Shift+Z")
    settle(page)


def message(page):
    return page.locator("#stage .message").inner_text()


def strip(page):
    """The strip as text: the pictures, and which of them are pinned."""
    return page.evaluate(
        """() => [...document.querySelectorAll("#memory .strip li")].map((item) =>
            [item.querySelector("img").src, item.querySelector(".pin").ariaPressed])"""
    )


def written(page):
    """Wait until everything is in the browser's storage."""
    page.wait_for_timeout(600)


def reload(page, url=None):
    if url is None:
        page.reload()
    else:
        page.goto("about:blank")
        page.goto(url)
    rest(page)


def link(state, world="fake", hash_=None, version=1):
    whole = {"v": version, "w": world, "h": hash_, "s": state}
    return "#s=" + base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")


def test_every_step_is_undone_to_the_start_and_done_again(visit, fake_url):
    page = visit(fake_url)
    page.click("#more-form > button")
    page.wait_for_selector("#slider-form-12")
    seen = [(pixels(page), shown_state(page))]
    assert page.is_disabled("#memory .undo")
    for step in (
        lambda: drag(page, "warmth", 1.5),
        lambda: drag(page, "form-12", -2),
        lambda: page.evaluate("() => vae43.restore({ moves: { warmth: 0.37 } }, 'panel')"),
        lambda: page.click("#surprise"),
        lambda: drag(page, "size", 1),
        lambda: page.click("#reset-all"),
    ):
        step()
        page.wait_for_timeout(700)
        settle(page)
        seen.append((pixels(page), shown_state(page)))
    for expected in seen[-2::-1]:
        undo(page)
        assert (pixels(page), shown_state(page)) == expected
    page.wait_for_timeout(300)
    assert page.input_value("#slider-warmth input[type=number]") == "0"
    assert page.input_value("#seed input") == str(FIRST_SEED)
    assert page.is_disabled("#memory .undo")
    for expected in seen[1:]:
        redo(page)
        assert (pixels(page), shown_state(page)) == expected
    assert page.is_disabled("#memory .redo")
    page.click("#memory .undo")
    settle(page)
    assert (pixels(page), shown_state(page)) == seen[-2]
    page.keyboard.press("Control+y")
    settle(page)
    assert (pixels(page), shown_state(page)) == seen[-1]


def test_a_drag_is_one_step_and_so_is_reset_all(visit, fake_url):
    page = visit(fake_url)
    start = pixels(page)

    def whole_drag():
        for step in range(30):
            drag(page, "warmth", round(0.05 * step, 2))

    after(page, whole_drag)
    page.wait_for_timeout(700)
    for name, value in {"size": 2, "lightness": -1}.items():
        after(page, lambda name=name, value=value: drag(page, name, value))
        page.wait_for_timeout(200)
    moved = shown_state(page)["moves"]
    after(page, lambda: page.click("#reset-all"))
    undo(page)
    assert shown_state(page)["moves"] == moved == {"warmth": 1.45, "size": 2, "lightness": -1}
    page.locator("#seed input").focus()
    page.keyboard.press("Control+z")  # a text field undoes its own text
    page.wait_for_timeout(300)
    assert page.evaluate("() => vae43.store.state.moves") == moved
    page.locator("#memory .undo").focus()
    for _ in range(3):
        undo(page)
    assert shown_state(page)["moves"] == {}
    assert pixels(page) == start


def test_a_restart_and_a_reload_lose_nothing(visit, monkeypatch):
    port = conftest.free_port()
    monkeypatch.setattr(conftest, "free_port", lambda: port)
    with served(FAKE) as url:
        page = visit(url)
        after(page, lambda: page.click("#surprise"))
        after(page, lambda: drag(page, "warmth", 1.5))
        page.wait_for_timeout(700)
        after(page, lambda: drag(page, "size", -2))
        page.locator("#memory .strip li:nth-child(2) .pin").click()
        undo(page)
        written(page)
        kept = pixels(page), shown_state(page), strip(page)
        assert [pinned for _, pinned in kept[2]] == ["false", "true", "false", "false"]
        reload(page)
        assert (pixels(page), shown_state(page), strip(page)) == kept
        assert page.input_value("#slider-warmth input[type=number]") == "1.5"
        address = page.url
    with served(FAKE) as url:
        reload(page, url)
        assert (pixels(page), shown_state(page), strip(page)) == kept
        page.wait_for_function(
            f"() => document.querySelector('#seed input').value !== '{FIRST_SEED}'"
        )
        assert page.input_value("#slider-warmth input[type=number]") == "1.5"
        assert page.url == address
        redo(page)
        assert shown_state(page)["moves"] == {"warmth": 1.5, "size": -2}
        for _ in range(3):
            undo(page)
        assert shown_state(page)["seed"] == FIRST_SEED
        assert page.is_disabled("#memory .undo")
    visit.complaints.clear()  # the browser remarks on the server that went away


def test_a_copied_link_opens_the_same_picture_elsewhere(visit, fake_url):
    page = visit(fake_url, permissions=["clipboard-read", "clipboard-write"])
    after(page, lambda: drag(page, "warmth", 1.5))
    page.evaluate("() => vae43.restore({ moves: { warmth: 0.371, size: -1 } }, 'panel')")
    page.click("#memory .link")
    page.wait_for_function("() => document.querySelector('#stage .message').textContent")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    rest(page)
    page.wait_for_timeout(200)
    other = visit(copied)
    assert pixels(other) == pixels(page)
    assert shown_state(other)["moves"] == {"warmth": 0.371, "size": -1}
    assert message(other) == ""
    reload(other, fake_url)  # what was opened is remembered like anything else
    assert pixels(other) == pixels(page)
    after(other, lambda: other.evaluate("(to) => { location.hash = to; }", link({"seed": 7})))
    assert shown_state(other)["seed"] == 7
    assert "another version" in message(other)
    undo(other)
    assert pixels(other) == pixels(page)


@pytest.mark.parametrize(
    ("address", "says", "seed"),
    [
        (link({"seed": 7, "moves": {"gone": 1}}, hash_="0" * 12), "another version", 7),
        (link({"seed": 7}, world="pomona"), "the world pomona, and this is fake", FIRST_SEED),
        (link({"seed": 7}, version=9), "damaged", FIRST_SEED),
        (link({"seed": -1}), "damaged", FIRST_SEED),
        (link({"z": [1.0], "key": [1.0], "moves": {}}), "left out", FIRST_SEED),
        ("#s=%%%", "damaged", FIRST_SEED),
        ("#s=" + "A" * 200, "damaged", FIRST_SEED),
    ],
)
def test_a_link_that_cannot_be_trusted_says_so(visit, fake_url, address, says, seed):
    page = visit(fake_url + address)
    assert shown_state(page).get("seed") == seed
    assert says in message(page)
    if address.endswith("A"):  # once is enough for what follows in the page
        after(page, lambda: drag(page, "warmth", 1))
        assert shown_state(page)["moves"] == {"warmth": 1}


def test_a_move_beyond_a_sliders_end_lies_at_its_end(visit, fake_url):
    page = visit(fake_url + link({"seed": 7, "moves": {"warmth": 1e9, "size": -1e9}}))
    ends = page.evaluate(
        """() => Object.fromEntries(vae43.worlds.here.sliders
            .filter(({ name }) => ["warmth", "size"].includes(name))
            .map(({ name, low, high }) => [name, name === "warmth" ? high : low]))"""
    )
    assert shown_state(page)["moves"] == ends
    assert max(map(abs, ends.values())) < 10


def test_a_saved_picture_brings_its_state_back(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1.5))
    made, state = pixels(page), shown_state(page)
    with page.expect_download() as caught:
        page.click("#save-2x")
    file = Path(caught.value.path()).read_bytes()
    after(page, lambda: page.click("#surprise"))
    after(page, lambda: page.click("#reset-all"))
    png = {"name": "kept.png", "mimeType": "image/png", "buffer": file}
    after(page, lambda: page.set_input_files("#stage .file", png))
    assert (pixels(page), shown_state(page)) == (made, state)
    page.wait_for_function(f"() => document.querySelector('#seed input').value === '{FIRST_SEED}'")
    assert page.input_value("#slider-warmth input[type=number]") == "1.5"
    page.uncheck("#keep-recipe input")
    with page.expect_download() as caught:
        page.click("#save-1x")
    with Image.open(caught.value.path()) as image:
        assert image.info == {}


def test_the_strip_is_walked_by_keyboard_and_pins_outlive_the_rest(visit, fake_url):
    page = visit(fake_url)
    first = pixels(page)
    for value in (-2, 2):
        after(page, lambda value=value: drag(page, "lightness", value))
        page.wait_for_timeout(700)
    page.locator("#memory .strip [aria-current]").focus()
    page.keyboard.press("End")
    after(page, lambda: page.keyboard.press("Enter"))
    assert pixels(page) == first
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert [pinned for _, pinned in strip(page)] == ["false", "false", "true"]
    undo(page)
    assert shown_state(page)["moves"] == {"lightness": 2}
    written(page)
    page.evaluate(
        """(key) => {
            const kept = JSON.parse(localStorage.getItem(key));
            const more = [...Array(40).keys()].map((i) => ({
                ...kept.entries[0], id: `more${i}`, at: Date.now() + i,
                state: { ...kept.entries[0].state, seed: 1000 + i },
            }));
            localStorage.setItem(key, JSON.stringify({ entries: [...more, ...kept.entries] }));
        }""",
        HISTORY,
    )
    reload(page)
    pins = [pinned for _, pinned in strip(page)]
    assert pins == ["false"] * 24 + ["true"]
    after(page, lambda: page.locator("#memory .strip li:last-child .go").click())
    assert pixels(page) == first


@pytest.mark.parametrize(
    ("state", "history"),
    [
        ("{", "[[["),
        ('{"state":{"seed":"x"},"past":3,"future":[null,1]}', '{"entries":[1,{"id":2}]}'),
        ('{"state":{"z":[1],"key":[1],"moves":{}},"past":[{}]}', '{"entries":{"length":9}}'),
    ],
)
def test_damaged_storage_is_ignored(visit, fake_url, state, history):
    page = visit(fake_url)
    page.goto("about:blank")
    page.goto(f"{fake_url}/favicon.ico")
    page.evaluate(
        "(kept) => kept.forEach(([key, value]) => localStorage.setItem(key, value))",
        [[STATE, state], [HISTORY, history]],
    )
    reload(page, fake_url)
    assert shown_state(page)["seed"] == FIRST_SEED
    after(page, lambda: drag(page, "warmth", 1))
    undo(page)
    assert shown_state(page)["moves"] == {}


def test_full_storage_is_told_once_and_the_page_goes_on(visit, fake_url):
    page = visit(fake_url)
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    after(page, lambda: drag(page, "warmth", 1))
    page.wait_for_function(
        "() => document.querySelector('#stage .message').textContent.includes('full')"
    )
    undo(page)
    assert shown_state(page)["moves"] == {}


def test_before_and_after_are_held_and_wiped(visit, fake_url):
    page = visit(fake_url)
    page.keyboard.press("b")
    page.wait_for_function("() => document.querySelector('#stage .message').textContent")
    assert "how it started" in message(page)
    after(page, lambda: drag(page, "warmth", 2.5))
    before, which = page.locator("#stage .before"), page.locator("#stage .which")
    page.keyboard.down("b")
    before.wait_for(state="visible")
    assert which.inner_text() == "Before: as it started"
    assert not page.locator("#stage canvas").is_visible()
    page.keyboard.up("b")
    before.wait_for(state="hidden")
    assert page.locator("#stage canvas").is_visible()
    page.locator("#memory .strip .pin").first.evaluate("e => e.click()")
    after(page, lambda: drag(page, "warmth", -2.5))
    page.click("#memory .wiping")
    before.wait_for(state="visible")
    assert which.inner_text() == "Before: the picture you pinned"
    page.keyboard.press("End")
    style = page.locator("#stage .sheet").evaluate("e => e.style.getPropertyValue('--wipe')")
    assert style == "100%"
    page.click("#memory .wiping")
    before.wait_for(state="hidden")

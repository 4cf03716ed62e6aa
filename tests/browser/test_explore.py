"""The filmstrip, variations and the field of two sliders, in a real Chromium."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import after, drag, shown_state

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TILE = """([selector, side]) => new Promise((resolve) => {
    const tile = document.querySelector(selector);
    const style = getComputedStyle(tile);
    const image = new Image();
    image.onload = () => {
        const size = style.backgroundSize.split(" ").map((v) => 100 / parseFloat(v));
        const at = style.backgroundPosition.split(" ").map((v) => parseFloat(v) / 100);
        const [w, h] = [image.width * size[0], image.height * size[1]];
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = side;
        const x = at[0] * (image.width - w), y = at[1] * (image.height - h);
        canvas.getContext("2d").drawImage(image, x, y, w, h, 0, 0, side, side);
        resolve(canvas.toDataURL());
    };
    image.src = style.backgroundImage.slice(5, -2);
})"""
SHOWN = """(side) => {
    const from = document.querySelector("#stage canvas");
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(from, 0, 0, side, side);
    return canvas.toDataURL();
}"""
SIDE = 48


def picture(url):
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGBA")
    values = np.asarray(image).astype(float)
    return values[..., :3] * values[..., 3:] / 255


def tile_of(page, selector):
    return picture(page.evaluate(TILE, [selector, SIDE]))


def shown(page):
    return picture(page.evaluate(SHOWN, SIDE))


def unlike(one, other):
    return np.abs(one - other).mean()


def take(page, name):
    """Press on the middle of a slider's track, as a hand does, and let go."""
    box = page.locator(f"#slider-{name} input[type=range]").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_selector(f"#slider-{name} .film:not(.blank)")
    page.mouse.up()
    return box


def open_sheet(page, name):
    page.click(f"[data-opens={name}]")
    page.wait_for_selector(f"#{name} .tiles:not(.blank):not([aria-busy])")


def test_the_slider_in_hand_shows_where_it_leads_and_a_click_goes_there(visit, fake_url):
    page = visit(fake_url)
    take(page, "lightness")
    tiles = page.locator("#slider-lightness .film button")
    assert tiles.count() == 7
    last = tile_of(page, "#slider-lightness .film button:last-child")
    far = unlike(last, shown(page))
    after(page, lambda: tiles.last.click())
    assert shown_state(page)["moves"] == {"lightness": 2.5}
    assert page.input_value("#slider-lightness input[type=number]") == "2.5"
    assert unlike(last, shown(page)) < far / 3
    assert tiles.last.get_attribute("aria-current") is not None
    assert tiles.last.get_attribute("aria-label") == "Lightness at +2.50"


def test_one_strip_follows_the_hand_and_is_not_asked_for_in_a_drag(visit, fake_url):
    page = visit(fake_url)
    page.evaluate(
        """() => {
            window.strips = [];
            const ask = vae43.server.strip;
            vae43.server.strip = (data) => { window.strips.push(data); return ask(data); };
        }"""
    )
    take(page, "warmth")
    for step in range(20):
        drag(page, "warmth", round(-2 + 0.2 * step, 2))
    after(page, lambda: drag(page, "warmth", 1.0))
    page.wait_for_timeout(400)
    assert page.evaluate("() => window.strips.length") == 1
    before = page.locator("#slider-size input[type=range]").bounding_box()
    box = take(page, "size")
    assert box["y"] == before["y"]
    assert page.locator(".film").count() == 1
    asked = page.evaluate("() => window.strips.at(-1)")
    assert (asked["slider"], asked["moves"]) == ("size", {"warmth": 1.0})
    after(page, lambda: page.evaluate("() => vae43.surprise()"))
    page.wait_for_function("() => window.strips.length === 3")


def test_the_filmstrip_is_switched_off_for_good(visit, fake_url):
    page = visit(fake_url)
    page.click("#film-switch input")
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_timeout(300)
    assert page.locator(".film").count() == 0
    page.reload()
    page.wait_for_selector(".mat[data-state=ready]")
    assert not page.is_checked("#film-switch input")
    page.click("#film-switch input")
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_selector("#slider-warmth .film:not(.blank)")


def test_a_double_click_on_the_track_returns_the_slider(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 2))
    after(page, lambda: drag(page, "size", 1))
    box = page.locator("#slider-warmth input[type=range]").bounding_box()
    at = box["x"] + box["width"] * 0.2, box["y"] + box["height"] / 2
    after(page, lambda: page.mouse.dblclick(*at))
    page.wait_for_function("() => vae43.store.state.moves.warmth === undefined")
    page.wait_for_function(
        "() => document.querySelector('#slider-warmth input[type=number]').value === '0'"
    )
    assert page.evaluate("() => vae43.store.state.moves") == {"size": 1}


def test_a_variation_is_gone_to_exactly_and_the_sliders_stay(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1.5))
    here = shown(page)
    open_sheet(page, "variations")
    tiles = page.locator("#variations .tiles button")
    assert tiles.count() == 9
    assert unlike(tile_of(page, "#variations .tiles button:nth-child(5)"), shown(page)) < 4
    wanted = tile_of(page, "#variations .tiles button:nth-child(3)")
    tiles.nth(4).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert tiles.nth(2).evaluate("e => e === document.activeElement")
    after(page, lambda: page.keyboard.press("Enter"))
    state = shown_state(page)
    assert state["moves"] == {"warmth": 1.5}
    assert len(state["z"]) == 12
    assert unlike(wanted, shown(page)) < unlike(wanted, here) / 2
    assert page.locator("#stage .origin").inner_text() == "From a variation"
    page.wait_for_function("""() => !document.querySelector("#variations .tiles[aria-busy]")""")
    after(page, lambda: page.click("#stage .origin"))
    page.click("[data-opens=variations]")
    assert not page.locator("#variations").is_visible()
    assert page.evaluate("() => vae43.store.state.z") is None


def test_a_place_in_the_field_sets_both_sliders_and_the_sheet_can_be_kept(visit, fake_url):
    page = visit(fake_url)
    open_sheet(page, "field")
    page.select_option("#field .across", "coverage")
    page.wait_for_function(
        "() => document.querySelector('#field .tiles button').title.startsWith('Coverage')"
    )
    here = shown(page)
    first = tile_of(page, "#field .tiles button:first-child")
    after(page, lambda: page.locator("#field .tiles button").first.click())
    assert shown_state(page)["moves"] == {"coverage": -2.5, "size": 2.5}
    assert unlike(first, shown(page)) < unlike(first, here) / 2
    assert page.input_value("#slider-size input[type=number]") == "2.5"
    with page.expect_download() as caught:
        page.click("#field .keep")
    assert caught.value.suggested_filename == "two-sliders.png"
    with Image.open(caught.value.path()) as image:
        assert (image.format, image.size) == ("PNG", (640, 640))


def test_the_pad_mixes_the_pictures_at_its_corners(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "lightness", 1.5))
    start = shown(page)
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")
    box = page.locator("#blend .pad").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def go(x, y):
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        page.mouse.up()

    after(page, lambda: go(0.6, 0.4))
    assert shown_state(page)["moves"] == {}
    mixed = shown(page)
    page.wait_for_function(
        "() => document.querySelector('#slider-lightness input[type=number]').value === '0'"
    )
    after(page, lambda: go(0, 0))
    assert unlike(start, shown(page)) < unlike(start, mixed) / 4
    here = page.evaluate("() => vae43.store.state.z[0]")
    after(page, lambda: page.keyboard.press("End"))
    assert page.evaluate("() => vae43.store.state.z[0]") != here

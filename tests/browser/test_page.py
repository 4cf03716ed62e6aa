"""What an artist does on the page, done in a real Chromium on the real app with a drawn world."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import after, drag, pixels, rest, shown_state
from vae.ui.seed import FIRST_SEED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def png_file(name="mine.png", color=(40, 90, 200), size=96):
    y, x = np.mgrid[:size, :size]
    inside = (x - size / 2) ** 2 + (y - size / 2) ** 2 < (0.4 * size) ** 2
    image = np.where(inside[..., None], [*color, 255], 0).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}


def seed_of(page):
    return page.input_value("#seed input")


def message(page):
    return page.locator("#stage .message").inner_text()


def test_a_drag_changes_the_picture_and_the_last_value_is_shown(visit, fake_url):
    page = visit(fake_url)
    before = pixels(page)
    page.evaluate("() => { window.frames43 = []; }")
    for step in range(40):
        drag(page, "warmth", round(-1 + 0.05 * step, 2))
    drag(page, "warmth", 1.35)
    page.wait_for_function("() => window.frames43.at(-1)?.state.moves.warmth === 1.35")
    rest(page)
    assert shown_state(page)["moves"] == {"warmth": 1.35}
    assert pixels(page) != before
    order = page.evaluate("() => window.frames43.map((frame) => frame.seq)")
    assert order == sorted(order)


def test_the_keyboard_moves_a_slider_and_its_effect_is_told(visit, fake_url):
    page = visit(fake_url)
    page.locator("#seed input").focus()
    slider = page.locator("#slider-lightness input[type=range]")
    while not slider.evaluate("e => e === document.activeElement"):
        page.keyboard.press("Tab")
    after(page, lambda: page.keyboard.press("ArrowRight"))
    assert shown_state(page)["moves"] == {"lightness": 0.05}
    told = page.locator("#slider-lightness .info-text")
    page.wait_for_timeout(600)
    assert told.evaluate("e => getComputedStyle(e).visibility") == "visible"
    assert "Measured" in told.inner_text()
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_surprise_me_shows_another_picture_and_its_seed_brings_it_back(visit, fake_url):
    page = visit(fake_url)
    first, first_seed = pixels(page), seed_of(page)
    after(page, lambda: page.click("#surprise"))
    second, second_seed = pixels(page), seed_of(page)
    assert second != first
    assert second_seed != first_seed
    assert shown_state(page)["seed"] == int(second_seed)
    after(page, lambda: page.fill("#seed input", first_seed))
    assert pixels(page) == first
    after(page, lambda: page.fill("#seed input", second_seed))
    assert pixels(page) == second


def test_sliders_stay_when_the_seed_changes(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "size", 2))
    after(page, lambda: page.click("#surprise"))
    assert shown_state(page)["moves"] == {"size": 2}


def test_one_slider_is_reset_and_then_all(visit, fake_url):
    page = visit(fake_url)
    untouched = pixels(page)
    page.click("#more-style > button")
    page.wait_for_selector("#slider-edge_softness")
    for name, value in {"warmth": 1, "size": -2, "edge_softness": 2.5}.items():
        after(page, lambda name=name, value=value: drag(page, name, value))
    assert shown_state(page)["moves"] == {"warmth": 1, "size": -2, "edge_softness": 2.5}
    after(page, lambda: page.click("#slider-size .reset-button"))
    assert shown_state(page)["moves"] == {"warmth": 1, "edge_softness": 2.5}
    after(page, lambda: page.click("#reset-all"))
    assert shown_state(page)["moves"] == {}
    assert page.input_value("#slider-warmth input[type=number]") == "0"
    assert page.input_value("#slider-edge_softness input[type=range]") == "0"
    assert pixels(page) == untouched


def test_reset_all_reaches_a_slider_that_was_folded_away_again(visit, fake_url):
    page = visit(fake_url)
    page.click("#more-form > button")
    page.wait_for_selector("#slider-form-12")
    after(page, lambda: drag(page, "form-12", 1.5))
    page.click("#more-form > button")
    after(page, lambda: page.click("#reset-all"))
    assert shown_state(page)["moves"] == {}
    page.click("#more-form > button")
    assert page.input_value("#slider-form-12 input[type=range]") == "0"


@pytest.mark.parametrize(
    ("ground", "shows"), [("white", "rgb(255, 255, 255)"), ("black", "rgb(0, 0, 0)")]
)
def test_transparency_is_shown_on_a_plain_ground(visit, fake_url, ground, shows):
    page = visit(fake_url)
    sheet = page.locator("#stage .sheet")
    assert "conic-gradient" in sheet.evaluate("e => getComputedStyle(e).backgroundImage")
    page.click(f"#stage .ground.{ground}")
    assert sheet.evaluate("e => getComputedStyle(e).backgroundColor") == shows
    corner = page.evaluate(
        "() => [...document.querySelector('#stage canvas').getContext('2d')"
        ".getImageData(2, 2, 1, 1).data]"
    )
    assert corner[3] == 0


def test_transparency_is_shown_on_a_colour_of_ones_own(visit, fake_url):
    page = visit(fake_url)
    page.click("#stage .ground.color")
    page.fill("#stage .own", "#336699")
    sheet = page.locator("#stage .sheet")
    assert sheet.evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(51, 102, 153)"


@pytest.mark.parametrize("width", [390, 900, 1440])
def test_a_long_name_stays_clear_of_what_stands_beside_it(visit, fake_url, width):
    page = visit(fake_url, width=width)
    long = "a very long name that somebody gave a scan " * 4
    after(page, lambda: page.set_input_files("#stage .file", png_file(f"{long}.png")))
    stage, name, *others = (
        page.locator(place).bounding_box()
        for place in ("#stage", "#stage .origin", "#stage .grounds", "#save", "#stage canvas")
    )
    assert stage["x"] <= name["x"]
    assert name["x"] + name["width"] <= stage["x"] + stage["width"]
    for other in others:
        beside = name["x"] + name["width"] <= other["x"] or other["x"] + other["width"] <= name["x"]
        apart = (
            name["y"] + name["height"] <= other["y"] or other["y"] + other["height"] <= name["y"]
        )
        assert beside or apart
    assert page.locator("#stage .origin").get_attribute("title").startswith(f"From {long}.png")


def test_a_picture_of_ones_own_becomes_the_start(visit, fake_url):
    page = visit(fake_url)
    seeded, seed = pixels(page), seed_of(page)
    after(page, lambda: page.set_input_files("#stage .file", png_file("étude <1>.png")))
    state = shown_state(page)
    assert "seed" not in state
    assert len(state["z"]) == 12
    assert page.locator("#stage .origin").inner_text() == "From étude <1>.png"
    start = pixels(page)
    assert start != seeded
    after(page, lambda: drag(page, "warmth", -2))
    assert shown_state(page)["z"] == state["z"]
    assert pixels(page) != start
    after(page, lambda: page.click("#reset-all"))
    assert pixels(page) == start
    after(page, lambda: page.click("#stage .origin"))
    assert pixels(page) == seeded
    assert seed_of(page) == seed


def test_a_dropped_picture_becomes_the_start(visit, fake_url):
    page = visit(fake_url)
    contents = list(png_file()["buffer"])
    handle = page.evaluate_handle(
        """(bytes) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "d.png", { type: "image/png" }));
            return data;
        }""",
        contents,
    )
    page.dispatch_event("#stage canvas", "dragover", {"dataTransfer": handle})
    assert page.locator("#stage .drop").is_visible()
    after(page, lambda: page.dispatch_event("#stage canvas", "drop", {"dataTransfer": handle}))
    assert "z" in shown_state(page)
    assert not page.locator("#stage .drop").is_visible()


@pytest.mark.parametrize(
    ("name", "contents", "says"),
    [
        ("notes.png", b"not a picture at all", "not a PNG, JPEG or WebP"),
        ("cut.png", png_file()["buffer"][:200], "damaged or cut short"),
        ("empty.png", b"", "choose a picture|not a PNG"),
    ],
)
def test_a_bad_file_gets_its_sentence_and_the_page_lives_on(visit, fake_url, name, contents, says):
    page = visit(fake_url)
    before = pixels(page)
    file = {"name": name, "mimeType": "image/png", "buffer": contents}
    page.set_input_files("#stage .file", file)
    page.wait_for_selector("#stage .message[data-mood=trouble]")
    assert any(part in message(page) for part in says.split("|"))
    assert pixels(page) == before
    after(page, lambda: drag(page, "warmth", 1))
    assert pixels(page) != before
    assert any(part in message(page) for part in says.split("|"))  # a frame does not wipe it


@pytest.mark.parametrize("factor", [1, 2, 3, 4])
def test_the_download_is_a_png_with_alpha_of_the_asked_size(visit, fake_url, factor):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1))
    with page.expect_download() as caught:
        page.click(f"#save-{factor}x")
    assert caught.value.suggested_filename == f"fake-{FIRST_SEED}-moved-{factor}x.png"
    with Image.open(caught.value.path()) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        assert image.size == (128 * factor, 128 * factor)
        low, high = image.getchannel("A").getextrema()
        assert (low, high) == (0, 255)


def test_a_phone_shows_the_picture_while_the_last_slider_is_in_hand(visit, fake_url):
    page = visit(fake_url, 390, 844, has_touch=True, is_mobile=True, device_scale_factor=2)
    width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1] == 390
    page.click("#more-style > button")
    page.click("#more-form > button")
    last = page.locator(".sliders input[type=range]").last
    last.scroll_into_view_if_needed()
    page.evaluate("() => window.scrollBy(0, 2000)")
    canvas, slider = page.locator("#stage canvas").bounding_box(), last.bounding_box()
    assert canvas["y"] >= 0
    assert canvas["width"] >= 280
    assert canvas["y"] + canvas["height"] < slider["y"]
    covered = page.evaluate(
        """({ x, y, width, height }) => [...Array(400).keys()].filter((i) => {
            const [row, column] = [(i - (i % 20)) / 20, i % 20];
            const at = [x + (width * (column + 0.5)) / 20, y + (height * (row + 0.5)) / 20];
            return document.elementFromPoint(...at)?.tagName !== "CANVAS";
        }).length""",
        canvas,
    )
    assert covered == 0
    assert slider["y"] + slider["height"] <= 844
    width = page.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_keep_text_readable(visit, fake_url, scheme):
    page = visit(fake_url, color_scheme=scheme)
    ratios = page.evaluate(
        """() => {
            const parse = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
            const light = (rgb) => rgb.map((v) => v / 255)
                .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
                .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
            const ground = light(parse(getComputedStyle(document.body).backgroundColor));
            const texts = ["#masthead h1", "#masthead .world", ".sliders h2", ".sliders .prose p",
                "#slider-warmth [data-testid=block-info]", "#slider-warmth input[type=number]",
                "#seed label > span", "#reset-all", "#save .row-label",
                ".gr-accordion .label-wrap"];
            return texts.map((name) => {
                const ink = light(parse(getComputedStyle(document.querySelector(name)).color));
                const pair = [ink + 0.05, ground + 0.05];
                return [name, Math.max(...pair) / Math.min(...pair)];
            });
        }"""
    )
    assert [name for name, ratio in ratios if ratio < 4.5] == []


def test_the_page_asks_nobody_else(visit, fake_url, chromium):
    context = chromium.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(fake_url)
    page.wait_for_selector(".mat[data-state=ready]")
    context.close()
    assert [url for url in asked if not url.startswith((fake_url, "data:", "blob:"))] == []


def test_a_lost_connection_is_told_and_mended(visit, fake_url):
    page = visit(fake_url)
    page.context.set_offline(True)
    drag(page, "warmth", 2)
    page.wait_for_selector("#stage .message[data-mood=trouble]")
    assert "connection" in message(page)
    after(page, lambda: page.context.set_offline(False))
    assert shown_state(page)["moves"] == {"warmth": 2}
    assert message(page) == ""
    visit.complaints.clear()  # the browser itself remarks on every request that failed


@pytest.mark.parametrize(("width", "height"), [(1440, 720), (1366, 657), (1280, 600), (880, 800)])
def test_nothing_covers_the_grounds_in_a_low_or_narrow_window(visit, fake_url, width, height):
    page = visit(fake_url, width=width, height=height)
    for ground in ("white", "black", "color", "checker"):
        page.click(f"#stage .ground.{ground}", timeout=3000)
        assert page.get_attribute("#stage .mat", "data-ground") == ground
    row, stage = (page.locator(place).bounding_box() for place in ("#save", "#stage"))
    assert row["x"] >= stage["x"] - 1
    assert row["x"] + row["width"] <= stage["x"] + stage["width"] + 1


@pytest.mark.parametrize("text", ["99999999999", "4294967296", "-5", "1.5", ""])
def test_what_is_no_seed_changes_nothing_and_is_put_right(visit, fake_url, text):
    page = visit(fake_url)
    seed, start = seed_of(page), pixels(page)
    page.fill("#seed input", text)
    page.locator("#seed input").press("Tab")
    page.wait_for_function(
        "(seed) => document.querySelector('#seed input').value === seed", arg=seed
    )
    assert pixels(page) == start
    assert page.locator("#stage .message").inner_text() == ""
    after(page, lambda: drag(page, "warmth", 2))  # and the page draws on
    assert pixels(page) != start


def test_a_seed_typed_digit_by_digit_is_one_step_back(visit, fake_url):
    page = visit(fake_url)
    seed = seed_of(page)
    page.locator("#seed input").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("12345", delay=60)
    page.wait_for_function("() => vae43.store.state.seed === 12345")
    page.keyboard.press("Tab")
    page.click("#memory .undo")
    page.wait_for_function("(seed) => String(vae43.store.state.seed) === seed", arg=seed)


def test_keyboard_focus_is_seen_on_switches_and_fields(visit, fake_url):
    page = visit(fake_url)
    for place in ("#keep-recipe input", "#seed input", ".hold-switch input", "#film-switch input"):
        page.locator(place).focus()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Tab")
        style = page.locator(place).evaluate("(e) => getComputedStyle(e).outlineStyle")
        assert style == "solid", place


def test_a_picture_that_is_moved_at_once_says_so(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: page.set_input_files("#stage .file", png_file()))
    assert page.locator("#stage .message").inner_text() == ""
    after(page, lambda: drag(page, "warmth", 2))
    after(page, lambda: page.set_input_files("#stage .file", png_file(color=(200, 90, 40))))
    assert "Your sliders stay" in page.locator("#stage .message").inner_text()

"""The page in Chinese: nothing English is left, and nothing is lost on the way."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import after, drag, pixels, rest, shown_state
from tests.browser.fake_world import FORMS
from tests.browser.test_access import axe, findings  # noqa: F401  axe is a fixture

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

NAMES = {
    *("VAE", "English", "PNG", "JPEG", "WebP", "ZIP", "CSV", "CSS", "GIMP", "Krita", "Inkscape"),
    *("Adobe", "Ctrl", "Shift", "PgDn", "PgUp", "Home", "End", "Enter", "Tab", "Esc", "MB", "GB"),
    *("gpl", "ase", "css", "png", "KL", "fake", "pomona", "mine.png", "reference.png"),
    *(name.capitalize() for name in FORMS[:5]),  # worlds may call their sliders what they like
}
"""Proper names, keys, units, and what the tests themselves bring along."""

SEEN = """() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const skip = "script, style, template, dialog.card article";
    while (walker.nextNode()) {
        const { data, parentElement: parent } = walker.currentNode;
        const shown = parent.closest("option, optgroup") ?? parent;
        if (!data.trim() || parent.closest(skip)) continue;
        const seen = shown === parent ? parent.checkVisibility({ visibilityProperty: true })
            : parent.closest("select").checkVisibility();
        if (seen) found.push(data.trim());
    }
    for (const name of ["title", "aria-label", "placeholder", "alt", "label"]) {
        for (const element of document.querySelectorAll(`body [${name}]`)) {
            if (!element.checkVisibility({ visibilityProperty: true })) continue;
            if (element.getAttribute(name)) found.push(`${name}: ${element.getAttribute(name)}`);
        }
    }
    return found;
}"""


def english(page) -> set[str]:
    """What can be seen, or is said to those who listen, in words that are English."""
    left = set()
    for text in page.evaluate(SEEN):
        words = re.findall(r"[A-Za-z][A-Za-z.0-9-]+[A-Za-z]", text.partition(": ")[2] or text)
        if any(word not in NAMES and word.lstrip(".") not in NAMES for word in words):
            left.add(text)
    return left


def speak(page, code: str) -> None:
    page.locator(f"#masthead [data-language={code}]").click()
    page.wait_for_function("(code) => document.documentElement.lang === code", arg=code)
    page.wait_for_timeout(400)  # Gradio follows once it has fetched its own words


def picture(pixels_: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels_).save(buffer, "PNG")
    return buffer.getvalue()


def disc(color: tuple[int, int, int]) -> bytes:
    y, x = np.mgrid[:200, :200]
    inside = (x - 100) ** 2 + (y - 100) ** 2 < 6400
    return picture(np.where(inside[..., None], [*color, 255], 0).astype(np.uint8))


def file(name: str, data: bytes) -> dict:
    return {"name": name, "mimeType": "image/png", "buffer": data}


def unfold(page) -> None:
    """Open and show what is folded away, one after the other, and stop at each."""
    yield "as it opens"
    for fold in page.locator(".gr-accordion > .label-wrap, #borrow details > summary").all():
        fold.evaluate("e => e.click()")
    yield "unfolded"
    drag(page, "warmth", 1.0)
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_selector(".film:not(.blank)")
    rest(page)
    yield "with a filmstrip"
    for door in ("variations", "field", "blend"):
        page.locator(f"[data-opens={door}]").click()
        page.wait_for_selector(f"#{door} :is(.tiles, .pad):not(.blank)")
        yield door
    page.evaluate("() => document.querySelector('#blend input').dispatchEvent(new Event('input'))")
    rest(page)
    yield "a blend"
    page.locator("#stage .file").set_input_files(file("mine.png", disc((200, 60, 20))))
    page.wait_for_function("() => vae43.store.state.name === 'mine.png'")
    rest(page)
    yield "a picture of one's own"
    page.locator("#borrow .file").set_input_files(file("reference.png", disc((20, 60, 200))))
    page.wait_for_function("() => document.querySelector('#borrow .differs').textContent")
    yield "a borrowed look"
    page.locator("#memory .wiping").click()
    page.wait_for_selector("#stage .which:not([hidden])")
    yield "a wipe"
    page.locator("#memory .wiping").click()
    page.locator("details.export > summary").click()
    yield "the menu of forms"
    page.keyboard.press("Escape")
    page.locator("#masthead button.world").click()
    page.wait_for_selector("#worlds-list:not([hidden]) li")
    yield "the menu of worlds"
    page.keyboard.press("Escape")
    page.locator("button.help").click()
    yield "the list of keys"
    page.keyboard.press("Escape")


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_english_is_left_in_chinese(visit, fake_url, width):
    page = visit(fake_url, width, 900)
    speak(page, "zh-CN")
    left = {place: found for place in unfold(page) if (found := english(page))}
    assert left == {}


def test_what_is_on_show_changes_with_the_language(visit, fake_url):
    """The switch comes last here: everything was first written in English."""
    page = visit(fake_url, 1440, 900)
    for place in unfold(page):
        if place == "the list of keys":
            break
    page.keyboard.press("Escape")
    assert len(english(page)) > 50
    speak(page, "zh-CN")
    assert english(page) == set()
    assert page.locator("#stage .origin").inner_text() == "取自 mine.png"
    assert page.locator("#borrow .differs").inner_text().startswith("参考图")


def test_the_switch_loses_nothing_and_leads_back(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1.5))
    before, state, texts = pixels(page), shown_state(page), page.evaluate(SEEN)
    page.evaluate("() => (window.here = true)")
    speak(page, "zh-CN")
    rest(page)
    assert page.evaluate("window.here") is True  # the very same page
    assert pixels(page) == before
    assert {k: v for k, v in shown_state(page).items() if k != "seq"} == {
        k: v for k, v in state.items() if k != "seq"
    }
    assert page.locator("#slider-warmth [data-testid=block-info]").inner_text() == "冷暖"
    assert page.locator("#slider-warmth input[type=number]").input_value() == "1.5"
    assert page.locator("#surprise").inner_text() == "给我惊喜"
    speak(page, "en")
    assert page.locator("#surprise").inner_text() == "Surprise me"
    assert sorted(page.evaluate(SEEN)) == sorted(texts)
    page.keyboard.press("Control+z")
    page.wait_for_function("() => !vae43.store.state.moves.warmth")


def test_the_choice_survives_a_reload(visit, fake_url):
    page = visit(fake_url)
    speak(page, "zh-CN")
    after(page, page.reload)
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.locator("[data-language=zh-CN]").get_attribute("aria-pressed") == "true"
    assert page.locator("#tabs button[role=tab]").first.inner_text() == "创作"
    assert english(page) == set()
    speak(page, "en")
    after(page, page.reload)
    assert page.locator("#tabs button[role=tab]").first.inner_text() == "Create"


@pytest.mark.parametrize(
    ("locale", "code"),
    [("zh-CN", "zh-CN"), ("zh-TW", "zh-CN"), ("zh", "zh-CN"), ("en-GB", "en"), ("de-DE", "en")],
)
def test_the_browsers_language_comes_first(visit, fake_url, locale, code):
    page = visit(fake_url, locale=locale)
    assert page.evaluate("document.documentElement.lang") == code
    word = {"en": "Surprise me", "zh-CN": "给我惊喜"}[code]
    assert page.locator("#surprise").inner_text() == word
    assert page.evaluate("document.documentElement.lang") == code


def test_errors_come_in_the_language_of_each_visitor(visit, fake_url):
    chinese, english_page = visit(fake_url, locale="zh-CN"), visit(fake_url)
    nothing = file("nothing.png", picture(np.zeros((32, 32, 4), np.uint8)))
    text = {"name": "text.png", "mimeType": "image/png", "buffer": b"no picture"}
    for page, sentences in (
        (
            chinese,
            ("这张图片里什么也看不见：它完全透明。", "这不是能读取的 PNG、JPEG 或 WebP 图片。"),
        ),
        (english_page, ("Nothing in this picture is visible", "This is not a PNG, JPEG or WebP")),
    ):
        for upload, sentence in zip((nothing, text), sentences, strict=True):
            for panel, told in (("#stage", ".message"), ("#borrow", ".trouble")):
                page.locator(f"{panel} .file").set_input_files(upload)
                page.wait_for_function(
                    "([place, text]) => document.querySelector(place).textContent.includes(text)",
                    arg=[f"{panel} {told}", sentence],
                )


def test_the_keyboard_reaches_the_switch(visit, fake_url):
    page = visit(fake_url)
    page.locator("button.help").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.lang") == "en"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.lang") == "zh-CN"
    page.keyboard.press("Enter")
    page.wait_for_function("document.documentElement.lang === 'zh-CN'")
    assert page.locator("#masthead .languages").get_attribute("aria-label") == "语言"


def test_on_a_narrow_page_the_other_language_is_offered(visit, fake_url):
    page = visit(fake_url, 390, 800)
    assert page.locator("#masthead .languages").inner_text() == "中文"
    speak(page, "zh-CN")
    assert page.locator("#masthead .languages").inner_text() == "English"
    assert page.evaluate("document.activeElement.lang") == "en"


def test_a_name_the_page_gave_is_translated_too(visit, fake_url):
    page = visit(fake_url)
    page.locator("[data-opens=blend]").click()
    page.wait_for_selector("#blend .pad:not(.blank)")
    page.locator("#blend input").first.focus()
    page.keyboard.press("ArrowRight")
    rest(page)
    assert page.locator("#stage .origin").inner_text() == "From a blend"
    speak(page, "zh-CN")
    assert page.locator("#stage .origin").inner_text() == "取自 一次混合"
    assert page.locator("#blend .pad:not(.blank)").count() == 1


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_in_chinese(visit, fake_url, axe, width, scheme):  # noqa: F811
    page = visit(fake_url, width, 900, color_scheme=scheme, locale="zh-CN")
    found = findings(page, axe)
    for fold in page.locator(".gr-accordion > .label-wrap, details > summary").all():
        fold.evaluate("e => e.click()")
    page.wait_for_timeout(500)
    found += findings(page, axe)
    page.keyboard.press("Escape")
    page.locator("button.help").click()
    found += findings(page, axe)
    assert found == []

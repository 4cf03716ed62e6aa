"""The page for everybody: the list of keys, and what axe-core finds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.browser.test_likes import make
from tests.browser.test_page import png_file

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, as the package that ships it has it."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-playwright-python, of the extra [test], is not installed")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def findings(page, axe: str) -> list[str]:
    """Serious and critical findings, one line each."""
    page.evaluate(axe)
    result = page.evaluate(
        "(rules) => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{v['id']} ({v['impact']}): {node['target']} {node['html'][:160]} {node['failureSummary']}"
        for v in result["violations"]
        if v["impact"] in ("serious", "critical")
        for node in v["nodes"]
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_axe_finds_nothing_serious(visit, fake_url, axe, width, scheme):
    page = visit(fake_url, width, 900, color_scheme=scheme)
    found = findings(page, axe)
    page.set_input_files("#stage .file", png_file())
    page.wait_for_selector("#closer:not([hidden])")
    page.set_input_files("#borrow .file", png_file("teal.png", (20, 160, 150)))
    page.wait_for_selector("#borrow.has-look, #borrow .has-look")
    for door in ("field", "blend", "variations"):
        page.click(f"[data-opens={door}]")
        page.wait_for_selector(f"#{door} :is(.tiles, .pad):not(.blank):not([aria-busy])")
        found += findings(page, axe)
    make(page, opened=True)
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_selector("#slider-warmth .film:not(.blank)")
    found += findings(page, axe)
    for fold in page.locator(".gr-accordion > .label-wrap, details > summary").all():
        fold.evaluate("e => e.click()")
    page.wait_for_timeout(500)  # until what unfolds has done so
    found += findings(page, axe)
    page.keyboard.press("Escape")
    page.locator("button.help").click()
    page.wait_for_selector("dialog.keys[open]")
    found += findings(page, axe)
    assert found == []


def test_the_list_of_keys_opens_by_key_and_by_button_and_closes(visit, fake_url):
    page = visit(fake_url)
    dialog = page.locator("dialog.keys")
    assert not dialog.is_visible()
    page.locator("#slider-warmth input[type=range]").focus()
    page.keyboard.press("?")
    assert dialog.is_visible()
    text = dialog.inner_text()
    assert all(word in text for word in ("Undo", "Redo", "compare", "Esc", "One step"))
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    focused = "document.activeElement.closest('#slider-warmth') !== null"
    assert page.evaluate(focused)  # back where it was
    button = page.locator("button.help")
    assert button.get_attribute("aria-label") == "List of keys"
    button.click()
    assert dialog.is_visible()
    page.mouse.click(8, 450)  # beside it
    assert not dialog.is_visible()
    page.locator("#seed input").focus()
    page.keyboard.press("?")
    assert not dialog.is_visible()  # a letter in a field is a letter


@pytest.mark.parametrize("key", ["Control+z", "Control+Shift+z"])
def test_undo_and_redo_of_the_list_work(visit, fake_url, key):
    page = visit(fake_url)
    moved = "() => vae43.store.state.moves.warmth ?? 0"
    slider = page.locator("#slider-warmth input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => ({moved})() === 0.05")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"() => ({moved})() === 0")
    if key != "Control+z":
        page.keyboard.press(key)
        page.wait_for_function(f"() => ({moved})() === 0.05")


def test_axe_sees_a_barrier_where_there_is_one(visit, fake_url, axe):
    page = visit(fake_url)
    page.evaluate("() => document.body.append(document.createElement('button'))")
    assert any(line.startswith("button-name (critical)") for line in findings(page, axe))

"""Hold the rest, in a real Chromium: what a drag leaves alone, and what brings it back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.browser.conftest import WORLD, after, drag, pixels, rest, shown_state
from vae.encodings import ATTRIBUTES, measure
from vae.infer import get_infer_model
from vae.ui.drawing import picture_of
from vae.ui.state import PictureState, read_state

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SWITCH = "#hold-rest"


def go(page, name, value):
    """Take a slider up as the keyboard does, and put it somewhere."""
    page.locator(f"#slider-{name} input[type=range]").focus()
    after(page, lambda: drag(page, name, value))
    settle(page)


def settle(page):
    """Wait until the exact picture of the page's own state is shown."""
    page.wait_for_function(
        """() => {
            const { still, ...shown } = window.frames43.at(-1)?.state ?? {};
            return still && vae43.memory.same(shown, vae43.store.state);
        }"""
    )


def side_effect(page, name):
    """How far the other attributes went for each standard deviation of the slider's own."""
    world = get_infer_model(WORLD)
    state = read_state(shown_state(page), {s.name: (s.low, s.high) for s in world.sliders})
    before = PictureState(seed=state.seed, moves={})
    with torch.inference_mode():
        first, then = (world.scores(measure(picture_of(world, s)))[0] for s in (before, state))
    change = (then - first).abs().numpy()
    own = ATTRIBUTES.index(name)
    return float(np.delete(change, own).sum() / change[own])


def test_a_held_drag_has_less_beside_it_and_comes_back_exactly(visit, world_url):
    page = visit(world_url)
    start = pixels(page)
    assert not page.is_checked(SWITCH)
    go(page, "warmth", 1.5)
    assert "held" not in shown_state(page)
    plain, loose = pixels(page), side_effect(page, "warmth")
    after(page, lambda: page.click("#reset-all"))

    page.check(SWITCH)
    go(page, "warmth", 1.5)
    held, kept = pixels(page), shown_state(page)
    assert kept["moves"] == {"warmth": 1.5}
    assert list(kept["held"]) == ["warmth"]
    assert held != plain
    assert side_effect(page, "warmth") < 0.9 * loose

    after(page, lambda: page.keyboard.press("Control+z"))
    settle(page)
    assert pixels(page) == start
    after(page, lambda: page.keyboard.press("Control+Shift+z"))
    settle(page)
    assert pixels(page) == held

    page.wait_for_timeout(600)  # everything is in the browser's storage, and in the address
    link = page.evaluate("() => location.href")
    page.reload()
    rest(page)
    assert pixels(page) == held
    assert page.is_checked(SWITCH)
    other = visit(link)  # somebody else, who has not switched it on
    assert not other.is_checked(SWITCH)
    assert pixels(other) == held

    with page.expect_download() as caught:
        page.click("#save-2x")
    path = caught.value.path()
    after(page, lambda: page.click("#reset-all"))
    assert pixels(page) == start
    assert page.evaluate("() => vae43.store.state.held") is None
    picture = {"name": "kept.png", "mimeType": "image/png", "buffer": path.read_bytes()}
    after(page, lambda: page.set_input_files("#stage .file", picture))
    settle(page)
    assert pixels(page) == held


def test_a_drag_is_measured_once_and_its_frames_ask_for_nothing_more(visit, fake_url):
    page = visit(fake_url)
    page.check(SWITCH)
    page.evaluate(
        """() => {
            window.grips = [];
            const ask = vae43.server.grip;
            vae43.server.grip = (data) => { window.grips.push(data); return ask(data); };
        }"""
    )
    go(page, "warmth", 0.5)
    for step in range(12):
        drag(page, "warmth", round(0.1 * step, 2))
    after(page, lambda: drag(page, "warmth", 1.2))
    assert page.evaluate("() => window.grips.length") == 1
    go(page, "redness", 1.0)  # in another picture: the first slider stays where it is
    assert page.evaluate("() => window.grips.length") == 2
    assert sorted(shown_state(page)["held"]) == ["redness", "warmth"]
    go(page, "size", 1.0)  # no slider of style
    assert page.evaluate("() => window.grips.length") == 2


def test_switched_off_nothing_jumps_and_zero_is_nothing(visit, fake_url):
    page = visit(fake_url)
    start = pixels(page)
    page.check(SWITCH)
    go(page, "warmth", 1.0)
    [offset] = shown_state(page)["held"].values()
    held = pixels(page)
    page.uncheck(SWITCH)
    go(page, "warmth", 1.5)
    assert np.allclose(shown_state(page)["held"]["warmth"], offset, atol=1e-4)
    go(page, "warmth", 0.5)
    assert np.allclose(shown_state(page)["held"]["warmth"], np.array(offset) / 2, atol=1e-4)
    go(page, "warmth", 1.0)
    assert pixels(page) == held
    go(page, "warmth", 0.0)
    assert "held" not in shown_state(page)
    assert pixels(page) == start


def test_a_tile_of_the_filmstrip_is_where_the_held_slider_leads(visit, fake_url):
    page = visit(fake_url)
    page.check(SWITCH)
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_selector("#slider-warmth .film:not(.blank)")
    after(page, lambda: page.click("#slider-warmth .film button:last-child"))
    clicked = shown_state(page)
    assert clicked["moves"] == {"warmth": 2.5}
    go(page, "warmth", 1.0)
    go(page, "warmth", 2.5)
    assert shown_state(page)["held"] == clicked["held"]


def test_what_cannot_be_measured_moves_plainly_and_says_so(visit, fake_url):
    page = visit(fake_url)
    page.check(SWITCH)
    page.evaluate("() => { vae43.server.grip = async () => ({ error: 'no' }); }")
    go(page, "warmth", 1.0)
    assert shown_state(page)["moves"] == {"warmth": 1.0}
    assert "held" not in shown_state(page)
    assert "without holding" in page.inner_text("#stage .message")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_switch_is_named_worked_by_keys_and_speaks_both_languages(
    visit, fake_url, width, scheme
):
    page = visit(fake_url, width, 900, color_scheme=scheme)
    switch = page.get_by_role("switch", name="Hold the rest")
    note = page.locator("#slider-warmth .info-text")
    assert note.text_content().startswith("Measured")
    switch.focus()
    page.keyboard.press("Space")
    assert switch.is_checked()
    assert note.text_content().startswith("The rest is held")
    box = page.locator(".hold-switch").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.click("#masthead [data-language=zh-CN]")
    chinese = page.get_by_role("switch", name="保持其余不变")
    assert chinese.is_checked()
    assert note.text_content().startswith("其余尽量保持不变")
    page.reload()
    rest(page)
    assert page.get_by_role("switch", name="保持其余不变").is_checked()
    page.click("#masthead [data-language=en]")
    page.uncheck(SWITCH)
    assert note.text_content().startswith("Measured")

"""The menu of worlds in a real Chromium: switching in place, cards, worlds that are not there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import FAKE, after, drag, pixels, rest, served, shown_state
from tests.browser.fake_world import FakeWorld, OtherWorld, write_fake
from tests.browser.serve_fake import FAKES, TUNNEL_HOST
from tests.browser.test_access import axe, findings  # noqa: F401  a fixture
from tests.browser.test_doors import ask
from tests.browser.test_memory import link, message, settle, undo, written
from vae.ui.seed import FIRST_SEED
from vae.ui.surface import with_grain

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
CARD = "# Other\n\nAnother world, in *blue*.\n\n![samples](samples.png)\n\n<b>no markup</b>\n"
MENU = "#masthead button.world"


@pytest.fixture(scope="module")
def served_folder(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("worlds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FAKES, str(folder))
        with served(FAKE) as url:
            yield url, folder


@pytest.fixture
def folder(served_folder) -> Path:
    """The folder of the worlds beside the first: one called "other", whatever was done before."""
    folder = served_folder[1]
    for world in folder.iterdir():
        vanish(world)
    write_fake(folder / "other", CARD)
    return folder


@pytest.fixture
def url(served_folder, folder) -> str:
    return served_folder[0]


def here(page) -> str:
    return page.evaluate("() => vae43.worlds.here.name")


def open_menu(page) -> list[str]:
    """Open the menu and return the worlds in it."""
    page.click(MENU)
    page.wait_for_selector("#worlds-list li")
    return page.locator("#worlds-list li").evaluate_all("rows => rows.map(r => r.dataset.world)")


def go(page, name: str) -> None:
    """Go to a world by the menu and wait for its picture."""
    open_menu(page)
    page.click(f"#worlds-list li[data-world='{name}'] .enter")
    arrived(page, name)


def arrived(page, name: str) -> None:
    page.wait_for_function("(name) => vae43.worlds.here.name === name", arg=name)
    settle(page)


def told(page, text: str) -> None:
    page.wait_for_function(
        "(text) => document.querySelector('#stage .message').textContent.includes(text)", arg=text
    )


def sliders(page) -> list[str]:
    return page.locator(".sliders .block").evaluate_all("all => all.map(e => e.id)")


def vanish(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


# ---------------------------------------------------------------- going there and back


def test_the_page_switches_in_place_and_each_world_remembers_its_picture(visit, url):
    page = visit(url)
    page.evaluate("() => { window.same = true; }")
    after(page, lambda: drag(page, "warmth", 1.5))
    first = pixels(page), shown_state(page)
    assert open_menu(page) == ["fake", "other"]
    page.keyboard.press("Escape")
    go(page, "other")
    assert page.locator(MENU).inner_text() == "other"
    assert shown_state(page)["world"] == "other"
    assert shown_state(page)["moves"] == {}
    assert pixels(page) != first[0]
    own = {f"slider-{s.name}" for s in OtherWorld.sliders}
    assert set(sliders(page)) == {*own, "slider-grain-strength"}
    assert len(sliders(page)) == len(own) + 1
    after(page, lambda: drag(page, "size", -1))
    second = pixels(page), shown_state(page)
    go(page, "fake")
    assert (pixels(page), shown_state(page)) == first
    assert page.input_value("#slider-warmth input[type=number]") == "1.5"
    assert len(sliders(page)) == len(with_grain(FakeWorld.sliders))
    go(page, "other")
    assert (pixels(page), shown_state(page)) == second
    assert page.input_value("#slider-size input[type=range]") == "-1"
    assert page.evaluate("() => window.same")  # and never loaded anew


def test_a_world_without_transparency_offers_no_grounds_to_show_it_on(visit, url):
    page = visit(url)
    grounds = page.locator("#stage .grounds")
    assert grounds.is_visible()
    tops = page.locator("#stage canvas").bounding_box(), page.locator("#save").bounding_box()
    go(page, "other")
    assert grounds.is_hidden()
    assert page.locator("#stage canvas").bounding_box() == tops[0]  # and nothing moved
    assert page.locator("#save").bounding_box() == tops[1]
    page.reload()
    rest(page)
    assert grounds.is_hidden()
    go(page, "fake")
    assert grounds.is_visible()


def test_a_narrow_page_keeps_no_line_free_for_grounds_that_are_not_there(visit, url):
    page = visit(url, width=390, height=844)

    def gap():
        mat, row = (page.locator(place).bounding_box() for place in ("#stage .mat", "#save"))
        return row["y"] - mat["y"] - mat["height"]

    with_grounds = gap()
    go(page, "other")
    assert 0 < gap() < with_grounds - 20
    go(page, "fake")
    assert gap() == with_grounds


def test_a_reload_and_a_visit_later_open_the_world_that_was_left(visit, url):
    page = visit(url)
    go(page, "other")
    after(page, lambda: drag(page, "size", -1))
    kept = pixels(page), shown_state(page)
    written(page)
    for address in (page.url, url):
        page.goto("about:blank")
        page.goto(address)
        rest(page)
        assert here(page) == "other"
        assert (pixels(page), shown_state(page)) == kept
        states = page.evaluate("() => window.frames43.map(({ state }) => state.world)")
        assert set(states) == {"other"}  # no flash of another
    undo(page)
    undo(page)
    arrived(page, "fake")


def test_undo_and_redo_go_across_worlds(visit, url):
    page = visit(url)
    after(page, lambda: drag(page, "warmth", 1.5))
    page.wait_for_timeout(700)
    seen = [(pixels(page), shown_state(page))]
    go(page, "other")
    seen.append((pixels(page), shown_state(page)))
    after(page, lambda: drag(page, "size", -1))
    page.wait_for_timeout(700)
    seen.append((pixels(page), shown_state(page)))
    undo(page)
    assert (pixels(page), shown_state(page)) == seen[1]
    page.keyboard.press("Control+z")
    arrived(page, "fake")
    assert (pixels(page), shown_state(page)) == seen[0]
    page.keyboard.press("Control+Shift+Z")
    arrived(page, "other")
    assert (pixels(page), shown_state(page)) == seen[1]
    page.keyboard.press("Control+y")
    settle(page)
    assert (pixels(page), shown_state(page)) == seen[2]
    assert page.is_disabled("#memory .redo")


def test_the_strip_shows_every_worlds_pictures_and_leads_to_them(visit, url):
    page = visit(url)
    after(page, lambda: drag(page, "warmth", 1.5))
    made = pixels(page), shown_state(page)
    go(page, "other")
    after(page, lambda: drag(page, "size", -1))
    labels = "items => items.map(item => item.querySelector('.of')?.textContent ?? '')"
    strip = page.locator("#memory .strip li")
    assert strip.evaluate_all(labels) == ["", "", "fake", "fake"]
    entry = strip.nth(2).locator(".go")
    assert entry.get_attribute("aria-label") == f"Go to: fake: seed {FIRST_SEED}, 1 slider moved"
    entry.click()
    arrived(page, "fake")
    assert (pixels(page), shown_state(page)) == made
    assert strip.evaluate_all(labels) == ["other", "other", "", ""]
    written(page)
    page.reload()
    rest(page)
    assert strip.evaluate_all(labels) == ["other", "other", "", ""]
    after(page, lambda: strip.nth(0).locator(".go").click())
    arrived(page, "other")
    assert shown_state(page)["moves"] == {"size": -1}
    page.wait_for_timeout(300)
    assert page.input_value("#slider-size input[type=range]") == "-1"


def test_what_hangs_on_the_world_follows(visit, url):
    page = visit(url)
    page.click("[data-opens=field]")
    page.wait_for_selector("#field .tiles:not(.blank)")
    page.locator("#slider-warmth input[type=range]").focus()
    page.wait_for_selector("#slider-warmth .film:not(.blank)")
    go(page, "other")
    options = page.locator("#field .across option").evaluate_all("all => all.map(o => o.value)")
    assert options == [s.name for s in with_grain(OtherWorld.sliders)]
    page.wait_for_selector("#field .tiles:not(.blank)")
    page.wait_for_function("() => !document.querySelector('#field .tiles[aria-busy]')")
    page.wait_for_timeout(500)
    after(page, lambda: page.locator("#field .tiles button").first.click())
    state = shown_state(page)
    assert state["world"] == "other"
    assert state["moves"] == {"lightness": -2.5, "size": 2.5}
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")
    box = page.locator("#blend .pad").bounding_box()
    after(page, lambda: page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    assert len(shown_state(page)["z"]) == OtherWorld.latent_dim
    page.locator("#slider-size input[type=range]").focus()
    page.wait_for_selector("#slider-size .film:not(.blank)")
    with page.expect_download() as caught:
        page.click("#save-1x")
    assert caught.value.suggested_filename.startswith("other-")


def test_a_drag_is_answered_while_another_world_loads(visit, url, folder):
    slow = write_fake(folder / "slow", weights=b"slow")
    page = visit(url)
    open_menu(page)
    page.click("#worlds-list li[data-world=slow] .enter")
    until = time.monotonic() + 60
    while not (slow / "begun").is_file():
        assert time.monotonic() < until
        page.wait_for_timeout(20)
    for value in (0.5, 1.5):
        after(page, lambda value=value: drag(page, "warmth", value))
        assert shown_state(page)["moves"] == {"warmth": value}
    assert here(page) == "fake"
    (slow / "go").touch()
    arrived(page, "slow")
    assert shown_state(page)["world"] == "slow"


def test_two_quick_choices_end_in_the_last(visit, url, folder):
    write_fake(folder / "third", weights=b"third")
    page = visit(url)
    page.evaluate("() => { vae43.worlds.enter('other'); vae43.worlds.enter('third'); }")
    arrived(page, "third")
    page.wait_for_timeout(300)
    assert here(page) == "third"
    assert shown_state(page)["world"] == "third"


# ---------------------------------------------------------------- links and recipes


def test_a_link_of_another_world_that_is_here_opens_there(visit, url):
    state = {"seed": 7, "moves": {"size": 1}}
    page = visit(url + link(state, world="other"))
    assert here(page) == "other"
    assert shown_state(page)["moves"] == {"size": 1}
    assert "another version" in message(page)
    copied = page.url
    go(page, "fake")
    after(page, lambda: page.evaluate("(to) => { location.href = to; }", copied))
    arrived(page, "other")
    assert shown_state(page)["seed"] == 7
    page.keyboard.press("Control+z")
    arrived(page, "fake")
    address = link({"seed": 7}, world="nowhere")
    page.evaluate("(to) => { location.hash = to; }", address)
    told(page, "the world nowhere, and this is fake")
    assert here(page) == "fake"


def test_a_picture_of_another_world_that_is_here_opens_there(visit, url):
    page = visit(url)
    go(page, "other")
    after(page, lambda: drag(page, "size", 2))
    made = pixels(page), shown_state(page)
    with page.expect_download() as caught:
        page.click("#save-1x")
    png = Path(caught.value.path()).read_bytes()
    go(page, "fake")
    file = {"name": "kept.png", "mimeType": "image/png", "buffer": png}
    page.set_input_files("#stage .file", file)
    arrived(page, "other")
    assert (pixels(page), shown_state(page)) == made


# ---------------------------------------------------------------- worlds that come and go


def test_the_list_is_made_anew_and_what_cannot_be_had_leaves_the_page_as_it_was(visit, url, folder):
    page = visit(url)
    after(page, lambda: drag(page, "warmth", 1.5))
    before = pixels(page), shown_state(page)
    write_fake(folder / "new", weights=b"new")
    write_fake(folder / "broken", weights=b"damaged")
    assert open_menu(page) == ["broken", "fake", "new", "other"]
    page.click("#worlds-list li[data-world=broken] .enter")
    told(page, "cannot be used: model.safetensors is damaged")
    open_menu(page)
    vanish(folder / "new")
    page.click("#worlds-list li[data-world=new] .enter")
    told(page, "The world new is not here any more.")
    assert here(page) == "fake"
    assert (pixels(page), shown_state(page)) == before
    assert page.locator(MENU).inner_text() == "fake"
    after(page, lambda: drag(page, "size", 1))
    assert shown_state(page)["moves"] == {"warmth": 1.5, "size": 1}
    assert open_menu(page) == ["broken", "fake", "other"]


def test_a_world_that_vanished_is_missed_in_history_undo_and_storage(visit, url, folder):
    page = visit(url)
    go(page, "other")
    after(page, lambda: drag(page, "size", -1))
    vanish(folder / "other")
    after(page, lambda: drag(page, "size", 1))  # the page goes on with what it has
    go(page, "fake")
    page.keyboard.press("Control+z")
    told(page, "The world other is not here any more.")
    assert here(page) == "fake"
    assert not page.is_disabled("#memory .undo")
    page.evaluate("() => vae43.say('')")
    page.locator("#memory .strip li", has_text="other").first.locator(".go").click()
    told(page, "The world other is not here any more.")
    write_fake(folder / "other", CARD)  # it comes back: nothing was lost meanwhile
    page.keyboard.press("Control+z")
    arrived(page, "other")
    assert shown_state(page)["moves"] == {"size": 1}
    written(page)
    vanish(folder / "other")
    page.goto("about:blank")
    page.goto(url)
    rest(page)
    assert here(page) == "fake"
    assert "not here any more" in message(page)


def test_visitors_of_a_shared_link_have_the_same_menu_and_cannot_name_a_path(folder, monkeypatch):
    monkeypatch.setenv(FAKES, str(folder))
    with served(FAKE, "--share") as url:
        config = json.loads(ask(url, "GET", "/config", Host=TUNNEL_HOST)[1])
        stage = next(c for c in config["components"] if c["props"].get("elem_id") == "stage")

        def call(function, **data):
            body = {"data": data, "component_id": stage["id"], "fn_name": function}
            text = json.dumps({**body, "session_hash": "t"})
            headers = {"Content_Type": "application/json", "Host": TUNNEL_HOST}
            status, answer, _ = ask(url, "POST", "/gradio_api/component_server", text, **headers)
            assert status == 200
            return json.loads(answer)

        assert [row["name"] for row in call("worlds")["worlds"]] == ["fake", "other"]
        assert call("open_world", to="other")["name"] == "other"
        assert "no markup" in call("card", of="other")["html"]
        state = {"seed": 1, "moves": {}}
        assert "webp" in call("frame", world="other", **state)
        for path in ("../other", str(folder / "other"), "other/..", "/etc"):
            for answer in (
                call("open_world", to=path),
                call("card", of=path),
                call("frame", world=path, **state),
            ):
                assert "is not here any more" in answer["error"]


# ---------------------------------------------------------------- keyboard, cards, everybody


def focused(page) -> str:
    return page.evaluate(
        "() => [document.activeElement.closest('li')?.dataset.world ?? '',"
        " document.activeElement.className].join(' ').trim()"
    )


def test_menu_and_card_are_used_by_keyboard_alone(visit, url, folder):
    from tests.unit.test_ui_card import picture

    (folder / "other" / "samples.png").write_bytes(picture())
    page = visit(url)
    page.focus(MENU)
    assert page.get_attribute(MENU, "aria-expanded") == "false"
    page.keyboard.press("Enter")
    page.wait_for_selector("#worlds-list li")
    assert page.get_attribute(MENU, "aria-expanded") == "true"
    assert focused(page) == "fake enter"
    page.keyboard.press("ArrowDown")
    assert focused(page) == "other enter"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "other card"
    page.keyboard.press("Enter")
    card = page.locator("dialog.card")
    card.wait_for(state="visible")
    assert card.get_attribute("aria-label") == "The card of other"
    assert card.locator("h1").inner_text() == "Other"
    assert card.locator("em").inner_text() == "blue"
    assert card.locator("b").count() == 0
    assert "<b>no markup</b>" in card.inner_text()
    assert card.locator("img").evaluate("e => e.complete && e.naturalWidth") == 40
    page.keyboard.press("Escape")
    card.wait_for(state="hidden")
    assert focused(page) == "other card"
    page.keyboard.press("Escape")
    assert page.locator("#worlds-list").is_hidden()
    assert focused(page) == "world"
    page.keyboard.press("Enter")
    page.wait_for_selector("#worlds-list li")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    arrived(page, "other")
    assert focused(page) == "world"
    open_menu(page)
    page.mouse.click(700, 700)
    assert page.locator("#worlds-list").is_hidden()
    open_menu(page)
    vanish(folder / "other")
    page.click("#worlds-list li[data-world=other] .card")
    told(page, "The world other is not here any more.")


def test_the_card_is_shown_in_the_language_of_the_page(visit, url, folder):
    (folder / "other" / "README.md").write_text("# Other\n\n## Numbers\n\nMine *alone*.\n")
    page = visit(url, locale="zh-CN")
    open_menu(page)
    page.click("#worlds-list li[data-world=other] .card")
    page.wait_for_selector("dialog.card[open]")
    article = page.locator("dialog.card article")
    assert article.get_attribute("lang") == "zh-CN"
    assert article.locator("h2").inner_text() == "数据一览"
    assert article.locator("p").get_attribute("lang") == "en"
    assert article.locator("em").evaluate("e => getComputedStyle(e).fontStyle") == "italic"


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_axe_finds_nothing_serious_in_menu_and_card(visit, url, axe, width, scheme):  # noqa: F811
    page = visit(url, width, 900, color_scheme=scheme)
    go(page, "other")
    open_menu(page)
    box = page.locator("#worlds-list").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    found = findings(page, axe)
    page.click("#worlds-list li[data-world=other] .card")
    page.wait_for_selector("dialog.card[open]")
    found += findings(page, axe)
    assert found == []


def test_a_slider_from_elsewhere_is_text_and_no_code(visit, fake_url):
    page = visit(fake_url)
    hostile = "${window.hurt = 1}<img src=x onerror='window.hurt = 1'>"
    page.evaluate(
        """(text) => vae43.worlds.adopt({ name: text, hash: "0", sliders: { en: [
            { name: text, id: "slider-x", kind: "form", label: text, info: text, low: -1, high: 1 },
        ] } })""",
        hostile,
    )
    assert page.locator("#slider-x-name").inner_text() == hostile
    assert page.locator(MENU).inner_text() == hostile
    assert page.evaluate("() => window.hurt ?? null") is None

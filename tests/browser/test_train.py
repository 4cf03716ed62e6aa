"""The Train tab in a real browser: real screening, real runs of a tiny world, on the CPU."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import ROOT, rest, served
from tests.browser.serve_train import WORLDS
from tests.browser.test_access import axe, findings  # noqa: F401  (a fixture)
from tests.conftest import draw_fruit
from vae.jobs import RUNS_VARIABLE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
PATIENCE = 240_000  # ms; a run shares its machine
RESTS = ("done", "stopped", "failed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_world) -> Path:
    folder = tmp_path_factory.mktemp("studio")
    shutil.copytree(tiny_world, folder / "worlds" / "apple")
    return folder


@pytest.fixture(scope="module")
def train_url(folder) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(WORLDS, str(folder / "worlds"))
        patch.setenv(RUNS_VARIABLE, str(folder / "runs"))
        with served(ROOT / "tests" / "browser" / "serve_train.py") as url:
            yield url


@pytest.fixture(scope="module")
def drawings(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("drawings")
    paths = []
    for seed in range(12):
        paths.append(folder / f"drawing {seed}.png")
        Image.fromarray(draw_fruit(seed, 96)).save(paths[-1])
    paths.append(folder / "broken.png")
    paths[-1].write_bytes(paths[0].read_bytes()[:300])
    paths.append(folder / "notes.txt")
    paths[-1].write_text("no picture")
    return [str(path) for path in paths]


def open_tab(page) -> None:
    page.set_default_timeout(PATIENCE)
    page.get_by_role("tab", name="Train").click()
    page.wait_for_function("() => vae43.train.beats > 0")


def lay_out(page, drawings) -> None:
    page.set_input_files(".train input.files", drawings)
    page.wait_for_selector(".setup .go:not([disabled])")


def start(page, name: str, minutes: float) -> str:
    page.fill(".setup [name=name]", name)
    page.check(".setup [name=consent]")
    if not page.locator(".advanced .fields").is_visible():
        page.click(".advanced summary")
    page.fill(".setup [name=minutes]", str(minutes))
    page.click(".setup .go")
    page.wait_for_function("() => vae43.train.chosen")
    return page.evaluate("() => vae43.train.chosen")


def wait_for(page, run: str, *states: str) -> dict:
    page.wait_for_function(
        "([run, states]) => states.includes(vae43.train.runs.find(({id}) => id === run)?.state)",
        arg=[run, states],
    )
    return page.evaluate("(run) => vae43.train.runs.find(({id}) => id === run)", run)


def points(page, curve: str = "total", kind: str = "seen") -> int:
    return page.evaluate(f"() => vae43.watch.charts.get('{curve}').{kind}.x.length")


def painted(page, board: str) -> int:
    """How many pixels of a board are not clear."""
    return page.evaluate(
        """(name) => {
            const canvas = document.querySelector(`figure.${name} canvas`);
            const side = canvas.width;
            const { data } = canvas.getContext("2d").getImageData(0, 0, side, side);
            let count = 0;
            for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
            return count;
        }""",
        board,
    )


SHOWN = "(name) => document.querySelector(`figure.${name} canvas`).toDataURL()"
PINNED = ("original", "drawn-before", "new-before")


@pytest.fixture(scope="module")
def made(chromium, train_url, drawings) -> dict:
    """A run that came to its end, for the tests that look at one."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(train_url)
    open_tab(page)
    lay_out(page, drawings)
    run = start(page, "First", 0.2)
    status = wait_for(page, run, *RESTS)
    context.close()
    assert status["state"] == "done", status
    return status


def watch(page, run: dict) -> None:
    open_tab(page)
    page.click(f"nav.runs [data-run='{run['id']}']")
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet")


# ---------------------------------------------------------------- from drawings to a world


def test_from_drawings_to_a_world_in_the_menu(visit, train_url, drawings):
    page = visit(train_url)
    open_tab(page)
    assert "never leave this machine" in page.inner_text(".train .intro")
    lay_out(page, drawings)
    assert page.inner_text(".table .count") == "12 of 14 will be learned from"
    assert "Not screened for content" in page.inner_text(".table .content")
    page.click(".train .out summary")
    reasons = page.locator(".train .out li").all_inner_texts()
    assert [text.splitlines()[0] for text in reasons] == ["broken.png", "notes.txt"]
    assert "not a PNG, JPEG, WebP or ZIP" in reasons[1]
    page.wait_for_function(
        "() => /It will take about/.test(document.querySelector('.cost').textContent)"
    )
    assert "A run may take up to 2,000 images" in page.inner_text(".cost")
    world = page.evaluate("() => vae43.store.state.world")  # the only one there is
    assert f"from the world {world}, nearest to your pictures" in page.inner_text(".presets")
    starts = page.locator(".setup [name=start] option").all_text_contents()
    assert starts == [f"{world}, the nearest", world]
    page.wait_for_function("() => document.querySelectorAll('.contact .ready').length === 12")

    page.fill(".setup [name=name]", "Orchard")
    page.click(".setup .go")
    assert page.inner_text(".setup .trouble") == "Please say that you may use these pictures."

    run = start(page, "Orchard", 0.4)
    wait_for(page, run, "training")
    page.wait_for_function("() => vae43.watch.charts.get('total').seen.x.length > 3")
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet")
    pinned = [page.evaluate(SHOWN, board) for board in PINNED]
    assert page.inner_text(".run h2") == "Orchard"
    page.wait_for_function("() => vae43.watch.painted")  # tile by tile, while one looks

    page.reload()  # coming back finds the run again, on the tab that was looked at
    page.wait_for_selector(".train .run h2", state="visible", timeout=30_000)
    open_tab(page)
    page.wait_for_function("() => vae43.watch.charts.get('total').seen.x.length > 3")
    assert page.evaluate("() => vae43.train.chosen") == run
    other = visit(train_url)  # and so does another browser
    open_tab(other)
    other.click(f"nav.runs [data-run='{run}']")
    other.wait_for_function("() => vae43.watch.charts.get('total').seen.x.length > 3")

    status = wait_for(page, run, *RESTS)
    assert (status["state"], status["world"]) == ("done", "Orchard")
    assert points(page, "total", "held") > 0
    for board in ("original", "drawn-before", "drawn-now", "new-before", "new-now"):
        assert painted(page, board) > 100
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet === 'kept'")
    assert [page.evaluate(SHOWN, board) for board in PINNED] == pinned  # one side follows alone
    assert page.evaluate(SHOWN, "drawn-now") != page.evaluate(SHOWN, "drawn-before")
    page.evaluate("() => { window.frames43 = []; }")
    page.click(".finished .open")
    page.wait_for_function("() => vae43.store.state.world === 'Orchard'")
    drawn = page.locator("#drawings li button[title]")
    first = drawn.first.get_attribute("title")
    page.wait_for_function("(name) => vae43.store.state.name === name", arg=first)
    rest(page)
    assert page.evaluate("() => Boolean(vae43.store.state.detail)")  # it stays the drawing it is
    drawn.nth(1).click()
    second = drawn.nth(1).get_attribute("title")
    page.wait_for_selector(f"#drawings [aria-current][title='{second}']")
    assert page.evaluate("() => vae43.store.state.name") == second
    rest(page)
    page.click("#masthead button.world")
    page.wait_for_selector("#worlds-list li[data-world='Orchard']")
    page.click("#worlds-list li:not([data-world='Orchard']) .enter")
    page.wait_for_selector("#drawings", state="hidden")  # of a world that came with the program


def test_pause_go_on_queue_and_stop(visit, train_url, drawings):
    page = visit(train_url)
    open_tab(page)
    lay_out(page, drawings)
    run = start(page, "Long", 5)
    wait_for(page, run, "training")
    page.click("[data-act=pause]")
    paused = wait_for(page, run, "paused")
    assert page.inner_text(".run .state") == "paused"
    page.click("[data-act=resume]")
    wait_for(page, run, "training")

    page.click("nav.runs [data-state=new]")
    assert page.inner_text(".setup .go") == "Train after the one before"
    second = start(page, "Next", 5)
    assert wait_for(page, second, "queued")["place"] == 1
    page.wait_for_function(
        "() => /begins by itself/.test(document.querySelector('.coach').textContent)"
    )
    page.click("[data-act=stop]")
    assert wait_for(page, second, "stopped")["world"] == ""

    page.click(f"nav.runs [data-run='{run}']")
    before = paused["step"]
    page.wait_for_function(
        f"() => vae43.train.runs.find(({{id}}) => id === '{run}').step > {before}"
    )
    page.click("[data-act=save]")
    page.wait_for_function("() => document.querySelector('.run .saved').textContent")
    page.click("[data-act=stop]")
    stopped = wait_for(page, run, "stopped", "done")
    assert stopped["world"] == "Long"
    page.wait_for_selector(".finished .open:visible")


# ---------------------------------------------------------------- laying out


def test_bounds_of_visitors_are_told_to_visitors_alone(visit, train_url):
    page = visit(train_url)
    page.get_by_role("tab", name="Train").click()
    bounds = page.locator("#train .bounds, .train .bounds").first
    assert bounds.inner_text().strip() == "A table holds 2,000 files and 1 GB."
    page.evaluate("document.documentElement.removeAttribute('data-here')")  # from elsewhere
    assert "another machine" in bounds.inner_text()


def test_pictures_are_left_out_taken_back_and_remembered(visit, train_url, drawings):
    page = visit(train_url)
    open_tab(page)
    lay_out(page, drawings[:11])
    page.click(".contact button >> nth=0")
    page.wait_for_selector(".train .out li", state="attached")
    assert page.inner_text(".table .count") == "10 of 11 will be learned from"
    page.click(".contact button >> nth=0")
    page.wait_for_function(
        "() => /1 more/.test(document.querySelector('.table .count').textContent)"
    )
    assert page.locator(".setup .go").is_disabled()
    page.reload()
    rest(page)
    open_tab(page)
    page.wait_for_function(
        "() => /9 of 11/.test(document.querySelector('.table .count').textContent)"
    )
    page.click(".train .out summary")
    page.click(".train .out li button >> nth=0")
    page.wait_for_function(
        "() => /10 of 11/.test(document.querySelector('.table .count').textContent)"
    )
    page.click(".start-over")
    page.click("dialog.sure .no")
    assert page.locator(".contact li").count() == 10
    page.click(".start-over")
    page.click("dialog.sure .yes")
    page.wait_for_selector(".empty:visible")
    assert page.locator(".contact li").count() == 0


def test_paper_is_taken_away_with_before_and_after(visit, train_url, tmp_path):
    page = visit(train_url)
    open_tab(page)
    rng = np.random.default_rng(1)
    for seed in range(3):
        paper = np.full((160, 160, 3), (238, 232, 220), np.float32) + rng.normal(
            0, 2, (160, 160, 1)
        )
        drawn = Image.fromarray(draw_fruit(seed, 110))
        sheet = Image.fromarray(paper.clip(0, 255).astype(np.uint8))
        sheet.paste(drawn, (25, 25), drawn)
        sheet.save(tmp_path / f"{seed}.png")
    page.set_input_files(".train input.files", sorted(map(str, tmp_path.iterdir())))
    page.wait_for_function("() => document.querySelectorAll('.contact .ready').length === 3")
    assert not page.locator(".preview").is_visible()
    page.check(".prepare .paper input")
    page.wait_for_selector(".preview:visible")
    page.wait_for_function("() => !vae43.gather.busy")
    clear = """(name) => {
        const image = document.querySelector(`.preview .${name}`);
        const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
        const context = canvas.getContext("2d");
        context.drawImage(image, 0, 0);
        return context.getImageData(3, 3, 1, 1).data[3];
    }"""
    page.wait_for_function("() => document.querySelector('.preview .after').naturalWidth")
    assert page.evaluate(clear, "before") == 255
    assert page.evaluate(clear, "after") < 40


def test_a_whole_folder_is_laid_out_with_those_below_it(visit, train_url, drawings, tmp_path):
    below = tmp_path / "summer" / "at the sea"
    below.mkdir(parents=True)
    for number, path in enumerate(drawings[:3]):
        shutil.copy(path, (below if number else below.parent) / Path(path).name)
    (below / ".DS_Store").write_bytes(b"of no concern")
    (below / "notes.txt").write_text("no picture")
    page = visit(train_url)
    open_tab(page)
    with page.expect_file_chooser() as asked:
        page.click(".empty .pick-folder")
    asked.value.set_files(below.parent)
    page.wait_for_function("() => document.querySelectorAll('.contact .ready').length === 3")
    assert page.inner_text(".table .count").startswith("3 of 4 will be learned from")
    assert page.locator(".more .pick-folder").is_visible()


def test_a_dropped_zip_is_laid_out_and_the_other_tab_left_alone(visit, train_url, drawings):
    page = visit(train_url)
    open_tab(page)
    before = page.evaluate("() => JSON.stringify(vae43.store.state)")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path in drawings[:3]:
            packed.write(path, f"set/{Path(path).name}")
    page.evaluate(
        """(bytes) => {
            const given = new DataTransfer();
            given.items.add(new File([new Uint8Array(bytes)], "set.zip"));
            for (const kind of ["dragover", "drop"]) {
                document.querySelector(".train .mat").dispatchEvent(
                    new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: given }));
            }
        }""",
        list(buffer.getvalue()),
    )
    page.wait_for_function("() => document.querySelectorAll('.contact .ready').length === 3")
    assert page.evaluate("() => JSON.stringify(vae43.store.state)") == before


# ---------------------------------------------------------------- looking at a run


def test_curves_answer_to_the_keyboard_and_to_their_switches(visit, train_url, made):
    page = visit(train_url)
    watch(page, made)
    chart = page.locator("[data-curve=total] canvas")
    chart.focus()
    page.keyboard.press("Home")
    first = chart.get_attribute("aria-valuetext")
    assert first.startswith("step ")
    page.keyboard.press("ArrowRight")
    assert chart.get_attribute("aria-valuetext") != first
    here = chart.get_attribute("aria-valuenow")
    assert page.locator("[data-curve=reconstruction] canvas").get_attribute("aria-valuenow") == here
    page.keyboard.press("Escape")
    look = "() => document.querySelector('[data-curve=total] canvas').toDataURL()"
    plain = page.evaluate(look)
    page.check(".curves .log")
    page.wait_for_function(f"(plain) => ({look})() !== plain", arg=plain)
    assert page.locator("[data-curve=adversarial]").is_hidden()
    with page.expect_download() as caught:
        page.click(".curves .csv")
    table = Path(caught.value.path()).read_text(encoding="utf-8").splitlines()
    assert table[0].startswith("kind,step,")
    assert len(table) > points(page)


def test_at_the_end_what_it_came_to_stands_beside_what_happened(visit, train_url, made):
    page = visit(train_url)
    watch(page, made)
    said = page.inner_text(".run .coach")
    assert made["coach"]["sentence"] in said
    told = {**made, "message": "It ended at a limit."}
    page.evaluate("(run) => vae43.watch.take(run, [], [], true)", told)
    assert page.inner_text(".run .coach") == f"It ended at a limit. {made['coach']['sentence']}"
    page.evaluate("(run) => vae43.watch.take(run, [], [], true)", {**told, "state": "failed"})
    assert page.inner_text(".run .coach") == "It ended at a limit."


def test_a_surprise_is_one_of_the_drawings_varied(visit, train_url, made):
    page = visit(train_url)
    page.click("#masthead button.world")
    page.click(f"#worlds-list li[data-world='{made['world']}'] .enter")
    page.wait_for_selector("#drawings [aria-current]")
    rest(page)
    seed, last = page.evaluate("() => vae43.store.state.seed"), None
    for _ in range(3):
        before = page.evaluate("() => vae43.store.state.z")
        page.click("#surprise")
        page.wait_for_function("(z) => `${vae43.store.state.z}` !== `${z}`", arg=before)
        rest(page)
        state = page.evaluate("() => vae43.store.state")
        assert state["name"].startswith("drawing ")
        assert state["name"] != last
        assert state["detail"]["z"] != state["z"]  # varied, and still the drawing's own pixels
        last = state["name"]
    assert page.evaluate("() => vae43.store.state.seed") == seed
    page.click("#detail label")  # without its own detail: the world's own from first to last
    page.click("#surprise")
    page.wait_for_function("() => vae43.store.state.z === null")
    assert page.evaluate("() => vae43.store.state.seed") != seed


def test_time_runs_backwards_under_the_hand(visit, train_url, made):
    page = visit(train_url)
    watch(page, made)
    newest = page.evaluate("() => document.querySelector('.train').dataset.sheet")
    assert newest == "kept"
    kept = page.evaluate(
        "() => vae43.train.runs.find(({ id }) => id === vae43.train.chosen).kept_step"
    )
    for board in ("drawn-now", "new-now"):
        assert page.inner_text(f"figure.{board} figcaption") == f"The world: step {kept}"
    pinned = [page.evaluate(SHOWN, board) for board in PINNED]
    scrub = page.locator(".scrub input")
    scrub.focus()
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet === '0'")
    assert page.evaluate(SHOWN, "drawn-now") == page.evaluate(SHOWN, "drawn-before")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet !== '0'")
    assert page.evaluate(SHOWN, "drawn-now") != page.evaluate(SHOWN, "drawn-before")
    assert [page.evaluate(SHOWN, board) for board in PINNED] == pinned
    assert page.inner_text("figure.drawn-before figcaption") == "At the start"
    page.keyboard.press("Home")
    page.click(".scrub .newest")
    page.wait_for_function(f"() => document.querySelector('.train').dataset.sheet === '{newest}'")
    page.click(".scrub .play")
    page.wait_for_function(
        "() => document.querySelector('.play').getAttribute('aria-pressed') === 'false'"
    )


def test_the_mirror_shows_the_nearest_drawings(visit, train_url, made):
    page = visit(train_url)
    watch(page, made)
    page.click(".mirror summary")
    page.wait_for_selector(".mirror li")
    assert page.locator(".mirror li img").count() == 2 * page.locator(".mirror li").count()
    assert page.inner_text(".mirror .said")


def test_a_world_is_saved_loaded_and_deleted_after_a_question(visit, train_url, made, tmp_path):
    page = visit(train_url)
    watch(page, made)
    with page.expect_download() as caught:
        page.click(".finished .download")
    path = tmp_path / "First.zip"
    caught.value.save_as(path)
    assert "First/model.safetensors" in zipfile.ZipFile(path).namelist()
    page.set_input_files(".own input.zip", str(path))
    page.wait_for_selector(".own li:has-text('First-2')")
    assert page.inner_text(".own .said") == "First-2 is in the menu now."
    delete = page.get_by_label("Delete: First-2")
    delete.click()
    assert "First-2" in page.inner_text("#sure-title")
    page.keyboard.press("Escape")
    assert page.locator(".own li:has-text('First-2')").count() == 1
    delete.click()
    page.click("dialog.sure .yes")
    page.wait_for_function("() => !/First-2/.test(document.querySelector('.own ul').textContent)")
    assert page.locator(".finished").is_visible()
    page.get_by_label("Delete: First", exact=True).click()
    page.click("dialog.sure .yes")
    page.wait_for_selector(".finished", state="hidden")  # there is nothing to open any more
    page.set_input_files(".own input.zip", str(path))
    page.wait_for_selector(".finished", state="visible")
    path.write_bytes(b"PK\x03\x04 no")
    page.set_input_files(".own input.zip", str(path))
    page.wait_for_function("() => /ZIP/.test(document.querySelector('.own .said').textContent)")


def test_the_tab_speaks_chinese_in_place(visit, train_url, made):
    page = visit(train_url)
    watch(page, made)
    page.click("#masthead [data-language='zh-CN']")
    page.wait_for_function("() => document.querySelector('.run .state').textContent === '已完成'")
    assert page.inner_text("#curves-title") == "曲线"
    assert (
        page.locator("[data-curve=total] canvas").get_attribute("aria-valuetext").startswith("从")
    )
    page.click("nav.runs [data-state=new]")
    assert page.inner_text(".train .invite") == "把你的画放到这里"


@pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
def test_axe_finds_nothing_serious(visit, train_url, made, drawings, axe, width, scheme):  # noqa: F811
    page = visit(train_url, width, 900, color_scheme=scheme)
    open_tab(page)
    found = findings(page, axe)
    lay_out(page, drawings)
    for fold in page.locator(".train details > summary").all():
        if fold.is_visible():
            fold.click()
    found += findings(page, axe)
    page.click(f"nav.runs [data-run='{made['id']}']")
    page.wait_for_function("() => document.querySelector('.train').dataset.sheet")
    page.click(".mirror summary")
    page.wait_for_selector(".mirror li")
    page.wait_for_timeout(400)
    found += findings(page, axe)
    assert found == [], json.dumps(found, indent=1)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")

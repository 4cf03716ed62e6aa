"""The file's own pixels, on the canvas and in what is saved, in a real Chromium."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import FAKE, after, drag, pixels, served
from tests.browser.fake_world import write_fake
from tests.browser.serve_fake import FAKES
from tests.browser.test_memory import settle
from tests.browser.test_worlds import go
from vae.pixels import premultiply, to_floats

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
BUTTON = "#detail .own-size"
SIDE = 900
LOADED = """() => {
  const before = document.querySelector('.sheet .before');
  return before.src.startsWith('blob:') && before.naturalWidth > 0;
}"""
"""That the sheet's picture is there, and not its address alone."""


def striped(radius: float) -> np.ndarray:
    """Stripes too fine for the world's square, in a disc on a clear ground."""
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    picture = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    picture[..., :3] = np.where((column * SIDE).astype(int) % 8 < 4, 60, 190)[..., None]
    picture[..., 3] = np.where(np.hypot(row, column) < radius, 255, 0)
    return picture


@pytest.fixture(scope="module")
def stripes() -> np.ndarray:
    return striped(0.47)


@pytest.fixture
def started(visit, fake_url, stripes):
    return start(visit(fake_url), stripes)


def start(page, picture: np.ndarray):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    upload = {"name": "my stripes.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.set_input_files("#stage .file", upload)
    page.wait_for_function("() => vae43.store.state.z")
    settle(page)
    page.wait_for_function("() => vae43.original.of(vae43.store.state)")
    page.wait_for_timeout(500)  # the file is made ready beside the frames
    return page


@pytest.fixture(scope="module")
def opaque_url(tmp_path_factory):
    """The page with a world without transparency, of 96 pixels a side, beside the first."""
    folder = tmp_path_factory.mktemp("opaque")
    write_fake(folder / "other")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FAKES, str(folder))
        with served(FAKE) as url:
            yield url


def photograph(height: int, width: int) -> np.ndarray:
    """Opaque: soft light from one corner to the other, and fine stripes."""
    down, across = np.mgrid[:height, :width] / max(height, width)
    stripes = np.where(np.arange(width) % 8 < 4, -15, 15)
    light = 110 + 50 * (down + across)[..., None] + stripes[:, None] + np.array([12, 0, -12])
    return np.dstack((light.astype(np.uint8), np.full((height, width), 255, np.uint8)))


def opened(visit, opaque_url: str, picture: np.ndarray):
    page = visit(opaque_url)
    go(page, "other")
    return start(page, picture)


def within(stage: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return what a picture of such a shape takes of a square stage, in the middle of it."""
    side = len(stage)
    down, across = (round((side - side * x / max(height, width)) / 2) for x in (height, width))
    return stage[down : side - down, across : side - across]


def contrast(page) -> float:
    """Of the row in the middle of the canvas."""
    return page.evaluate(
        """() => {
          const canvas = document.querySelector('#stage canvas');
          const { width, height } = canvas;
          const copy = new OffscreenCanvas(width, height);
          copy.getContext('2d', { willReadFrequently: true }).drawImage(canvas, 0, 0);
          const part = [width / 4, height / 2, width / 2, 1];
          const row = copy.getContext('2d').getImageData(...part).data;
          const values = [...row].filter((_, i) => i % 4 === 0);
          const mean = values.reduce((a, b) => a + b) / values.length;
          return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
        }"""
    )


def saved(page, act) -> tuple[str, Image.Image]:
    with page.expect_download() as caught:
        act()
    data = caught.value.path().read_bytes()
    return caught.value.suggested_filename, Image.open(io.BytesIO(data))


def seen(picture) -> np.ndarray:
    return premultiply(to_floats(np.asarray(picture)))


def test_the_canvas_shows_what_the_worlds_square_has_no_room_for(started):
    page = started
    assert contrast(page) > 40
    after(page, lambda: drag(page, "warmth", 0.5))
    settle(page)
    page.wait_for_timeout(300)
    assert contrast(page) > 40
    page.click("#detail label")
    settle(page)
    assert not page.is_visible(BUTTON)
    assert contrast(page) < 30  # the world's own picture


def test_it_is_saved_at_its_own_size_and_changed(started, stripes):
    page = started
    assert page.inner_text(BUTTON) == f"Save {SIDE} × {SIDE}"
    name, plain = saved(page, lambda: page.click(BUTTON))
    assert name == "my stripes-fake.png"
    assert np.abs(seen(plain) - seen(stripes)).max() <= 1 / 255
    after(page, lambda: drag(page, "warmth", 0.8))
    settle(page)
    _, warm = saved(page, lambda: page.click(BUTTON))
    assert warm.size == (SIDE, SIDE)
    change = seen(warm) - seen(stripes)
    inside = stripes[..., 3] > 0
    assert (change[..., 0] - change[..., 2])[inside].mean() > 0.01  # redder, less blue
    fine = np.diff(seen(warm)[SIDE // 2, 200:700, 0])
    assert np.abs(fine).max() > 0.3  # the stripes are all there


@pytest.mark.parametrize("choice", ["#save-4x", '.export [data-factor="4"]'])
def test_an_enlarged_picture_is_of_the_file_too(started, choice):
    def act():
        if "export" in choice:
            started.click("details.export > summary")
        started.click(choice)

    name, large = saved(started, act)
    assert name.startswith("fake-picture")
    assert large.size == (512, 512)
    assert seen(large)[256, 128:384, 0].std() > 0.15


def test_the_file_is_there_again_after_a_reload_and_stays_in_this_browser(started, visit):
    page = started
    shown, address = pixels(page), page.url
    page.reload()
    settle(page)
    page.wait_for_selector(BUTTON)
    page.wait_for_timeout(700)
    assert contrast(page) > 40
    assert pixels(page) == shown
    elsewhere = visit(address)  # another visitor, by the link: the picture, not the file
    settle(elsewhere)
    assert elsewhere.is_checked("#detail input")
    assert not elsewhere.is_visible(BUTTON)


def test_only_the_last_three_files_are_kept(started):
    page = started
    for shade in (40, 90, 140):
        file = io.BytesIO()
        Image.new("RGB", (400, 300), (shade, 80, 120)).save(file, "PNG")
        upload = {"name": f"{shade}.png", "mimeType": "image/png", "buffer": file.getvalue()}
        page.set_input_files("#stage .file", upload)
        page.wait_for_function("name => vae43.store.state.name === name", arg=f"{shade}.png")
        settle(page)
    page.reload()
    settle(page)
    page.wait_for_selector(BUTTON)
    assert page.inner_text(BUTTON) == "Save 400 × 300"
    kept = page.evaluate(
        """() => new Promise((done) => {
          indexedDB.open('43.VAE', 1).onsuccess = ({ target: { result: base } }) => {
            const asked = base.transaction('originals').objectStore('originals').getAll();
            asked.onsuccess = () => done(asked.result.map(({ frame }) => frame.width));
          };
        })"""
    )
    assert kept == [400] * 3


def test_comparing_shows_the_file_before_at_the_same_sharpness(started):
    page = started
    after(page, lambda: drag(page, "warmth", 0.8))
    settle(page)
    page.click("#memory .wiping")
    page.wait_for_function(LOADED)
    side = page.evaluate("() => document.querySelector('.sheet .before').naturalWidth")
    assert side == page.evaluate("() => vae43.wholeSide()")
    own = {"grain strength": -0.5}  # as it is set by a picture that is smoother than the world's
    page.evaluate("own => vae43.store.change('picture', { own, moves: own })", own)
    assert page.evaluate("() => vae43.compare.start().moves") == own


def on_canvas(page) -> np.ndarray:
    """Return the canvas, premultiplied floats (H, W, 4)."""
    data = page.evaluate(
        "() => document.querySelector('#stage canvas').toDataURL('image/png').split(',')[1]"
    )
    return seen(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))


def test_a_form_slider_moves_the_file_itself_and_draws_no_ghost_of_an_outline(visit, fake_url):
    page = start(visit(fake_url), striped(0.33))
    before = on_canvas(page)
    after(page, lambda: drag(page, "size", 2))
    settle(page)
    page.wait_for_timeout(500)
    larger = on_canvas(page)
    assert larger[..., 3].mean() > 1.2 * before[..., 3].mean()
    between = (larger[..., 3] > 0.05) & (larger[..., 3] < 0.95)
    assert between.mean() < 0.03
    assert contrast(page) > 30  # with its stripes
    _, large = saved(page, lambda: page.click("#save-4x"))
    small = np.asarray(large.resize(larger.shape[1::-1], Image.Resampling.LANCZOS))
    apart, moved = (np.abs(larger - other)[..., 3].mean() for other in (seen(small), before))
    assert apart < 0.05 * moved


def test_a_softer_edge_has_no_crisp_line_left_in_it(visit, fake_url):
    page = start(visit(fake_url), striped(0.33))

    def steepest(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture[picture.shape[0] // 2, :, 3])).max())

    assert steepest(on_canvas(page)) > 0.5
    after(page, lambda: drag(page, "edge_softness", 2.5))
    settle(page)
    page.wait_for_timeout(500)
    assert steepest(on_canvas(page)) < 0.25
    assert contrast(page) > 30  # its stripes are as they were
    _, large = saved(page, lambda: page.click(BUTTON))
    assert steepest(seen(large)) < 0.2


def test_a_blend_fades_a_kept_picture_into_the_worlds_own(started):
    page = started
    page.click("[data-opens=blend]")
    page.wait_for_selector("#blend .pad:not(.blank)")

    def at(across: float, down: float) -> None:
        box = page.locator("#blend .pad").bounding_box()
        place = box["x"] + across * box["width"], box["y"] + down * box["height"]
        after(page, lambda: page.mouse.click(*place))
        settle(page)
        page.wait_for_timeout(400)

    def stripes() -> float:
        row = on_canvas(page)[..., 0]
        row = row[len(row) // 2, len(row) // 4 : -len(row) // 4]
        return float(np.abs(np.diff(row)).mean())

    share = "() => vae43.store.state.detail?.share"
    at(0.02, 0.02)
    assert page.evaluate(share) > 0.9
    near = stripes()
    at(0.4, 0.4)
    assert 0.2 < page.evaluate(share) < 0.6
    assert stripes() < 0.75 * near
    at(0.98, 0.98)
    assert page.evaluate(share) in (None, pytest.approx(0, abs=0.05))
    assert stripes() < 0.2 * near
    page.keyboard.press("Control+z")
    settle(page)
    assert page.evaluate(share) > 0.2


def test_two_states_of_one_picture_keep_all_of_it_between_them(started):
    shares = """(shares) => {
      const { detail } = vae43.store.state;
      const other = { ...detail, webp: "another" };
      const states = [{ detail }, { detail: { ...detail } }, { detail: other }, {}];
      const mixed = vae43.detail.mixed(states, shares);
      return mixed && [mixed.share, mixed.webp === "another"];
    }"""
    for weights, found in {
        (0.4, 0.6, 0, 0): [1, False],
        (0.5, 0.2, 0.3, 0): [0.4, False],
        (0.1, 0, 0.6, 0.3): [0.5, True],
        (0.5, 0, 0.5, 0): None,
        (0, 0, 0, 1): None,
    }.items():
        assert started.evaluate(shares, list(weights)) == found, weights


def test_a_photograph_in_an_opaque_world_is_seen_and_saved_whole(visit, opaque_url):
    """Wider than the world's square: with its edges, changed there as in the middle."""
    picture = photograph(400, 700)
    page = opened(visit, opaque_url, picture)
    stage = on_canvas(page)
    before = within(stage, 400, 700)
    assert stage[..., 3].sum() == pytest.approx(before[..., 3].size, rel=0.01)  # nothing beside it
    side = before.shape[1::-1]
    wanted = seen(Image.fromarray(picture).resize(side, Image.Resampling.BICUBIC))
    assert np.abs(before - wanted)[..., :3].mean() < 4 / 255

    after(page, lambda: drag(page, "lightness", -2))
    settle(page)
    page.wait_for_timeout(400)
    shown = within(on_canvas(page), 400, 700)
    change = (shown - before)[..., :3].mean((0, 2))  # of each column
    beyond = round(side[0] * (1 - 400 / 700) / 2)
    assert max(change[:beyond].mean(), change[-beyond:].mean()) < -0.1
    borders = [*range(beyond - 4, beyond + 4), *range(-beyond - 4, -beyond + 4)]
    assert np.abs(np.diff(change)[borders]).max() < 0.01  # no seam
    assert np.abs(np.diff(shown[len(shown) // 2, :beyond, 0])).max() > 0.01  # its own stripes

    _, file = saved(page, lambda: page.click(BUTTON))
    assert file.size == (700, 400)
    small = seen(file.resize(side, Image.Resampling.BICUBIC))
    apart = np.abs(small - shown)[..., :3].mean((0, 2))
    assert max(apart[:beyond].mean(), apart[-beyond:].mean()) < 4 / 255
    _, twice = saved(page, lambda: page.click("#save-2x"))
    assert twice.size == (336, 192)  # of 96 the shorter side

    page.click("#memory .wiping")
    page.wait_for_function(LOADED)
    sides = page.evaluate(
        """() => {
          const { naturalWidth, naturalHeight } = document.querySelector('.sheet .before');
          return [naturalWidth, naturalHeight];
        }"""
    )
    assert sides == list(side)


def test_a_whole_photograph_is_there_after_a_reload_and_its_square_elsewhere(visit, opaque_url):
    picture = photograph(300, 200)
    page = opened(visit, opaque_url, picture)
    whole = "document.querySelector('#stage .mat').hasAttribute('data-whole')"
    assert page.evaluate(whole)
    shown, address = on_canvas(page), page.url
    assert shown[..., 3].mean() == pytest.approx(2 / 3, abs=0.01)
    page.reload()
    settle(page)
    page.wait_for_selector(BUTTON)
    page.wait_for_function(f"() => {whole}")
    page.wait_for_timeout(700)
    assert np.abs(on_canvas(page) - shown).max() <= 1 / 255
    elsewhere = visit(address)
    settle(elsewhere)
    assert not elsewhere.evaluate(whole)
    assert on_canvas(elsewhere)[..., 3].min() == 1

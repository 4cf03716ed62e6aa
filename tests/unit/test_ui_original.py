"""A picture saved with all its own pixels, without a browser."""

import asyncio
import base64
import io
import json
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.fake_world import OtherWorld
from tests.conftest import draw_fruit
from vae.border_change import PARTS, BorderChange
from vae.change import Change
from vae.editing import encode_as, enlarge
from vae.pixels import encode_image, premultiply, to_floats
from vae.placement import Placement
from vae.ui.drawing import picture_of
from vae.ui.engine import Engine
from vae.ui.frames import make_frame
from vae.ui.original import make_save_original
from vae.ui.state import read_state
from vae.ui.upload import make_start_from

WARM = {"moves": {"warmth": 0.6}}


def on_canvas(width: int, height: int, side: int, at: tuple[int, int]) -> np.ndarray:
    """A fruit as a cut-out somewhere on a larger, clear canvas."""
    canvas = np.zeros((height, width, 4), dtype=np.uint8)
    canvas[at[1] : at[1] + side, at[0] : at[0] + side] = draw_fruit(3, side)
    return canvas


@pytest.fixture(scope="module")
def canvas() -> np.ndarray:
    return on_canvas(900, 600, 400, (450, 60))


@pytest.fixture
def ask(engine):
    """Save a file with what is asked for; a state of it, with its detail, is read first."""

    def save(file: bytes, **request):
        files = [("mine.png", file)]
        start = asyncio.run(make_start_from(engine)(SimpleNamespace(data={}, files=files)))
        detail = {name: start[name] for name in ("z", "key", "grain")}
        state = {"z": start["z"], "key": start["key"], "moves": start["moves"]}
        state["detail"] = {"webp": start["packed"], **detail}
        text = json.dumps({**state, "kind": "png", "factor": "own", **request})
        data = SimpleNamespace(data={"request": text}, files=files)
        return asyncio.run(make_save_original(engine)(data)), state

    return save


def opened(answer) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(answer["file"])))


def seen(pixels) -> np.ndarray:
    return premultiply(to_floats(np.asarray(pixels)))


def test_unmoved_it_comes_back_pixel_for_pixel_in_its_own_frame(ask, canvas):
    answer, _ = ask(encode_image(canvas, "png"))
    found = np.asarray(opened(answer))
    assert (answer["name"], answer["type"]) == ("fake-picture.png", "image/png")
    assert found.shape == canvas.shape
    assert np.abs(seen(found) - seen(canvas)).max() <= 1 / 255


def test_a_slider_changes_it_there_and_only_there(ask, canvas):
    answer, _ = ask(encode_image(canvas, "png"), **WARM)
    found, before = seen(opened(answer)), seen(canvas)
    assert answer["name"] == "fake-picture-moved.png"
    fruit = np.abs(found - before)[60:460, 450:850]
    beside = np.abs(found - before)[:, :380]
    assert fruit.mean() > 0.004
    assert beside.max() == 0


def test_it_is_the_picture_on_show_with_more_pixels(ask, engine):
    """Made small again it is what the world's square shows."""
    large = draw_fruit(3, 1024)
    answer, state = ask(encode_image(large, "png"), **WARM)
    state = read_state({**state, **WARM}, engine.ranges)
    shown = asyncio.run(engine.draw(picture_of, state))[0].permute(1, 2, 0).numpy()
    changed, unchanged = (
        np.abs(seen(image.resize((128, 128), Image.Resampling.BOX)) - premultiply(shown)).mean()
        for image in (opened(answer), Image.fromarray(large))
    )
    assert changed < 1 / 255
    assert changed < unchanged / 4


def test_an_enlarged_square_has_the_files_own_edges(ask):
    large = draw_fruit(3, 1024)
    sharp, _ = ask(encode_image(large, "png"), factor=4)
    found = seen(opened(sharp))
    wanted = seen(Image.fromarray(large).resize((512, 512), Image.Resampling.LANCZOS))
    small = Image.fromarray(large).resize((128, 128), Image.Resampling.LANCZOS)
    soft = seen(small.resize((512, 512), Image.Resampling.LANCZOS))
    assert found.shape == (512, 512, 4)
    assert np.abs(found - wanted).mean() < np.abs(soft - wanted).mean() / 3


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_an_enlarged_square_keeps_its_recipe(ask, engine, kind):
    answer, state = ask(encode_image(draw_fruit(3, 512), "png"), factor=2, kind=kind, recipe=True)
    assert answer["name"] == f"fake-picture-2x.{kind}"
    dropped = SimpleNamespace(data={}, files=[("a", base64.b64decode(answer["file"]))])
    assert asyncio.run(make_start_from(engine)(dropped))["recipe"] == state
    own, _ = ask(encode_image(draw_fruit(3, 512), "png"), kind=kind, recipe=True)
    dropped = SimpleNamespace(data={}, files=[("a", base64.b64decode(own["file"]))])
    assert "frame" in asyncio.run(make_start_from(engine)(dropped))  # a picture in its own right


def test_a_file_is_saved_as_what_it_came_as():
    clear, full = draw_fruit(3, 64), draw_fruit(3, 64)
    full[..., 3] = 255
    for pixels, asked, got in (
        (full, "jpg", "JPEG"),
        (clear, "jpg", "PNG"),
        (clear, "webp", "WEBP"),
        (clear, "png", "PNG"),
    ):
        data, kind = encode_as(pixels, asked)
        image = Image.open(io.BytesIO(data))
        assert image.format == got
        assert {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[kind] == got
        assert np.abs(seen(image.convert("RGBA")) - seen(pixels)).mean() < 0.02


def test_a_picture_that_goes_on_beyond_an_opaque_square_is_changed_whole():
    pixels = np.random.default_rng(0).integers(0, 256, (90, 200, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    plain = np.full((1, 3, 32, 32), 0.5, dtype=np.float32)
    change = Change(torch.from_numpy(plain), torch.from_numpy(plain + 0.1), None, None)
    found = enlarge(change, pixels, None)
    assert found.shape == pixels.shape
    wanted = np.clip(to_floats(pixels[..., :3]) + 0.1, 0, 1)
    assert np.abs(to_floats(found)[..., :3] - wanted).max() < 0.01
    large = to_floats(enlarge(change, pixels, 3))
    assert large.shape == (96, 213, 4)
    image = Image.fromarray(pixels).resize((213, 96), Image.Resampling.LANCZOS)
    wanted = np.clip(to_floats(np.asarray(image))[..., :3] + 0.1, 0, 1)
    assert np.abs(large[..., :3] - wanted).max() < 0.01


@pytest.mark.parametrize("rows", [1, 7, 10_000])
def test_stripes_leave_no_seams(monkeypatch, canvas, rows):
    size = 64
    before = torch.from_numpy(to_floats(np.asarray(Image.fromarray(canvas).resize((size, size)))))
    before = before.permute(2, 0, 1)[None]
    change = Change(before, (before * 0.7 + 0.1).clamp(0, 1), None, None)
    whole = enlarge(change, canvas, None)
    monkeypatch.setattr("vae.editing._STRIPE", rows * canvas.shape[1])
    assert np.abs(enlarge(change, canvas, None).astype(int) - whole).max() <= 1


def test_a_framing_says_where_every_part_lies(canvas):
    placement = Placement.of(canvas, 128, 4)
    square = np.asarray(placement.show(canvas))
    longest = max(np.ptp(np.argwhere(canvas[..., 3] > 20), axis=0)) + 1
    assert placement.scale == pytest.approx(longest * 8 / 7 / 128, rel=0.02)
    left, top, right, bottom = (128 * edge for edge in placement.box_of(placement.source))
    seen_rows, seen_columns = (np.flatnonzero((square[..., 3] > 20).any(i)) for i in (1, 0))
    assert abs(left - seen_columns[0]) <= 1
    assert abs(right - 1 - seen_columns[-1]) <= 1
    assert abs(top - seen_rows[0]) <= 1
    assert abs(bottom - 1 - seen_rows[-1]) <= 1
    large = placement.enlarged(4)
    assert large.box == placement.box
    assert large.show(canvas).size == (512, 512)


@pytest.mark.parametrize(
    "text",
    [None, 3, "no json", "[]", '{"kind": "gif"}', '{"kind": "png"}', '{"kind": "png", "seed": 1}'],
)
def test_what_is_no_request_is_refused_in_words(engine, text):
    data = SimpleNamespace(data={"request": text}, files=[("a", b"")])
    answer = asyncio.run(make_save_original(engine)(data))
    assert set(answer) == {"error", "impossible"}


def test_a_state_without_a_detail_or_a_file_that_is_none_is_refused(engine, ask, canvas):
    file = encode_image(canvas, "png")
    answer, _ = ask(file, detail=None)
    assert "detail" in answer["error"]
    text = json.dumps({"seed": 1, "moves": {}, "kind": "png", "factor": "own"})
    for files in (None, [("a", b"no picture")]):
        data = SimpleNamespace(data={"request": text}, files=files)
        assert "error" in asyncio.run(make_save_original(engine)(data))


def test_only_a_larger_picture_has_a_size_of_its_own(engine):
    for side, larger in ((128, False), (150, False), (512, True)):
        files = [("a.png", encode_image(draw_fruit(3, side), "png"))]
        start = asyncio.run(make_start_from(engine)(SimpleNamespace(data={}, files=files)))
        assert bool(start["frame"]) is larger
        if larger:
            assert (start["frame"]["width"], start["frame"]["height"]) == (side, side)


def test_while_one_is_saved_another_is_read(engine):
    """Laying a change on a large file takes seconds; an upload does not wait for it."""

    async def both() -> list[str]:
        go, done = Event(), []

        async def slow() -> None:
            await engine.write(lambda: go.wait(20))
            done.append("saved")

        async def quick() -> None:
            await engine.read(lambda: None)
            done.append("read")
            go.set()

        await asyncio.gather(slow(), quick())
        return done

    assert asyncio.run(both()) == ["read", "saved"]


@pytest.fixture
def opaque():
    """The engine of a world without transparency."""
    engine = Engine(OtherWorld, OtherWorld.name, OtherWorld.sliders)
    yield engine
    engine.close()


def started(engine, pixels: np.ndarray):
    """Return what is read of a picture, and a state that keeps its detail."""
    files = [("mine.png", encode_image(pixels, "png"))]
    start = asyncio.run(make_start_from(engine)(SimpleNamespace(data={}, files=files)))
    state = {name: start[name] for name in ("z", "key", "moves")}
    detail = {"webp": start["packed"], **{name: start[name] for name in ("z", "key", "grain")}}
    return start, {**state, "detail": detail}


def test_a_frame_says_how_what_is_beyond_the_square_changes(opaque):
    pixels = draw_fruit(3, 300)[:200]
    pixels[..., 3] = 255
    _, state = started(opaque, pixels)
    frame = make_frame(opaque)
    moved = {**state, "moves": {"lightness": 2.0}, "seq": 1}
    for way in ("across", "down"):
        numbers = asyncio.run(frame({**moved, "beyond": way}))["beyond"]
        assert len(numbers) == 2 * PARTS * 12
        assert sum(numbers) > 1
    for asked in ({}, {"beyond": 3}, {"beyond": ["across"]}):
        answer = asyncio.run(frame({**moved, **asked}))
        assert "webp" in answer
        assert "beyond" not in answer


def test_nothing_is_beyond_the_square_of_a_world_of_cut_outs(engine, monkeypatch):
    monkeypatch.setattr(BorderChange, "fit", None)
    _, state = started(engine, draw_fruit(3, 300))
    answer = asyncio.run(make_frame(engine)({**state, "seq": 1, "beyond": "across"}))
    assert "webp" in answer
    assert "beyond" not in answer


def test_a_photograph_that_is_not_square_has_more_to_show_at_any_size(opaque):
    for shape, more in (((60, 90), True), ((100, 101), True), ((90, 90), False)):
        start, _ = started(opaque, np.full((*shape, 4), 255, dtype=np.uint8))
        assert bool(start["frame"]) is more
        assert not more or start["frame"]["grey"] is False

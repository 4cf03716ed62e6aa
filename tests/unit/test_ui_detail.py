"""A picture keeps its detail, without a browser: what a state carries, and what is drawn of it."""

import asyncio
import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.fake_world import FakeWorld
from tests.conftest import draw_fruit
from vae.errors import ConfigError
from vae.pixels import encode_image, premultiply, to_floats
from vae.placement import as_input
from vae.ui.detail import kept_pictures, pack
from vae.ui.drawing import picture_of
from vae.ui.frames import make_frame
from vae.ui.state import MAX_DETAIL, MAX_SEED, carried, read_state
from vae.ui.upload import make_start_from

RANGES = {"warmth": (-2.5, 2.5), "size": (-2.5, 2.5), "grain strength": (-1.0, 1.0)}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return draw_fruit(3, 128)


@pytest.fixture
def start(engine, picture):
    files = [("mine.png", encode_image(picture, "png"))]
    answer = asyncio.run(make_start_from(engine)(SimpleNamespace(data={}, files=files)))
    detail = {"webp": answer["packed"], **{name: answer[name] for name in ("z", "key", "grain")}}
    return {"z": answer["z"], "key": answer["key"], "moves": answer["moves"], "detail": detail}


def test_a_variation_is_had_for_a_seed(engine, picture):
    files = [("mine.png", encode_image(picture, "png"))]

    def varied(**fields):
        form = SimpleNamespace(data=fields, files=files)
        return asyncio.run(make_start_from(engine)(form))

    plain, one, again, other = varied(), varied(vary="7"), varied(vary="7"), varied(vary="8")
    assert "varied" not in plain
    assert one["varied"] == again["varied"] != other["varied"]
    assert one["varied"].keys() == {"z", "key"}
    assert one["varied"]["z"] != plain["z"]
    for name in ("z", "key", "packed"):  # what the picture itself was read as is told all the same
        assert one[name] == plain[name]
    for wrong in ("x", "-1", "1.5", "9" * 30, str(MAX_SEED + 1)):
        assert "expected directions" in varied(vary=wrong)["error"]


def drawn(start, **changes) -> np.ndarray:
    """Premultiplied, as it is seen, (S, S, 4)."""
    state = read_state({**start, **changes}, RANGES)
    pixels = picture_of(FakeWorld(), state)[0].permute(1, 2, 0).numpy()
    return premultiply(pixels)


def seen(image: Image.Image) -> np.ndarray:
    return premultiply(to_floats(np.asarray(image.convert("RGBA"))))


def test_it_comes_back_as_it_is_and_without_as_the_world_draws_it(start):
    packed = seen(Image.open(io.BytesIO(base64.b64decode(start["detail"]["webp"]))))
    assert np.abs(drawn(start) - packed).max() < 2 / 255
    assert np.abs(drawn(start, detail=None) - packed).mean() > 0.02


def test_a_slider_adds_what_it_changes_in_the_worlds_own_picture(start):
    inside = drawn(start)[..., 3] > 0.9
    here = drawn(start, moves={"warmth": 0.4}) - drawn(start)
    there = drawn(start, moves={"warmth": 0.4}, detail=None) - drawn(start, detail=None)
    both = inside & (drawn(start, detail=None)[..., 3] > 0.9)
    assert np.abs(there[both]).mean() > 0.01
    clipped = np.isin(drawn(start, moves={"warmth": 0.4}), (0, 1))
    assert np.abs((here - there)[both][~clipped[both]]).mean() < 2 / 255


def test_another_start_changes_it_by_what_sets_the_two_apart(start):
    other = {"z": [0.5, *start["z"][1:]], "key": start["key"]}
    assert np.abs(drawn(start, **other) - drawn(start)).max() > 0.1
    plain = drawn(start, **other, detail=None)
    assert np.abs(drawn(start, **other) - plain).mean() > 0.01


def test_a_frame_of_it_is_drawn_and_kept_for_the_next(engine, start):
    kept_pictures.cache_clear()
    for place in (0.0, 0.5):
        detail = {**start["detail"], "share": 1 - place}
        asked = {**start, "moves": {"warmth": place}, "detail": detail, "seq": 1}
        assert "webp" in asyncio.run(make_frame(engine)(asked))
    assert kept_pictures.cache_info().misses == 1


def test_once_it_was_sent_a_frame_only_names_it(engine, start):
    frame = make_frame(engine)
    first = asyncio.run(frame({**start, "moves": {"warmth": 0.3}, "seq": 1}))
    named = {**start, "moves": {"warmth": 0.3}, "detail": {"ref": first["ref"]}}
    second = asyncio.run(frame({**named, "seq": 2}))
    assert second["webp"] == first["webp"]
    assert "ref" not in second
    other = {**start["detail"], "grain": 0.5}
    assert asyncio.run(frame({**start, "detail": other, "seq": 3}))["ref"] != first["ref"]
    assert "ref" not in asyncio.run(frame({"seed": 1, "moves": {}, "seq": 4}))


def test_what_was_forgotten_is_asked_for_again(engine, start, monkeypatch):
    monkeypatch.setattr("vae.ui.recall.MOST", 2)
    frame = make_frame(engine)

    def sent(grain: float):
        detail = {**start["detail"], "grain": grain}
        return asyncio.run(frame({**start, "detail": detail, "seq": 1}))["ref"]

    names = [sent(grain) for grain in (0.1, 0.2, 0.3)]
    for name, forgotten in [*zip(names, (True, False, False), strict=True), (3, True), ({}, True)]:
        answer = asyncio.run(frame({**start, "detail": {"ref": name}, "seq": 2}))
        assert answer.get("forgotten", False) is forgotten
        assert ("webp" in answer) is not forgotten


def test_only_what_a_detail_is_made_of_is_remembered(engine, start):
    from vae.ui.recall import RECALL

    junk = {**start["detail"], "junk": "x" * 1000}
    name = asyncio.run(make_frame(engine)({**start, "detail": junk, "seq": 1}))["ref"]
    assert RECALL.whole({"detail": {"ref": name}})["detail"] == start["detail"]
    refused = asyncio.run(make_frame(engine)({**start, "detail": {"webp": 3}, "seq": 1}))
    assert "error" in refused
    assert "ref" not in refused


def test_a_share_of_it_fades_into_the_worlds_own_drawing(engine, start):
    def kept(share: float) -> np.ndarray:
        return drawn(start, moves={"warmth": 0.5}, detail={**start["detail"], "share": share})

    whole, none = kept(1), drawn(start, moves={"warmth": 0.5}, detail=None)
    assert np.abs(kept(0) - none).max() < 2e-3
    assert np.abs(kept(0.25) - (0.25 * whole + 0.75 * none)).max() < 2e-3
    frame, state = make_frame(engine), {**start, "moves": {"warmth": 0.5}}
    ref = asyncio.run(frame({**state, "seq": 1}))["ref"]
    sent, named = (
        asyncio.run(frame({**state, "detail": detail, "seq": 2}))["webp"]
        for detail in ({**start["detail"], "share": 0.25}, {"ref": ref, "share": 0.25})
    )
    assert sent == named != asyncio.run(frame({**state, "detail": {"ref": ref}, "seq": 3}))["webp"]


def test_the_grain_it_was_read_with_stays_with_it(start):
    """After a match the slider stands where it stood, and no trace of grain is laid on."""
    asked = []

    class Grained(FakeWorld):
        def decode(self, latents, **options):
            asked.append(options["grain"])
            return super().decode(latents, **options)

    state = read_state({**start, "detail": {**start["detail"], "grain": -0.4}}, RANGES)
    kept_pictures(Grained(), state.detail)
    assert asked == [pytest.approx(0.6)]


def test_undo_links_and_recipes_carry_it(start):
    assert carried(start)["detail"] == start["detail"]
    state = read_state(start, RANGES)
    assert state.detail is not None
    assert state.detail.webp == start["detail"]["webp"]
    assert hash(state.detail) == hash(read_state(start, RANGES).detail)


@pytest.mark.parametrize(
    "detail",
    [
        "webp",
        {},
        {"webp": 3},
        {"webp": ""},
        {"webp": "A" * (MAX_DETAIL + 1)},
        {"webp": "AAAA"},
        {"ref": "unknown"},
    ],
)
def test_what_is_no_detail_is_refused(detail):
    with pytest.raises(ConfigError, match="expected"):
        read_state({"seed": 1, "moves": {}, "detail": detail}, RANGES)


def test_a_detail_of_another_kind_or_world_is_refused(start, picture):
    def with_detail(**changes):
        return {**start["detail"], **changes}

    small = pack(to_floats(draw_fruit(3, 64)))
    for detail, says in (
        (with_detail(webp="no base64!"), "a picture whose detail is kept"),
        (with_detail(webp=base64.b64encode(b"no picture").decode()), "detail is kept"),
        (with_detail(webp=small), "of 128×128"),
        (with_detail(z=[0.0]), "of other widths"),
    ):
        with pytest.raises(ConfigError, match=says):
            drawn(start, detail=detail)


@pytest.mark.parametrize("side", [128, 256])
def test_a_picture_full_of_detail_still_fits_into_a_state(side):
    noise = np.random.default_rng(0).random((side, side, 4), dtype=np.float32)
    noise[..., 3] = 1
    assert len(pack(noise)) <= MAX_DETAIL


def test_what_does_not_fit_is_drawn_by_the_world_all_the_same(engine, picture, monkeypatch):
    monkeypatch.setattr("vae.ui.detail.MAX_DETAIL", 100)
    files = [("mine.png", encode_image(picture, "png"))]
    answer = asyncio.run(make_start_from(engine)(SimpleNamespace(data={}, files=files)))
    assert answer["packed"] is None
    assert answer["z"]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_world_without_alpha_takes_it_on_white(picture, channels):
    found = as_input(Image.fromarray(picture), channels)
    assert found.shape == (1, channels, 128, 128)
    corner = found[0, :, 0, 0]
    assert torch.equal(corner[:3], torch.ones(min(channels, 3)) if channels < 4 else corner[:3])

"""Handlers and builders of the page, without a browser."""

import asyncio
import base64
import io
import logging
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.fake_world import FORMS, STYLES, FakeWorld, slider
from vae import errors
from vae.placement import fit
from vae.ui import engine as engines
from vae.ui import words
from vae.ui.download import FACTORS, file_name, make_save
from vae.ui.engine import BusyError, Engine
from vae.ui.frames import make_frame
from vae.ui.sliders import STEP, slider_range, slider_rows
from vae.ui.state import PictureState
from vae.ui.upload import make_start_from


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def image_in(answer, key):
    return Image.open(io.BytesIO(base64.b64decode(answer[key])))


def expected(seed, **moves):
    world = FakeWorld()
    latents = world.sample(1, generator=torch.Generator().manual_seed(seed))
    picture = world.decode(world.move(latents, moves))[0]
    return picture.mul(255).round().byte().permute(1, 2, 0).numpy()


# ---------------------------------------------------------------- frames


def test_a_frame_is_a_webp_with_alpha_and_carries_its_number(engine):
    answer = ask(make_frame, engine, {"seed": 5, "moves": {"warmth": 1.0}, "seq": 12})
    image = image_in(answer, "webp")
    assert (answer["seq"], image.format, image.mode, image.size) == (12, "WEBP", "RGBA", (128, 128))
    difference = np.abs(np.asarray(image).astype(int) - expected(5, warmth=1.0))
    solid = expected(5, warmth=1.0)[..., 3] > 250
    assert difference[solid].mean() < 6


def test_a_resting_picture_is_exact(engine):
    answer = ask(make_frame, engine, {"seed": 5, "moves": {"size": 1.0}, "still": True})
    seen = expected(5, size=1.0)[..., 3:] > 0
    assert np.array_equal(np.asarray(image_in(answer, "webp")) * seen, expected(5, size=1.0) * seen)


def test_a_bad_request_is_answered_with_a_sentence(engine):
    answer = ask(make_frame, engine, {"seed": "x", "seq": 3})
    assert answer["seq"] == 3
    assert "a whole seed" in answer["error"]
    assert ask(make_frame, engine, "nonsense")["seq"] is None


def test_latents_of_another_world_are_refused(engine):
    answer = ask(make_frame, engine, {"z": [0.0] * 3, "key": [0.0] * 4, "moves": {}})
    assert "(3, 4)" in answer["error"]


def test_a_world_that_cannot_be_loaded_explains_itself():
    def load():
        raise errors.CheckpointError("model.safetensors is damaged or cut short")

    broken = Engine(load, "broken", [])
    answer = ask(make_frame, broken, {"seed": 1})
    assert answer["error"].startswith("This world cannot be used: model.safetensors is damaged")
    with pytest.raises(errors.CheckpointError):
        broken.start().result()
    broken.close()


def test_the_world_is_loaded_once_and_draws_on_one_thread(engine):
    loads, threads = [], set()
    engine._load = lambda: loads.append(1) or FakeWorld()

    async def many():
        job = lambda world: threads.add(threading.get_ident())  # noqa: E731
        await asyncio.gather(*[engine.draw(job) for _ in range(8)])

    engine.start()
    asyncio.run(many())
    assert (len(loads), len(threads)) == (1, 1)
    assert threading.get_ident() not in threads


def test_a_long_line_of_requests_is_told_to_wait(engine, monkeypatch):
    monkeypatch.setattr(engines, "MAX_WAITING", 2)
    release = threading.Event()

    async def crowd():
        tasks = [asyncio.create_task(engine.draw(lambda _: release.wait(10))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="try again"):
            await engine.draw(lambda _: None)
        release.set()
        await asyncio.gather(*tasks)
        return await engine.draw(lambda _: "served again")

    assert asyncio.run(crowd()) == "served again"


# ---------------------------------------------------------------- saving


@pytest.mark.parametrize("factor", FACTORS)
def test_a_saved_picture_has_alpha_and_the_asked_size(engine, factor):
    answer = ask(make_save, engine, {"seed": 5, "moves": {"warmth": -1}, "factor": factor})
    image = image_in(answer, "png")
    assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (128 * factor,) * 2)
    assert answer["name"] == f"fake-5-moved-{factor}x.png"
    assert image.info == {}
    if factor == 1:
        difference = np.abs(np.asarray(image).astype(int) - expected(5, warmth=-1))
        assert difference[expected(5, warmth=-1)[..., 3] > 0].max() <= 1


@pytest.mark.parametrize("factor", [0, 5, 8, True, "2", None, [2]])
def test_other_enlargements_are_refused(engine, factor):
    assert "error" in ask(make_save, engine, {"seed": 5, "moves": {}, "factor": factor})


def test_a_file_name_is_safe_everywhere():
    state = PictureState(z=(0.0,), key=(0.0,), moves={})
    assert file_name("../me/My World", state, 2) == "me-My-World-picture-2x.png"
    assert file_name("///", state, 1) == "world-picture-1x.png"


# ---------------------------------------------------------------- starting from a picture


def disc(width, height, radius, center=None):
    y, x = np.mgrid[:height, :width]
    cx, cy = center or (width / 2, height / 2)
    inside = (x - cx) ** 2 + (y - cy) ** 2 < radius**2
    return np.where(inside[..., None], [200, 60, 20, 255], 0).astype(np.uint8)


def box_of(tensor):
    ys, xs = np.nonzero(tensor[0, 3].numpy() > 0.5)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


def test_a_cut_out_is_framed_like_the_worlds_own_pictures():
    tensor = fit(disc(300, 200, 30, (50, 60)), 128, 4)
    left, top, right, bottom = box_of(tensor)
    assert tensor.shape == (1, 4, 128, 128)
    assert abs((right - left) - 112) <= 2
    assert abs(left - (128 - right)) <= 2
    assert abs(top - (128 - bottom)) <= 2


def test_a_well_filled_square_keeps_its_frame():
    box = box_of(fit(disc(256, 256, 100), 128, 4))
    assert np.abs(np.array(box) - (14, 14, 114, 114)).max() <= 1


def test_an_opaque_picture_is_shown_whole():
    pixels = np.full((100, 200, 4), 255, np.uint8)
    assert box_of(fit(pixels, 64, 4)) == (0, 16, 64, 48)


@pytest.mark.parametrize("channels", [1, 3])
def test_worlds_without_alpha_see_the_picture_on_white(channels):
    tensor = fit(disc(64, 64, 20), 32, channels)
    assert tensor.shape == (1, channels, 32, 32)
    assert tensor[0, :, 0, 0].tolist() == [1.0] * channels


def test_an_opaque_picture_fills_the_square_of_a_world_without_transparency():
    wide = np.full((60, 120, 4), 255, np.uint8)
    wide[:, 30:90, :3] = (200, 30, 40)
    tensor = fit(wide, 32, 3)
    assert tensor.shape == (1, 3, 32, 32)
    assert torch.allclose(tensor[0, 0, :, 1:-1], torch.tensor(200 / 255), atol=0.01)
    assert fit(wide, 32, 4)[0, 3].min() == 0  # where there is transparency it stays whole


def test_the_edge_of_a_cut_out_keeps_its_colour():
    tensor = fit(disc(256, 256, 100), 64, 4)[0]
    edge = (tensor[3] > 0.2) & (tensor[3] < 0.9)
    assert edge.any()
    color = torch.tensor([[200.0], [60], [20]]) / 255
    assert (tensor[:3, edge] - color).abs().max() < 0.05  # 8 bits, premultiplied


def uploaded(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return SimpleNamespace(data={}, files=[("mine.png", buffer.getvalue())])


def test_an_upload_returns_latents_that_a_frame_can_be_drawn_from(engine):
    start = ask(make_start_from, engine, uploaded(disc(256, 256, 100)))
    assert (len(start["z"]), len(start["key"])) == (len(FORMS), len(STYLES))
    frame = ask(make_frame, engine, {**start, "moves": {"warmth": 0.5}, "seq": 1})
    assert image_in(frame, "webp").size == (128, 128)


def test_an_invisible_upload_is_explained(engine):
    answer = ask(make_start_from, engine, uploaded(np.zeros((32, 32, 4), np.uint8)))
    assert "transparent" in answer["error"]


# ---------------------------------------------------------------- sliders and words


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(-2.5, 2.5, (-2.5, 2.5)), (-2.47, 1.93, (-2.45, 1.9)), (-0.01, 0.02, (-0.05, 0.05))],
)
def test_a_range_is_drawn_in_to_whole_steps_around_zero(low, high, shown):
    assert slider_range(slider("s", "form", low=low, high=high)) == shown
    assert abs(shown[0] / STEP - round(shown[0] / STEP)) < 1e-9


def test_a_row_says_all_that_the_page_knows_of_a_slider():
    [row] = slider_rows([slider("form 3", "form", low=-2.47, high=1.93)])
    assert row["info"]
    del row["info"]
    expected = {"name": "form 3", "id": "slider-form-3", "kind": "form", "label": "Form 3"}
    places = [-2.45, -1.7, -1.0, -0.3, 0.45, 1.15, 1.9]
    assert row == {**expected, "low": -2.45, "high": 1.9, "places": places}
    assert [r["name"] for r in slider_rows(FakeWorld.sliders)] == [*STYLES, *FORMS]


def test_a_slider_says_in_words_what_was_measured():
    text = words.slider_effect(slider("warmth", "style", gain=-0.5, purity=0.25))
    assert "warmth by -0.50" in text
    assert "97%" in text
    assert "25%" in text
    assert "several things" in words.slider_effect(slider("form 3", "form"))


def test_every_style_has_a_name_of_its_own():
    names = [words.slider_name(s) for s in FakeWorld.sliders]
    assert len(set(names)) == len(names)
    assert set(words.STYLE_NAMES) == set(STYLES)


@pytest.mark.parametrize(
    "kind", [errors.VAEError, *errors.VAEError.__subclasses__()], ids=lambda kind: kind.__name__
)
def test_every_error_has_words_for_the_artist(kind):
    text = words.explain(kind("expected this, found that"))
    assert text[0].isupper() or text.startswith("expected")
    assert text != words.explain(RuntimeError("x"))


def test_an_unforeseen_error_is_logged_and_not_shown(caplog):
    with caplog.at_level(logging.ERROR):
        text = words.explain(RuntimeError("/home/someone/secret"))
    assert "secret" not in text
    assert "secret" in caplog.text

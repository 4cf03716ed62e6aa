"""Match closer, without a browser: slices of a search that end nearer than they began."""

import asyncio
import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from tests.browser.fake_world import FakeWorld
from vae.pixels import encode_image, to_pixels
from vae.placement import fit
from vae.ui import closer
from vae.ui.closer import make_match
from vae.ui.upload import make_start_from


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def files(png, **fields):
    return SimpleNamespace(data=fields, files=[("mine.png", png)])


@pytest.fixture(scope="module")
def picture():
    """A blob that the drawn world can draw, a little off from what its encoder reads."""
    world = FakeWorld()
    latents = world.sample(1, generator=torch.Generator().manual_seed(4))
    return encode_image(to_pixels(world.decode(world.move(latents, {"warmth": 1.5})))[0], "png")


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def test_the_square_that_is_sent_fits_again_to_the_very_same(engine, picture):
    start = ask(make_start_from, engine, files(picture))
    once = fit(pixels(picture), 128, 4)
    again = fit(pixels(base64.b64decode(start["square"])), 128, 4)
    seen = once[:, 3:] > 0
    assert torch.equal(once * seen, again * seen)


def test_every_slice_comes_nearer_and_the_next_goes_on(engine, picture):
    start = ask(make_start_from, engine, files(picture))
    square = base64.b64decode(start.pop("square"))
    first = ask(make_match, engine, files(square, start=json.dumps(start)))
    assert first["after"] < first["before"]
    assert first["ms"] >= 0
    start = {"z": first["z"], "key": first["key"]}
    second = ask(make_match, engine, files(square, start=json.dumps(start)))
    assert second["before"] == pytest.approx(first["after"], abs=1e-4)
    assert second["after"] < second["before"]


def test_a_slow_machine_ends_a_slice_early(engine, picture, monkeypatch):
    monkeypatch.setattr(closer, "MOST_SECONDS", 0.0)
    taken = []
    monkeypatch.setattr(closer, "advance", lambda _, search: taken.append(search.advance()))
    start = {"z": [0.0] * 12, "key": [0.0] * 16}
    ask(make_match, engine, files(picture, start=json.dumps(start)))
    assert len(taken) == 1


def test_frames_go_first_between_the_steps(engine, picture):
    order = []

    async def both():
        match = make_match(engine)
        start = json.dumps({"z": [0.0] * 12, "key": [0.0] * 16})
        searching = asyncio.create_task(match(files(picture, start=start)))
        while not searching.done():
            await engine.draw(lambda _: order.append("frame"))
            await asyncio.sleep(0.002)
        order.append("done")
        return await searching

    assert asyncio.run(both())["after"] > 0
    assert order.index("done") > 3


@pytest.mark.parametrize(
    "start", [None, "", "{", "[]", '{"z": 3}', '{"z": [1], "key": [1]}', '{"key": [1]}', "[" * 5000]
)
def test_a_start_that_is_none_is_refused(engine, picture, start):
    answer = ask(make_match, engine, files(picture, start=start))
    assert "latents" in answer["error"] or "numbers" in answer["error"]


@pytest.mark.parametrize("data", [None, {}, SimpleNamespace(data={}, files=[])])
def test_a_request_without_a_picture_is_refused(engine, data):
    assert "error" in ask(make_match, engine, data)

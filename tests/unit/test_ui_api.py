"""The functions for scripts, called as plain functions on a small real world."""

import asyncio
import base64
import inspect
import io

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import draw_fruit
from vae.encodings import ATTRIBUTES
from vae.infer import get_infer_model
from vae.ui.api import make_functions
from vae.ui.engine import Engine
from vae.ui.script_data import MAX_PICTURES, read_pictures
from vae.ui.worlds import Worlds, open_here, read_sliders

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def api(tiny_world):
    engine = Engine(lambda: get_infer_model(tiny_world), "first", read_sliders(tiny_world))
    worlds = Worlds(
        engine,
        lambda: {"tiny": tiny_world},
        lambda folder, studio: open_here(folder, "cpu", studio),
    )
    functions = {f.__name__: f for f in make_functions(worlds)}
    yield lambda name, *args, **named: asyncio.run(functions[name](*args, **named))
    worlds.close()


def as_text(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def opened(text):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


FRUIT = as_text(draw_fruit(1, 64))


def test_samples_are_those_of_the_library(api, tiny_world):
    found = api("sample", count=3, seed=7, truncation=0.5)
    world = get_infer_model(tiny_world)
    latents = world.sample(3, generator=torch.Generator().manual_seed(7), truncation=0.5)
    assert np.allclose(found["z"], latents.z, atol=1e-5)
    assert np.allclose(found["key"], latents.key, atol=1e-5)


def test_decoded_pictures_are_png_with_alpha_and_follow_moves(api, tiny_world):
    latents = api("sample", count=2, seed=7)
    plain = [opened(p) for p in api("decode", latents)]
    large = [opened(p) for p in api("decode", latents, scale=3)]
    name = get_infer_model(tiny_world).sliders[0].name
    moved = [opened(p) for p in api("decode", latents, {name: 1.5})]
    assert [p.shape for p in plain + large] == [(32, 32, 4)] * 2 + [(96, 96, 4)] * 2
    assert not np.array_equal(plain[0], plain[1])
    assert all((a != b).any() for a, b in zip(plain, moved, strict=True))


def test_encode_and_describe_take_pictures_as_text(api):
    latents = api("encode", [FRUIT, "data:image/png;base64," + FRUIT])
    assert latents["z"][0] == latents["z"][1]
    assert (len(latents["z"][0]), len(latents["key"][0])) == (4, 18)
    assert len(api("decode", latents)) == 2
    measured = api("describe", [FRUIT, as_text(draw_fruit(2, 64))])
    assert set(measured) == set(ATTRIBUTES)
    assert all(len(values) == 2 and np.isfinite(values).all() for values in measured.values())


def test_borrow_keeps_the_content_and_moves_the_key(api):
    latents = api("sample", count=2, seed=7)
    borrowed = api("borrow", latents, FRUIT)
    assert borrowed["z"] == latents["z"]
    assert borrowed["key"] != latents["key"]
    nothing = api("borrow", latents, FRUIT, texture=0, palette=0, alpha=0)
    assert np.allclose(nothing["key"], latents["key"], atol=1e-4)
    opaque = as_text(draw_fruit(3, 64)[..., :3], "JPEG")
    assert np.isfinite(api("borrow", latents, opaque)["key"]).all()


def test_every_function_takes_the_name_of_a_world(api):
    latents = api("sample", count=2, seed=7, world="tiny")
    assert latents == api("sample", count=2, seed=7, world="first") == api("sample", 2, 7)
    for name, data in {"decode": latents, "encode": [FRUIT], "describe": [FRUIT]}.items():
        assert api(name, data, world="tiny") == api(name, data)
    assert api("borrow", latents, FRUIT, world="tiny") == api("borrow", latents, FRUIT)


GOOD = {"z": [[0.0] * 4], "key": [[0.0] * 18]}


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("sample", {"count": 0}, "count from 1 to 16, found 0"),
        ("sample", {"count": 17}, "count from 1 to 16"),
        ("sample", {"count": 1.5}, "a whole count, found 1.5"),
        ("sample", {"count": "4"}, "found '4'"),
        ("sample", {"count": True}, "found True"),
        ("sample", {"seed": -1}, "seed from 0"),
        ("sample", {"truncation": 3}, "truncation from 0 to 2"),
        ("sample", {"truncation": float("nan")}, "found nan"),
        ("decode", {"latents": [1]}, 'latents as {"z"'),
        ("decode", {"latents": {"z": [[0.0]]}}, 'latents as {"z"'),
        ("decode", {"latents": {"z": [], "key": []}}, "1 to 16 rows"),
        ("decode", {"latents": {"z": [[0.0]] * 17, "key": [[0.0]] * 17}}, "1 to 16 rows"),
        ("decode", {"latents": {"z": [[0.0]] * 2, "key": [[0.0]]}}, "as many of key"),
        ("decode", {"latents": {"z": "a", "key": "b"}}, "rows of z"),
        ("decode", {"latents": {"z": [[0.0]], "key": [[0.0]]}}, r"widths (4, 18), found (1, 1)"),
        ("decode", {"latents": {"z": [["x"]], "key": [[0.0]]}}, "a number for z"),
        ("decode", {"latents": GOOD, "moves": {"nose": 1}}, "found 'nose'"),
        ("decode", {"latents": GOOD, "moves": [1]}, "slider positions by name"),
        ("decode", {"latents": GOOD, "scale": 5}, "scale from 1 to 4"),
        ("encode", {"pictures": []}, "1 to 16 pictures"),
        ("encode", {"pictures": [FRUIT] * 17}, "1 to 16 pictures"),
        ("encode", {"pictures": ["/etc/passwd"]}, "addresses are not read"),
        ("encode", {"pictures": ["../secret.png"]}, "paths and addresses are not read"),
        ("encode", {"pictures": ["https://example.org/a.png"]}, "are not read"),
        ("encode", {"pictures": [{"path": "/etc/passwd"}]}, "found dict"),
        ("describe", {"pictures": ["AAAA"]}, "not a PNG, JPEG or WebP"),
        ("describe", {"pictures": None}, "a list of 1 to 16"),
        ("borrow", {"latents": GOOD, "reference": FRUIT, "texture": 2}, "texture from 0 to 1"),
        ("borrow", {"latents": GOOD, "reference": ""}, "not a PNG"),
        ("sample", {"world": "nowhere"}, "world nowhere is not here"),
        ("sample", {"world": "../tiny"}, "is not here"),
        ("decode", {"latents": GOOD, "world": "/etc"}, "is not here"),
        ("encode", {"pictures": [FRUIT], "world": 3}, "the name of a world"),
    ],
)
def test_what_is_wrong_comes_back_as_a_sentence(api, name, arguments, says):
    with pytest.raises(gr.Error) as caught:
        api(name, **arguments)
    assert says in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.print_exception is False


def test_an_unforeseen_error_keeps_its_secret():
    def load():
        raise RuntimeError("/home/someone/secret")

    engine = Engine(load, "broken", [])
    sample = make_functions(Worlds(engine))[0]
    with pytest.raises(gr.Error) as caught:
        asyncio.run(sample())
    engine.close()
    assert "secret" not in caught.value.message


def test_large_pictures_are_made_small_at_once():
    wide = np.zeros((40, 4000, 4), np.uint8)
    [small] = read_pictures([as_text(wide)])
    assert small.shape == (5, 512, 4)
    assert len(read_pictures([FRUIT] * MAX_PICTURES)) == MAX_PICTURES


def test_every_function_is_typed_and_every_parameter_described():
    for function in make_functions(Worlds(Engine(lambda: None, "x", []))):  # type: ignore[arg-type]
        text = inspect.getdoc(function)
        for name, parameter in inspect.signature(function).parameters.items():
            assert parameter.annotation is not inspect.Parameter.empty
            assert f"{name}: " in text

"""Saving with a recipe, dropping what was saved, and what is said where that cannot be."""

import asyncio
import base64
import io
import random
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.browser.fake_world import FakeWorld
from vae.pixels import encode_image
from vae.recipe import KEYWORD, Recipe, read_recipe, world_hash
from vae.ui.download import make_save
from vae.ui.engine import Engine
from vae.ui.state import carried, read_state
from vae.ui.upload import make_start_from
from vae.ui.worlds import open_engine

MOVES = {"warmth": 0.35, "size": -1.1}
START = {"z", "key", "moves", "grain", "square", "packed", "frame"}


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def saved(engine, state, recipe=True, factor=1):
    answer = ask(make_save, engine, {**state, "factor": factor, "recipe": recipe, "seq": 4})
    assert "error" not in answer
    return base64.b64decode(answer["png"])


def dropped(engine, png):
    return ask(make_start_from, engine, SimpleNamespace(data={}, files=[("a.png", png)]))


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


def with_recipe(recipe):
    y, x = np.mgrid[:64, :64]
    disc = np.where(np.hypot(x - 32, y - 32)[..., None] < 28, [200, 60, 20, 255], 0)
    return encode_image(disc.astype(np.uint8), "png", text={KEYWORD: recipe})


def random_states(engine, widths, count):
    draw = random.Random(7)
    for i in range(count):
        chosen = draw.sample(sorted(engine.ranges), k=draw.randint(0, 6))
        moves = {name: draw.uniform(*engine.ranges[name]) for name in chosen}
        if i % 2:
            moves = {name: round(value / 0.05) * 0.05 for name, value in moves.items()}
        z, key = ([draw.gauss(0, 1) for _ in range(width)] for width in widths)
        yield {"z": z, "key": key, "moves": moves} if i % 3 == 0 else {"seed": i, "moves": moves}


def test_two_hundred_pictures_come_back_pixel_by_pixel(tiny_world):
    engine = open_engine(str(tiny_world), "cpu")
    other = open_engine(str(tiny_world), "cpu")  # as after a restart
    for state in random_states(engine, (4, 18), 200):
        first = saved(engine, state)
        back = dropped(other, first)
        assert back == {"recipe": state}
        again = saved(other, back["recipe"])
        assert np.array_equal(pixels(first), pixels(again))
        assert again == first
    engine.close()
    other.close()


def test_the_recipe_names_the_weights(tiny_world):
    engine = open_engine(str(tiny_world), "cpu")
    recipe = read_recipe(saved(engine, {"seed": 3, "moves": {}}))
    assert (recipe.world, recipe.hash) == ("tiny", world_hash(tiny_world / "model.safetensors"))
    engine.close()


def test_the_recipe_is_the_same_at_every_size_and_holds_nothing_else(engine):
    state = {"seed": 5, "moves": MOVES}
    recipe = read_recipe(saved(engine, {**state, "name": "holiday.jpg", "still": True}, factor=4))
    assert (recipe.state, recipe.factor) == (state, 4)
    assert "holiday" not in recipe.to_json()
    with Image.open(io.BytesIO(saved(engine, state))) as image:
        assert set(image.info) == {KEYWORD, "Software"}


@pytest.mark.parametrize("recipe", [False, None, "yes"])
def test_the_switch_leaves_the_recipe_out(engine, recipe):
    state = {"seed": 5, "moves": MOVES}
    plain = saved(engine, state, recipe=recipe)
    with Image.open(io.BytesIO(plain)) as image:
        assert image.info == {}
    assert np.array_equal(pixels(plain), pixels(saved(engine, state)))
    assert set(dropped(engine, plain)) == START


def test_a_foreign_picture_is_encoded_without_a_word(engine):
    assert set(dropped(engine, with_recipe("")[:33] + with_recipe("")[33:])) >= {"z", "key"}
    foreign = encode_image(pixels(saved(engine, {"seed": 5, "moves": {}})), "png")
    assert set(dropped(engine, foreign)) == START


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"world": "pomona"}, "made in the world pomona, and this is fake"),
        ({"hash": "0" * 12}, "another version of the world fake"),
        ({"state": {"seed": -1}}, "has not got"),
        ({"state": {"seed": 1, "moves": {"nose": 1}}}, "has not got"),
        ({"state": {"z": [0.5], "key": [0.5], "moves": {}}}, "has not got"),
    ],
)
def test_a_recipe_that_cannot_be_used_says_why_and_starts_from_the_pixels(engine, change, says):
    recipe = Recipe(**{"world": "fake", "hash": engine.hash, "state": {"seed": 1}, **change})
    answer = dropped(engine, with_recipe(recipe.to_json()))
    assert says in answer["note"]
    assert "starts from the pixels" in answer["note"]
    assert set(answer) == START | {"note"}


def test_a_damaged_recipe_says_so_and_starts_from_the_pixels(engine):
    answer = dropped(engine, with_recipe("{"))
    assert "damaged" in answer["note"]
    assert "z" in answer


def test_a_world_without_a_file_is_known_by_its_name(engine):
    other = Engine(FakeWorld, "another", FakeWorld.sliders)
    assert len(engine.hash) == 12
    assert engine.hash != other.hash
    other.close()


def test_what_is_carried_is_what_is_read(engine):
    request = {"seed": 5, "moves": MOVES, "seq": 1, "still": True, "factor": 2, "z": None}
    assert carried(request) == {"seed": 5, "moves": MOVES}
    assert read_state(carried(request), engine.ranges) == read_state(request, engine.ranges)

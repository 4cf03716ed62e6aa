"""Hold the rest on the page: what a slider is told, and how the state carries it."""

import asyncio
import json
from itertools import pairwise

import pytest
import torch

from tests.browser.fake_world import STYLES, FakeWorld, slider
from vae.encodings import measure
from vae.errors import ConfigError
from vae.recipe import Recipe
from vae.slider import Held
from vae.ui import words
from vae.ui.download import recipe_of
from vae.ui.drawing import moved_latents_of, picture_of
from vae.ui.film import TILES, make_strip, moved
from vae.ui.grip import make_grip
from vae.ui.language import speaking
from vae.ui.sliders import slider_rows
from vae.ui.state import PictureState, carried, read_state
from vae.ui.upload import restore

RANGES = {s.name: (s.low, s.high) for s in FakeWorld.sliders}
OFFSET = [0.0] * 15 + [0.5]


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def side_effect(world, state, before, name):
    """Change of the other attributes for each standard deviation of a slider's own."""
    scores = [world.scores(measure(picture_of(world, s)))[0] for s in (before, state)]
    change = (scores[1] - scores[0]).abs()
    own = STYLES.index(name)
    return float((change.sum() - change[own]) / change[own])


# ---------------------------------------------------------------- the way of a slider


def test_a_held_slider_leaves_the_others_nearer_to_where_they_were(engine):
    answer = ask(make_grip, engine, {"seed": 5, "moves": {}, "slider": "lightness"})
    assert answer["places"] == [-2.5, -1.65, -0.85, 0, 0.85, 1.65, 2.5]
    assert answer["offsets"][3] == [0] * len(STYLES)
    world, before = FakeWorld(), PictureState(seed=5, moves={})
    plain = PictureState(seed=5, moves={"lightness": 0.85})
    held = PictureState(**{**vars(plain), "held": {"lightness": tuple(answer["offsets"][4])}})
    assert side_effect(world, held, before, "lightness") < 0.9 * side_effect(
        world, plain, before, "lightness"
    )


def test_where_the_slider_stands_changes_nothing_of_its_way_and_the_rest_does(engine):
    base = {"seed": 5, "moves": {"size": 1.0, "warmth": 0.4}, "slider": "warmth"}

    async def ways():
        grip = make_grip(engine)
        requests = [
            base,
            {**base, "moves": {"size": 1.0, "warmth": -1.0}, "held": {"warmth": OFFSET}},
            {**base, "moves": {"size": -1.0}},
        ]
        return [(await grip(request))["offsets"] for request in requests]

    first, same, other = asyncio.run(ways())
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("name", "says"), [("size", "style slider"), ("nose", "slider of this world"), (None, "slider")]
)
def test_only_a_style_slider_can_be_taken_up(engine, name, says):
    answer = ask(make_grip, engine, {"seed": 5, "moves": {}, "slider": name})
    assert answer["impossible"]
    assert says in answer["error"]


# ---------------------------------------------------------------- the state


def test_an_older_state_is_as_it_was():
    state = read_state({"seed": 5, "moves": {"warmth": 1.0}}, RANGES)
    assert state == PictureState(seed=5, moves={"warmth": 1.0})
    world = FakeWorld()
    expected = world.move(moved_latents_of(world, PictureState(seed=5, moves={})), state.moves)
    assert torch.equal(moved_latents_of(world, state).key, expected.key)


def test_what_is_held_is_added_to_the_key_and_gone_with_its_slider():
    world = FakeWorld()
    request = {"seed": 5, "moves": {"warmth": 1.0}, "held": {"warmth": OFFSET}}
    state = read_state(request, RANGES)
    plain = read_state({**request, "held": None}, RANGES)
    difference = moved_latents_of(world, state).key - moved_latents_of(world, plain).key
    assert torch.allclose(difference, torch.tensor([OFFSET]), atol=1e-6)
    assert read_state({**request, "moves": {"warmth": 0, "size": 1}}, RANGES).held == {}
    assert moved(state, {"warmth": -1.0}).held == {}
    assert moved(state, {"size": -1.0}).held == state.held


@pytest.mark.parametrize(
    "held", [3, [1], {"nose": OFFSET}, {"warmth": 1}, {"warmth": ["a"]}, {"warmth": [float("nan")]}]
)
def test_what_cannot_be_held_is_refused(held):
    with pytest.raises(ConfigError, match="expected"):
        read_state({"seed": 5, "moves": {"warmth": 1.0}, "held": held}, RANGES)


def test_an_offset_of_another_width_is_refused():
    state = read_state({"seed": 5, "moves": {"warmth": 1.0}, "held": {"warmth": [1.0]}}, RANGES)
    with pytest.raises(ConfigError, match="widths"):
        moved_latents_of(FakeWorld(), state)


def test_a_recipe_brings_back_what_was_held(engine):
    request = {"seed": 5, "moves": {"warmth": 1.0}, "held": {"warmth": OFFSET}, "recipe": True}
    recipe = recipe_of(engine, request, 2)
    assert isinstance(recipe, Recipe)
    assert json.loads(recipe.to_json())["format"] == 1  # older recipes are of the same form
    found = asyncio.run(restore(engine, recipe))["recipe"]
    assert found == carried(request) == {k: request[k] for k in ("seed", "moves", "held")}


# ---------------------------------------------------------------- the filmstrip and the words


def test_a_strip_shows_the_way_that_holds(engine):
    rows = [[0.0] * 15 + [0.3 * i] for i in range(TILES)]
    data = {"seed": 5, "moves": {}, "slider": "warmth"}
    plain, held = (ask(make_strip, engine, {**data, **more}) for more in ({}, {"offsets": rows}))
    assert plain["places"] == held["places"]
    assert plain["webp"] != held["webp"]
    assert "7 rows" in ask(make_strip, engine, {**data, "offsets": rows[:3]})["error"]


def test_the_page_knows_which_sliders_can_hold_and_where_their_tiles_stand():
    rows = {row["name"]: row for row in slider_rows(FakeWorld.sliders)}
    assert "holds" not in rows["size"]
    assert "not measured in this world" in rows["warmth"]["holds"]
    assert len(rows["warmth"]["places"]) == TILES
    assert all(low < high for low, high in pairwise(rows["warmth"]["places"]))


def test_how_pure_it_is_is_said_for_both():
    row = slider("warmth", "style", held=Held(gain=0.5, purity=0.81, spearman=0.99))
    assert "60% of what changes" in words.slider_effect(row)
    text = words.held_effect(row)
    assert text.startswith("The rest is held. Measured: one step moves warmth by +0.50")
    assert "81% of what changes is this" in text
    unknown = words.held_effect(slider("warmth", "style"))
    assert "60% of what changes is this" in unknown
    with speaking("zh-CN"):
        assert "81%" in words.held_effect(row)

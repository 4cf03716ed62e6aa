"""Sliders of the artist's own, without a browser: the direction, and pictures that carry it."""

import asyncio
import base64
from types import SimpleNamespace

import pytest
import torch

from tests.browser.fake_world import FORMS, STYLES, FakeWorld
from vae.recipe import read_recipe
from vae.ui.download import make_save
from vae.ui.drawing import moved_latents_of
from vae.ui.likes import MOST, make_direction
from vae.ui.state import ALONG_END, MAX_ALONG, read_state
from vae.ui.upload import make_start_from

RANGES = {"warmth": (-2.5, 2.5)}
WIDTHS = (len(FORMS), len(STYLES))


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def start(warmth):
    key = [0.0] * WIDTHS[1]
    key[STYLES.index("warmth")] = warmth
    return {"z": [0.0] * WIDTHS[0], "key": key}


def move(at, value=1.0):
    return {**start(value), "id": "a1", "at": at}


def test_the_direction_goes_from_what_is_not_liked_to_what_is(engine):
    asked = {**start(0), "moves": {}, "liked": [start(1), start(2)], "disliked": [start(-1)]}
    found = ask(make_direction, engine, asked)
    assert (len(found["z"]), len(found["key"])) == WIDTHS
    expected = [0.7 * (name == "warmth") for name in STYLES]  # a deviation of the drawn world
    assert found["key"] == pytest.approx(expected, abs=1e-3)
    assert found["z"] == pytest.approx([0] * WIDTHS[0], abs=1e-6)


def test_the_picture_stands_in_for_a_side_without_marks(engine):
    here = {**start(0), "moves": {}}
    liked = ask(make_direction, engine, {**here, "liked": [start(1)], "disliked": []})
    disliked = ask(make_direction, engine, {**here, "liked": [], "disliked": [start(-1)]})
    assert liked["key"][STYLES.index("warmth")] > 0.6
    assert disliked == liked


@pytest.mark.parametrize(
    ("liked", "disliked", "says"),
    [
        ([], [], "at least one"),
        ([start(1)], [start(1)], "nothing in common"),
        ([{"z": [1.0], "key": [1.0]}], [], "widths"),
        ([start(1)] * (MOST + 1), [], "at most"),
        ([{"seed": 3}], [], "latents"),
        ("many", [], "at most"),
        (None, None, "at most"),
    ],
)
def test_marks_that_lead_nowhere_are_refused(engine, liked, disliked, says):
    asked = {**start(0), "moves": {}, "liked": liked, "disliked": disliked}
    assert says in ask(make_direction, engine, asked)["error"]


def test_a_picture_is_moved_along_what_it_carries():
    world = FakeWorld()
    data = {"seed": 5, "moves": {"warmth": 0.5}, "along": [move(1.5), move(-0.5, 2.0)]}
    moved = moved_latents_of(world, read_state(data, RANGES))
    plain = moved_latents_of(world, read_state({"seed": 5, "moves": {"warmth": 0.5}}, RANGES))
    expected = torch.tensor([[0.5 * (name == "warmth") for name in STYLES]])
    assert torch.allclose(moved.key - plain.key, expected, atol=1e-6)
    assert torch.equal(moved.z, plain.z)


def test_a_recipe_carries_the_direction_and_brings_it_back(engine):
    state = {"seed": 5, "moves": {}, "along": [move(1.25)]}
    answer = ask(make_save, engine, {**state, "factor": 1, "recipe": True})
    png = base64.b64decode(answer["png"])
    assert answer["name"] == "fake-5-moved-1x.png"
    assert read_recipe(png).state == state
    back = ask(make_start_from, engine, SimpleNamespace(data={}, files=[("a.png", png)]))
    assert back == {"recipe": state}
    again = ask(make_save, engine, {**back["recipe"], "factor": 1, "recipe": True})
    assert base64.b64decode(again["png"]) == png


def test_how_far_is_bounded_and_zeros_are_left_out():
    state = read_state({"seed": 5, "moves": {}, "along": [move(99), move(0)]}, {})
    assert [one.at for one in state.along] == [ALONG_END]


@pytest.mark.parametrize(
    "along",
    [
        "far",
        [3],
        [{"at": 1}],
        [{**start(1), "at": "x"}],
        [{**start(1), "at": float("nan")}],
        [{"z": "abc", "key": [1.0], "at": 1}],
        [move(1)] * (MAX_ALONG + 1),
    ],
)
def test_moves_that_are_none_are_refused(engine, along):
    answer = ask(make_save, engine, {"seed": 5, "moves": {}, "along": along, "factor": 1})
    assert "expected" in answer["error"]


def test_a_direction_of_another_world_is_refused(engine):
    along = [{"z": [1.0], "key": [1.0], "at": 1}]
    answer = ask(make_save, engine, {"seed": 5, "moves": {}, "along": along, "factor": 1})
    assert "widths" in answer["error"]

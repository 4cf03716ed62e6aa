import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vae.errors import ConfigError
from vae.ui.state import MAX_LATENT, MAX_SEED, PictureState, read_state

RANGES = {"warmth": (-2.5, 2.5), "size": (-1.0, 2.0)}


def test_reads_a_seed_and_keeps_only_sliders_that_moved():
    state = read_state({"seed": 43, "moves": {"warmth": 1.5, "size": 0}, "seq": 9}, RANGES)
    assert state == PictureState(seed=43, moves={"warmth": 1.5})


def test_reads_latents_in_place_of_a_seed():
    state = read_state({"z": [0.5, -1], "key": [2], "moves": {}}, RANGES)
    assert (state.seed, state.z, state.key) == (None, (0.5, -1.0), (2.0,))


def test_positions_outside_the_range_are_clamped():
    state = read_state({"seed": 0, "moves": {"warmth": 99, "size": -7.0}}, RANGES)
    assert state.moves == {"warmth": 2.5, "size": -1.0}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (None, "NoneType"),
        ([1], "list"),
        ({"moves": {}}, "None"),
        ({"seed": -1}, "-1"),
        ({"seed": MAX_SEED + 1}, str(MAX_SEED + 1)),
        ({"seed": True}, "True"),
        ({"seed": 1.5}, "1.5"),
        ({"seed": 1, "moves": [1]}, "list"),
        ({"seed": 1, "moves": {"nose": 1}}, "nose"),
        ({"seed": 1, "moves": {"warmth": "1"}}, "'1'"),
        ({"seed": 1, "moves": {"warmth": float("nan")}}, "nan"),
        ({"seed": 1, "moves": {"warmth": 10**400}}, "1000"),
        ({"z": [1.0]}, "None"),
        ({"z": "11", "key": [1]}, "'11'"),
        ({"z": [1.0] * 5000, "key": [1]}, "1.0"),
        ({"z": [[1.0]], "key": [1]}, "[1.0]"),
    ],
)
def test_says_what_was_found_in_a_bad_request(data, found):
    with pytest.raises(ConfigError, match="expected") as caught:
        read_state(data, RANGES)
    assert found in str(caught.value)
    assert len(str(caught.value)) < 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
requests = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("seed", "z", "key", "moves", "seq"), json_values),
)


@given(json_values | requests)
def test_anything_from_outside_becomes_a_usable_state_or_a_refusal(data):
    try:
        state = read_state(data, RANGES)
    except ConfigError:
        return
    assert (state.seed is None) == (state.z is not None)
    assert all(abs(v) <= MAX_LATENT for v in (state.z or ()) + (state.key or ()))
    assert all(RANGES[n][0] <= v <= RANGES[n][1] for n, v in state.moves.items())
    json.dumps([state.seed, state.z, state.key, dict(state.moves)], allow_nan=False)


LOOK = {"u": [0.0] * 16, "alpha": True, "exact": {"mean": [1, 2, 3], "cov": [0] * 9, "on": True}}


def test_reads_a_borrowed_look_and_clamps_its_dials():
    look = {**LOOK, "texture": 2, "palette": 0.5, "locks": ["warmth", "lightness"]}
    borrow = read_state({"seed": 1, "borrow": look}, RANGES).borrow
    assert (borrow.texture, borrow.palette, borrow.transparency) == (1.0, 0.5, 0.0)
    assert borrow.locks == ("lightness", "warmth")
    assert borrow.exact == (1.0, 2.0, 3.0, *[0.0] * 9)
    off = {**LOOK, "exact": {**LOOK["exact"], "on": False}}
    assert read_state({"seed": 1, "borrow": off}, RANGES).borrow.exact is None
    assert read_state({"seed": 1, "borrow": None}, RANGES).borrow is None
    hash(borrow)


@pytest.mark.parametrize(
    "wrong",
    [
        {"u": [0.0] * 15},
        {"u": "0" * 16},
        {"u": [float("nan")] * 16},
        {"alpha": 1},
        {"texture": "1"},
        {"locks": ["nose"]},
        {"locks": "warmth"},
        {"exact": {"mean": [1], "cov": [0] * 9}},
        {"exact": []},
    ],
)
def test_a_look_that_is_none_is_refused(wrong):
    with pytest.raises(ConfigError, match="expected"):
        read_state({"seed": 1, "borrow": {**LOOK, **wrong}}, RANGES)

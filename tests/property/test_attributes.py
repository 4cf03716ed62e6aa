"""Attributes move the right way under a change that should move them, on pictures made in code."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.conftest import draw_art
from vae.encodings import ATTRIBUTES, RANGES, measure, rgb_to_lab

SIDE = 48
few = settings(max_examples=12, derandomize=True, deadline=None)
seeds = st.integers(0, 10_000)


def measured(*arrays: np.ndarray) -> list[dict[str, float]]:
    x = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float()
    return [dict(zip(ATTRIBUTES, row.tolist(), strict=True)) for row in measure(x)]


def art(seed: int) -> np.ndarray:
    return draw_art(seed, SIDE).astype(np.float64) / 255


def with_colour(picture: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.concatenate((colour.clip(0, 1), picture[..., 3:]), axis=-1)


def with_alpha(picture: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.concatenate((picture[..., :3], alpha.clip(0, 1)[..., None]), axis=-1)


@few
@given(seeds, st.floats(0.7, 3))
def test_blur_makes_softer(seed, sigma):
    picture = art(seed)
    blurred = with_colour(picture, ndimage.gaussian_filter(picture[..., :3], (sigma, sigma, 0)))
    before, after = measured(picture, blurred)
    assert after["fineness"] < before["fineness"]
    assert after["local_contrast"] < before["local_contrast"]
    assert after["coarseness"] > before["coarseness"]


@few
@given(st.floats(0, math.pi), st.floats(4, 10))
def test_turning_stripes_turns_the_angle(angle, cycles):
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE
    phase = 2 * np.pi * cycles * (np.cos(angle) * column + np.sin(angle) * row)
    grey = np.repeat((0.5 + 0.3 * np.sin(phase))[..., None], 3, axis=-1)
    (found,) = measured(np.concatenate((grey, np.ones((SIDE, SIDE, 1))), axis=-1))
    coherence = math.hypot(found["angle_cos"], found["angle_sin"])
    assert coherence > 0.9
    assert found["angle_cos"] / coherence == pytest.approx(math.cos(2 * angle), abs=0.15)
    assert found["angle_sin"] / coherence == pytest.approx(math.sin(2 * angle), abs=0.15)
    assert found["directionality"] > 0.7


@few
@given(seeds, st.integers(1, 4))
def test_erosion_uncovers(seed, steps):
    picture = art(seed)
    eroded = ndimage.grey_erosion(picture[..., 3], size=2 * steps + 1)
    before, after = measured(picture, with_alpha(picture, eroded))
    assert after["coverage"] < before["coverage"]


@few
@given(seeds, st.floats(0.05, 0.2))
def test_a_tint_moves_the_colour_its_own_way(seed, amount):
    picture = art(seed)
    picture[..., :3] = 0.3 + 0.4 * picture[..., :3]  # room to either side
    tints = {"redness": (1, -1, 0), "warmth": (1, 1, -1), "lightness": (1, 1, 1)}
    for name, direction in tints.items():
        for sign in (1, -1):
            colour = picture[..., :3] + sign * amount * np.array(direction)
            before, after = measured(picture, with_colour(picture, colour))
            assert sign * (after[name] - before[name]) > 1, name


@few
@given(seeds, st.floats(1.5, 4))
def test_a_softer_edge_is_softer(seed, sigma):
    row, column = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    disc = (np.hypot(row, column) < 0.3).astype(np.float64)
    hard, picture = ndimage.gaussian_filter(disc, 0.6), art(seed)
    soft = ndimage.gaussian_filter(disc, sigma)
    before, after = measured(with_alpha(picture, hard), with_alpha(picture, soft))
    assert after["edge_softness"] > before["edge_softness"]


@few
@given(seeds, st.floats(1.3, 2.0))
def test_contrast_spreads_lightness(seed, gain):
    picture = art(seed)
    picture[..., :3] = 0.3 + 0.4 * picture[..., :3]
    mean = picture[..., :3].mean(axis=(0, 1))
    stronger = with_colour(picture, mean + gain * (picture[..., :3] - mean))
    before, after = measured(picture, stronger)
    assert after["lightness_spread"] > before["lightness_spread"]
    assert after["local_contrast"] > before["local_contrast"]


@few
@given(seeds, st.floats(0.2, 0.8))
def test_greying_takes_colour_away(seed, share):
    picture = art(seed)
    grey = picture[..., :3].mean(-1, keepdims=True)
    duller = with_colour(picture, share * picture[..., :3] + (1 - share) * grey)
    before, after = measured(picture, duller)
    assert after["colorfulness"] < before["colorfulness"]
    for name in ("redness", "warmth"):
        assert abs(after[name]) < abs(before[name]) + 0.5


@few
@given(seeds, st.sampled_from([0, 1]))
def test_a_mirror_turns_only_the_sign_of_the_sine(seed, axis):
    before, after = measured(art(seed), np.flip(art(seed), axis))
    for name in ATTRIBUTES:
        sign = -1 if name == "angle_sin" else 1
        assert after[name] == pytest.approx(sign * before[name], rel=1e-3, abs=2e-3), name


@few
@given(seeds)
def test_colour_that_cannot_be_seen_does_not_count(seed):
    picture = art(seed)
    other = picture.copy()
    hidden = picture[..., 3] == 0
    other[hidden, :3] = np.random.default_rng(seed).uniform(size=(int(hidden.sum()), 3))
    before, after = measured(picture, other)
    assert hidden.any()
    assert after == pytest.approx(before, rel=1e-4, abs=1e-4)


@few
@given(seeds, st.sampled_from([28, 32, 64, 128]), st.sampled_from(["art", "noise", "two tones"]))
def test_every_attribute_keeps_its_range(seed, side, kind):
    noise = np.random.default_rng(seed).uniform(size=(side, side, 4))
    art = draw_art(seed, side) / 255
    picture = {"art": art, "noise": noise, "two tones": (noise > 0.5).astype(np.float64)}[kind]
    (found,) = measured(picture)
    for name, (low, high) in RANGES.items():
        assert low - 1e-3 <= found[name] <= high + 1e-3, name


@few
@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_lightness_is_in_range_and_grey_has_no_hue(colour):
    lab = rgb_to_lab(torch.tensor(colour)[None, :, None, None]).flatten()
    assert -0.01 <= lab[0] <= 100.01
    grey = rgb_to_lab(torch.full((1, 3, 1, 1), colour[0])).flatten()
    assert grey[1:].abs().max() < 0.05

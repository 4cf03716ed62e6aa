"""Sprites with known factors: the same every time, whole in their frame, each factor seen."""

from __future__ import annotations

import numpy as np
import pytest

from vae.errors import ShapeError
from vae.evaluation.measures import measure_batch
from vae.evaluation.sprites import FACTORS, draw_factors, render, sprite_set

NAMES = list(FACTORS)
MIDDLE = [0, 2, 1, 2, 3, 1, 1, 0]


def along(factor: str, **others: int) -> np.ndarray:
    """Pictures (values, 64, 64, 4) that differ in one factor."""
    count = FACTORS[factor]
    rows = np.tile(MIDDLE, (count, 1))
    for name, value in others.items():
        rows[:, NAMES.index(name)] = value
    rows[:, NAMES.index(factor)] = np.arange(count)
    return render(rows, size=64).permute(0, 2, 3, 1).numpy()


def test_factors_are_uniform_and_the_same_for_a_seed():
    factors = draw_factors(6000, seed=1)
    assert (factors == draw_factors(6000, seed=1)).all()
    assert (factors != draw_factors(6000, seed=2)).any()
    for column, count in zip(factors.T, FACTORS.values(), strict=True):
        shares = np.bincount(column, minlength=count) / len(column)
        assert shares == pytest.approx(1 / count, abs=0.03)
    assert np.abs(np.corrcoef(factors.T) - np.eye(8)).max() < 0.06


@pytest.mark.parametrize("size", [32, 64])
def test_sprites_are_whole_smooth_and_repeatable(size):
    images, factors = sprite_set(300, size=size, seed=5)
    assert images.images.shape == (300, 4, size, size)
    assert (images.images == render(factors, size=size)).all()
    alpha = images.images[:, 3]
    rim = np.concatenate([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]], axis=1)
    assert rim.mean() < 0.1
    assert rim.max() < 40  # the tip of a soft one, at most
    assert (alpha.amax((1, 2)) > 120).all()
    assert (((alpha > 0) & (alpha < 255)).sum((1, 2)) > 8).all()  # anti-aliased
    assert (images.images[:, :3].permute(0, 2, 3, 1)[alpha == 0] == 0).all()


def test_all_values_draw_different_pictures():
    for name in FACTORS:
        pictures = along(name).astype(int)
        for i in range(len(pictures)):
            for j in range(i):
                assert np.abs(pictures[i] - pictures[j]).max() > 20, (name, i, j)


def test_the_factors_are_what_they_are_called():
    coverage = measure_batch(along("scale"))["coverage"]
    assert (np.diff(coverage) > 0).all()
    measured = measure_batch(along("hue"))
    assert np.ptp(measured["lightness"]) < 1  # one lightness, one chroma
    assert np.hypot(measured["redness"], measured["warmth"]) == pytest.approx(27, abs=1.5)
    turn = np.unwrap(np.arctan2(measured["warmth"], measured["redness"]))
    assert np.diff(turn) == pytest.approx(np.pi / 3, abs=0.05)
    assert (np.diff(measure_batch(along("softness"))["edge_softness"]) > 0).all()
    assert (np.diff(measure_batch(along("texture", scale=4))["coarseness"]) < 0).all()
    covered = measure_batch(along("shape"))["coverage"]
    assert np.ptp(covered) / covered.mean() < 0.03  # all of one area


@pytest.mark.parametrize(("name", "axis"), [("x", 2), ("y", 1)])
@pytest.mark.parametrize("shape", range(4))
def test_places_are_centroids(name, axis, shape):
    alpha = along(name, shape=shape)[..., 3] / 255
    grid = (np.arange(64) + 0.5) / 32 - 1
    marginal = alpha.sum(axis=3 - axis)
    centre = marginal @ grid / marginal.sum(1)
    assert centre == pytest.approx(np.linspace(-0.14, 0.14, 6), abs=0.02)


def test_what_is_no_sprite_is_refused():
    with pytest.raises(ShapeError, match="factors"):
        render(np.zeros((2, 3), int))
    with pytest.raises(ShapeError, match="below"):
        render(np.full((1, 8), 7))
    with pytest.raises(ShapeError, match="16 or more"):
        render(np.zeros((1, 8), int), size=8)
    assert render(np.zeros((0, 8), int)).shape == (0, 4, 32, 32)

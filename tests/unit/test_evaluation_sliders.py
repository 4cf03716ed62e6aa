"""Slider metrics on made-up worlds whose answer is known."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import norm, spearmanr

from vae.errors import DatasetError
from vae.evaluation.measures import (
    ATTRIBUTES,
    LIMITS,
    at_limits,
    measure_batch,
    measure_with_limits,
)
from vae.evaluation.sliders import (
    Reference,
    measure_in_parts,
    measure_sliders,
    rank_correlation,
)

NAMES = ("lightness", "redness", "warmth", "coverage")


class Latents(NamedTuple):
    z: torch.Tensor
    key: torch.Tensor


class LinearWorld:
    """Attribute a of a picture is 128 + 16 × (key @ mixing)[a], in 8-bit levels of channel a."""

    name = "linear"

    def __init__(self, mixing: list[list[float]] | np.ndarray):
        self.mixing = torch.tensor(np.asarray(mixing), dtype=torch.float32)
        style = [SimpleNamespace(name=n, kind="style", attribute=n) for n in NAMES]
        self.sliders = (SimpleNamespace(name="form 1", kind="form", attribute=None), *style)

    def move(self, latents: Latents, by: dict[str, float]) -> Latents:
        key = latents.key.clone()
        for name, amount in by.items():
            key[:, NAMES.index(name)] += amount
        return latents._replace(key=key)

    def decode(self, latents: Latents) -> torch.Tensor:
        levels = 128 + 16 * (latents.key @ self.mixing)
        return (levels / 255)[:, :, None, None].expand(-1, -1, 2, 2)


def read_channels(pictures: np.ndarray) -> dict[str, np.ndarray]:
    return {name: pictures[..., i].mean(axis=(1, 2)) for i, name in enumerate(NAMES)}


def some_latents(num: int = 12) -> Latents:
    """Whole multiples of 1/16, so that 8-bit levels are exact."""
    generator = torch.Generator().manual_seed(0)
    return Latents(torch.zeros(num, 1), torch.randint(-16, 17, (num, 4), generator=generator) / 16)


@pytest.fixture(scope="module")
def reference():
    scores = norm.ppf((np.arange(400) + 0.5) / 400)
    return Reference.fit(dict.fromkeys(NAMES, 128 + 16 * scores))


def scores_of(mixing, reference, **options):
    world = LinearWorld(mixing)
    found = measure_sliders(
        world,  # type: ignore[arg-type]
        some_latents(),  # type: ignore[arg-type]
        reference=reference,
        measure=read_channels,
        **options,
    )
    return {score.name: score for score in found}


def test_an_identity_world_is_pure(reference):
    found = scores_of(np.eye(4), reference)
    assert tuple(found) == NAMES
    for score in found.values():
        assert score.purity == pytest.approx(1.0)
        assert score.spearman == pytest.approx(1.0)
        assert score.spearman_median == pytest.approx(1.0)
        assert score.gain == pytest.approx(1.0, abs=0.05)


def test_a_duplicated_code_is_half_pure(reference):
    mixing = np.eye(4)
    mixing[0, 1] = 1.0
    found = scores_of(mixing, reference)
    assert found["lightness"].purity == pytest.approx(0.5, abs=0.01)
    assert found["lightness"].leakage["redness"] == pytest.approx(1.0, abs=0.05)
    assert found["redness"].purity == pytest.approx(1.0)


def test_a_dead_slider_scores_nothing(reference):
    dead = scores_of(np.diag([0.0, 1, 1, 1]), reference)["lightness"]
    assert (dead.purity, dead.gain, dead.spearman) == (0.0, 0.0, 0.0)


def test_a_slider_that_moves_only_another_attribute_has_no_purity(reference):
    permuted = scores_of(np.eye(4)[[1, 0, 2, 3]], reference)["lightness"]
    assert permuted.purity == pytest.approx(0.0, abs=1e-9)  # sums round as the processor does
    assert permuted.effects["redness"] == pytest.approx(1.0, abs=0.05)


def test_a_backward_slider_has_rank_correlation_minus_one_and_no_purity(reference):
    backward = scores_of(np.diag([-1.0, 1, 1, 1]), reference)["lightness"]
    assert backward.spearman == pytest.approx(-1.0)
    assert backward.gain == pytest.approx(-1.0, abs=0.05)
    assert backward.purity == 0.0


def test_gain_is_in_standard_deviations_inside_and_beyond_the_data(reference):
    assert scores_of(0.5 * np.eye(4), reference)["warmth"].gain == pytest.approx(0.5, abs=0.03)
    assert scores_of(3.0 * np.eye(4), reference, span=1.5)["warmth"].gain > 2.4


def test_side_effects_that_differ_between_pictures_do_not_cancel(reference):
    class Contrary(LinearWorld):
        def decode(self, latents: Latents) -> torch.Tensor:
            key = latents.key.clone()
            sign = torch.tensor([1.0, -1.0]).repeat(len(key))[: len(key)]
            key[:, 1] = sign * key[:, 0]
            return super().decode(latents._replace(key=key))

    world = Contrary(np.eye(4))
    (score, *_) = measure_sliders(
        world,  # type: ignore[arg-type]
        some_latents(),  # type: ignore[arg-type]
        reference=reference,
        measure=read_channels,
    )
    assert score.effects["redness"] == pytest.approx(0.0, abs=0.02)
    assert score.purity == pytest.approx(0.5, abs=0.02)


def test_attributes_that_never_vary_are_left_out(reference):
    rows = {name: np.linspace(0, 255, 50) for name in NAMES[:3]} | {"coverage": np.ones(50)}
    found = scores_of(np.eye(4), Reference.fit(rows))
    assert tuple(found) == NAMES[:3]
    assert "coverage" not in found["warmth"].leakage


def test_the_share_out_of_gamut_is_of_what_is_seen():
    """Four pixels: one at a limit and half seen, one inside, one inside, one hidden at a limit."""
    picture = np.array([[[255, 9, 9, 128], [9, 9, 9, 255]], [[9, 9, 254, 255], [0, 0, 0, 0]]])
    found = at_limits(np.stack([picture, np.zeros_like(picture)]).astype(np.uint8))
    half = 128 / 255
    assert found == pytest.approx([half / (half + 2), 0.0])
    assert at_limits(np.full((1, 2, 2, 1), 255, np.uint8)) == pytest.approx([1.0])


def test_a_slider_that_clips_at_its_ends_is_told_from_one_that_does_not(reference):
    def read(pictures: np.ndarray) -> dict[str, np.ndarray]:
        return read_channels(pictures) | {LIMITS: at_limits(pictures)}

    for scale, beyond in ((1.0, 0.0), (10.0, 1.0)):
        world = LinearWorld(scale * np.diag([1.0, 0.0, 0.0, 0.0]))
        latents = some_latents()
        latents.key.zero_()
        (score, *_) = measure_sliders(
            world,  # type: ignore[arg-type]
            latents,  # type: ignore[arg-type]
            reference=reference,
            measure=read,
        )
        assert score.name == "lightness"
        assert (score.out_of_gamut, score.at_rest) == (beyond, 0.0)


def test_the_usual_measurer_tells_the_limits_too():
    found = measure_with_limits(np.full((2, 16, 16, 4), 255, np.uint8))
    assert set(found) == {*ATTRIBUTES, LIMITS}
    assert found[LIMITS].tolist() == [1.0, 1.0]


def test_progress_is_told(reference):
    told: list[tuple[int, int]] = []
    scores_of(np.eye(4), reference, progress=lambda *at: told.append(at), steps=3)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_standardising_makes_a_skewed_attribute_normal():
    values = np.random.default_rng(0).gamma(3.0, size=4000)
    reference = Reference.fit({"coverage": values})
    scores = reference.standardise({"coverage": values})[:, 0]
    quantiles = np.quantile(scores, norm.cdf([-2, -1, 0, 1, 2]))
    assert quantiles == pytest.approx([-2, -1, 0, 1, 2], abs=0.1)
    far = reference.standardise({"coverage": np.array([-100.0, 1e4])})[:, 0]
    assert far[0] < -10
    assert far[1] > 100


def test_tied_attributes_stay_finite_and_ordered():
    values = np.concatenate([np.zeros(70), np.linspace(0, 1, 30)])
    scores = Reference.fit({"edge_softness": values}).standardise({"edge_softness": values})
    assert np.isfinite(scores).all()
    assert (np.diff(scores[:, 0]) >= 0).all()


def test_too_few_pictures_are_refused():
    with pytest.raises(DatasetError, match="at least 8"):
        Reference.fit({"warmth": np.arange(3.0)})


def test_rank_correlation_agrees_with_scipy():
    generator = np.random.default_rng(1)
    places, values = np.linspace(-2, 2, 7), generator.integers(0, 5, (7, 20)).astype(float)
    expected = [spearmanr(places, column).statistic for column in values.T]
    np.testing.assert_allclose(rank_correlation(places, values), expected)
    assert rank_correlation(places, np.ones((7, 1))) == 0


def test_worker_processes_change_nothing():
    pictures = np.random.default_rng(2).integers(0, 256, (40, 8, 8, 4), dtype=np.uint8)
    here, there = (measure_in_parts(pictures, workers=workers) for workers in (0, 1))
    whole = measure_batch(pictures)
    for name in whole:
        np.testing.assert_allclose(here[name], whole[name])
        np.testing.assert_allclose(there[name], here[name])

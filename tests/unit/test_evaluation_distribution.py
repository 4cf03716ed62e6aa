"""Measures of distributions on made-up sets whose answer is known."""

import numpy as np
import pytest
import torch

from tests.conftest import image_set
from vae.errors import ShapeError
from vae.evaluation.distribution import (
    PictureSets,
    diversity,
    kid,
    measure_distribution,
    memorisation,
    nearest,
    precision_recall,
)
from vae.evaluation.features import RandomFeatures, features_of, standardise_by


def cloud(num: int, dim: int = 8, seed: int = 0) -> torch.Tensor:
    return torch.randn(num, dim, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------- kernel distance


def test_kid_of_two_points_by_hand():
    """All real at 0, all fake at a with |a|² = D: the kernels are 1, 8 and 1."""
    assert kid(torch.zeros(5, 4), torch.ones(5, 4)) == pytest.approx(1 + 8 - 2 * 1)


def test_kid_is_the_unbiased_estimate_as_written_in_the_paper():
    x, y = cloud(7).double(), 0.5 + cloud(7, seed=1).double()
    kernel = lambda a, b: (float(a @ b) / 8 + 1) ** 3  # noqa: E731
    pairs = [(i, j) for i in range(7) for j in range(7)]
    own = [kernel(x[i], x[j]) + kernel(y[i], y[j]) for i, j in pairs if i != j]
    across = [kernel(x[i], y[j]) for i, j in pairs]
    assert kid(x, y) == pytest.approx(np.mean(own) - 2 * np.mean(across), rel=1e-9)


def test_kid_is_zero_on_average_for_one_distribution_and_grows_with_a_shift():
    same = [kid(cloud(60, seed=s), cloud(60, seed=100 + s)) for s in range(30)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(30)
    assert min(same) < 0  # unbiased: as often below
    shifted = [kid(cloud(60), cloud(60, seed=1) + by) for by in (0.0, 0.3, 0.6, 1.2)]
    assert shifted == sorted(shifted)
    assert shifted[1] > max(same)


def test_kid_refuses_sets_of_different_sizes():
    with pytest.raises(ShapeError, match="equally many features"):
        kid(cloud(5), cloud(6))


# ---------------------------------------------------------------- precision and recall


def test_equal_sets_and_permuted_ones_cover_each_other():
    points = cloud(40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(3))
    assert precision_recall(points, points) == (1.0, 1.0)
    assert precision_recall(points, points[order]) == (1.0, 1.0)


def test_sets_far_apart_do_not_cover_at_all():
    assert precision_recall(cloud(40), cloud(40) + 100) == (0.0, 0.0)


def test_mode_collapse_keeps_precision_and_loses_recall():
    real = torch.cat([cloud(50), cloud(50, seed=1) + 50])
    one_mode = cloud(100, seed=2)
    found = precision_recall(real, one_mode)
    assert found.precision > 0.5
    assert found.recall == pytest.approx(0.5, abs=0.1)
    one_point = real[:1] + 1e-3 * cloud(100, seed=3)
    found = precision_recall(real, one_point)
    assert found.precision == 1.0
    assert found.recall <= 0.01


def test_fakes_in_the_gap_lose_precision_and_not_recall():
    """Half of the fakes lie where nothing real is."""
    real = cloud(60)
    fake = torch.cat([real[:30], cloud(30, seed=5) + 100])
    found = precision_recall(real, fake)
    assert found.precision == 0.5
    assert found.recall > 0.8


def test_too_few_for_a_neighbour_is_said():
    with pytest.raises(ShapeError, match="more than 5 of each"):
        precision_recall(cloud(5), cloud(40))


# ---------------------------------------------------------------- diversity, memorisation


def test_diversity_is_the_scale_of_the_spread_and_nothing_for_one_picture():
    points = cloud(30)
    assert diversity(points, points + 7) == pytest.approx(1.0, rel=1e-5)
    assert diversity(points, 0.5 * points) == pytest.approx(0.5, rel=1e-5)
    assert diversity(points, points[:1].expand(30, -1)) == 0.0
    assert diversity(torch.zeros(5, 3), points[:, :3]) == 0.0


def test_copies_of_the_training_set_are_flagged_and_fresh_draws_are_not():
    train, held_out = cloud(400), nearest(cloud(200, seed=1), cloud(400))
    copies = memorisation(nearest(train[:100], train), held_out)
    assert copies.ratio == pytest.approx(0.0, abs=1e-3)
    assert copies.too_near == 1.0
    fresh = memorisation(nearest(cloud(200, seed=2), train), held_out)
    assert fresh.ratio == pytest.approx(1.0, abs=0.1)
    assert fresh.too_near < 0.05
    tenth = torch.cat([nearest(train[:20], train), nearest(cloud(180, seed=2), train)])
    assert memorisation(tenth, held_out).too_near == pytest.approx(0.1, abs=0.03)


def test_nearest_is_the_same_in_chunks():
    points, queries = cloud(30), cloud(17, seed=1)
    truth = (queries[:, None] - points[None]).norm(dim=2).amin(1)
    assert torch.allclose(nearest(queries, points, chunk_size=5), truth, atol=1e-4)


# ---------------------------------------------------------------- features of pictures


def test_a_net_is_its_seed_and_has_nothing_to_train():
    images = image_set(3).images
    first, again, other = (features_of(RandomFeatures(4, s), images) for s in (0, 0, 1))
    assert first.shape == (3, RandomFeatures(4, 0).num_features) == (3, 1800)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert not any(p.requires_grad for p in RandomFeatures(4, 0).parameters())


def test_colour_under_transparent_pixels_is_not_seen_and_a_mirror_is():
    images = image_set(2).images.clone()
    images[:, 3] = 0
    net = RandomFeatures(4, 0)
    assert torch.equal(features_of(net, images), features_of(net, torch.zeros_like(images)))
    images = image_set(5).images
    mirrored = features_of(net, images, mirrored=True, chunk_size=2)
    assert torch.allclose(mirrored, features_of(net, images.flip(-1)), atol=1e-5)
    assert not torch.allclose(mirrored, features_of(net, images), atol=1e-2)


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 16), (4, 64)])
def test_every_kind_of_picture_has_features(channels, side):
    found = features_of(RandomFeatures(channels, 0), image_set(2, side, channels).images)
    assert torch.isfinite(found).all()
    with pytest.raises(ShapeError, match="16 pixels or more"):
        RandomFeatures(channels, 0)(torch.zeros(1, channels, 8, 8))


def test_standard_features_have_no_scale_and_a_dead_one_stays_finite():
    points = cloud(50) * torch.arange(8) + 5
    (found,) = standardise_by(points, points)
    assert torch.allclose(found.std(0, correction=0)[1:], torch.ones(7), atol=1e-4)
    assert torch.equal(found[:, 0], torch.zeros(50))


# ---------------------------------------------------------------- pictures


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return image_set(160).images


def measured(pictures: torch.Tensor, samples: torch.Tensor) -> dict[str, float]:
    train, real = pictures[:80], pictures[80:120]
    sets = PictureSets(real=real, others=train[:40], reconstructions=real, samples=samples)
    return measure_distribution(sets, train, seed=0)


def test_fresh_pictures_of_the_kind_are_found_good(pictures):
    found = measured(pictures, pictures[120:])
    assert found["diversity, samples"] == pytest.approx(1.0, abs=0.15)
    assert found["memorisation ratio"] == pytest.approx(1.0, abs=0.2)
    assert found["precision, samples"] > 0.5 < found["recall, samples"]
    assert found["KID, reconstructions"] < found["KID, samples"]  # they are the real ones


def test_copies_are_flagged_mirrored_ones_too(pictures):
    for copies in (pictures[:40], pictures[:40].flip(-1)):
        found = measured(pictures, copies)
        assert found["memorisation ratio"] < 0.05
        assert found["samples too near"] == 1.0


def test_a_collapsed_world_has_neither_recall_nor_diversity(pictures):
    good = measured(pictures, pictures[120:])
    one = pictures[120:121].expand(40, -1, -1, -1)
    collapsed = measured(pictures, one)
    assert collapsed["recall, samples"] <= 0.05 < good["recall, samples"]
    assert collapsed["diversity, samples"] == pytest.approx(0.0, abs=1e-3)
    assert collapsed["KID, samples"] > 10 * abs(good["KID, samples"])


def test_noise_has_no_precision(pictures):
    noise = torch.randint(0, 256, (40, 4, 32, 32), dtype=torch.uint8)
    assert measured(pictures, noise)["precision, samples"] == 0.0

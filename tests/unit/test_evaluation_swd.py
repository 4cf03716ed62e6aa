"""The sliced Wasserstein distance on sets whose answer is known."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from scipy.stats import wasserstein_distance

from vae.errors import ShapeError
from vae.evaluation.swd import (
    laplacian_level,
    level_sizes,
    sliced_wasserstein,
    swd_floor,
    swd_levels,
    swd_levels_of,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth_images(num: int, size: int = 32, seed: int = 0) -> torch.Tensor:
    noise = torch.rand(num, 4, size // 4, size // 4, generator=seeded(seed))
    return torch.nn.functional.interpolate(noise, scale_factor=4, mode="bilinear")


def test_equal_sets_are_at_distance_zero_exactly():
    images = smooth_images(6)
    assert swd_levels(images, images.clone(), generator=seeded()) == {32: 0.0, 16: 0.0}


def test_sets_measured_together_have_the_numbers_they_have_alone():
    real, first, second = (smooth_images(6, seed=s) for s in range(3))
    for shared in (False, True):
        together = swd_levels_of(
            real, {"a": first, "b": second}, generator=seeded(4), shared_scale=shared
        )
        for name, fake in (("a", first), ("b", second)):
            alone = swd_levels(real, fake, generator=seeded(4), shared_scale=shared)
            assert together[name] == alone


def test_distance_grows_with_added_noise_and_most_at_the_finest_level():
    real, grain = smooth_images(12), torch.randn(12, 4, 32, 32, generator=seeded(1))
    by_strength = [
        swd_levels(real, real + strength * grain, generator=seeded())
        for strength in (0.0, 0.01, 0.03, 0.1)
    ]
    finest = [levels[32] for levels in by_strength]
    assert finest == sorted(finest)
    assert finest[1] > 1.0
    assert by_strength[1][32] > by_strength[1][16]


def test_one_channel_alone_counts():
    real = smooth_images(8)
    fake = real.clone()
    fake[:, 3] += 0.1 * torch.randn(8, 32, 32, generator=seeded(2))
    assert swd_levels(real, fake, generator=seeded())[32] > 5.0


def test_weak_detail_is_seen_only_with_the_shared_scale():
    """A published blind spot: each set normalised by its own deviation hides its contrast."""
    real = torch.rand(8, 3, 32, 32, generator=seeded(3))
    pale = 0.5 + 0.5 * (real - 0.5)
    assert swd_levels(real, pale, generator=seeded())[32] < 0.01
    assert swd_levels(real, pale, generator=seeded(), shared_scale=True)[32] > 100


def test_floor_is_small_positive_and_falls_with_more_images():
    few = swd_floor(smooth_images(16), generator=seeded())[32]
    many = swd_floor(smooth_images(256), generator=seeded())[32]
    assert 0 < many < few


def test_the_same_seed_gives_the_same_number_and_bytes_read_like_floats():
    real = (smooth_images(4) * 255).to(torch.uint8)
    fake = (smooth_images(4, seed=9) * 255).to(torch.uint8)
    first = swd_levels(real, fake, generator=seeded(5), chunk_size=3)
    second = swd_levels(real / 255.0, fake / 255.0, generator=seeded(5))
    assert first == pytest.approx(second, rel=1e-4)


def test_projections_agree_with_scipy_in_one_dimension():
    first, second = (
        torch.randn(500, 1, generator=seeded()),
        2 + torch.rand(500, 1, generator=seeded(1)),
    )
    ours = sliced_wasserstein(first, second, generator=seeded(), num_projections=8)
    assert ours == pytest.approx(wasserstein_distance(first[:, 0], second[:, 0]), rel=1e-4)


def test_a_shift_of_points_is_measured_as_the_mean_of_its_projections():
    points = torch.randn(64, 3, generator=seeded())
    shift = torch.tensor([3.0, 0.0, 0.0])
    ours = sliced_wasserstein(points, points + shift, generator=seeded(), num_projections=20_000)
    assert ours == pytest.approx(1.5, rel=0.02)  # E|cos| over the sphere is 1/2


def test_pyramid_agrees_with_mirrored_convolution():
    image = torch.rand(1, 1, 32, 32, generator=seeded(), dtype=torch.float64)
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    small = scipy.ndimage.convolve(image[0, 0].numpy(), kernel, mode="mirror")[::2, ::2]
    spread = np.zeros((32, 32))
    spread[::2, ::2] = small
    detail = image[0, 0].numpy() - scipy.ndimage.convolve(spread, 4 * kernel, mode="mirror")
    np.testing.assert_allclose(laplacian_level(image, 16)[0, 0], small, atol=1e-6)
    np.testing.assert_allclose(laplacian_level(image, 32)[0, 0], detail, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "levels"), [(28, (28,)), (32, (32, 16)), (256, (256, 128, 64, 32, 16))]
)
def test_levels_halve_down_to_sixteen(size, levels):
    assert level_sizes(size) == levels


def test_blank_images_are_finite():
    blank = torch.zeros(3, 4, 32, 32)
    assert swd_levels(blank, blank, generator=seeded()) == {32: 0.0, 16: 0.0}


@pytest.mark.parametrize(
    ("real", "fake"),
    [((2, 4, 32, 32), (3, 4, 32, 32)), ((2, 4, 8, 8), (2, 4, 8, 8)), ((2, 32, 32), (2, 32, 32))],
)
def test_sets_that_cannot_be_compared_are_refused(real, fake):
    with pytest.raises(ShapeError, match="expected"):
        swd_levels(torch.zeros(real), torch.zeros(fake), generator=seeded())

"""Reconstruction scores against hand-derived numbers."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from sklearn.decomposition import PCA

from vae.errors import ShapeError
from vae.evaluation.reconstruction import (
    bits_of_latents,
    checker,
    composite,
    ms_ssim,
    pca_baseline,
    psnr,
    scale_weights,
    score_reconstruction,
)
from vae.losses import premultiply


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_known_noise_has_the_known_psnr():
    images = torch.full((8, 3, 64, 64), 0.5)
    sign = torch.where(noise(8, 3, 64, 64) < 0.5, -1.0, 1.0)
    scores = score_reconstruction(images, images + 0.1 * sign)
    assert scores.psnr == pytest.approx(20.0, abs=1e-4)
    assert scores.psnr_of_images == pytest.approx(20.0, abs=1e-4)
    assert scores.num_images == 8


def test_set_level_psnr_adds_errors_and_image_level_adds_decibels():
    images = torch.zeros(2, 1, 8, 8)
    other = images.clone()
    other[0] += 0.1  # 20 dB
    other[1] += 0.01  # 40 dB
    scores = score_reconstruction(images, other)
    assert scores.psnr_of_images == pytest.approx(30.0, abs=1e-4)
    assert scores.psnr == pytest.approx(psnr((0.01 + 0.0001) / 2), abs=1e-4)


def test_colour_under_transparent_pixels_does_not_count():
    images, others = noise(2, 4, 8, 8), noise(2, 4, 8, 8, seed=1)
    images[:, 3] = others[:, 3] = 0
    scores = score_reconstruction(images, others)
    assert scores.mse == 0
    assert scores.psnr == 100
    assert scores.psnr_on == {"black": 100, "white": 100, "checker": 100}


def test_alpha_error_shows_on_white_and_not_on_black_under_black_paint():
    images = torch.zeros(1, 4, 8, 8)
    images[:, 3] = 1.0
    others = images.clone()
    others[:, 3] = 0.75
    scores = score_reconstruction(images, others)
    assert scores.alpha_mae == pytest.approx(0.25)
    assert scores.psnr_on["black"] == 100
    assert scores.psnr_on["white"] == pytest.approx(psnr(0.25**2), abs=1e-4)
    assert scores.mse == pytest.approx(0.25**2 / 4)


def test_bytes_and_chunks_change_nothing():
    images = (255 * noise(5, 4, 8, 8)).to(torch.uint8)
    others = (255 * noise(5, 4, 8, 8, seed=1)).to(torch.uint8)
    whole = score_reconstruction(images / 255.0, others / 255.0)
    assert score_reconstruction(images, others, chunk_size=2).psnr == pytest.approx(whole.psnr)


def test_composites_follow_the_over_operator():
    image = torch.tensor([0.8, 0.4, 0.0, 0.25]).view(1, 4, 1, 1)
    torch.testing.assert_close(composite(image, 1.0).flatten(), torch.tensor([0.95, 0.85, 0.75]))
    torch.testing.assert_close(premultiply(image).flatten(), torch.tensor([0.2, 0.1, 0.0, 0.25]))
    opaque = noise(1, 3, 2, 2)
    assert composite(opaque, 0.3) is opaque


def test_checker_has_sixteen_squares_a_side():
    squares = checker(64, 64)
    assert squares[0, 0] == pytest.approx(0.8)
    assert int((squares[0].diff() != 0).sum()) == 15
    assert int((squares[:, 0].diff() != 0).sum()) == 15


def test_pca_baseline_agrees_with_plain_pca_and_beats_fewer_components():
    mixing = torch.randn(12, 4 * 8 * 8, generator=torch.Generator().manual_seed(3)) / 12
    codes = torch.randn(80, 12, generator=torch.Generator().manual_seed(4))
    images = (0.5 + codes @ mixing / 4).clamp(0, 1).view(80, 4, 8, 8)
    train, validation = images[:60], images[60:]
    rows = premultiply(images).flatten(1).double().numpy()
    plain = PCA(5, svd_solver="full").fit(rows[:60])
    back = plain.inverse_transform(plain.transform(rows[60:])).clip(0, 1)
    expected = psnr(float(np.mean((back - rows[60:]) ** 2)))
    five = pca_baseline(train, validation, num_components=5)
    assert five == pytest.approx(expected, abs=0.05)
    assert pca_baseline(train, validation, num_components=2) < five


def test_a_latent_says_as_many_bits_as_its_noise_leaves():
    means = torch.tensor([[1.0, 2.0, 0.0], [-1.0, -2.0, 0.0]]).repeat(8, 1)
    logvars = torch.tensor([1.0, 4 / 15, 1.0]).log().expand(16, 3)
    assert bits_of_latents(means, logvars).tolist() == pytest.approx([0.5, 2.0, 0.0])


def test_sets_that_do_not_pair_are_refused():
    with pytest.raises(ShapeError, match="as they pair"):
        score_reconstruction(torch.zeros(2, 3, 8, 8), torch.zeros(2, 4, 8, 8))


def test_ms_ssim_of_equal_pictures_is_one_and_falls_with_noise():
    images = noise(6, 4, 64, 64)
    grain = noise(6, 4, 64, 64, seed=1) - 0.5
    found = [ms_ssim(images, (images + s * grain).clamp(0, 1)) for s in (0.0, 0.1, 0.4, 1.0)]
    assert found[0] == pytest.approx(1.0, abs=1e-6)
    assert found == sorted(found, reverse=True)
    assert found[1] - found[-1] > 0.05


def test_at_one_scale_ms_ssim_is_the_ssim_of_scikit_image_but_for_the_border():
    images, others = noise(3, 1, 16, 16), noise(3, 1, 16, 16, seed=2)
    others = (images + others) / 2
    truth = [
        structural_similarity(
            a[0].double().numpy(), b[0].double().numpy(), data_range=1.0, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False, full=True,
        )[1].mean()
        for a, b in zip(images, others, strict=True)
    ]  # fmt: skip
    assert ms_ssim(images, others, chunk_size=2) == pytest.approx(np.mean(truth), abs=0.01)


def test_ms_ssim_does_not_see_colour_under_transparent_pixels_nor_fails_on_a_negative():
    images, others = noise(2, 4, 32, 32), noise(2, 4, 32, 32, seed=1)
    images[:, 3] = others[:, 3] = 0
    assert ms_ssim(images, others) == pytest.approx(1.0, abs=1e-6)
    stripes = torch.arange(32).remainder(2).float().expand(1, 1, 32, 32)
    assert ms_ssim(stripes, 1 - stripes) == pytest.approx(0.0, abs=0.01)


def test_small_pictures_have_fewer_scales():
    assert len(scale_weights(256)) == 5
    assert [len(scale_weights(side)) for side in (128, 64, 28, 11)] == [4, 3, 2, 1]
    assert sum(scale_weights(128)) == pytest.approx(1.0)
    with pytest.raises(ShapeError, match="11 pixels or more, found 8"):
        scale_weights(8)

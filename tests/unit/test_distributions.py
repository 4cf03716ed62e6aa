"""Densities and divergences against torch.distributions, scikit-learn and closed forms."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch.distributions import Independent, Normal
from torch.distributions import kl_divergence as torch_kl

from vae.distributions import (
    ConditionalPrior,
    DiagonalGaussian,
    LatentDensity,
    Latents,
    Posterior,
    kl_divergence,
    kl_to_standard_normal,
)
from vae.errors import ConfigError, ShapeError


def gaussian(seed: int, rows: int = 3, dim: int = 5) -> DiagonalGaussian:
    generator = torch.Generator().manual_seed(seed)
    draws = torch.randn(2, rows, dim, generator=generator)
    return DiagonalGaussian(draws[0], draws[1])


def theirs(g: DiagonalGaussian) -> Normal:
    return Normal(g.mean, g.std)


def test_divergence_and_density_are_those_of_torch():
    q, p = gaussian(0), gaussian(1)
    standard = Normal(torch.zeros(3, 5), torch.ones(3, 5))
    assert torch.allclose(kl_divergence(q, p), torch_kl(theirs(q), theirs(p)), atol=1e-5)
    assert torch.allclose(kl_to_standard_normal(q), torch_kl(theirs(q), standard), atol=1e-5)
    value = torch.randn(3, 5)
    expected = Independent(theirs(p), 1).log_prob(value)
    assert torch.allclose(p.log_prob(value), expected, atol=1e-4)


def test_divergence_is_zero_only_from_itself():
    q, p = gaussian(0), gaussian(1)
    assert torch.allclose(kl_divergence(q, q), torch.zeros(3, 5), atol=1e-6)
    assert (kl_divergence(q, p) > 0).all()


def test_draws_are_the_noise_scaled_and_shifted():
    q, noise = gaussian(2), torch.randn(3, 5)
    assert torch.equal(q.rsample(noise), q.mean + q.std * noise)
    posterior = Posterior(q, gaussian(3))
    drawn = posterior.rsample(Latents(noise, torch.zeros(3, 5)))
    assert torch.equal(drawn.z, q.rsample(noise))
    assert torch.equal(drawn.key, posterior.key.mean)
    assert torch.equal(posterior.mean.joined(), torch.cat((q.mean, posterior.key.mean), 1))


def test_im_pivae_ties_the_first_sixteen_keys_one_to_one():
    prior = ConditionalPrior(20)
    u = torch.randn(6, 16)
    assert prior.num_tied == 16
    assert torch.equal(prior(u).mean[:, :16], u)
    moved = u.clone()
    moved[:, 3] += 1
    change = (prior(moved).mean - prior(u).mean)[:, :16]
    assert torch.allclose(change, torch.eye(16)[3].expand(6, 16), atol=1e-6)


def test_pivae_has_no_tie_and_ivae_no_mean():
    u = torch.randn(6, 16)
    free, still = ConditionalPrior(20, "pivae"), ConditionalPrior(20, "ivae")
    assert free.num_tied == still.num_tied == 0
    assert free(u).mean.std(0).min() > 0
    assert not still(u).mean.any()
    for prior in (free, still, ConditionalPrior(20)):
        assert prior(u).logvar.std(0).min() > 0  # every scale depends on u


def test_scales_stay_between_their_bounds():
    prior = ConditionalPrior(20)
    with torch.no_grad():
        for weight in prior.net.parameters():
            weight.normal_(std=50)
    std = prior(torch.randn(100, 16)).std
    assert std.min() >= prior.MIN_STD - 1e-6
    assert std.max() <= prior.MAX_FREE_STD + 1e-6
    assert std[:, :16].max() <= prior.MAX_TIED_STD + 1e-6


def test_a_key_narrower_than_the_metadata_is_tied_as_far_as_it_goes():
    u = torch.randn(4, 16)
    assert torch.equal(ConditionalPrior(5)(u).mean, u[:, :5])


def test_the_prior_refuses_what_it_does_not_know():
    with pytest.raises(ConfigError, match="'im-pivae', 'pivae', 'ivae'"):
        ConditionalPrior(20, "gan")
    with pytest.raises(ShapeError, match=r"metadata \(N, 16\), found \(2, 15\)"):
        ConditionalPrior(20)(torch.zeros(2, 15))


def blobs(rows: int = 400) -> torch.Tensor:
    generator = torch.Generator().manual_seed(7)
    side = torch.randint(0, 2, (rows, 1), generator=generator) * 6.0 - 3
    noise = torch.randn(rows, 3, generator=generator) @ torch.tensor(
        [[1.0, 0.5, 0], [0, 1, 0], [0, 0, 0.3]]
    )
    return noise + side


def test_the_density_of_many_rows_is_that_of_scikit_learn():
    """Shrinkage fades with the rows, and what is left is expectation maximisation."""
    data = blobs(20_000)
    density = LatentDensity.fit(data, num_components=2)
    rows = data.double().numpy()
    least = LatentDensity.SHRINK * float(rows.var(0).mean())
    mixture = GaussianMixture(2, reg_covar=least, random_state=0, max_iter=60, tol=1e-2).fit(rows)
    assert np.allclose(density.log_prob(data).numpy(), mixture.score_samples(rows), atol=5e-3)


def test_covariances_of_few_rows_lean_on_their_mean():
    """One step by hand: two clusters so far apart that every row's share is 0 or 1."""
    data = blobs(100).double()
    data[:, :2] += 40 * (data[:, 2:] > 0)
    density = LatentDensity.fit(data.float(), num_components=2)
    parts = [data[data[:, 2] > 0], data[data[:, 2] <= 0]]
    scatter = [np.cov(part.numpy().T, bias=True) * len(part) for part in parts]
    mean = sum(scatter) / 100
    least = LatentDensity.SHRINK * float(data.numpy().var(0).mean())
    found = {tuple((f @ f.T).flatten().tolist()) for f in density.factors}
    for part, own in zip(parts, scatter, strict=True):
        wanted = (own + 3 * mean) / (len(part) + 3) + least * np.eye(3)
        assert any(np.allclose(wanted.flatten(), each, rtol=1e-3, atol=1e-3) for each in found)


def test_many_components_hold_for_rows_they_were_not_fitted_to():
    """Full covariances of their own would be 16 fits of 47 rows to 30 dimensions each."""
    generator = torch.Generator().manual_seed(5)
    spread = torch.linspace(2, 0.05, 30)
    middles = torch.randn(8, 30, generator=generator) * spread

    def draw(num):
        near = torch.randn(num, 30, generator=generator) * spread * 0.3
        return near + middles[torch.randint(0, 8, (num,), generator=generator)]

    rows, others = draw(750), draw(750)
    density = LatentDensity.fit(rows)
    free = GaussianMixture(16, reg_covar=1e-3, random_state=0).fit(rows.double().numpy())
    ours, theirs = density.log_prob(others).mean(), free.score(others.double().numpy())
    assert len(density.weights) == 16
    assert ours > theirs + 5
    assert ours > density.log_prob(rows).mean() - 8


def test_the_density_finds_both_blobs():
    density = LatentDensity.fit(blobs(), num_components=2)
    assert sorted(density.means[:, 2].round().tolist()) == [-3, 3]
    inside, between = density.log_prob(blobs()).mean(), density.log_prob(torch.zeros(1, 3))
    assert inside > between + 2


def test_fits_and_draws_repeat_with_their_seeds():
    one, two = (LatentDensity.fit(blobs(), seed=3) for _ in range(2))
    assert torch.equal(one.factors, two.factors)
    draws = [one.sample(9, generator=torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(*draws)
    assert draws[0].shape == (9, 3)


def test_truncation_pulls_draws_to_their_components():
    density = LatentDensity.fit(blobs(), num_components=2)
    density.floor.fill_(-torch.inf)  # every draw counts here
    spread = []
    for truncation in (0.0, 0.5, 1.0):
        draws = density.sample(
            200, generator=torch.Generator().manual_seed(1), truncation=truncation
        )
        spread.append(torch.cdist(draws, density.means).min(1).values.mean().item())
    assert spread[0] == pytest.approx(0, abs=1e-5)
    assert spread[1] == pytest.approx(spread[2] / 2, rel=0.05)


def test_what_is_too_rare_is_drawn_again():
    data = blobs()
    density = LatentDensity.fit(data, num_components=2)
    assert float((density.log_prob(data) < density.floor).float().mean()) == pytest.approx(
        LatentDensity.RARE, abs=0.02
    )
    draws = density.sample(500, generator=torch.Generator().manual_seed(2))
    assert (density.log_prob(draws) >= density.floor).all()
    again = density.sample(500, generator=torch.Generator().manual_seed(2))
    assert torch.equal(draws, again)


def test_a_floor_that_nothing_reaches_does_not_hang():
    density = LatentDensity.fit(blobs(), num_components=2)
    density.floor.fill_(torch.inf)
    assert density.sample(3).shape == (3, density.means.shape[1])


@pytest.mark.parametrize("rows", [2, 3, 10])
def test_few_rows_make_one_sound_component(rows):
    density = LatentDensity.fit(torch.randn(rows, 22))
    assert len(density.weights) == 1
    assert torch.isfinite(density.sample(20)).all()
    assert torch.isfinite(density.log_prob(density.sample(5))).all()


def test_draws_of_few_rows_are_their_neighbours():
    """Of a Gaussian through thirty points in 22 dimensions hardly a draw is near to any of them."""
    rows = torch.randn(30, 22, generator=torch.Generator().manual_seed(1))
    density = LatentDensity.fit(rows)
    assert torch.equal(density.anchors, rows)

    def apart(truncation):
        generator = torch.Generator().manual_seed(2)
        draws = density.sample(400, generator=generator, truncation=truncation)
        return torch.cdist(draws, rows).min(1)

    between = torch.cdist(rows, rows).flatten()[1:].sort().values[30:].mean()
    still, half, whole = (apart(truncation) for truncation in (0.0, 0.5, 1.0))
    assert still.values.max() < 0.01
    assert half.values.mean() < whole.values.mean() < 0.7 * between
    assert whole.indices.bincount(minlength=30).min() >= 5  # all of them, odd ones too


def test_many_rows_need_no_anchors():
    assert len(LatentDensity.fit(torch.randn(LatentDensity.FEW * 5, 5)).anchors) == 0
    assert len(LatentDensity.fit(torch.randn(LatentDensity.FEW * 5 - 1, 5)).anchors) == 59


def test_some_rows_have_several_components_and_anchors():
    """Two far groups: neighbours are drawn along the component of their own group."""
    rows = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
    rows[20:, 0] += 40
    rows[:20, 1] *= 0.01
    density = LatentDensity.fit(rows)
    assert (len(density.anchors), len(density.weights)) == (40, 8)
    draws = density.sample(400, generator=torch.Generator().manual_seed(2))
    far = draws[:, 0] > 20
    assert 150 < int(far.sum()) < 250
    assert draws[~far, 1].std() < 0.5 * draws[far, 1].std()


def test_identical_rows_still_make_a_density():
    density = LatentDensity.fit(torch.ones(10, 4))
    assert torch.allclose(density.sample(5), torch.ones(5, 4), atol=0.05)


def test_one_row_is_too_few():
    with pytest.raises(ShapeError, match="at least 2 rows of latents"):
        LatentDensity.fit(torch.zeros(1, 4))

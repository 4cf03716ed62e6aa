"""Closed forms against Monte Carlo, and draws against the moments they should have."""

import math

import torch

from vae.distributions import (
    ConditionalPrior,
    DiagonalGaussian,
    LatentDensity,
    kl_divergence,
    kl_to_standard_normal,
)
from vae.losses import hypo

DRAWS = 40_000


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def within(found: torch.Tensor, samples: torch.Tensor, sigmas: float = 4.5) -> bool:
    """Whether a closed form is the mean of samples (rows), as far as their number can tell."""
    error = samples.std(0) / math.sqrt(len(samples))
    return bool(((found - samples.mean(0)).abs() <= sigmas * error + 1e-6).all())


def pair(dim: int = 4) -> tuple[DiagonalGaussian, DiagonalGaussian]:
    m, v, a, b = torch.randn(4, dim, generator=generator()).double() * 0.7
    return DiagonalGaussian(m[None], v[None]), DiagonalGaussian(a[None], b[None])


def draws(q: DiagonalGaussian) -> torch.Tensor:
    noise = torch.randn(DRAWS, q.mean.shape[1], generator=generator(), dtype=torch.double)
    return DiagonalGaussian(q.mean.expand(DRAWS, -1), q.logvar.expand(DRAWS, -1)).rsample(noise)


def elementwise(g: DiagonalGaussian, value: torch.Tensor) -> torch.Tensor:
    return torch.distributions.Normal(g.mean, g.std).log_prob(value)


def test_divergence_is_the_mean_log_ratio():
    q, p = pair()
    x = draws(q)
    assert within(kl_divergence(q, p)[0], elementwise(q, x) - elementwise(p, x))
    standard = DiagonalGaussian(torch.zeros_like(q.mean), torch.zeros_like(q.mean))
    assert within(kl_to_standard_normal(q)[0], elementwise(q, x) - elementwise(standard, x))


def test_draws_of_a_gaussian_have_its_moments():
    q, _ = pair()
    x = draws(q)
    assert within(q.mean[0], x)
    assert within(q.logvar.exp()[0], (x - q.mean).square())


def test_divergence_from_the_conditional_prior():
    torch.manual_seed(0)
    prior = ConditionalPrior(18)(torch.randn(1, 16))
    p = DiagonalGaussian(prior.mean.detach().double(), prior.logvar.detach().double())
    q = DiagonalGaussian(p.mean + 0.1, p.logvar - 0.5)
    x = draws(q)
    assert within(kl_divergence(q, p)[0], elementwise(q, x) - elementwise(p, x))


def fitted() -> tuple[LatentDensity, torch.Tensor]:
    mixing = torch.tensor([[1.0, 0.6, 0], [0, 0.8, -0.3], [0, 0, 0.5]])
    centre = torch.randint(0, 3, (3000, 1), generator=generator()) * 4.0
    data = torch.randn(3000, 3, generator=generator()) @ mixing + centre
    return LatentDensity.fit(data, num_components=3), data


def test_draws_of_the_density_have_the_moments_of_the_data():
    density, data = fitted()
    x = density.sample(DRAWS, generator=generator())
    assert torch.allclose(x.mean(0), data.mean(0), atol=0.15)
    assert torch.allclose(torch.cov(x.T), torch.cov(data.T), atol=0.5)


def test_draws_follow_the_closed_moments_of_the_mixture():
    density, _ = fitted()
    density.floor.fill_(-torch.inf)  # the whole mixture, not what is drawn of it
    x = density.sample(DRAWS, generator=generator())
    mean = density.weights @ density.means
    assert within(mean, x)
    covariances = density.factors @ density.factors.mT
    offset = density.means - mean
    outer = offset[:, :, None] * offset[:, None, :]
    total = (density.weights[:, None, None] * (covariances + outer)).sum(0)
    assert within(total.diagonal(), (x - mean).square())


def test_the_density_integrates_to_one():
    density, data = fitted()
    broad = torch.distributions.MultivariateNormal(data.mean(0), 2 * torch.cov(data.T))
    torch.manual_seed(5)
    x = broad.sample((DRAWS,))
    ratio = (density.log_prob(x) - broad.log_prob(x)).exp()
    assert within(torch.tensor(1.0), ratio[:, None])


def test_half_truncation_halves_the_spread_about_the_component():
    density, _ = fitted()
    one = LatentDensity(3, 1)
    one.means.copy_(density.means[:1])
    one.factors.copy_(density.factors[:1])
    x = one.sample(DRAWS, generator=generator(), truncation=0.5)
    expected = 0.25 * (one.factors[0] @ one.factors[0].T).diagonal()
    assert within(expected, (x - one.means[0]).square())


def test_hypo_of_gaussian_error_is_its_integral():
    error = torch.randn(DRAWS, 1, generator=generator(), dtype=torch.double) * 0.3
    grid = torch.linspace(-3, 3, 20_001, dtype=torch.double)
    density = torch.distributions.Normal(0.0, 0.3).log_prob(grid).exp()
    integral = torch.trapezoid(hypo(grid, 0.25) * density, grid)
    assert within(integral, hypo(error, 0.25))

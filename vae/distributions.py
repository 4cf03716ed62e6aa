"""Posterior, conditional prior, divergences, and the density fitted to a world's latents."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import canonical_ivae_model
from vae.encodings import NUM_ATTRIBUTES
from vae.errors import ShapeError

LOG_2PI = math.log(2 * math.pi)


class Latents(NamedTuple):
    """Content ``z`` (N, latent_dim) and style ``key`` (N, latent_key_dim)."""

    z: Tensor
    key: Tensor

    def joined(self) -> Tensor:
        """Return (N, latent_dim + latent_key_dim)."""
        return torch.cat((self.z, self.key), 1)


class DiagonalGaussian(NamedTuple):
    """A diagonal Gaussian over the last axis.

    Attributes:
        mean: (N, D).
        logvar: (N, D), natural log of the variance.
    """

    mean: Tensor
    logvar: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation (N, D)."""
        return (0.5 * self.logvar).exp()

    def rsample(self, noise: Tensor | None = None) -> Tensor:
        """Draw with the reparameterisation of Kingma & Welling (2014), section 2.4.

        Args:
            noise: Standard normal (N, D); drawn here where it is not given.
        """
        if noise is None:
            noise = torch.randn_like(self.mean)
        return self.mean + self.std * noise

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` (N, D), in nats, summed over D."""
        squared = (value - self.mean).square() * (-self.logvar).exp()
        return -0.5 * (squared + self.logvar + LOG_2PI).sum(-1)


class Posterior(NamedTuple):
    """q(z|x) and q(k|x)."""

    z: DiagonalGaussian
    key: DiagonalGaussian

    @property
    def mean(self) -> Latents:
        """The two means."""
        return Latents(self.z.mean, self.key.mean)

    def rsample(self, noise: Latents | None = None) -> Latents:
        """Draw latents; ``noise`` is standard normal of the same shapes."""
        z, key = noise if noise is not None else (None, None)
        return Latents(self.z.rsample(z), self.key.rsample(key))


def kl_divergence(q: DiagonalGaussian, p: DiagonalGaussian) -> Tensor:
    """Return KL(q || p) of diagonal Gaussians, (N, D) in nats, not summed.

    References:
        Kingma & Welling (2014), appendix B, for two general Gaussians. arXiv:1312.6114
    """
    ratio = (q.logvar - p.logvar).exp()
    squared = (q.mean - p.mean).square() * (-p.logvar).exp()
    return 0.5 * (ratio + squared - 1 - q.logvar + p.logvar)


def kl_to_standard_normal(q: DiagonalGaussian) -> Tensor:
    """Return KL(q || N(0, I)), (N, D) in nats, not summed.

    References:
        Kingma & Welling (2014), appendix B. arXiv:1312.6114
    """
    return 0.5 * (q.logvar.exp() + q.mean.square() - 1 - q.logvar)


class ConditionalPrior(nn.Module):
    """p(k|u): a diagonal Gaussian over the key, given the standardised metadata.

    ``'im-pivae'``: the first 16 keys are tied one to one, key j having mean u_j itself (a gain
    that could be learned shrinks to nothing together with the posterior, and the key dies); the
    free keys have a mean from a small network of u; every scale is a function of u.
    ``'pivae'``: the same network for every key, no tie (Zhou & Wei 2020).
    ``'ivae'``: mean 0, only the scale depends on u (Khemakhem et al. 2020, section 3).

    Args:
        latent_key_dim: Width of k.
        ivae_model: The variant.
        width: Hidden units.

    References:
        Khemakhem et al. (2020) arXiv:1907.04809; Zhou & Wei (2020) arXiv:2011.04798
    """

    MIN_STD = 0.05
    MAX_TIED_STD, MAX_FREE_STD = 0.3, 1.0

    def __init__(self, latent_key_dim: int, ivae_model: str = "im-pivae", width: int = 64):
        super().__init__()
        self.ivae_model = canonical_ivae_model(ivae_model)
        self.num_tied = min(NUM_ATTRIBUTES, latent_key_dim) if self.ivae_model == "im-pivae" else 0
        first, last = nn.Linear(NUM_ATTRIBUTES, width), nn.Linear(width, 2 * latent_key_dim)
        self.net = nn.Sequential(first, nn.SiLU(), last)
        nn.init.normal_(last.weight, std=0.01)
        nn.init.zeros_(last.bias)

    def forward(self, u: Tensor) -> DiagonalGaussian:
        """Return p(k|u) for standardised metadata ``u`` (N, 16)."""
        if u.ndim != 2 or u.shape[1] != NUM_ATTRIBUTES:
            raise ShapeError(f"expected metadata (N, {NUM_ATTRIBUTES}), found {tuple(u.shape)}")
        free, scale = self.net(u).float().chunk(2, 1)
        if self.ivae_model == "ivae":
            mean = torch.zeros_like(free)
        else:
            mean = torch.cat((u[:, : self.num_tied], free[:, self.num_tied :]), 1)
        low = math.log(self.MIN_STD)
        high = torch.full_like(scale, math.log(self.MAX_FREE_STD))
        high[:, : self.num_tied] = math.log(self.MAX_TIED_STD)
        log_std = low + (high - low) * torch.sigmoid(scale)
        return DiagonalGaussian(mean, 2 * log_std)


class LatentDensity(nn.Module):
    """A Gaussian mixture with full covariances over the joined latents (z, k) of a world.

    Samples, truncation and slider ranges come from here and not from the prior, which the
    aggregate posterior does not fill.

    A few pictures say where they lie and not what lies between them: draws of a Gaussian through
    thirty latents, or of nine through the 1,500 of five hundred unlike things, are shapes of
    nothing. So what was fitted to few latents keeps them as ``anchors`` (K, dim), and draws their
    neighbours.

    References:
        Dai & Wipf (2019) arXiv:1903.05789; Ghosh et al. (2020) arXiv:1903.12436
    """

    RARE = 0.03
    """Share of the fitted latents, the least likely, below which nothing is drawn: out there are
    shapes of nothing. A tenth would leave whole components out, for the broad ones are thin."""
    REDRAWS = 16
    FEW = 12
    """Latents to each of their dimensions that are few: they become anchors."""
    FEWER = 4
    """Such as have one component, and more shrinkage."""
    SHRINK = 1e-3
    """Variance added in every direction, as a share of the mean one, where latents are many."""
    NEIGHBOURS = 0.5
    """How far from its anchor a draw lies, as the reach of :meth:`vary`."""

    weights: Tensor
    means: Tensor
    factors: Tensor
    floor: Tensor
    anchors: Tensor

    def __init__(self, dim: int, num_components: int = 16, num_anchors: int = 0):
        super().__init__()
        anchors = torch.zeros(num_anchors, dim)
        self.register_buffer("anchors", anchors, persistent=num_anchors > 0)
        self.register_buffer("weights", torch.full((num_components,), 1 / num_components))
        self.register_buffer("means", torch.zeros(num_components, dim))
        self.register_buffer("factors", torch.eye(dim).repeat(num_components, 1, 1))
        self.register_buffer("floor", torch.tensor(-math.inf))  # least log density drawn, nats

    @classmethod
    def fit(cls, latents: Tensor, *, num_components: int = 16, seed: int = 0) -> LatentDensity:
        """Fit by expectation maximisation to ``latents`` (M, dim).

        What a component knows of its covariance is the less the fewer latents it holds, so each
        counts the mean of all components' covariances as ``dim`` latents of its own. Without, a
        mixture of 156 dimensions fits 5,000 latents it was fitted to and no others: 15 nats and
        more are lost on held-out ones. Small sets get one component and more shrinkage, and sets
        that are not large their anchors.

        Args:
            latents: At least two rows.
            num_components: At most; there are ``dim`` latents to each.
            seed: Of the clusters that the search begins with (k-means).

        Raises:
            ShapeError: There are fewer than two rows.

        References:
            Friedman (1989), Regularized discriminant analysis.
            doi:10.1080/01621459.1989.10478752
        """
        data = latents.detach().double().cpu()
        if data.ndim != 2 or data.shape[0] < 2:
            raise ShapeError(f"expected at least 2 rows of latents, found {tuple(data.shape)}")
        num, dim = data.shape
        small = num < cls.FEWER * dim
        components = 1 if small else min(num_components, num // dim)
        shrink = 0.01 + min(1.0, 0.25 * dim / num) if small else cls.SHRINK
        least = max(shrink * float(data.var(0, correction=0).mean()), 1e-6)
        weights, means, factors = _fit_mixture(data, components, least=least, seed=seed)
        density = cls(dim, components, num if num < cls.FEW * dim else 0)
        if len(density.anchors):
            density.anchors.copy_(data)
        density.weights.copy_(weights)
        density.means.copy_(means)
        density.factors.copy_(factors)
        log_prob = density.log_prob(latents.detach().cpu().to(density.means.dtype))
        density.floor.copy_(log_prob.quantile(cls.RARE))
        return density

    def sample(
        self, n: int, *, generator: torch.Generator | None = None, truncation: float = 1.0
    ) -> Tensor:
        """Draw ``n`` joined latents (n, dim).

        What is less likely than the floor is drawn again; next to an anchor nothing is.

        Args:
            n: How many.
            generator: Source of randomness; a CPU generator.
            truncation: Scale of each draw about its component's mean or its anchor, 0 to 1.
        """
        drawn = self._draw(n, generator, truncation)
        for _ in range(0 if len(self.anchors) else self.REDRAWS):
            rare = (self.log_prob(drawn) < self.floor).nonzero()[:, 0]
            if not len(rare):
                break
            drawn[rare] = self._draw(len(rare), generator, truncation)
        return drawn

    def _draw(self, n: int, generator: torch.Generator | None, truncation: float) -> Tensor:
        if len(self.anchors):
            rounds = range(math.ceil(n / len(self.anchors)))  # each is as often drawn from
            orders = [torch.randperm(len(self.anchors), generator=generator) for _ in rounds]
            which = torch.cat(orders)[:n]
            noise = torch.randn(n, self.means.shape[1], generator=generator)
            near = self.anchors[which.to(self.anchors.device)]
            return self.vary(near, noise, min(1.0, self.NEIGHBOURS * truncation))
        component = torch.multinomial(self.weights.cpu(), n, replacement=True, generator=generator)
        noise = torch.randn(n, self.means.shape[1], generator=generator)
        return self.place(component, noise * truncation)

    def place(self, component: Tensor, noise: Tensor) -> Tensor:
        """Map component numbers (n,) and standard normal noise (n, dim) to draws (n, dim)."""
        device = self.means.device
        component, noise = component.to(device), noise.to(device, self.means.dtype)
        spread = torch.einsum("nij,nj->ni", self.factors[component], noise)
        return self.means[component] + spread

    def vary(self, latents: Tensor, noise: Tensor, reach: float) -> Tensor:
        """Step from latents (n, dim) to neighbours that are as likely as they are.

        The preconditioned Crank–Nicolson step of each one's own component, x + (√(1−r²) − 1)(x − m)
        + r·L·ε: it leaves that component's density as it is, so that a far step wanders among its
        pictures where a straight one would leave them.

        Args:
            latents: Where to start.
            noise: Standard normal ε (n, dim).
            reach: r, from 0 (exactly where it starts) to 1 (a fresh draw of the component).

        References:
            Cotter et al. (2013), MCMC methods for functions. arXiv:1202.0709
        """
        component = self._by_component(latents).argmax(1)
        mean, fresh = self.means[component], self.place(component, noise)
        shrunk = (1 - reach**2) ** 0.5 - 1
        return latents + shrunk * (latents - mean) + reach * (fresh - mean)

    def _by_component(self, latents: Tensor) -> Tensor:
        """Log of weight times density of each component, (n, num_components)."""
        return _by_component(latents, self.weights, self.means, self.factors)

    def log_prob(self, latents: Tensor) -> Tensor:
        """Log density in nats, (M,), of joined latents (M, dim)."""
        mixture = torch.distributions.MixtureSameFamily(
            torch.distributions.Categorical(self.weights),
            torch.distributions.MultivariateNormal(self.means, scale_tril=self.factors),
        )
        return mixture.log_prob(latents)


def _fit_mixture(
    data: Tensor, num: int, *, least: float, seed: int, rounds: int = 60, enough: float = 1e-2
) -> tuple[Tensor, Tensor, Tensor]:
    """Fit a Gaussian mixture whose covariances lean on their mean, by expectation maximisation.

    Args:
        data: (M, D), double.
        num: K, at most M.
        least: Variance added in every direction.
        seed: Of the first clusters.
        rounds: Passes at most.
        enough: Gain of a pass in nats a row below which it is over.

    Returns:
        Weights (K,), means (K, D) and Cholesky factors of the covariances (K, D, D).
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # threads that wait for one another cost minutes beside a run
        labels = KMeans(num, random_state=seed).fit(data.numpy()).labels_
    share = F.one_hot(torch.from_numpy(labels).long(), num).double()
    last = -math.inf
    while True:
        weights, means, factors = _fit_components(data, share, least)
        each = _by_component(data, weights, means, factors)
        log_prob = each.logsumexp(1)
        rounds -= 1
        if rounds <= 0 or float(log_prob.mean()) - last < enough:
            return weights, means, factors
        last = float(log_prob.mean())
        share = (each - log_prob[:, None]).exp()


def _fit_components(data: Tensor, share: Tensor, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Fit every component to its share (M, K) of the data (M, D), as :func:`_fit_mixture` does."""
    size, dim = data.shape
    held = share.sum(0).clamp_min(1e-9)
    means = share.T @ data / held[:, None]
    away = [data - mean for mean in means]
    scatter = torch.stack([(s[:, None] * a).T @ a for s, a in zip(share.T, away, strict=True)])
    counted = (held + dim)[:, None, None]
    covariances = (scatter + dim * scatter.sum(0) / size) / counted
    factors = torch.linalg.cholesky(covariances + least * torch.eye(dim, dtype=data.dtype))
    return held / size, means, factors


def _by_component(data: Tensor, weights: Tensor, means: Tensor, factors: Tensor) -> Tensor:
    """Log of weight times density of each Gaussian, (M, K), at data (M, D)."""
    white = [
        torch.linalg.solve_triangular(factor, (data - mean).T, upper=False).square().sum(0)
        for factor, mean in zip(factors, means, strict=True)
    ]
    spread = factors.diagonal(dim1=1, dim2=2).log().sum(1) + data.shape[1] * LOG_2PI / 2
    return weights.log() - spread - torch.stack(white, 1) / 2

"""Neighbours of a picture: of nothing at no reach, further with more, likely at any."""

import pytest
import torch

from vae.distributions import LatentDensity
from vae.errors import ConfigError, ShapeError
from vae.infer import get_infer_model

DIM = 6


@pytest.fixture(scope="module")
def density():
    density = LatentDensity(DIM, 3)
    generator = torch.Generator().manual_seed(0)
    density.means.copy_(8 * torch.randn(3, DIM, generator=generator))
    mixing = torch.randn(3, DIM, DIM, generator=generator)
    covariance = mixing @ mixing.mT + 0.5 * torch.eye(DIM)
    density.factors.copy_(torch.linalg.cholesky(covariance))
    density.weights.copy_(torch.tensor([0.2, 0.5, 0.3]))
    return density


@pytest.fixture(scope="module")
def world():
    return get_infer_model("pomona")


def generator(seed=3):
    return torch.Generator().manual_seed(seed)


def test_the_weight_of_components_sums_to_the_density(density):
    latents = density.sample(20, generator=generator())
    total = density._by_component(latents).logsumexp(1)
    assert torch.allclose(total, density.log_prob(latents), atol=1e-3)


@pytest.mark.parametrize("reach", [0.3, 0.8])
def test_a_component_keeps_its_mean_and_covariance(density, reach):
    component = torch.ones(20_000, dtype=torch.long)
    start = density.place(component, torch.randn(20_000, DIM, generator=generator(1)))
    near = density.vary(start, torch.randn(20_000, DIM, generator=generator(2)), reach)
    covariance = density.factors[1] @ density.factors[1].T
    scale = covariance.diagonal().max()
    assert (near.mean(0) - density.means[1]).abs().max() < 0.05 * scale.sqrt()
    assert (torch.cov(near.T) - covariance).abs().max() < 0.06 * scale


def test_a_full_reach_forgets_where_it_started(density):
    start = density.sample(1, generator=generator())
    noise = torch.randn(4, DIM, generator=generator())
    component = density._by_component(start).argmax(1).expand(4)
    near = density.vary(start.expand(4, -1), noise, 1.0)
    assert torch.allclose(near, density.place(component, noise), atol=1e-4)


def test_no_reach_is_the_picture_itself(world):
    start = world.sample(1, generator=generator())
    near = world.vary(start, 8, generator=generator(), reach=0)
    assert torch.equal(near.joined(), start.joined().expand(8, -1))


def test_neighbours_go_further_with_reach_in_the_same_direction(world):
    start = world.sample(1, generator=generator()).joined()
    away = [
        world.vary(world.split(start), 8, generator=generator(), reach=reach).joined() - start
        for reach in (0.1, 0.3, 0.6, 1.0)
    ]
    lengths = torch.stack([move.norm(dim=1) for move in away])
    assert (lengths.diff(dim=0) > 0).all()
    assert torch.nn.functional.cosine_similarity(away[0], away[1]).min() > 0.9


def test_the_same_seed_draws_the_same_neighbours_and_another_does_not(world):
    start = world.sample(1, generator=generator())
    first = world.vary(start, 4, generator=generator(7)).joined()
    assert torch.equal(first, world.vary(start, 4, generator=generator(7)).joined())
    assert not torch.equal(first, world.vary(start, 4, generator=generator(8)).joined())


def test_what_cannot_be_drawn_is_refused(world):
    start = world.sample(2, generator=generator())
    with pytest.raises(ShapeError, match="one picture"):
        world.vary(start, 4)
    one = world.split(start.joined()[:1])
    for n, reach in ((0, 0.5), (4, -0.1), (4, 1.1)):
        with pytest.raises(ConfigError, match="reach"):
            world.vary(one, n, reach=reach)

"""A direction from what is liked: the way the means differ, damped where a world hardly varies."""

import pytest
import torch

from vae.distributions import LatentDensity
from vae.errors import ConfigError, ShapeError
from vae.infer import get_infer_model
from vae.liking import covariance_of, direction_of


@pytest.fixture(scope="module")
def density():
    """One component, of deviations 4, 1 and nearly none."""
    density = LatentDensity(3, 1)
    density.factors.copy_(torch.diag(torch.tensor([4.0, 1.0, 0.01]))[None])
    return density


def rows(*values):
    return torch.tensor(values, dtype=torch.float32)


def test_the_covariance_of_a_mixture_is_that_of_its_draws():
    density = LatentDensity(3, 2)
    density.means.copy_(rows([0.0, 2.0, 0.0], [3.0, 0.0, -1.0]))
    density.factors.copy_(torch.tril(torch.rand(2, 3, 3)) + 0.3 * torch.eye(3))
    density.weights.copy_(rows(0.3, 0.7))
    drawn = density._draw(60_000, torch.Generator().manual_seed(0), 1.0)
    assert torch.allclose(torch.cov(drawn.T), covariance_of(density), atol=0.06)


def test_a_move_of_one_is_one_deviation_of_the_world(density):
    moved = direction_of(rows([4.0, 0.0, 0.0]), rows([0.0, 0.0, 0.0]), density)
    assert moved.tolist() == pytest.approx([4.0, 0.0, 0.0], abs=1e-4)
    mixed = direction_of(rows([1.0, 2.0, 0.0]), rows([0.0, 0.0, 0.0]), density)
    assert float((mixed / rows(4.0, 1.0, 0.01)).norm()) == pytest.approx(1, abs=1e-3)


def test_what_the_world_hardly_varies_in_is_damped_and_more_pictures_count_more(density):
    """By hand: each part of the difference times variance / (variance + noise)."""
    liked, others = rows([1.0, 1.0, 1.0]), rows([0.0, 0.0, 0.0])
    variance = rows(16.0, 1.0, 1e-4)
    for many in (1, 10):
        noise = variance.mean() * 2 / many
        expected = variance / (variance + noise)
        expected = expected / (expected / variance.sqrt()).norm()
        found = direction_of(liked.repeat(many, 1), others.repeat(many, 1), density)
        assert torch.allclose(found, expected, atol=1e-3)


def test_it_is_found_again_in_noise():
    """The direction that marks were given by comes out nearer than the plain difference."""
    generator = torch.Generator().manual_seed(4)
    dim = 40
    density = LatentDensity(dim, 1)
    deviations = torch.logspace(0.5, -1, dim)
    density.factors.copy_(torch.diag(deviations)[None])
    meant = torch.zeros(dim)
    meant[0] = 1
    near, plain = [], []
    for _ in range(40):
        seen = deviations * torch.randn(16, dim, generator=generator)
        order = (seen @ meant).argsort()
        liked, disliked = seen[order[-3:]], seen[order[:3]]
        near.append(cosine(direction_of(liked, disliked, density), meant))
        plain.append(cosine(liked.mean(0) - disliked.mean(0), meant))
    assert sum(near) > sum(plain)
    assert sum(near) / len(near) > 0.8


def cosine(one, other):
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def test_a_world_gives_its_direction_as_latents(tiny_world):
    world = get_infer_model(tiny_world)
    drawn = world.sample(6, generator=torch.Generator().manual_seed(1))
    liked, others = (world.split(part) for part in drawn.joined().split(3))
    there, back = world.direction(liked, others), world.direction(others, liked)
    assert (there.z.shape, there.key.shape) == ((1, 4), (1, 18))
    assert torch.allclose(there.joined(), -back.joined(), atol=1e-5)


def test_what_gives_no_direction_is_refused(density):
    some = rows([1.0, 2.0, 3.0])
    with pytest.raises(ConfigError, match="nothing in common"):
        direction_of(some, some, density)
    for liked in (some[:0], some[:, :2], some[0]):
        with pytest.raises(ShapeError, match="expected latents"):
            direction_of(liked, some, density)

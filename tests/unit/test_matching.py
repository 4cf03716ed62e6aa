"""Matching closer: nearer, never farther, within the world, and its weights as they were."""

import pytest
import torch

from tests.conftest import draw_fruit, to_images
from vae import matching
from vae.errors import ConfigError, ShapeError
from vae.infer import get_infer_model
from vae.matching import Matching, distance, match


@pytest.fixture(scope="module")
def world(tiny_world):
    return get_infer_model(tiny_world)


@pytest.fixture(scope="module")
def images():
    return to_images([draw_fruit(seed, 32) for seed in range(3)])


@pytest.fixture(scope="module")
def start(world):
    """Between what the world learned from: few steps leave an encoder that points far outside."""
    noise = 0.5 * torch.randn(3, 22, generator=torch.Generator().manual_seed(3))
    return world.split(world.density.place(torch.zeros(3, dtype=torch.long), noise))


@pytest.fixture(scope="module")
def found(world, images, start):
    return world.match(images, start, steps=20)


def test_a_distance_by_hand():
    one = torch.tensor([0.5, 0.5, 0.5, 1.0])[None, :, None, None].expand(1, 4, 2, 2)
    clear = torch.tensor([0.9, 0.1, 0.3, 0.0])[None, :, None, None].expand(1, 4, 2, 2)
    assert distance(one, one).tolist() == [0]
    assert distance(clear, 0 * clear).tolist() == [0]  # the colour of what is clear is no matter
    assert float(distance(one, clear)) == pytest.approx(((3 * 0.25 + 1) / 4) ** 0.5)


def test_a_matched_picture_is_nearer_and_what_is_told_is_so(world, images, start, found):
    assert found.steps == 20
    assert (found.after < found.before).all()
    assert torch.allclose(found.before, distance(world.decode(start), images), atol=1e-5)
    assert torch.allclose(found.after, distance(world.decode(found.latents), images), atol=1e-5)


def test_the_pull_keeps_it_nearer_to_the_world(world, images, start, monkeypatch):
    pulled = world.match(images, start, steps=40).latents
    monkeypatch.setattr(matching, "_PULL", 0.0)
    free = world.match(images, start, steps=40).latents
    near, far = (world.density.log_prob(found.joined()).mean() for found in (pulled, free))
    assert near > far


def test_each_picture_is_searched_for_on_its_own(world, images, start, found):
    alone = world.match(images[1:2], world.split(start.joined()[1:2]), steps=20)
    assert torch.allclose(alone.after, found.after[1:2], atol=1e-4)


def test_the_world_is_left_as_it_was(world, images, start):
    before = {name: tensor.clone() for name, tensor in world.model.state_dict().items()}
    world.match(images, start, steps=2)
    assert all(torch.equal(before[name], t) for name, t in world.model.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in world.model.parameters())


@torch.inference_mode()
def test_it_can_be_asked_where_everything_else_runs_without_gradients(tiny_world, images):
    """As on the page's drawing thread, and with latents that were made there."""
    with torch.inference_mode(False):
        world = get_infer_model(tiny_world)
    search = world.matching(images, world.sample(3))
    for _ in range(12):
        search.advance()
    search.look()
    assert (search.now < search.before).any()
    assert (search.now <= search.before).all()
    assert torch.is_inference_mode_enabled()


def test_progress_is_told_and_can_end_it(world, images, start):
    told = []

    def progress(taken, distances):
        told.append((taken, distances.tolist()))
        return taken < 4

    found = world.match(images, start, progress=progress)
    assert [taken for taken, _ in told] == [1, 2, 3, 4]
    assert found.steps == 4
    assert all(later <= first for first, later in zip(told[0][1], told[-1][1], strict=True))


def test_time_can_end_it(world, images, start):
    assert world.match(images, start, seconds=1e-6).steps == 1


def test_a_worse_place_is_not_kept(world):
    picture = torch.rand(1, 4, 32, 32)
    start = world.split(world.density.means[:1])
    climb = Matching(lambda at: 1 - world.model.decode(at, size=32), world.density, picture, start)
    climb._images = 1 - picture
    climb.advance()
    climb._at = climb._at + 50  # a place where nothing is near
    climb.look()
    assert torch.equal(climb.latents.joined(), start.joined())
    assert torch.equal(climb.now, climb.before)


def test_what_cannot_be_matched_is_refused(world, images, start):
    with pytest.raises(ShapeError, match="expected 2 rows of latents, found 3"):
        world.match(images[:2], start)
    with pytest.raises(ShapeError, match="takes images of shape"):
        world.match(images[:, :3], start)
    for steps, seconds in ((0, None), (3, 0.0)):
        with pytest.raises(ConfigError, match="positive steps and seconds"):
            match(world.matching(images, start), steps=steps, seconds=seconds)

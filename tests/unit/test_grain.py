"""Grain is read off a picture: none from a flat one, much from a rough one, and lines are not."""

import pytest
import torch

from tests.conftest import draw_fruit, to_images
from vae.errors import ConfigError, ShapeError
from vae.grain import amounts_of, matching_grain, roughness
from vae.infer import get_infer_model
from vae.packed import can_pack


def disk(side: int = 64) -> torch.Tensor:
    """A flat green disk with a hard edge."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side),) * 2, indexing="ij")
    alpha = (x.square() + y.square() < 0.7).float()
    colour = torch.tensor([0.2, 0.6, 0.2])[:, None, None].expand(3, side, side)
    return torch.cat((colour, alpha[None]))[None]


def rough(amount: float, picture: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(1, 1, *picture.shape[2:], generator=torch.Generator().manual_seed(1))
    return torch.cat((picture[:, :3] + 0.1 * amount * noise, picture[:, 3:]), 1).clamp(0, 1)


def test_a_flat_shape_has_no_roughness_and_its_outline_is_none():
    assert float(roughness(disk()).max()) < 1e-6


def test_lines_are_not_grain():
    picture = disk()
    picture[:, :3, :, ::8] = 0  # an eighth of it
    assert float(roughness(picture)[0, 0]) < 1e-6


def test_roughness_grows_with_noise():
    found = [float(roughness(rough(a, disk()))[0, 0]) for a in (0.2, 0.4, 0.8)]
    assert found[1] / found[0] == pytest.approx(2, rel=0.05)
    assert found[2] / found[1] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("amount", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_the_share_that_made_a_picture_is_found_again(amount):
    picture = disk()
    found = matching_grain(roughness(rough(amount, picture)), lambda share: rough(share, picture))
    assert found.item() == pytest.approx(amount, abs=0.051)


def test_what_is_rougher_than_the_world_gets_all_of_its_grain_and_no_more():
    picture = disk()
    found = matching_grain(roughness(rough(3, picture)), lambda share: rough(share, picture))
    assert found.item() == 1


def test_where_next_to_nothing_is_visible_all_of_it_is_left():
    clear = torch.zeros(2, 4, 64, 64)
    assert roughness(clear).isnan().all()
    found = matching_grain(roughness(clear), lambda share: rough(share, clear))
    assert found.tolist() == [1, 1]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_without_alpha_are_visible_everywhere(channels):
    noise = 0.1 * torch.randn(1, 1, 64, 64).expand(1, channels, 64, 64)
    assert (roughness(0.5 + noise) > 0.01).all()


def test_amounts_are_one_or_one_for_each():
    assert amounts_of(1, 3).shape == (1, 1, 1, 1)
    assert amounts_of(torch.tensor([0.0, 1.0, 2.0]), 3).flatten().tolist() == [0, 1, 2]
    for wrong in (-0.1, 2.1, torch.ones(2), float("nan")):
        with pytest.raises(ConfigError, match="grain from 0 to 2, one or 3"):
            amounts_of(wrong, 3)


# ------------------------------------------------------------------------------ in a world


@pytest.fixture(scope="module")
def world(tiny_world):
    return get_infer_model(tiny_world)


def test_one_picture_and_many_are_grained_alike(world):
    """Alone they are drawn by another way, where the machine has one."""
    latents = world.sample(3, generator=torch.Generator().manual_seed(2))
    amounts = torch.tensor([0.0, 0.6, 1.7])
    together = world.decode(latents, grain=amounts)
    tolerance = 0.05 if can_pack(world.model.output_encoder) else 1e-5
    for i, amount in enumerate(amounts.tolist()):
        alone = world.decode(world.split(latents.joined()[i : i + 1]), grain=amount)
        assert torch.allclose(alone[0], together[i], atol=tolerance)
        assert (alone[0] - together[i]).abs().mean() < tolerance / 20
    assert torch.equal(world.decode(latents), world.decode(latents, grain=1))
    assert not torch.equal(world.decode(latents), world.decode(latents, grain=0))


def test_grain_of_pictures_is_a_share_for_each(world):
    images = to_images([draw_fruit(seed, 32) for seed in range(3)])
    found = world.grain_of(images, world.sample(3))
    assert found.shape == (3,)
    assert ((found >= 0) & (found <= 1)).all()
    with pytest.raises(ShapeError, match="expected 3 rows of latents, found 2"):
        world.grain_of(images, world.sample(2))

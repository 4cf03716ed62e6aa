"""A world's change, laid on a picture it cannot draw."""

import pytest
import torch

from vae.change import lay_change, spread
from vae.errors import ShapeError


def disc(radius: float, colour: tuple[float, float, float], side: int = 32) -> torch.Tensor:
    axis = torch.linspace(-1, 1, side)
    alpha = ((radius - torch.hypot(axis[:, None], axis[None])) * 6 + 0.5).clamp(0, 1)
    return torch.cat((torch.tensor(colour)[:, None, None].expand(3, side, side), alpha[None]))[None]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_no_change_gives_the_picture_back(channels):
    picture, drawn = torch.rand(2, channels, 8, 8), torch.rand(2, channels, 8, 8)
    assert torch.equal(lay_change(picture, drawn, drawn.clone()), picture.clamp(0, 1))


def test_where_the_world_draws_the_picture_itself_its_edit_comes_out():
    before, after = disc(0.6, (0.8, 0.2, 0.1)), disc(0.8, (0.2, 0.6, 0.1))
    found = lay_change(before, before, after)
    assert torch.allclose(found[:, 3], after[:, 3], atol=1e-6)
    seen = after[:, 3:] > 0.05
    assert ((found - after).abs() * seen).max() < 0.02


def test_colour_reaches_what_the_world_leaves_clear_without_a_rim():
    """The picture fills the square; the world's idea of it is a disc: it warms and shrinks."""
    picture = torch.full((1, 4, 32, 32), 0.5)
    picture[:, 3] = 1
    before, after = disc(0.7, (0.4, 0.4, 0.4)), disc(0.68, (0.6, 0.4, 0.3))
    found = lay_change(picture, before, after)
    wanted = torch.tensor([0.7, 0.5, 0.4])[None, :, None, None]
    assert (found[:, :3] - wanted).abs().max() < 0.02
    assert found[:, 3].min() > 0.85  # a plain sum would cut a ring into it
    sharp = (picture[:, 3] + after[:, 3] - before[:, 3]).clamp(0, 1)
    assert found[:, 3].min() > sharp.min()


def test_detail_stays_beside_the_change():
    before, after = torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), 0.5)
    detail = 0.2 * torch.rand(1, 3, 8, 8) - 0.1
    found = lay_change(before + detail, before, after)
    assert torch.allclose(found, before + detail + 0.1, atol=1e-6)


def test_alpha_and_colour_stay_within_bounds():
    picture, clear, full = torch.rand(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 8, 8)
    for found in (lay_change(picture, full, clear), lay_change(picture, clear, full)):
        assert ((found >= 0) & (found <= 1)).all()


def test_unknown_values_are_filled_in_from_around_and_known_ones_stay():
    values, weight = torch.rand(1, 2, 16, 16), torch.zeros(1, 1, 16, 16)
    weight[..., :8] = 1
    values[:, 0, :, :8], values[:, :, :, 8:] = 0.25, 9.0
    found = spread(values, weight)
    assert torch.equal(found[..., :8], values[..., :8])
    assert torch.allclose(found[:, 0], torch.full((1, 16, 16), 0.25), atol=1e-5)
    assert found[:, 1, :, 8:].max() <= 1
    assert torch.isfinite(spread(values, torch.zeros_like(weight))).all()


@pytest.mark.parametrize("side", [7, 28, 1])
def test_any_side_is_filled(side):
    found = spread(torch.full((1, 3, side, side), 0.3), torch.rand(1, 1, side, side))
    assert torch.allclose(found, torch.full((1, 3, side, side), 0.3), atol=1e-5)


def test_pictures_of_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="one shape"):
        lay_change(torch.rand(1, 4, 8, 8), torch.rand(1, 3, 8, 8), torch.rand(1, 4, 8, 8))

"""A world's change, laid on a picture it cannot draw."""

import pytest
import torch

from vae.change import lay_change
from vae.errors import ShapeError
from vae.losses import premultiply


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_no_change_gives_the_picture_back(channels):
    picture = 0.1 + 0.8 * torch.rand(2, channels, 8, 8)
    drawn, edited = torch.rand(2, channels, 8, 8), torch.rand(2, channels, 8, 8)
    assert torch.allclose(lay_change(picture, drawn, drawn), picture, atol=1e-6)
    assert torch.allclose(lay_change(picture, drawn, edited, amount=0), picture, atol=1e-6)


def test_where_the_world_draws_the_picture_itself_its_edit_comes_out():
    before, after = torch.rand(2, 4, 8, 8), 0.1 + 0.9 * torch.rand(2, 4, 8, 8)
    found = lay_change(before, before, after)
    assert torch.allclose(premultiply(found), premultiply(after), atol=1e-6)


def test_detail_stays_beside_the_change():
    before, after = torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), 0.5)
    detail = 0.2 * torch.rand(1, 3, 8, 8) - 0.1
    found = lay_change(before + detail, before, after, amount=0.5)
    assert torch.allclose(found, before + detail + 0.05, atol=1e-6)


def test_alpha_and_colour_stay_within_bounds():
    picture, clear, full = torch.rand(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), torch.ones(1, 4, 8, 8)
    gone = lay_change(picture, full, clear)
    assert torch.equal(gone[:, 3], torch.zeros(1, 8, 8))
    solid = lay_change(picture, clear, full)
    assert torch.equal(solid[:, 3], torch.ones(1, 8, 8))
    for found in (gone, solid):
        assert ((found >= 0) & (found <= 1)).all()


def test_pictures_of_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="one shape"):
        lay_change(torch.rand(1, 4, 8, 8), torch.rand(1, 3, 8, 8), torch.rand(1, 4, 8, 8))

"""A change between small pictures, laid on a large one."""

import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tests.conftest import draw_fruit
from vae.errors import ShapeError
from vae.local_change import LocalChange
from vae.losses import premultiply
from vae.pixels import to_tensor

SIDE, LARGE = 64, 512
WHOLE = (0.0, 0.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def large() -> torch.Tensor:
    return to_tensor(draw_fruit(3, LARGE))


@pytest.fixture(scope="module")
def small() -> torch.Tensor:
    drawn = Image.fromarray(draw_fruit(3, LARGE)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return to_tensor(drawn)


def warmer(picture: torch.Tensor) -> torch.Tensor:
    """Straight RGBA with more contrast, warmer, and half as dense."""
    colour, alpha = picture.split((3, 1), 1)
    scale = torch.tensor([1.2, 1.0, 0.7])[None, :, None, None]
    return torch.cat((((colour - 0.4) * 1.3 + 0.4) * scale, alpha * 0.5), 1).clamp(0, 1)


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return (premultiply(a) - premultiply(b)).square().mean().sqrt().item()


def test_a_change_of_the_large_picture_itself_comes_out_sharply(large, small):
    found = LocalChange.fit(small, warmer(small)).lay_on(large, WHOLE)
    wanted = warmer(large)
    change = premultiply(warmer(small)) - premultiply(small)
    plain = F.interpolate(change, size=(LARGE, LARGE), mode="bicubic", align_corners=False)
    plain_far = (premultiply(large) + plain - premultiply(wanted)).square().mean().sqrt().item()
    enlarged = F.interpolate(warmer(small), size=(LARGE, LARGE), mode="bicubic")
    assert far(found, wanted) < 0.004
    assert far(found, wanted) < plain_far / 1.5
    assert far(found, wanted) < far(enlarged, wanted) / 2


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_no_change_leaves_it_as_it_is(channels):
    picture, square = torch.rand(1, channels, 50, 30), torch.rand(1, channels, 16, 16)
    if channels == 4:
        picture[:, 3] = 0.5 + picture[:, 3] / 2
    found = LocalChange.fit(square, square.clone()).lay_on(picture, WHOLE)
    assert torch.allclose(found, picture, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_on_the_small_picture_nothing_of_the_change_is_missing(channels):
    generator = torch.Generator().manual_seed(1)
    before, after = torch.rand(2, 1, channels, 32, 32, generator=generator)
    found = LocalChange.fit(before, after).lay_on(before, WHOLE)
    assert torch.allclose(premultiply(found), premultiply(after), atol=1 / 500)


def test_what_was_clear_can_be_filled_and_what_was_filled_cleared():
    clear, full = torch.zeros(1, 4, 16, 16), torch.ones(1, 4, 16, 16)
    full[:, 1] = 0.25
    assert torch.allclose(LocalChange.fit(clear, full).lay_on(clear, WHOLE), full, atol=1e-5)
    assert LocalChange.fit(full, clear).lay_on(full, WHOLE)[:, 3].max() < 1e-5


def test_a_part_of_the_square_changes_as_that_part(large, small):
    """The right half of a picture, laid on the right half, is the right half of the whole."""
    change = LocalChange.fit(small, warmer(small))
    whole = change.lay_on(large, WHOLE)
    half = change.lay_on(large[..., LARGE // 2 :], (0.5, 0.0, 1.0, 1.0))
    assert torch.allclose(half, whole[..., LARGE // 2 :], atol=1e-4)


def test_beyond_the_square_it_changes_as_the_edge_does():
    before, after = torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), 0.5)
    found = LocalChange.fit(before, after).lay_on(torch.full((1, 3, 9, 20), 0.2), (-1, 0, 2, 1))
    assert torch.allclose(found, torch.full((1, 3, 9, 20), 0.3), atol=1e-3)


def test_what_lies_beyond_shows_no_streaks():
    """A change that is rough along the edge is smooth beyond it, and as strong."""
    before = torch.full((1, 3, 64, 64), 0.4)
    rough = 0.1 + 0.1 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(4))
    change = LocalChange.fit(before, (before + rough).clamp(0, 1))
    wide = torch.full((1, 3, 128, 256), 0.4)
    found = change.lay_on(wide, (-0.5, 0.0, 1.5, 1.0)) - wide
    assert found[..., 64:192].diff(dim=2).abs().mean() > 0.02
    assert found[..., :50].diff(dim=2).abs().mean() < 0.005
    assert found[..., :50].mean() == pytest.approx(0.1, abs=0.03)
    steps = found.diff(dim=3).abs().mean((0, 1, 2))
    assert steps[60:68].max() < 2 * steps[64:192].max()  # no seam at the edge


def test_noise_in_a_flat_place_asks_for_no_steep_map():
    """A hundredth of noise before and after leaves an edge of the large picture alone."""
    generator = torch.Generator().manual_seed(2)
    before = 0.5 + 0.01 * torch.randn(1, 3, 16, 16, generator=generator)
    after = 0.5 + 0.01 * torch.randn(1, 3, 16, 16, generator=generator)
    change = LocalChange.fit(before, after)
    edge = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    assert (change.lay_on(edge, WHOLE) - edge).abs().mean() < 0.05
    assert change.maps[:, :, :-1].abs().mean() < 0.2


def test_other_shapes_are_refused():
    one, two = torch.rand(1, 4, 8, 8), torch.rand(2, 4, 8, 8)
    for before, after in ((one, torch.rand(1, 3, 8, 8)), (two, two)):
        with pytest.raises(ShapeError, match="one picture before and after"):
            LocalChange.fit(before, after)
    with pytest.raises(ShapeError, match="expected a picture"):
        LocalChange.fit(one, one).lay_on(torch.rand(1, 3, 8, 8), WHOLE)


def test_a_linear_change_is_found_where_there_is_enough_to_see():
    before = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(3))
    mixing = torch.tensor([[0.6, 0.2, 0.0], [0.1, 0.5, 0.1], [0.0, 0.3, 0.4]])
    after = torch.einsum("ij,njhw->nihw", mixing, before) + 0.1
    maps = LocalChange.fit(before, after).maps[0, :, :, 12, 12]
    assert torch.allclose(maps[:, :3], mixing - torch.eye(3), atol=0.03)
    assert torch.allclose(maps[:, 3], torch.full((3,), 0.1), atol=0.03)

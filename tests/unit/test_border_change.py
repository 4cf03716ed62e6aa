"""A change of a square, carried on beyond its borders."""

import numpy as np
import pytest
import torch

from vae.border_change import DEPTH, PARTS, BorderChange
from vae.change import Change
from vae.editing import MOST, enlarge
from vae.errors import ShapeError
from vae.pixels import to_floats

SIDE, BEYOND = 64, 30


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def on_either_side(whole: torch.Tensor, across: bool) -> torch.Tensor:
    """A wide picture, as it is or turned to a tall one."""
    return whole if across else whole.mT.contiguous()


def middle(whole: torch.Tensor, across: bool) -> torch.Tensor:
    return whole[..., BEYOND:-BEYOND] if across else whole[..., BEYOND:-BEYOND, :]


def linear(picture: torch.Tensor) -> torch.Tensor:
    """Darker, warmer, a little mixed."""
    channels = picture.shape[1]
    mixing = torch.tensor([[0.7, 0.1, 0.0], [0.0, 0.6, 0.1], [0.05, 0.0, 0.4]])
    mixing = mixing[:channels, :channels]
    return torch.einsum("ij,njhw->nihw", mixing, picture) + 0.1


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_linear_change_is_found_again_and_laid_beyond(channels, across):
    whole = torch.rand(1, channels, SIDE, SIDE + 2 * BEYOND, generator=seeded(1))
    whole = on_either_side(whole, across)
    square = middle(whole, across)
    border = BorderChange.fit(square, linear(square), across=across)
    assert border.maps.shape == (2, PARTS, channels, channels + 1)
    found = border.extend(whole, linear(square))
    assert found.shape == whole.shape
    assert (found - linear(whole)).abs().max() < 0.02


def test_no_change_leaves_all_as_it_is():
    whole = torch.rand(1, 3, SIDE, SIDE + 2 * BEYOND, generator=seeded(2))
    square = middle(whole, True)
    border = BorderChange.fit(square, square.clone(), across=True)
    assert torch.allclose(border.extend(whole, square), whole, atol=1e-6)


@pytest.mark.parametrize("across", [True, False])
def test_what_is_at_the_borders_holds_beyond_and_each_has_its_own(across):
    """Brighter at one end and darker at the other; the middle is the square's own."""
    square = torch.full((1, 3, SIDE, SIDE), 0.5)
    slope = 0.2 * torch.linspace(1, -1, SIDE).expand(SIDE, SIDE)
    change = slope if across else slope.mT
    whole = on_either_side(torch.full((1, 3, SIDE, SIDE + 2 * BEYOND), 0.5), across)
    border = BorderChange.fit(square, square + change, across=across)
    found = border.extend(whole, square + change) - 0.5
    found = found if across else found.mT
    assert found[..., :BEYOND].std() < 1e-3  # constant outward
    assert 0.1 < found[..., :BEYOND].mean() < 0.2
    assert -0.2 < found[..., -BEYOND:].mean() < -0.1
    inner = slice(BEYOND + SIDE // 4, BEYOND + 3 * SIDE // 4)
    assert torch.allclose(found[..., inner], slope[:, SIDE // 4 : -SIDE // 4], atol=1e-6)


def test_a_light_at_the_border_ends_in_no_line():
    """A change that is rough in the square, and all over at its border, is smooth beyond."""
    square = torch.full((1, 3, SIDE, SIDE), 0.4)
    rough = 0.1 + 0.1 * torch.randn(1, 1, SIDE, SIDE, generator=seeded(4))
    whole = torch.full((1, 3, SIDE, SIDE + 2 * BEYOND), 0.4)
    after = (square + rough).clamp(0, 1)
    found = BorderChange.fit(square, after, across=True).extend(whole, after) - whole
    assert found[..., BEYOND:-BEYOND].diff(dim=2).abs().mean() > 0.02
    assert found[..., :BEYOND].diff(dim=2).abs().mean() < 0.005
    assert found[..., :BEYOND].mean() == pytest.approx(0.1, abs=0.03)
    steps = found.diff(dim=3).abs().amax((0, 1, 2))
    assert steps[: BEYOND + 1].max() < 0.02  # no seam, and no streak out of it


def test_a_flat_sky_takes_the_slopes_of_the_whole_square():
    """Clouds that only the rest of the picture has are not drawn out to extremes."""
    square = torch.rand(1, 3, SIDE, SIDE, generator=seeded(5))
    depth = round(DEPTH * SIDE)
    square[..., :depth] = 0.6 + 0.003 * torch.randn(1, 3, SIDE, depth, generator=seeded(6))
    after = 0.5 * square + 0.2
    after[..., :depth] += 0.003 * torch.randn(1, 3, SIDE, depth, generator=seeded(7))
    maps = BorderChange.fit(square, after, across=True).maps
    assert torch.allclose(maps[..., :3], -0.5 * torch.eye(3).expand(2, PARTS, 3, 3), atol=0.1)


def test_it_is_a_few_numbers():
    square = torch.rand(1, 3, SIDE, SIDE, generator=seeded(8))
    border = BorderChange.fit(square, 1 - square, across=False)
    numbers = border.numbers()
    assert len(numbers) == 2 * PARTS * 12
    assert torch.allclose(torch.tensor(numbers).view(2, PARTS, 3, 4), border.maps, atol=1e-5)


def test_other_shapes_are_refused():
    opaque = torch.rand(1, 3, 8, 8)
    for before, after in (
        (opaque, torch.rand(1, 1, 8, 8)),
        (torch.rand(2, 3, 8, 8),) * 2,
        (torch.rand(1, 4, 8, 8),) * 2,
    ):
        with pytest.raises(ShapeError, match="one opaque picture"):
            BorderChange.fit(before, after, across=True)


def test_a_square_picture_and_a_world_of_cut_outs_need_none(monkeypatch):
    monkeypatch.setattr(BorderChange, "fit", None)  # whoever calls it fails
    for channels, shape in ((3, (90, 90)), (4, (60, 90))):
        picture = torch.rand(1, channels, SIDE, SIDE, generator=seeded(9))
        pixels = np.full((*shape, 4), 255, dtype=np.uint8)
        found = enlarge(Change(picture, picture, None, None), pixels, None)
        assert np.abs(found.astype(int) - pixels).max() <= 1


@pytest.mark.parametrize("shape", [(40, 2600), (2600, 40), (64, 65), (65, 64), (1, 300)])
def test_long_pictures_and_nearly_square_ones_are_changed_whole(shape):
    pixels = np.random.default_rng(3).integers(0, 120, (*shape, 4), dtype=np.uint8)
    pixels[..., 3] = 255
    grey = torch.full((1, 3, 32, 32), 0.5)
    found = enlarge(Change(grey, grey + 0.2, None, None), pixels, None)
    assert found.shape == pixels.shape
    assert np.abs(to_floats(found) - to_floats(pixels))[..., :3] == pytest.approx(0.2, abs=0.01)


def test_an_enlarged_strip_fills_no_memory(monkeypatch):
    monkeypatch.setattr("vae.editing.MOST", 5000)
    assert MOST > 5000
    pixels = np.full((10, 900, 4), 255, dtype=np.uint8)
    grey = torch.full((1, 1, 32, 32), 0.5)
    found = enlarge(Change(grey, grey, None, None), pixels, 4)
    assert 4000 < found.shape[0] * found.shape[1] < 6000
    assert found.shape[1] / found.shape[0] == pytest.approx(90, rel=0.1)

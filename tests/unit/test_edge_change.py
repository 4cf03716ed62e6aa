"""An edge that an edit makes softer, on a picture of one's own."""

import pytest
import torch

from vae.change import find_change, lay_change
from vae.edge_change import (
    blur_between,
    edges_between,
    is_cut_out,
    soften,
    softness,
    veil,
)
from vae.local_change import LocalChange

SIDE = 128


def disc(deviation: float, radius: float = 0.6, side: int = SIDE) -> torch.Tensor:
    """Alpha of a disc whose edge is blurred by so much of the side, (1, 1, side, side)."""
    line = (2 * torch.arange(side) + 1) / side - 1
    far = torch.hypot(line[:, None], line[None])
    return torch.special.ndtr((radius - far) / (2 * deviation))[None, None]


def filled(alpha: torch.Tensor, *colour: float) -> torch.Tensor:
    paint = torch.tensor(colour)[:, None, None].expand(3, *alpha.shape[-2:])
    return torch.cat((paint[None], alpha), 1)


@pytest.mark.parametrize("deviation", [0.01, 0.02, 0.03])
def test_softness_is_the_deviation_of_a_blur(deviation):
    assert softness(disc(deviation)).item() == pytest.approx(deviation, rel=0.05)
    assert softness(disc(deviation, side=64)).item() == pytest.approx(deviation, rel=0.1)


def test_no_edge_has_no_softness():
    assert not softness(torch.zeros(2, 1, 32, 32)).any()
    assert not softness(torch.ones(2, 1, 32, 32)).any()


@pytest.mark.parametrize(("old", "new"), [(0.01, 0.025), (0.012, 0.016), (0.03, 0.012)])
def test_an_edge_becomes_as_soft_as_the_worlds_and_stays_where_it_is(old, new):
    picture = filled(disc(old), 0.8, 0.2, 0.1)
    found = soften(picture, torch.tensor([old]), torch.tensor([new]))
    assert softness(found[:, 3:]).item() == pytest.approx(new, rel=0.12)
    assert found[:, 3].mean() == pytest.approx(picture[:, 3].mean().item(), rel=0.02)
    seen = found[:, 3:] > 0.02
    wanted = torch.tensor([0.8, 0.2, 0.1])[None, :, None, None]
    assert ((found[:, :3] - wanted).abs() * seen).max() < 0.01  # no dark rim


def test_the_same_softness_changes_nothing_and_no_edge_is_known_by_none():
    picture = filled(disc(0.01), 0.8, 0.2, 0.1)
    for old, new in ((0.02, 0.02), (0.0, 0.03), (0.03, 0.0)):
        found = soften(picture, torch.tensor([old]), torch.tensor([new]))
        assert torch.allclose(found[:, 3], picture[:, 3], atol=1e-5)


def test_an_edge_that_is_hardly_stirred_stays_crisp():
    crisp, old = disc(0.002), disc(0.010)
    for new, found in ((0.0115, 0.010), (0.0087, 0.010), (0.024, 0.020), (0.006, 0.0072)):
        edges = edges_between(old, disc(new), crisp)
        assert edges[0].item() == pytest.approx(0.010, rel=0.06)
        assert edges[1].item() == pytest.approx(found, rel=0.06)
    assert not blur_between(*edges_between(old, disc(0.0115), crisp)).any()


def test_a_slider_of_softness_reaches_a_picture_of_other_colours_and_shapes():
    line = (2 * torch.arange(SIDE) + 1) / SIDE - 1
    diamond = ((0.75 - line.abs()[:, None] - line.abs()[None]) * 60 + 0.5).clamp(0, 1)[None, None]
    picture = filled(diamond, 0.1, 0.3, 0.9)
    before, after = (filled(disc(soft, 0.55), 0.8, 0.2, 0.1) for soft in (0.008, 0.03))
    found = lay_change(picture, before, after)
    assert softness(found[:, 3:]) > 2 * softness(picture[:, 3:])


def test_the_frame_of_a_photograph_stays_crisp():
    photograph = torch.zeros(1, 1, SIDE, SIDE)
    photograph[..., 20:108, :] = 1
    assert is_cut_out(photograph) == 0
    assert is_cut_out(disc(0.01)) == 1
    picture = filled(photograph, 0.1, 0.3, 0.9)
    before, after = (filled(disc(soft, 0.7), 0.8, 0.2, 0.1) for soft in (0.008, 0.03))
    found = lay_change(picture, before, after)
    assert (found[:, 3] - picture[:, 3]).abs().max() < 0.05


def test_several_are_those_apart():
    pictures = torch.cat([filled(disc(s), 0.5, 0.5, 0.5) for s in (0.01, 0.02)])
    old, new = torch.tensor([0.01, 0.02]), torch.tensor([0.03, 0.01])
    both = soften(pictures, old, new)
    for i in range(2):
        one = slice(i, i + 1)
        assert torch.allclose(both[one], soften(pictures[one], old[one], new[one]), atol=1e-5)


def test_a_veil_lies_on_soft_edges_and_nowhere_else():
    alpha = (disc(0.001) > 0.5).float()
    lost = veil(alpha, torch.tensor([0.01]))
    line = (2 * torch.arange(SIDE) + 1) / SIDE - 1
    far = (torch.hypot(line[:, None], line[None]) - 0.6).abs()
    assert (lost[0, 0][far < 0.02] > 0.95).all()
    assert not lost[0, 0][far > 0.1].any()
    assert not veil(alpha, torch.tensor([0.0])).any()
    assert 0.2 < veil(alpha, torch.tensor([0.003])).max() < 0.7


def test_a_large_picture_is_as_soft_as_the_small_one_and_as_sharp_inside():
    """Its alpha ends within a pixel; a plain sum would keep that line within the soft edge."""
    small = filled(disc(0.002), 0.8, 0.2, 0.1)
    before, after = (filled(disc(soft), 0.8, 0.2, 0.1) for soft in (0.008, 0.03))
    change = find_change(small, before, after)
    large = filled((disc(0.001, side=8 * SIDE) > 0.5).float(), 0.8, 0.2, 0.1)
    large[:, :3, ::2] *= 0.5  # lines as fine as can be
    found = LocalChange.of(change).lay_on(large, (0, 0, 1, 1))
    assert found[0, 3].diff(dim=-1).abs().max() < 0.05
    inside = found[0, 0, 4 * SIDE - 100 : 4 * SIDE + 100, 4 * SIDE]
    assert inside.diff().abs().mean() > 0.2

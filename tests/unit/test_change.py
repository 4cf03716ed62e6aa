"""A world's change, laid on a picture it cannot draw."""

import pytest
import torch
import torch.nn.functional as F

from vae.change import lay_change
from vae.colour_change import colour_maps, spread_colours
from vae.errors import ShapeError
from vae.outline_change import reshaped


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


def blobs(seed: int, side: int = 64) -> torch.Tensor:
    """Soft shapes in many colours, (1, 3, side, side)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 6, 6, generator=generator)
    return F.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0.1, 0.9)


def darker(x: torch.Tensor) -> torch.Tensor:
    return 0.6 * x + 0.2 * x.mean(1, keepdim=True)


def test_what_an_edit_does_to_colours_suits_a_picture_of_other_shapes():
    picture, before = blobs(1), blobs(2)
    found = lay_change(picture, before, darker(before))
    plain = (picture + darker(before) - before).clamp(0, 1)
    wanted = darker(picture)
    assert (found - wanted).abs().mean() < 0.03
    assert (found - wanted).abs().mean() < (plain - wanted).abs().mean() / 4


def test_a_shape_is_added_where_the_world_knows_the_picture_and_only_there():
    """A light put in the middle: on a picture the world draws, and on one that it does not."""
    before = blobs(3)
    light = 0.2 * disc(0.3, (1, 1, 1), 64)[:, 3:]
    near = before + 0.01 * torch.randn(before.shape, generator=torch.Generator().manual_seed(0))
    lit = lay_change(near, before, before + light) - near
    assert (lit - light).abs().mean() < 0.02
    far = lay_change(blobs(4), before, before + light) - blobs(4)
    assert far.diff(dim=-1).abs().max() < lit.diff(dim=-1).abs().max() / 3  # a glow, no disc


def test_a_hole_is_cut_where_the_world_knows_the_picture_and_only_there():
    full = torch.ones(1, 1, 64, 64)
    before = torch.cat((blobs(3), full), 1)
    after = before.clone()
    after[:, 3:] = 1 - disc(0.3, (1, 1, 1), 64)[:, 3:]
    assert lay_change(before, before, after)[:, 3].min() < 0.1
    photograph = torch.cat((1 - blobs(3), full), 1)
    assert lay_change(photograph, before, after)[:, 3].min() > 0.8


def crisp(alpha: torch.Tensor) -> torch.Tensor:
    return (alpha > 0.5).float()


def test_flat_colour_stays_flat_and_what_has_detail_takes_up_lights():
    """The world's disc gets a light in its middle, which a flat drawing would show as a blotch."""
    before = disc(0.7, (0.6, 0.3, 0.3), 64)
    after = before.clone()
    after[:, :3] += 0.25 * disc(0.12, (1, 1, 1), 64)[:, 3:]
    noise = 0.05 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    middle, edge = (slice(None), slice(0, 3), 32, 32), (slice(None), slice(0, 3), 32, 16)
    lit = {}
    for name, detail in (("flat", torch.zeros_like(noise)), ("grained", noise)):
        picture = before.clone()
        picture[:, :3] += detail
        gain = lay_change(picture, before, after) - picture
        lit[name] = (gain[middle] - gain[edge]).mean()
    assert lit["grained"] > 0.15
    assert lit["flat"] < lit["grained"] / 3


def test_a_bite_is_the_worlds_own_and_is_not_taken_out_of_another_picture():
    before = disc(0.7, (0.7, 0.3, 0.3), 64)
    after = before.clone()
    after[:, 3:] *= 1 - disc(0.4, (1, 1, 1), 64)[:, 3:].roll(20, 3)
    picture = before.clone()
    picture[:, :3] += 0.03  # near, but not the world's own

    def widths(found):
        return (found[0, 3] > 0.5).sum(1)[[18, 32]].tolist()

    far, middle = widths(lay_change(picture, before, after))
    assert middle >= far  # it may be bent to be narrower
    far, middle = widths(lay_change(before, before, after))
    assert middle < far  # of its own it is


def test_between_outlines_a_pixel_apart_no_line_is_left_standing():
    had, alpha = disc(0.6, (0, 0, 0), 64)[:, 3:], disc(0.64, (0, 0, 0), 64)[:, 3:]
    has = had.clone()
    has[..., 36:] = 0  # the right of it is gone
    follow = torch.ones_like(had)
    assert reshaped(alpha, had, has, follow)[0, 0, 32, 38:].max() < 0.05
    grown = reshaped(had, alpha, torch.ones_like(had), follow)
    assert grown.min() > 0.9
    assert torch.allclose(reshaped(had, had, has, follow), has, atol=1e-6)
    assert torch.equal(reshaped(alpha, had, has, torch.zeros_like(had)), alpha)


def test_a_crisp_drawing_takes_no_smudge():
    soft = disc(0.6, (0.5, 0.4, 0.4), 64)
    axis = torch.linspace(-1, 1, 64)
    soft[:, 3] = ((0.6 - torch.hypot(axis[:, None], axis)) * 3 + 0.5).clamp(0, 1)
    after = soft.clone()
    after[:, 3:, :8] = torch.maximum(after[:, 3:, :8], torch.tensor(0.3))  # a cloud along the top
    drawing = soft.clone()
    drawing[:, 3:] = crisp(soft[:, 3:])
    assert lay_change(soft, soft, after)[:, 3, :8].max() > 0.2
    assert lay_change(drawing, soft, after)[:, 3, :8].max() < 0.05


def test_beside_a_picture_the_world_does_not_know_nothing_is_drawn():
    """A leaf grows beside the fruit: on a fruit of its colour, and on one of another."""
    before = disc(0.5, (0.8, 0.2, 0.1), 64)
    after = before.clone()
    after[:, :, 2:9, 40:47] = torch.tensor([0.2, 0.6, 0.1, 1.0])[:, None, None]
    known = lay_change(before, before, after)
    other = disc(0.5, (0.1, 0.9, 0.9), 64)
    unknown = lay_change(other, before, after)
    place = (slice(None), 3, slice(2, 9), slice(40, 47))
    assert known[place].mean() > 0.5
    assert unknown[place].mean() < 0.1


def test_an_outline_follows_on_a_picture_of_other_colours():
    picture, before, after = (
        disc(0.6, (0.1, 0.2, 0.8)),
        disc(0.6, (0.8, 0.2, 0.1)),
        disc(0.7, (1, 0, 0)),
    )
    found = lay_change(picture, before, after)
    assert found[:, 3].mean() > picture[:, 3].mean() + 0.6 * (after - before)[:, 3].mean()


@pytest.mark.parametrize("by", [0.4, 1.8])
def test_colours_are_drawn_apart_as_far_as_the_worlds_are(by):
    """On all, though the world's own picture is nearly grey, where maps see nothing."""
    grey = blobs(2).mean(1, keepdim=True)
    drawn = grey + 0.05 * (blobs(5) - 0.5)

    def apart(x: torch.Tensor, by: float) -> torch.Tensor:
        light = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
        hue = x - light
        return light + hue.mean((2, 3), keepdim=True) + by * (hue - hue.mean((2, 3), keepdim=True))

    full, picture = torch.ones(1, 1, 64, 64), 0.3 + 0.4 * blobs(1)
    found, carried = spread_colours(picture, full, drawn, apart(drawn, by), full)
    assert torch.allclose(found, apart(picture, by), atol=0.05 * abs(by - 1))
    assert torch.allclose(carried, apart(drawn, by), atol=0.01)
    same = spread_colours(picture, full, drawn, drawn, full)
    assert torch.allclose(same[0], picture, atol=1e-5)
    assert torch.equal(spread_colours(grey, full, grey, 0.5 * grey, full)[0], grey)


def test_maps_are_those_of_least_squares_where_all_is_of_one_kind():
    colour = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    mixing = torch.tensor([[0.3, -0.2, 0.0], [0.1, 0.2, 0.1], [0.0, 0.3, -0.4]])
    change = torch.einsum("ij,njhw->nihw", mixing, colour) + 0.05
    slopes, shift = colour_maps(colour, change, torch.ones(1, 1, 32, 32))
    assert torch.allclose(slopes.mean((3, 4))[0], mixing, atol=0.06)  # ridged
    assert torch.allclose(shift.mean((2, 3))[0], torch.full((3,), 0.05), atol=0.06)


def test_strips_along_the_rim_of_a_full_square_are_not_laid_on():
    before = blobs(6)
    after = before.clone()
    after[..., 0, :], after[..., -1] = 1.0, 0.0
    assert (lay_change(before, before, after) - before).abs().max() < 0.02
    inside = before.clone()
    inside[..., 30:34, 30:34] = 1.0
    assert (lay_change(before, before, inside) - before).abs().max() > 0.1


@pytest.mark.parametrize("side", [28, 7, 2])
def test_any_side_is_changed(side):
    picture, before, after = torch.rand(3, 2, 4, side, side)
    assert torch.isfinite(lay_change(picture, before, after)).all()
    nothing = torch.zeros(1, 3, side, side)
    maps = colour_maps(nothing, nothing, torch.zeros(1, 1, side, side))
    assert all(torch.isfinite(part).all() for part in maps)


def test_pictures_of_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="one shape"):
        lay_change(torch.rand(1, 4, 8, 8), torch.rand(1, 3, 8, 8), torch.rand(1, 4, 8, 8))


def test_a_photograph_keeps_its_opaque_frame():
    side = 64
    photo = torch.zeros(1, 4, side, side)
    photo[..., 10:54, :] = torch.rand(1, 4, 44, side, generator=torch.Generator().manual_seed(0))
    photo[:, 3, 10:54] = 1
    before = photo.clone()
    before[:, :3] *= 0.93
    after = before.clone()
    after[:, 3] *= 0.98  # the world's idea fades a little, and spills over
    after[:, 3, 8:10] = after[:, 3, 54:56] = 0.02
    changed = lay_change(photo, before, after)
    assert torch.equal(changed[:, 3], photo[:, 3])

"""A silhouette that moves moves the picture."""

import numpy as np
import pytest
import torch

from vae.change import find_change, lay_change
from vae.errors import ShapeError
from vae.warp import Warp

SIDE = 64


def ellipse(across=0.5, down=0.5, x=0.0, y=0.0, lean=0.0, side=SIDE) -> torch.Tensor:
    """Alpha of an ellipse with soft edges, (1, 1, side, side)."""
    line = (2 * torch.arange(side) + 1) / side - 1
    below, right = torch.meshgrid(line, line, indexing="ij")
    radius = torch.hypot((right - x - lean * below) / across, (below - y) / down)
    return ((1 - radius) * side / 8 + 0.5).clamp(0, 1)[None, None]


def box_of(alpha: torch.Tensor) -> list[float]:
    """Return left, top, right, bottom of what is seen, in halves of the side from the middle."""
    seen = alpha[0, 0] > 0.5
    side = alpha.shape[-1]
    edges = [seen.any(axis).nonzero()[[0, -1]].flatten() for axis in (0, 1)]
    (left, right), (top, bottom) = ((2 * at / side - 1).tolist() for at in edges)
    return [left, top, right + 2 / side, bottom + 2 / side]


CHANGES = {
    "taller": ellipse(0.5, 0.65),
    "wider": ellipse(0.62, 0.5),
    "smaller": ellipse(0.4, 0.4),
    "lower": ellipse(y=0.15),
    "to the side": ellipse(x=-0.15),
    "leaning": ellipse(lean=0.3),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_silhouette_is_carried_to_the_other(name):
    before, after = ellipse(), CHANGES[name]
    warp = Warp.fit(before, after, before)
    full = torch.cat((torch.rand(1, 3, SIDE, SIDE), before), 1)
    found = warp.lay_on(full)[:, 3:]
    assert (found - after).abs().mean() < 0.15 * (before - after).abs().mean()


def test_a_picture_of_other_shapes_moves_as_the_silhouette_did():
    """The picture is a square with a notch and a spot; the world's idea an ellipse that grows."""
    square = torch.zeros(1, 1, SIDE, SIDE)
    square[..., 18:46, 18:46] = 1
    square[..., 40:46, 28:36] = 0
    colour = torch.full((1, 3, SIDE, SIDE), 0.8)
    colour[..., 22:26, 30:34] = 0.1
    picture = torch.cat((colour, square), 1)
    before, after = (
        torch.cat((torch.full_like(colour, 0.5), alpha), 1)
        for alpha in (ellipse(0.48, 0.48), ellipse(0.48, 0.68))
    )
    found = lay_change(picture, before, after)
    left, top, right, bottom = box_of(found[:, 3:])
    assert [left, right] == pytest.approx([-0.4375, 0.4375], abs=0.07)
    assert [top, bottom] == pytest.approx([-0.62, 0.62], abs=0.08)
    spot = (found[0, 0] < 0.45) & (found[0, 3] > 0.9)
    assert spot.nonzero()[:, 0].float().mean().item() == pytest.approx(20.2, abs=0.8)  # from 23.5
    rest = found[0, 3] * (found[0, 3] < 0.9)
    assert rest.sum() < 0.12 * found[0, 3].sum()  # a sharp edge, no ghost of an outline


def test_colours_alone_move_nothing():
    before = torch.cat((torch.full((1, 3, SIDE, SIDE), 0.5), ellipse()), 1)
    after = before.clone()
    after[:, :3] = 0.2
    change = find_change(before, before, after)
    assert change.warp is not None
    assert not change.warp.moves
    assert change.warp.numbers() == [0] * 12
    assert torch.equal(change.moved, before)


def test_a_photograph_that_fills_the_square_stays_where_it_is():
    full = torch.ones(1, 1, SIDE, SIDE)
    assert not Warp.fit(ellipse(), ellipse(0.5, 0.65), full).moves


def test_a_photograph_beside_clear_bars_stays_where_it_is():
    photograph = torch.zeros(1, 1, SIDE, SIDE)
    photograph[..., 12:52, :] = 1
    world = ellipse(0.95, 0.66)
    assert not Warp.fit(world, ellipse(0.8, 0.66), photograph).moves
    assert Warp.fit(world, ellipse(0.8, 0.66), world).moves


def test_what_no_warp_explains_moves_nothing():
    """A second fruit appears: nothing carries one to two."""
    before, after = ellipse(0.2, 0.2, x=-0.5), ellipse(0.2, 0.2, x=0.5)
    warp = Warp.fit(before, torch.maximum(before, after), before)
    assert warp.coefficients.abs().max() < 0.1


def test_empty_pictures_move_nothing():
    nothing = torch.zeros(2, 1, SIDE, SIDE)
    assert not Warp.fit(nothing, nothing, nothing).moves
    found = Warp.fit(nothing, ellipse().expand(2, -1, -1, -1), nothing)
    assert torch.isfinite(found.coefficients).all()


def test_several_are_those_apart():
    before = torch.cat((ellipse(), ellipse(x=0.1)))
    after = torch.cat((ellipse(0.5, 0.6), ellipse(x=0.1)))
    warp = Warp.fit(before, after, before)
    apart = Warp.fit(before[:1], after[:1], before[:1])
    assert torch.allclose(warp.coefficients[:1], apart.coefficients, atol=1e-5)
    assert not warp.coefficients[1].any()


def test_a_large_picture_is_warped_as_the_square_is_stripe_by_stripe():
    warp = Warp.fit(ellipse(), ellipse(0.4, 0.6, lean=0.2), ellipse())
    assert warp.moves
    side = 4 * SIDE
    alpha = ellipse(side=side)
    pixels = (torch.cat((alpha * 0.7, alpha * 0.2, alpha, alpha), 1) * 255).byte()
    rows = pixels[0].permute(1, 2, 0).numpy()
    whole = (0.0, 0.0, 1.0, 1.0)
    parts = [warp.draw(rows, whole, (0, at, side, at + 32)) for at in range(0, side, 32)]
    found = torch.cat(parts, 2)
    wanted = warp.lay_on(pixels.float() / 255)
    assert (found - wanted)[:, 3].abs().max() < 0.02
    # A picture that is the middle half of the square alone, at another scale.
    middle = rows[side // 4 : -side // 4, side // 4 : -side // 4]
    found = warp.draw(middle, (0.25, 0.25, 0.75, 0.75), (0, 0, side // 2, side // 2))
    inner = slice(side // 4 + 16, -side // 4 - 16)
    assert (found[..., 16:-16, 16:-16] - wanted[..., inner, inner])[:, 3].abs().mean() < 0.02


def test_a_cut_out_that_grows_has_a_frame_that_holds_it():
    taller = Warp.fit(ellipse(0.45, 0.45), ellipse(0.45, 0.6), ellipse(0.45, 0.45))
    alpha = ellipse(0.94, 0.94, side=200)[0, 0]
    pixels = (torch.stack((alpha, alpha, alpha, alpha), -1) * 255).byte().numpy()
    box = (0.275, 0.275, 0.725, 0.725)  # it fills its file, not the square
    left, top, right, bottom = taller.frame(pixels, box)
    assert (left, right) == pytest.approx((0, 200), abs=6)
    assert top < -20
    assert bottom > 220
    found = taller.draw(pixels, box, (left, top, right, bottom))[0, 3]
    assert max(found[0].max(), found[-1].max()) < 0.02  # nothing is cut
    assert found[10].max() > 0.9
    nothing = np.zeros((8, 9, 4), np.uint8)
    assert taller.frame(nothing, (0, 0, 1, 1)) == (0, 0, 9, 8)


def test_a_stripe_fetched_from_outside_is_clear():
    coefficients = torch.zeros(1, 2, 6)
    coefficients[0, 1, 0] = 5.0
    found = Warp(coefficients).draw(np.full((8, 8, 4), 255, np.uint8), (0, 0, 1, 1), (0, 0, 8, 8))
    assert found.shape == (1, 4, 8, 8)
    assert not found.any()


def test_alphas_of_other_shapes_are_refused():
    with pytest.raises(ShapeError, match="one shape"):
        Warp.fit(ellipse(), ellipse(side=32), ellipse())

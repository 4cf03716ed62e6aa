"""The texture of an edit, laid on a picture with a texture of its own."""

import math

import pytest
import torch
import torch.nn.functional as F

from vae.change import lay_change
from vae.encodings import ATTRIBUTES, measure
from vae.texture_change import MOST, lay_texture


def noise(seed: int, octaves: float, side: int = 64) -> torch.Tensor:
    """Grey noise about 0.5, of wavelengths about 2 ** octaves pixels, (1, 3, side, side)."""
    white = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))
    across = torch.fft.rfftfreq(side)[None].clamp_min(1e-3)
    down = torch.fft.fftfreq(side)[:, None]
    octave = (across.square() + down.square()).sqrt().log2()
    band = torch.exp(-((octave + octaves) ** 2))
    grey = torch.fft.irfft2(torch.fft.rfft2(white) * band, s=(side, side))
    return (0.5 + 0.1 * grey / grey.std()).clamp(0, 1).expand(-1, 3, -1, -1)


def hatched(angle: float, side: int = 64) -> torch.Tensor:
    """Fine lines whose gradient runs at an angle, on noise, (1, 3, side, side)."""
    down, across = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    phase = (across * math.cos(angle) + down * math.sin(angle)) * 2 * math.pi / 5
    return (noise(9, 2) + 0.15 * phase.sin()).clamp(0, 1)


def strong(x: torch.Tensor, by: float) -> torch.Tensor:
    return ((x - x.mean((2, 3), keepdim=True)) * by + x.mean((2, 3), keepdim=True)).clamp(0, 1)


FULL = torch.ones(1, 1, 64, 64)


def attribute(x: torch.Tensor, name: str) -> float:
    return measure(x)[0, ATTRIBUTES.index(name)].item()


@pytest.mark.parametrize("channels", [1, 3])
def test_no_change_of_texture_leaves_the_picture_as_it_is(channels):
    picture, drawn = (noise(seed, 2)[:, :channels] for seed in (1, 2))
    assert torch.allclose(lay_texture(picture, FULL, drawn, drawn, FULL), picture, atol=1e-5)


@pytest.mark.parametrize("by", [0.5, 1.5])
def test_detail_grows_or_fades_by_as_much_as_the_worlds_own(by):
    picture, drawn = noise(1, 2.5), noise(2, 2.5)
    found = lay_texture(picture, FULL, drawn, strong(drawn, by), FULL)
    assert found.std() / picture.std() == pytest.approx(by, rel=0.1)
    assert torch.allclose(found, strong(picture, by), atol=0.05)  # its own spots, not the world's
    assert found.mean() == pytest.approx(picture.mean().item(), abs=0.005)


def test_only_the_sizes_that_change_do():
    fine, coarse = noise(3, 1.5) - 0.5, noise(4, 4.5) - 0.5
    drawn_fine, drawn_coarse = noise(5, 1.5) - 0.5, noise(6, 4.5) - 0.5
    drawn = 0.5 + drawn_fine + drawn_coarse
    smooth = 0.5 + 0.3 * drawn_fine + drawn_coarse
    found = lay_texture(0.5 + fine + coarse, FULL, drawn, smooth, FULL)
    left = [
        ((found - 0.5) * part).mean().item() / part.square().mean().item()
        for part in (fine, coarse)
    ]
    assert left[0] == pytest.approx(0.3, abs=0.15)
    assert left[1] == pytest.approx(1.0, abs=0.15)


def test_a_direction_is_taken_up_by_the_pictures_own_detail():
    picture, drawn = noise(7, 1.5), noise(8, 1.5)
    for angle, way in ((0.0, 1), (math.pi / 2, -1)):
        found = lay_texture(picture, FULL, drawn, hatched(angle), FULL)
        turn = attribute(found, "angle_cos") - attribute(picture, "angle_cos")
        assert way * turn > 0.1


def test_where_gradients_begin_to_run_alike_those_of_the_picture_do():
    """Rings run alike in every neighbourhood, but in no direction on the whole."""
    axis = torch.linspace(-1, 1, 64)
    rings = (0.5 + 0.2 * (torch.hypot(axis[:, None], axis[None]) * 40).sin()).expand(1, 3, -1, -1)
    picture = noise(1, 1.7)
    more = lay_texture(picture, FULL, noise(2, 1.7), rings, FULL)
    assert attribute(more, "directionality") > attribute(picture, "directionality") + 0.1
    less = lay_texture(rings, FULL, rings, noise(2, 1.7), FULL)
    assert attribute(less, "directionality") < attribute(rings, "directionality") - 0.05


def test_a_gain_has_a_bound():
    flat, rough = torch.full((1, 3, 64, 64), 0.5), noise(1, 2)
    faint = 0.5 + 0.02 * (noise(2, 2) - 0.5)
    found = lay_texture(faint, FULL, flat, rough, FULL)
    assert found.std() < 1.5 * math.exp(MOST) * faint.std()


def test_edges_of_the_square_do_not_meet():
    """A transform wraps around; a dark left edge must not darken the right one."""
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    drawn = noise(2, 3)
    found = lay_texture(ramp, FULL, drawn, strong(drawn, 2), FULL)
    assert (found[..., 0] < 0.3).all()
    assert (found[..., -1] > 0.7).all()


def test_hidden_colour_changes_nothing_that_is_seen():
    alpha = (noise(3, 5)[:, :1] > 0.5).float()
    before, after = (torch.cat((x, alpha), 1) for x in (noise(4, 2), strong(noise(4, 2), 2)))
    shown = noise(1, 2)
    other = torch.where(alpha > 0, shown, torch.rand(1, 3, 64, 64))
    one, two = (lay_change(torch.cat((x, alpha), 1), before, after) for x in (shown, other))
    assert torch.allclose(one * alpha, two * alpha, atol=1e-5)


def test_a_picture_of_a_few_pixels_has_no_texture():
    picture, before, after = torch.rand(3, 1, 3, 8, 8)
    known = torch.ones(1, 1, 8, 8)
    assert torch.equal(lay_texture(picture, known, before, after, known), picture)


def test_several_pictures_are_those_apart():
    pictures, befores = (torch.cat([noise(seed + i, 2) for i in range(3)]) for seed in (1, 11))
    afters = torch.cat([strong(befores[i : i + 1], by) for i, by in enumerate((0.5, 1, 2))])
    full = FULL.expand(3, -1, -1, -1)
    whole = lay_texture(pictures, full, befores, afters, full)
    for i in range(3):
        one = slice(i, i + 1)
        apart = lay_texture(pictures[one], FULL, befores[one], afters[one], FULL)
        assert torch.allclose(whole[one], apart, atol=1e-5)


def test_windows_are_those_of_pooling():
    from vae.windows import boxed, in_cells, in_pixels

    values = torch.rand(2, 3, 70, 64)
    pooled = F.avg_pool2d(values, 5, 1, 2, count_include_pad=False)
    assert torch.allclose(boxed(values, 2), pooled, atol=1e-5)
    assert torch.allclose(boxed(values, 2, 2), boxed(pooled, 2), atol=1e-5)
    assert torch.allclose(in_cells(values), F.avg_pool2d(values, 2), atol=1e-5)
    drawn = F.interpolate(pooled, size=(96, 80), mode="bilinear", align_corners=False)
    assert torch.allclose(in_pixels(pooled, 96, 80), drawn, atol=1e-5)


def test_all_of_it_is_done_where_the_pictures_are():
    """On a device that only knows shapes, a tensor that was left on the processor is refused."""
    from vae.colour_change import spread_colours
    from vae.edge_change import edges_between, soften

    colour, alpha = (torch.empty(2, width, 64, 64, device="meta") for width in (3, 1))
    found = lay_texture(colour, alpha, colour, colour, alpha)
    assert (found.device.type, found.shape) == ("meta", colour.shape)
    assert spread_colours(colour, alpha, colour, colour, alpha)[0].device.type == "meta"
    picture = torch.cat((colour, alpha), 1)
    assert soften(picture, *edges_between(alpha, alpha, alpha)).device.type == "meta"

"""The sixteen attributes against an independent measurer, and the table that standardises them."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from tests.conftest import draw_art, draw_fruit, to_images
from vae.encodings import (
    ATTRIBUTES,
    GROUPS,
    RANGES,
    UNITS,
    Standardizer,
    measure,
    rgb_to_lab,
    to_rgba,
)
from vae.errors import ShapeError
from vae.evaluation.measures import measure_batch

TOLERANCE = {  # largest deviation from the independent measurer, natural units
    **dict.fromkeys(("lightness", "redness", "warmth"), 1e-3),
    **dict.fromkeys(("lightness_spread", "redness_spread", "warmth_spread"), 5e-3),
    "colorfulness": 5e-3,
    "palette_variety": 1.4,  # other bins, so another zero: see the test of its order below
    "local_contrast": 0.3,
    "fineness": 0.01,
    "coarseness": 0.005,
    "directionality": 0.06,  # windows of about 32², which count the border a little more
    "angle_cos": 0.04,  # the one leaves out the outermost rows and columns of opaque pictures
    "angle_sin": 0.04,
    "coverage": 1e-5,
    "edge_softness": 0.003,
}


def column(x: torch.Tensor, name: str) -> torch.Tensor:
    return measure(x)[:, ATTRIBUTES.index(name)]


def test_sixteen_names_with_units_in_three_groups():
    assert len(ATTRIBUTES) == len(set(ATTRIBUTES)) == 16
    assert tuple(UNITS) == tuple(RANGES) == ATTRIBUTES
    assert all(low < high for low, high in RANGES.values())
    assert tuple(name for names in GROUPS.values() for name in names) == ATTRIBUTES


@pytest.mark.parametrize("side", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_attribute_agrees_with_the_independent_measurer(side, channels):
    arrays = np.stack([draw_art(seed, side) for seed in range(24)])
    arrays = arrays[..., :channels]
    theirs = measure_batch(arrays)
    ours = measure(to_images(list(arrays)))
    for name, values in zip(ATTRIBUTES, ours.unbind(1), strict=True):
        worst = np.abs(values.numpy() - theirs[name]).max()
        assert worst <= TOLERANCE[name], (name, worst)


def test_palette_variety_orders_pictures_as_the_independent_one_does():
    arrays = np.stack([draw_art(seed, 32) for seed in range(40)])
    theirs = measure_batch(arrays)["palette_variety"]
    ours = column(to_images(list(arrays)), "palette_variety").numpy()
    assert spearmanr(ours, theirs)[0] > 0.85


def within_ranges(found: torch.Tensor) -> None:
    for (name, (low, high)), values in zip(RANGES.items(), found.unbind(1), strict=True):
        assert low - 1e-3 <= values.min() <= values.max() <= high + 1e-3, (name, values)


def hard_pictures(side: int = 32) -> dict[str, torch.Tensor]:
    ramp = torch.arange(side)
    checks = ((ramp[:, None] + ramp[None]) % 2).float()
    stripes = (ramp % 2).float().expand(side, side)
    clear = torch.rand(4, side, side)
    clear[3] = 0
    dot = torch.zeros(4, side, side)
    dot[:, side // 2, side // 2] = 1
    return {
        "black": torch.cat((torch.zeros(3, side, side), torch.ones(1, side, side))),
        "white": torch.ones(4, side, side),
        "grey": torch.full((4, side, side), 0.5),
        "nothing": torch.zeros(4, side, side),
        "clear noise": clear,
        "one colour": torch.tensor([0.8, 0.1, 0.3, 1.0])[:, None, None].expand(4, side, side),
        "checkerboard": torch.cat((checks.expand(3, side, side), torch.ones(1, side, side))),
        "checkered alpha": torch.cat((torch.rand(3, side, side), checks[None])),
        "one-pixel stripes": torch.cat((stripes.expand(3, side, side), torch.ones(1, side, side))),
        "one dot": dot,
        "half clear": torch.full((4, side, side), 0.5),
    }


@pytest.mark.parametrize("side", [28, 32, 64])
@pytest.mark.parametrize("name", list(hard_pictures()))
def test_hard_pictures_are_finite_with_finite_slopes(name, side):
    x = hard_pictures(side)[name][None].clone().requires_grad_(True)
    found = measure(x)
    assert torch.isfinite(found).all()
    within_ranges(found)
    for value in found[0]:
        (slope,) = torch.autograd.grad(value, x, retain_graph=True)
        assert torch.isfinite(slope).all()


def two_halves(first: tuple[float, ...], second: tuple[float, ...], side: int) -> torch.Tensor:
    picture = torch.ones(4, side, side)
    picture[:3, :, : side // 2] = torch.tensor(first)[:, None, None]
    picture[:3, :, side // 2 :] = torch.tensor(second)[:, None, None]
    return picture


@pytest.mark.parametrize("side", [28, 64, 256])
def test_every_attribute_keeps_its_range_at_the_corners_of_the_cube(side):
    """The corners are as light, red and warm as can be, and two of them as spread."""
    corners = list(itertools.product((0.0, 1.0), repeat=3))
    x = torch.stack([two_halves(a, b, side) for a, b in itertools.product(corners, corners)])
    found = measure(x)
    within_ranges(found)
    for name in ("lightness", "redness", "warmth", "lightness_spread", "warmth_spread"):
        low, high = RANGES[name]
        column = found[:, ATTRIBUTES.index(name)]
        assert column.min() < low + 0.02 * (high - low), name
        assert column.max() > high - 0.02 * (high - low), name


def test_a_ramp_of_alpha_has_two_thirds_of_its_width_for_softness():
    side, width = 256, 32
    ramp = ((torch.arange(side) - 100.0) / width).clamp(0, 1).expand(1, side, side)
    softness = column(torch.cat((torch.full((3, side, side), 0.5), ramp))[None], "edge_softness")
    blunted = 1 / 1.05  # the length of the edge is one side, and a twentieth is added to it
    assert softness.item() == pytest.approx(blunted * 2 / 3 * width / side, rel=0.06)


def test_one_colour_has_no_texture():
    x = hard_pictures()["one colour"][None]
    for name in ("lightness_spread", "local_contrast", "directionality", "angle_cos", "angle_sin"):
        assert abs(column(x, name).item()) < 1e-2, name


def test_one_pixel_detail_is_the_finest():
    pictures = hard_pictures()
    smooth = torch.linspace(0, 1, 32).expand(1, 4, 32, 32)
    finest = column(pictures["checkerboard"][None], "fineness")
    assert finest > column(smooth, "fineness") + 2


def test_grey_and_rgb_are_opaque_rgba():
    grey = to_images([draw_art(1)])[:, :1]
    rgb = grey.expand(-1, 3, -1, -1)
    rgba = torch.cat((rgb, torch.ones_like(grey)), 1)
    assert torch.allclose(measure(grey), measure(rgba), atol=1e-5)
    assert torch.allclose(measure(rgb), measure(rgba), atol=1e-5)
    assert torch.equal(to_rgba(grey)[0], rgb)


def test_lab_of_known_colours():
    colours = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]])
    lab = rgb_to_lab(colours[:, :, None, None])[..., 0, 0]
    known = torch.tensor([[100.0, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]])
    assert torch.allclose(lab, known, atol=0.02)


def test_slopes_are_those_of_finite_differences():
    torch.manual_seed(2)
    x = to_images([draw_fruit(3, 32)]).double() * 0.9 + 0.05
    direction = torch.randn_like(x) * 1e-3
    leaf = x.float().requires_grad_(True)
    for name in ("lightness", "warmth_spread", "colorfulness", "coverage", "local_contrast"):
        (slope,) = torch.autograd.grad(column(leaf, name).sum(), leaf)
        predicted = (slope * direction).sum().item()
        up, down = column((x + direction).float(), name), column((x - direction).float(), name)
        assert predicted == pytest.approx(((up - down) / 2).item(), rel=0.05, abs=2e-4), name


def test_other_shapes_are_refused():
    for shape in ((2, 2, 32, 32), (4, 32, 32)):
        with pytest.raises(ShapeError, match="C in 1, 3, 4"):
            measure(torch.zeros(shape))


def fitted(rows: int = 500) -> tuple[Standardizer, torch.Tensor]:
    raw = torch.randn(rows, 16, generator=torch.Generator().manual_seed(1)).exp() * 3 - 1
    return Standardizer().fit(raw), raw


def test_scores_are_standard_normal():
    standardizer, raw = fitted()
    scores = standardizer(raw)
    assert scores.mean(0).abs().max() < 0.1
    assert (scores.std(0) - 1).abs().max() < 0.15
    assert standardizer.fitted
    assert not Standardizer().fitted


def test_the_map_and_its_inverse_are_one_another():
    standardizer, raw = fitted()
    assert torch.allclose(standardizer.inverse(standardizer(raw)), raw, atol=1e-3)
    scores = torch.randn(50, 16) * 2
    assert torch.allclose(standardizer(standardizer.inverse(scores)), scores, atol=1e-3)


def test_the_map_rises_everywhere_and_goes_on_beyond_the_data():
    standardizer, raw = fitted()
    low, high = raw.min(0).values - 5, raw.max(0).values + 5
    path = low + (high - low) * torch.linspace(0, 1, 400)[:, None]
    assert (standardizer(path).diff(dim=0) > 0).all()


def test_ties_do_not_make_it_jump():
    raw = torch.zeros(100, 16)
    raw[50:] = 1.0  # two values only
    path = torch.linspace(-0.1, 1.1, 200)[:, None].expand(-1, 16)
    assert Standardizer().fit(raw)(path).diff(dim=0).max() < 1.0


def test_an_attribute_that_does_not_vary_is_inactive_and_scores_zero():
    raw = torch.randn(100, 16)
    raw[:, 14] = 1.0
    standardizer = Standardizer().fit(raw)
    assert standardizer.active.tolist() == [float(j != 14) for j in range(16)]
    moved = raw.clone()
    moved[:, 14] = torch.rand(100)
    assert not standardizer(moved)[:, 14].any()


def test_the_map_has_slopes():
    standardizer, raw = fitted()
    leaf = raw.clone().requires_grad_(True)
    standardizer(leaf).sum().backward()
    assert leaf.grad is not None
    assert (leaf.grad > 0).all()


def test_a_table_needs_rows_of_its_width():
    with pytest.raises(ShapeError, match="at least 2 rows of 16 attributes"):
        Standardizer().fit(torch.zeros(1, 16))
    with pytest.raises(ShapeError, match=r"found \(5, 3\)"):
        Standardizer().fit(torch.zeros(5, 3))

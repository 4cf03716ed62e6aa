"""The independent measurer against closed forms."""

import ast
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
from skimage.color import rgb2lab
from skimage.draw import disk
from skimage.feature import structure_tensor

from vae import encodings
from vae.errors import ShapeError
from vae.evaluation import measures
from vae.evaluation.measures import ATTRIBUTES, measure, measure_batch

SIDE = 64


def flat(colour: tuple[float, ...], side: int = SIDE) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype=np.float32), (side, side, len(colour))).copy()


def grey(values: np.ndarray, alpha: np.ndarray | float = 1.0) -> np.ndarray:
    plane = np.broadcast_to(alpha, values.shape)
    return np.stack([values, values, values, plane], axis=-1).astype(np.float32)


def grain(seed: int = 0, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (side, side))


def stripes(angle: float, cycles: float = 8, side: int = SIDE) -> np.ndarray:
    """Return a sine grating whose gradient points at `angle`, x to the right and y down."""
    y, x = np.mgrid[:side, :side] / side
    return 0.5 + 0.3 * np.sin(2 * np.pi * cycles * (np.cos(angle) * x + np.sin(angle) * y))


def rounded_disk(radius: float = 20, side: int = SIDE) -> np.ndarray:
    mask = np.zeros((side, side))
    mask[disk((side / 2, side / 2), radius)] = 1.0
    return mask


def test_it_shares_the_names_and_no_code_with_the_training_measurer():
    assert tuple(ATTRIBUTES) == tuple(encodings.ATTRIBUTES)
    source = Path(measures.__file__).read_text(encoding="utf-8")
    imported = {
        name.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert not {name for name in imported if name.startswith("torch") or "encodings" in name}


def test_one_colour_has_its_own_lab_and_no_spread():
    found = measure(flat((200 / 255, 100 / 255, 50 / 255, 1.0)))
    expected = rgb2lab(np.array([[[200, 100, 50]]], dtype=np.uint8)).ravel()
    assert [found["lightness"], found["redness"], found["warmth"]] == pytest.approx(
        expected, abs=1e-3
    )
    spreads = [found[f"{name}_spread"] for name in ("lightness", "redness", "warmth")]
    assert spreads == pytest.approx([0, 0, 0], abs=1e-3)
    assert found["coverage"] == 1.0
    red_green, yellow_blue = 100.0, 100.0
    assert found["colorfulness"] == pytest.approx(0.3 * np.hypot(red_green, yellow_blue), abs=1e-3)


def test_alpha_weighs_two_colours():
    picture = flat((0.0, 0.0, 0.0, 1.0))
    picture[:, SIDE // 2 :] = (1.0, 1.0, 1.0, 1 / 3)  # black weighs 3/4, white 1/4
    found = measure(picture)
    assert found["lightness"] == pytest.approx(25.0, abs=1e-3)
    assert found["lightness_spread"] == pytest.approx(100 * np.sqrt(0.75 * 0.25), abs=1e-2)
    assert found["coverage"] == pytest.approx(2 / 3, abs=1e-5)


def test_hidden_colour_does_not_count():
    picture = grey(grain(), rounded_disk())
    hidden = picture.copy()
    hidden[hidden[..., 3] == 0, :3] = np.random.default_rng(1).uniform(size=3)
    first, second = measure(picture), measure(hidden)
    assert first == pytest.approx(second)


def test_two_far_colours_have_the_entropy_of_a_coin_more():
    one = flat((0.9, 0.1, 0.1, 1.0))
    two = one.copy()
    two[:, SIDE // 2 :, :3] = (0.1, 0.1, 0.9)
    other = flat((0.1, 0.1, 0.9, 1.0))
    alone = [measure(picture)["palette_variety"] for picture in (one, other)]
    both = measure(two)["palette_variety"]
    assert both == pytest.approx(np.mean(alone) + np.log(2), abs=1e-4)


def test_local_contrast_of_pixel_noise_is_its_deviation_and_of_a_step_is_less():
    noise = np.where(np.random.default_rng(0).uniform(size=(SIDE, SIDE)) < 0.5, 0.4, 0.6)
    found = measure(grey(noise))
    assert found["local_contrast"] == pytest.approx(found["lightness_spread"], rel=0.05)
    step = np.where(np.arange(SIDE) < SIDE // 2, 0.4, 0.6)[None].repeat(SIDE, axis=0)
    halves = measure(grey(step))
    assert halves["lightness_spread"] == pytest.approx(found["lightness_spread"], rel=0.02)
    assert halves["local_contrast"] < 0.4 * found["local_contrast"]


def test_white_noise_has_slope_zero_and_blur_makes_it_softer_and_coarser():
    noise = grain(side=128)
    found = [
        measure(grey(scipy.ndimage.gaussian_filter(noise, sigma) if sigma else noise))
        for sigma in (0, 0.7, 1.5, 3)
    ]
    fineness = [table["fineness"] for table in found]
    coarseness = [table["coarseness"] for table in found]
    assert fineness[0] == pytest.approx(0.0, abs=0.2)
    assert fineness == sorted(fineness, reverse=True)
    assert coarseness == sorted(coarseness)


def coloured_noise(slope: float, seed: int, side: int = 128) -> np.ndarray:
    frequency = np.fft.fftfreq(side) * side
    radius = np.hypot(frequency[:, None], frequency[None])
    radius[0, 0] = 1
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((side, side)))
    field = np.fft.ifft2(white * radius ** (slope / 2)).real
    return 0.5 + 0.1 * field / field.std()


@pytest.mark.parametrize("slope", [0.0, -1.0, -2.0, -3.0])
def test_fineness_reads_the_exponent_of_coloured_noise(slope):
    pictures = np.stack([grey(coloured_noise(slope, seed)) for seed in range(16)])
    found = measure_batch(pictures)["fineness"]
    assert found.mean() == pytest.approx(slope, abs=3 * found.std() / 4 + 0.05)


@pytest.mark.parametrize("cycles", [3, 6, 12, 24])
def test_coarseness_of_a_grating_is_its_octave(cycles):
    found = measure(grey(stripes(0.0, cycles=cycles)))
    ring_middle = 2 ** (np.floor(np.log2(cycles)) + 0.5)
    assert found["coarseness"] == pytest.approx(np.log2(SIDE / ring_middle), abs=0.05)


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 120])
def test_stripes_tell_their_angle(degrees):
    angle = np.deg2rad(degrees)
    found = measure(grey(stripes(angle, side=128), rounded_disk(50, side=128)))
    assert found["angle_cos"] == pytest.approx(np.cos(2 * angle), abs=0.03)
    assert found["angle_sin"] == pytest.approx(np.sin(2 * angle), abs=0.03)
    assert found["directionality"] > 0.95


def test_hatching_both_ways_is_directed_locally_but_not_as_a_whole():
    picture = stripes(0.0, side=128)
    picture[:, 64:] = stripes(np.pi / 2, side=128)[:, 64:]
    found = measure(grey(picture))
    assert found["directionality"] > 0.8
    assert abs(found["angle_cos"]) < 0.1
    assert measure(grey(grain(side=128)))["directionality"] < 0.4


def test_global_tensor_agrees_with_scikit_image():
    """Its tensor averaged over the picture is the global one, up to the derivative filter."""
    smooth = scipy.ndimage.gaussian_filter(grain(3, side=128), (3, 6), mode="wrap")
    smooth = 0.5 + 0.12 * (smooth - smooth.mean()) / smooth.std()
    found = measure(grey(smooth))
    lightness = rgb2lab(grey(smooth)[..., :3])[..., 0]
    rows, mixed, columns = (
        plane[1:-1, 1:-1].mean() for plane in structure_tensor(lightness, sigma=0.1, order="rc")
    )
    assert found["angle_cos"] == pytest.approx((columns - rows) / (columns + rows), abs=0.05)
    assert found["angle_sin"] == pytest.approx(2 * mixed / (columns + rows), abs=0.05)


def test_the_outline_itself_has_no_direction():
    tall = np.zeros((SIDE, SIDE))
    tall[8:-8, 28:36] = 1.0
    assert measure(grey(np.full((SIDE, SIDE), 0.9), tall))["angle_cos"] == 0.0


def test_coverage_and_softness_of_a_known_ramp():
    """α from 0 to 1 over w pixels: Σ4α(1-α) is 2w/3 a row, Σ|∇α| is 1."""
    width = 32
    ramp = np.clip((np.arange(SIDE) + 0.5 - 16) / width, 0, 1)[None].repeat(SIDE, axis=0)
    found = measure(grey(np.full((SIDE, SIDE), 0.5), ramp))
    assert found["coverage"] == pytest.approx(0.5, abs=1e-3)
    assert found["edge_softness"] == pytest.approx(2 * width / 3 / SIDE, rel=0.03)


def test_erosion_lowers_coverage_and_feathering_softens():
    mask = rounded_disk()
    eroded = scipy.ndimage.binary_erosion(mask, iterations=3).astype(float)
    feathered = scipy.ndimage.gaussian_filter(mask, 3)
    hard, small, soft = (measure(grey(grain(), alpha)) for alpha in (mask, eroded, feathered))
    assert small["coverage"] < hard["coverage"]
    assert soft["edge_softness"] > hard["edge_softness"] == 0.0


@pytest.mark.parametrize("side", [1, 2, 28, 32, 64, 100])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_empty_pictures_are_finite_at_any_size(side, channels, value):
    found = measure(np.full((side, side, channels), value, dtype=np.float32))
    assert all(np.isfinite(list(found.values())))
    undefined = ("fineness", "coarseness", "directionality", "angle_cos", "angle_sin")
    assert [found[name] for name in undefined] == [0.0] * 5


@pytest.mark.parametrize(
    "alpha",
    [np.zeros((SIDE, SIDE)), np.eye(SIDE), np.full((SIDE, SIDE), 0.5), np.eye(SIDE)[:1] * 1e-9],
    ids=["transparent", "one pixel detail", "half", "vanishing"],
)
def test_odd_alphas_are_finite(alpha):
    found = measure(grey(grain(), np.broadcast_to(alpha, (SIDE, SIDE))))
    assert all(np.isfinite(list(found.values())))


def test_batches_bytes_floats_and_greys_agree():
    picture = (255 * grey(grain(), rounded_disk())).round().astype(np.uint8)
    batch = measure_batch(np.stack([picture, 255 - picture]))
    assert measure(picture) == pytest.approx({name: batch[name][0] for name in ATTRIBUTES})
    assert measure(picture) == pytest.approx(measure(picture / 255.0))
    opaque = picture[..., :3]
    assert measure(opaque) == pytest.approx(measure(opaque[..., 0]))


def test_channels_first_is_refused():
    with pytest.raises(ShapeError, match="channels last"):
        measure_batch(np.zeros((2, 4, 8, 8)))

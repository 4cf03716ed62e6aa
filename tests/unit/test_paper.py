"""From paper to transparency: the paper is found, taken away, and gives the picture again."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tests.conftest import draw_fruit
from vae.evaluation.corpus import photograph
from vae.paper import find_paper, remove_paper, unmix

WHITE, CREAM = (0.97, 0.97, 0.96), (0.93, 0.88, 0.76)
SIDE = 200


def sheet(tone, *, fall=0.1, grain=0.006, seed=0) -> np.ndarray:
    """A sheet under light that falls off to a side, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = 1 - fall * (0.6 * x + 0.3 * y + 0.3 * (x * x + y * y))
    noise = np.random.default_rng(seed).normal(0, grain, (SIDE, SIDE, 3))
    return (np.array(tone) * light[..., None] + noise).clip(0, 1)


def work_on(paper: np.ndarray, *, shadow=0.3, seed=0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A fruit that throws a shadow on a sheet: the photograph, the fruit's alpha, the shadow."""
    fruit = np.zeros((SIDE, SIDE, 4))
    fruit[40:168, 40:168] = draw_fruit(seed, 128) / 255
    fruit[..., 0] *= 0.8  # a colour of its own
    fruit[..., 2] *= 0.5
    alpha = fruit[..., 3]
    dim = shadow * gaussian_filter(np.roll(alpha, (10, 10), (0, 1)), 6)
    under = paper * (1 - dim[..., None])
    return fruit[..., :3] * alpha[..., None] + under * (1 - alpha[..., None]), alpha, dim


def to_pixels(rgb: np.ndarray) -> np.ndarray:
    opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
    return np.concatenate((np.rint(rgb * 255).astype(np.uint8), opaque), axis=-1)


def lay(pixels: np.ndarray, ground: np.ndarray) -> np.ndarray:
    x = pixels.astype(np.float64) / 255
    return x[..., :3] * x[..., 3:] + ground * (1 - x[..., 3:])


@pytest.mark.parametrize("tone", [WHITE, CREAM], ids=["white", "cream"])
@pytest.mark.parametrize("seed", range(3))
def test_laid_on_its_paper_it_is_the_photograph_again(tone, seed):
    pixels = to_pixels(work_on(sheet(tone, seed=seed), seed=seed)[0])
    result = remove_paper(pixels)
    assert result.found
    assert result.paper is not None
    ground = result.paper.surface(SIDE, SIDE)
    error = np.abs(lay(result.pixels, ground) - pixels[..., :3] / 255)
    assert error.max() < 0.06
    assert error.mean() < 0.006


@pytest.mark.parametrize("tone", [WHITE, CREAM], ids=["white", "cream"])
def test_the_tone_is_found_under_uneven_light(tone):
    clean = sheet(tone, grain=0)
    paper = find_paper(to_pixels(work_on(sheet(tone))[0]))
    assert paper is not None
    assert np.abs(paper.surface(SIDE, SIDE) - clean).max() < 0.03
    assert paper.grain < 0.02
    assert paper.tone == pytest.approx(tuple(clean.mean(axis=(0, 1))), abs=0.015)


@pytest.mark.parametrize("tone", [WHITE, CREAM], ids=["white", "cream"])
def test_paper_is_clear_paint_is_solid_and_shadow_is_soft_black(tone):
    photo, alpha, dim = work_on(sheet(tone))
    pixels = remove_paper(to_pixels(photo)).pixels.astype(np.float64) / 255
    bare = (alpha == 0) & (dim < 0.005)
    assert pixels[bare, 3].mean() < 0.01
    assert np.median(pixels[alpha > 0.99, 3]) > 0.97
    shaded = (alpha == 0) & (dim > 0.12)
    assert shaded.sum() > 200
    assert np.abs(pixels[shaded, 3] - dim[shaded]).mean() < 0.05
    assert np.median(pixels[shaded, :3]) < 0.1
    dark_ground = lay(np.rint(pixels * 255), np.zeros(3))
    assert dark_ground[shaded].mean() < 0.05  # no pale halo on another ground


def test_ink_stays_and_small_highlights_are_not_holes():
    rgb = sheet(WHITE, fall=0)
    rgb[60:140, 60:140] = (0.7, 0.15, 0.1)
    rgb[90:96, 90:96] = WHITE  # a highlight
    rgb[20, 10:190] = 0.1  # a stroke of ink
    alpha = remove_paper(to_pixels(rgb)).pixels[..., 3] / 255
    assert alpha[61:139, 61:139].min() > 0.97
    assert alpha[20, 10:190].min() > 0.85
    assert alpha[30:55].max() < 0.1


def test_grey_within_paint_is_solid_and_paper_within_ink_is_clear():
    rgb = sheet(WHITE, fall=0)
    rgb[40:100, 40:100] = (0.75, 0.2, 0.15)
    rgb[55:85, 55:85] = 0.5  # a grey wash on the red one
    rgb[130:170, 40:80] = 0.08
    rgb[135:165, 45:75] = WHITE  # a frame drawn in ink
    alpha = remove_paper(to_pixels(rgb)).pixels[..., 3] / 255
    assert alpha[42:98, 42:98].min() > 0.97
    assert alpha[137:163, 47:73].max() < 0.03


def test_pictures_without_paper_come_back_as_they_are():
    rng = np.random.default_rng(3)
    rgb = np.asarray(photograph(rng, 160)) / 255 * 0.4
    night = to_pixels(rgb)
    for pixels in (night, draw_fruit(0, 64)):
        result = remove_paper(pixels)
        assert not result.found
        assert result.paper is None
        assert result.pixels is pixels
    blue = to_pixels(np.broadcast_to(np.array((0.3, 0.5, 0.95)), (64, 64, 3)))
    assert find_paper(blue) is None  # no paper is that blue


def test_no_colour_leaves_the_range_and_nothing_is_lost_without_a_floor():
    rng = np.random.default_rng(0)
    colour = rng.uniform(0, 1, (40, 40, 3)).astype(np.float32)
    paper = np.broadcast_to(np.float32((0.9, 0.85, 0.8)), colour.shape)
    result = unmix(colour, paper, floor=1e-4)
    assert 0 <= result.min() <= result.max() <= 1
    again = result[..., :3] * result[..., 3:] + paper * (1 - result[..., 3:])
    assert np.abs(again - colour).max() < 2e-3

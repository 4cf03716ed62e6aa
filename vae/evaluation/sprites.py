"""Sprites with known factors: small RGBA pictures of which everything is known, made in code.

Eight factors, all independent and uniform, in a frame of [-1, 1]²: which of four shapes, how
large, turned by how much of a half turn, where across and down, which hue, how fine the stripes
across it are, and how soft its edge is. The shapes have one area and their centroid at the place,
and the hues one lightness and chroma, so that a factor does not change what another is measured
by. Half a turn and no more: a half turned ellipse is the same ellipse.

In the spirit of dSprites (Matthey et al. 2017, arXiv:1804.03599), with colour, stripes and alpha.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from skimage.color import lab2rgb

from vae.data import ImageSet
from vae.errors import ShapeError

FACTORS = {
    "shape": 4, "scale": 5, "angle": 6, "x": 6, "y": 6, "hue": 6, "texture": 4, "softness": 4,
}  # fmt: skip
"""Every factor and the number of its values; values are whole numbers from 0."""

SHAPES = ("ellipse", "rectangle", "triangle", "cross")
RADIUS = np.geomspace(0.26, 0.4, FACTORS["scale"]).astype(np.float32)
"""Of the disc of the same area, in half sides."""
ANGLE = (np.arange(FACTORS["angle"]) * math.pi / FACTORS["angle"]).astype(np.float32)
PLACE = np.linspace(-0.14, 0.14, FACTORS["x"]).astype(np.float32)
WAVELENGTH = np.geomspace(0.6, 0.2, FACTORS["texture"]).astype(np.float32)
"""Of the stripes, in half sides, whatever the scale."""
RAMP = np.linspace(0.07, 0.24, FACTORS["softness"]).astype(np.float32)
"""Width of the edge from clear to opaque, in half sides."""

LIGHTNESS, SWING, CHROMA = 62.0, 14.0, 27.0
_TONES = 256  # steps of lightness in the table of colours
_FINER = 2  # rows and columns drawn for each of the picture's
_CHUNK = 64


def draw_factors(num: int, *, seed: int) -> np.ndarray:
    """Return independent, uniform factors (num, 8), int64, in the order of :data:`FACTORS`."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.integers(0, count, num) for count in FACTORS.values()], axis=1)


def render(factors: np.ndarray, *, size: int = 32) -> torch.Tensor:
    """Draw sprites.

    Args:
        factors: (N, 8) whole numbers, see :data:`FACTORS`.
        size: Side in pixels, 16 or more.

    Returns:
        Straight RGBA, uint8 (N, 4, size, size), anti-aliased.

    Raises:
        ShapeError: The factors have another shape or a value that is not there, or the side is
            too small.
    """
    counts = np.array(list(FACTORS.values()))
    if factors.ndim != 2 or factors.shape[1] != len(counts):
        raise ShapeError(f"expected factors (N, {len(counts)}), found {factors.shape}")
    if (factors < 0).any() or (factors >= counts).any():
        raise ShapeError(f"expected factors from 0 to below {counts.tolist()}")
    if size < 16:
        raise ShapeError(f"a sprite of {size} pixels shows nothing; take 16 or more")
    parts = [factors[i : i + _CHUNK] for i in range(0, len(factors), _CHUNK)]
    drawn = [_draw(part, size) for part in parts] or [np.zeros((0, 4, size, size), np.uint8)]
    return torch.from_numpy(np.concatenate(drawn))


def sprite_set(num: int, *, size: int = 32, seed: int) -> tuple[ImageSet, np.ndarray]:
    """Draw ``num`` sprites at random: the pictures and their factors (num, 8)."""
    factors = draw_factors(num, seed=seed)
    return ImageSet(render(factors, size=size), [f"sprite {i}" for i in range(num)]), factors


def _draw(factors: np.ndarray, size: int) -> np.ndarray:
    shape, scale, angle, x, y, hue, texture, softness = factors.T[..., None, None]
    grid = ((np.arange(size * _FINER) + 0.5) / (size * _FINER) * 2 - 1).astype(np.float32)
    across, down = grid[None, None, :] - PLACE[x], grid[None, :, None] - PLACE[y]
    cosine, sine = np.cos(ANGLE[angle]), np.sin(ANGLE[angle])
    along, beside = cosine * across + sine * down, cosine * down - sine * across
    radius = RADIUS[scale]
    distance = radius * _distance(shape[:, 0, 0], along / radius, beside / radius)
    alpha = np.clip(0.5 - distance / RAMP[softness], 0, 1)
    wave = np.sin(2 * math.pi * along / WAVELENGTH[texture])
    tone = np.rint((wave + 1) / 2 * (_TONES - 1)).astype(np.int64)
    colour = _colours()[hue, tone]
    return _to_pixels(colour, alpha)


def _to_pixels(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Average fine pictures (N, F, F, 3) and (N, F, F) to straight uint8 (N, 4, S, S)."""
    rgba = np.concatenate((colour * alpha[..., None], alpha[..., None]), axis=-1)
    n, fine = rgba.shape[:2]
    side = fine // _FINER
    rgba = rgba.reshape(n, side, _FINER, side, _FINER, 4).mean(axis=(2, 4))
    rgba[..., :3] /= np.maximum(rgba[..., 3:], 1e-9)
    pixels = np.rint(255 * rgba).astype(np.uint8)
    pixels[pixels[..., 3] == 0] = 0
    return pixels.transpose(0, 3, 1, 2).copy()


@lru_cache(maxsize=1)
def _colours() -> np.ndarray:
    """Return sRGB of every hue and step of lightness, (hues, tones, 3), 0 to 1."""
    turn = 2 * math.pi * np.arange(FACTORS["hue"])[:, None] / FACTORS["hue"]
    lightness = LIGHTNESS + SWING * np.linspace(-1, 1, _TONES)[None]
    a, b = CHROMA * np.cos(turn), CHROMA * np.sin(turn)
    lab = np.stack(np.broadcast_arrays(lightness, a, b), axis=-1)
    return lab2rgb(lab).astype(np.float32)


def _distance(shape: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return signed distances to the outlines, negative inside, of shapes of area π.

    Args:
        shape: (N,) index into :data:`SHAPES`.
        x: (N, H, W) along the shape's axis.
        y: (N, H, W) beside it.
    """
    distance = np.empty_like(x)
    for index, outline in enumerate((_ellipse, _rectangle, _triangle, _cross)):
        mine = shape == index
        distance[mine] = outline(x[mine], y[mine])
    return distance


def _ellipse(x: np.ndarray, y: np.ndarray, longer: float = 1.45) -> np.ndarray:
    """First order: (g - 1) / |∇g| of the gauge g, exact on the outline."""
    a, b = longer, 1 / longer
    gauge = np.hypot(x / a, y / b)
    return (gauge - 1) * gauge / np.maximum(np.hypot(x / a**2, y / b**2), 1e-9)


def _box(x: np.ndarray, y: np.ndarray, a: float, b: float) -> np.ndarray:
    right, up = np.abs(x) - a, np.abs(y) - b
    return np.hypot(np.maximum(right, 0), np.maximum(up, 0)) + np.minimum(np.maximum(right, up), 0)


def _rectangle(x: np.ndarray, y: np.ndarray, ratio: float = 1.8) -> np.ndarray:
    b = math.sqrt(math.pi / 4 / ratio)
    return _box(x, y, ratio * b, b)


def _triangle(x: np.ndarray, y: np.ndarray, height: float = 2.8) -> np.ndarray:
    """Inside the nearest side's line; outside the nearest side itself, so that tips stay short."""
    half, y = math.pi / height, np.abs(y)
    tip, base = 2 * height / 3, -height / 3
    length = math.hypot(half, height)
    slope = (half * (x - tip) + height * y) / length
    inside = np.maximum(slope, base - x)
    place = np.clip(((tip - x) * height + y * half) / length**2, 0, 1)
    side = np.hypot(x - tip + height * place, y - half * place)
    outside = np.minimum(side, np.hypot(x - base, np.maximum(y - half, 0)))
    return np.where(inside <= 0, inside, outside)


def _cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A Latin cross: a long bar, and a short one nearer to its head."""
    length, width, arm, place = 1.5, 0.32, 0.95, 0.5
    added = 4 * width * (arm - width)
    area = 4 * width * length + added
    unit = math.sqrt(math.pi / area)
    x, y = x / unit + added * place / area, y / unit
    return unit * np.minimum(_box(x, y, length, width), _box(x - place, y, width, arm))

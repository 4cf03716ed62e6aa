"""From paper to transparency: the paper behind a scanned or photographed work is taken away.

The paper's tone is fitted as a quadratic surface, so that light may fall off to a side. A pixel C
is then un-mixed into a colour F and an alpha with C = α F + (1 − α) P over the paper P. The least
alpha that allows this is that of Smith & Blinn (1996), "Blue screen matting", for one known ground;
any larger one does too. Neutral darkening (shadow, ink, graphite) keeps the least: it stays as soft
black. What has a colour of its own, or lies within such, becomes solid, or paint would be glass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from scipy.ndimage import binary_closing, binary_fill_holes, gaussian_filter, label

_FIT_SIDE = 160  # pixels of the small picture the paper is fitted on
_RING = 0.06  # share of the side that counts as border
_ROUNDS = ((1, 0.09), (3, 0.09), (3, 0.07), (6, 0.06), (6, 0.045), (6, 0.035))  # terms, tolerance
_MIN_PAPER = 0.08  # share of the picture that must be paper
_MIN_TONE = 0.45  # paper is no darker, luma
_MAX_TINT = 0.35  # and no more coloured: largest less smallest channel
_FLOOR = (0.02, 0.05)  # least and most difference from the paper that is taken for its grain
_SOLID = 0.30  # least alpha from which coloured paint is solid
_COLOURED = (0.03, 0.15)  # how uneven darkening must be over the channels: not at all, fully
_GAP = 0.01  # of the side, up to which an outline of paint is taken for closed
_HOLE = 0.01  # share of the picture up to which an enclosed scrap of paper is a highlight
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Paper:
    """The tone of a sheet under its light.

    Attributes:
        coefficients: Of the quadratic surface of each channel, (6, 3), sRGB in [0, 1].
        grain: Standard deviation of the paper around it.
        share: Of the picture that is paper, 0 to 1.
    """

    coefficients: np.ndarray = field(repr=False)
    grain: float
    share: float

    def surface(self, height: int, width: int) -> np.ndarray:
        """Return the paper's tone at every pixel, float32 (height, width, 3) in [0.02, 1]."""
        tone = surface_basis(height, width) @ self.coefficients.astype(np.float32)
        return tone.reshape(height, width, 3).clip(0.02, 1)

    @property
    def tone(self) -> tuple[float, float, float]:
        """The mean tone, sRGB in [0, 1]."""
        red, green, blue = self.surface(16, 16).mean(axis=(0, 1)).tolist()
        return red, green, blue


@dataclass(frozen=True)
class PaperRemoval:
    """A picture without its paper.

    Attributes:
        pixels: Straight uint8 (H, W, 4); as they were where no paper was found.
        found: Whether there was paper.
        paper: What it was.
    """

    pixels: np.ndarray = field(repr=False)
    found: bool
    paper: Paper | None = None


def remove_paper(pixels: np.ndarray) -> PaperRemoval:
    """Take the paper away.

    Laid on the paper's tone the result is the picture again, to within its grain (at most 0.1).

    Args:
        pixels: (H, W, 4) straight uint8. A picture that has transparency already, or shows no
            paper, comes back as it is.
    """
    paper = find_paper(pixels) if pixels[..., 3].min() == 255 else None
    if paper is None:
        return PaperRemoval(pixels, found=False)
    colour = pixels[..., :3].astype(np.float32) / 255
    unmixed = unmix(colour, paper.surface(*colour.shape[:2]), floor=_floor(paper.grain))
    return PaperRemoval(np.rint(unmixed * 255).astype(np.uint8), found=True, paper=paper)


def find_paper(pixels: np.ndarray) -> Paper | None:
    """Fit the tone of the paper, or return None where the picture shows none.

    Args:
        pixels: (H, W, 4) uint8; alpha is not looked at.
    """
    x = _small(pixels)
    height, width = x.shape[:2]
    basis, flat = surface_basis(height, width), x.reshape(-1, 3)
    start = _first_tone(x)
    tone = np.broadcast_to(start, flat.shape)
    coefficients, sheet = np.zeros((6, 3), np.float32), np.zeros(len(flat), bool)
    for terms, tolerance in _ROUNDS:
        sheet = np.abs(flat - tone).max(axis=1) < tolerance
        if sheet.mean() < _MIN_PAPER:
            return None
        solved = np.linalg.lstsq(basis[sheet, :terms], flat[sheet], rcond=None)[0]
        coefficients = np.zeros((6, 3), np.float32)
        coefficients[:terms] = solved
        tone = basis @ coefficients
    grain = 1.4826 * float(np.median(np.abs(flat - tone)[sheet]))
    paper = Paper(coefficients, grain=grain, share=float(sheet.mean()))
    return paper if _is_paper(paper) else None


def _is_paper(paper: Paper) -> bool:
    tone = np.array(paper.tone)
    return bool(tone @ _LUMA >= _MIN_TONE and np.ptp(tone) <= _MAX_TINT)


def _first_tone(x: np.ndarray) -> np.ndarray:
    """Return the commonest bright tone of the border, where a sheet is most often bare."""
    height, width = x.shape[:2]
    edge = max(1, round(_RING * min(height, width)))
    ring = np.ones((height, width), bool)
    ring[edge:-edge, edge:-edge] = False
    flat = x[ring]
    luma = flat @ _LUMA
    counts, bounds = np.histogram(luma, bins=24, range=(0, 1))
    counts = counts * (bounds[:-1] + bounds[1:])  # of two common tones, the brighter
    best = int(counts.argmax())
    near = np.abs(luma - (bounds[best] + bounds[best + 1]) / 2) < 0.06
    return np.median(flat[near], axis=0)


def _small(pixels: np.ndarray) -> np.ndarray:
    image = Image.fromarray(pixels[..., :3])
    scale = min(1.0, _FIT_SIDE / max(image.size))
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BOX), dtype=np.float32) / 255


def surface_basis(height: int, width: int) -> np.ndarray:
    """Return 1, x, y, x², xy, y² at every pixel, axes −1 to 1: float32 (height · width, 6)."""
    x = np.linspace(-1, 1, width, dtype=np.float32)[None].repeat(height, 0).ravel()
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None].repeat(width, 1).ravel()
    return np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=1)


def _floor(grain: float) -> float:
    return float(np.clip(3 * grain, *_FLOOR))


def unmix(colour: np.ndarray, paper: np.ndarray, *, floor: float) -> np.ndarray:
    """Return straight floats (H, W, 4) that give `colour` again when laid on `paper`.

    Args:
        colour: sRGB in [0, 1], (H, W, 3).
        paper: Its paper, the same shape, in (0, 1].
        floor: Differences up to this are grain of the paper, and vanish; what is brighter than
            the paper is spared twice as much, and three times as much bounds the error.
    """
    least = _least_alpha(colour, paper, floor)
    alpha = least * _step(least / floor - 1)
    opacity = np.clip((least - floor) / (_SOLID - floor), 0, 1)
    painted = _coloured(colour, paper)
    within = _enclosed(opacity * painted)
    alpha = np.maximum(alpha, opacity * np.maximum(painted, within))
    alpha = np.where(_highlights(within > 0.5, opacity), 1.0, alpha)
    safe = np.maximum(alpha, 1e-4)[..., None]
    own = np.where(alpha[..., None] > 0, (colour - paper) / safe + paper, 0).clip(0, 1)
    return np.concatenate((own, alpha[..., None]), axis=-1)


def _least_alpha(colour: np.ndarray, paper: np.ndarray, floor: float) -> np.ndarray:
    """Return the smallest alpha for which a colour within [0, 1] exists.

    What is brighter than its paper has so little room that grain would count in full; there only
    the excess over twice the floor is counted.
    """
    darker = (paper - colour) / paper
    spare = 2 * floor
    brighter = (colour - paper - spare) / np.maximum(1 - paper - spare, 1e-3)
    return np.maximum(darker, brighter).max(axis=-1).clip(0, 1)


def _step(t: np.ndarray) -> np.ndarray:
    t = t.clip(0, 1)
    return t * t * (3 - 2 * t)


def _coloured(colour: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Return 0 where the paper is only darkened, by shadow or ink, and 1 where it is painted."""
    passed = gaussian_filter(colour / paper, sigma=(1, 1, 0))
    uneven = passed.max(axis=-1) - passed.min(axis=-1)
    low, high = _COLOURED
    return np.clip((uneven - low) / (high - low), 0, 1)


def _enclosed(solid: np.ndarray) -> np.ndarray:
    """Return 1 within the outline of solid paint, softly 0 outside: grey in there is paint too."""
    reach = max(1, round(_GAP * min(solid.shape)))
    closed = binary_closing(np.pad(solid > 0.8, reach), iterations=reach)
    inside = np.asarray(binary_fill_holes(closed))[reach:-reach, reach:-reach]
    return gaussian_filter(inside.astype(np.float32), sigma=1)


def _highlights(within: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Return where small scraps of paper lie within solid paint: they are highlights."""
    holes = within & (opacity < 1)
    regions = np.zeros(holes.shape, np.int32)
    if not label(holes, output=regions):
        return holes
    small = np.bincount(regions.ravel()) <= _HOLE * holes.size
    small[0] = False
    return small[regions]

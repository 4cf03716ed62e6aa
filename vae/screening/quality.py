"""What is measured of decoded pixels: is there anything, can it be seen, is it sharp, is it new.

The bounds are gentle. Art is often pale, dark, sparse or soft, so a picture is refused only where
next to nothing would be left of it at the size a world is trained at. Transparency is made by a
hand or a tool, never by a slip of the camera: what is cut out is asked for its shape alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.fft import dctn

from vae.paper import surface_basis
from vae.pixels import premultiply, to_floats

BLANK_DETAIL = 0.02  # of the range of a channel, beyond any smooth change of light
BLANK_RANGE = 0.12
BLANK_VISIBLE = 0.001  # share of the picture
DARK = 0.10  # the brightest half per cent is darker, sRGB
BLURRED = 0.02  # deviation of the sharpest edge's blur, as a share of the longer side

# Near copies: bits of the perceptual hash (of 64) that may differ, and how far apart the small
# pictures may be, as a share of what is in them. Few and fine lines shift a lot when resized.
NEAR = ((8, 0.2), (2, 0.35))
NEAR_MEAN = 0.08  # and their mean colours or alphas, 0 to 1

_SMALL, _TINY, _HASHED = 256, 64, 32


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Numbers of one picture, before anything is done to it.

    Attributes:
        visible: Share that is not clear, 0 to 1.
        opaque: Whether there is no transparency.
        detail: What stands out from a smooth change of light, 0 to 1, any channel.
        spread: From the darkest to the brightest hundredth, 0 to 1, any channel.
        brightest: Luma that one in two hundred pixels exceeds, 0 to 1.
        edge: Deviation of the Gaussian that blurs the sharpest edges, over the longer side.
    """

    visible: float
    opaque: bool
    detail: float
    spread: float
    brightest: float
    edge: float

    @property
    def codes(self) -> tuple[str, ...]:
        """What is wrong: "blank", or else any of "dark" and "blurred"."""
        smooth = self.detail < BLANK_DETAIL and self.spread < BLANK_RANGE
        if self.opaque and self.brightest < DARK:
            return ("dark",) if self.spread > 2 / 255 else ("blank",)
        if self.visible < BLANK_VISIBLE or smooth:
            return ("blank",)
        return ("blurred",) if self.opaque and self.edge > BLURRED else ()


def measure_quality(rgba: np.ndarray) -> Measures:
    """Measure straight uint8 pixels (H, W, 4) of any size."""
    small = _fitted(rgba, _SMALL)
    tiny = _fitted(rgba, _TINY)
    alpha = small[..., 3]
    luma = small[..., :3] @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    low, high = np.percentile(tiny, (1, 99), axis=(0, 1))
    return Measures(
        visible=float((alpha > 0.05).mean()),
        opaque=bool(np.percentile(alpha, 1) > 0.98),
        detail=_detail(tiny),
        spread=float((high - low).max()),
        brightest=float(np.percentile(luma, 99.5)),
        edge=_edge(small) / max(small.shape[:2]),
    )


def _fitted(rgba: np.ndarray, side: int) -> np.ndarray:
    """Return premultiplied floats, area-averaged so that the longer side is at most `side`."""
    height, width = rgba.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BOX))
        for plane in np.moveaxis(premultiply(to_floats(rgba)), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def _detail(x: np.ndarray) -> float:
    basis = surface_basis(*x.shape[:2])
    flat = x.reshape(len(basis), -1).astype(np.float64)
    fitted = basis @ np.linalg.lstsq(basis, flat, rcond=None)[0]
    return float(np.percentile(np.abs(flat - fitted), 99.8, axis=0).max())


def _edge(x: np.ndarray) -> float:
    """Return the blur of the sharpest edges, in pixels.

    A step of height h, blurred by a Gaussian of deviation σ, has the slope h / (σ √2π).
    """
    if min(x.shape[:2]) < 3:
        return 0.0
    slope = np.hypot(np.gradient(x, axis=0), np.gradient(x, axis=1))
    steepest = np.percentile(slope, 99.9, axis=(0, 1))
    low, high = np.percentile(x, (0.1, 99.9), axis=(0, 1))
    height = np.maximum(high - low, 1e-6)
    sharp = np.where(high - low > 4 / 255, steepest / height, 0)
    return float(1 / (np.sqrt(2 * np.pi) * max(float(sharp.max()), 1e-6)))


@dataclass(frozen=True)
class Likeness:
    """What near copies have in common.

    Attributes:
        hash: 64 bits of the perceptual hash (pHash; Zauner 2010, section 3.2.1).
        small: The picture at 32², premultiplied, less its mean, (4096,) float32.
        mean: That mean, (4,).
    """

    hash: int
    small: np.ndarray
    mean: np.ndarray


def likeness_of(rgba: np.ndarray) -> Likeness:
    """Return what to compare a straight uint8 picture by."""
    resized = Image.fromarray(rgba).convert("RGBa").resize((_HASHED, _HASHED), _BOX)
    x = np.asarray(resized, dtype=np.float32).reshape(_HASHED, _HASHED, 4) / 255
    grey = x[..., :3] @ np.array([0.299, 0.587, 0.114]) + (1 - x[..., 3]) * 0.5
    low = np.asarray(dctn(grey))[:8, :8].ravel()
    bits = low > np.median(low)
    mean = x.mean(axis=(0, 1))
    return Likeness(int("".join("01"[int(b)] for b in bits), 2), (x - mean).ravel(), mean)


_BOX = Image.Resampling.BOX


class Likenesses:
    """The pictures seen so far, asked for one that looks the same."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._seen: list[Likeness] = []

    def add(self, name: str, likeness: Likeness) -> None:
        """Remember a picture."""
        self._names.append(name)
        self._seen.append(likeness)

    def find(self, likeness: Likeness) -> str | None:
        """Return the name of the first picture that looks the same, or None."""
        for name, other in zip(self._names, self._seen, strict=True):
            bits = (likeness.hash ^ other.hash).bit_count()
            if bits <= NEAR[0][0] and _near(likeness, other, bits):
                return name
        return None


def _near(a: Likeness, b: Likeness, bits: int) -> bool:
    size = max(float(np.linalg.norm(a.small)), float(np.linalg.norm(b.small)))
    apart = float(np.linalg.norm(a.small - b.small))
    limit = max(share for most, share in NEAR if bits <= most)
    return apart <= limit * size and float(np.abs(a.mean - b.mean).max()) <= NEAR_MEAN

"""The sixteen attributes measured by an independent hand: NumPy, SciPy and scikit-image.

Nothing here is shared with `vae.encodings`, which the model is trained against: a model may
learn to please its own ruler, so its sliders are judged with another. Formulas are those of the
design, not those of the training code; pictures are rounded to 8 bits first, as that is what is
shown and saved.

Notation: α alpha, w = α/Σα, L*, a*, b* of the straight colour (D65), S the side in pixels.
What is undefined, such as the direction of a blank picture, is 0.

Processes that only measure import this module, and it has no need of PyTorch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from skimage.color import rgb2lab
from skimage.transform import resize_local_mean

from vae.errors import ShapeError

ATTRIBUTES = (
    *("lightness", "redness", "warmth"),
    *("lightness_spread", "redness_spread", "warmth_spread"),
    *("colorfulness", "palette_variety", "local_contrast"),
    *("fineness", "coarseness", "directionality", "angle_cos", "angle_sin"),
    *("coverage", "edge_softness"),
)
LIMITS = "at_limits"
WINDOW = 1 / 20  # standard deviation of the local window, in sides
PALETTE_SIDE = 32
PALETTE_BOX = ((0.0, 100.0, 4), (-90.0, 100.0, 6), (-110.0, 100.0, 7))
"""Low, high and number of bins of L*, a*, b*: all of sRGB, in bins of about 30 units."""
ROUNDING = (100 / 255) ** 2 / 12  # variance of L* from rounding to 8 bits


def measure(image: np.ndarray) -> dict[str, float]:
    """Return the attributes of one picture (H, W), (H, W, 3) or (H, W, 4), natural units.

    Args:
        image: Straight colour; uint8, or floats in [0, 1].
    """
    picture = image[..., None] if image.ndim == 2 else image
    return {name: float(values[0]) for name, values in measure_batch(picture[None]).items()}


def measure_batch(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the attributes of many pictures of one size: {name: (N,) float64}.

    Args:
        images: (N, H, W, C), C in 1, 3, 4; straight colour; uint8, or floats in [0, 1].

    Raises:
        ShapeError: The array has another shape.
    """
    rgb, alpha = _split(images)
    lab = _lab(rgb, alpha)
    total = alpha.sum(axis=(1, 2), dtype=np.float64)
    weight = alpha / np.maximum(total, 1e-9)[:, None, None]
    mean = np.einsum("nhw,nhwc->nc", weight, lab)
    centred = (lab - mean[:, None, None]).astype(np.float32)
    spread = np.sqrt(np.einsum("nhw,nhwc->nc", weight, centred**2))
    lightness = centred[..., 0]
    columns = [
        *mean.T,
        *spread.T,
        _colorfulness(rgb, weight),
        np.array([_palette_variety(c, a) for c, a in zip(rgb, alpha, strict=True)]),
        _local_contrast(lightness, alpha),
        *_spectrum(lightness * alpha),
        *_orientation(lightness, alpha),
        alpha.mean(axis=(1, 2), dtype=np.float64),
        _edge_softness(alpha),
    ]
    return {
        name: column.astype(np.float64) for name, column in zip(ATTRIBUTES, columns, strict=True)
    }


def measure_with_limits(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return the sixteen attributes of pictures (N, H, W, C), and `LIMITS`, (N,) each."""
    return measure_batch(images) | {LIMITS: at_limits(images)}


def at_limits(images: np.ndarray) -> np.ndarray:
    """Return the share (N,), by alpha, of what has a colour channel at 0 or 255.

    Args:
        images: (N, H, W, C) straight, uint8; nothing to see is a share of 0.
    """
    colour = images[..., :3]
    alpha = images[..., 3] / 255.0 if images.shape[-1] == 4 else np.ones(images.shape[:-1])
    limit = ((colour == 0) | (colour == 255)).any(axis=-1)
    return (limit * alpha).sum(axis=(1, 2)) / np.maximum(alpha.sum(axis=(1, 2)), 1e-9)


def _split(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return straight RGB (N, H, W, 3) and alpha (N, H, W), float32 in steps of 1/255."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3, 4) or min(images.shape) < 1:
        raise ShapeError(
            f"expected pictures (N, H, W, C) with C of 1, 3 or 4, found {images.shape}; "
            "put the channels last."
        )
    if images.dtype != np.uint8:
        images = np.round(np.clip(images, 0.0, 1.0) * 255.0)
    pixels = images.astype(np.float32) / np.float32(255.0)
    if pixels.shape[-1] == 4:
        return pixels[..., :3], pixels[..., 3]
    colour = np.broadcast_to(pixels, (*pixels.shape[:3], 3))
    return colour, np.ones(pixels.shape[:3], dtype=np.float32)


def _lab(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return L*, a*, b* (…, 3) where there is anything to see, and 0 elsewhere."""
    lab = np.zeros_like(rgb)
    seen = alpha > 0
    if seen.any():
        lab[seen] = rgb2lab(rgb[seen])
    return lab


def _colorfulness(rgb: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return M of Hasler & Süsstrunk (2003) on 0…255 values, weighted by alpha."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    moments = []
    for opponent in (red - green, (red + green) / 2 - blue):
        mean = np.einsum("nhw,nhw->n", weight, opponent)
        square = (opponent - mean[:, None, None].astype(np.float32)) ** 2
        moments.append((mean**2, np.einsum("nhw,nhw->n", weight, square)))
    mean_square, variance = np.sum(moments, axis=0)
    return 255.0 * (np.sqrt(variance) + 0.3 * np.sqrt(mean_square))


def _palette_variety(rgb: np.ndarray, alpha: np.ndarray) -> float:
    """Return the entropy, in nats, of a Lab histogram of the picture averaged to 32².

    Every colour is shared out linearly between the centres of the bins around it, so that the
    entropy moves steadily when the colours do.
    """
    small, cover = _shrink(rgb * alpha[..., None]), _shrink(alpha)
    seen = cover > 1e-3
    if not seen.any():
        return 0.0
    colours = rgb2lab(np.clip(small[seen] / cover[seen][:, None], 0.0, 1.0))
    shares = [_share(colours[:, i], *PALETTE_BOX[i]) for i in range(3)]
    histogram = np.einsum("p,pi,pj,pk->ijk", cover[seen], *shares, optimize=True).ravel()
    p = histogram[histogram > 0] / histogram.sum()
    return float(-(p * np.log(p)).sum())


def _shrink(plane: np.ndarray) -> np.ndarray:
    """Average a plane (H, W, …) down to 32²; smaller ones stay as they are."""
    height, width = plane.shape[:2]
    if min(height, width) <= PALETTE_SIDE:
        return plane
    if height % PALETTE_SIDE == 0 and width % PALETTE_SIDE == 0:
        blocks = (PALETTE_SIDE, height // PALETTE_SIDE, PALETTE_SIDE, width // PALETTE_SIDE)
        return plane.reshape(*blocks, *plane.shape[2:]).mean(axis=(1, 3))
    axis = -1 if plane.ndim == 3 else None
    return resize_local_mean(plane, (PALETTE_SIDE, PALETTE_SIDE), channel_axis=axis)


def _share(values: np.ndarray, low: float, high: float, bins: int) -> np.ndarray:
    """Return (P, bins): linear shares of values between the evenly spaced bin centres."""
    place = np.clip((values - low) / (high - low) * bins - 0.5, 0.0, bins - 1.0)
    return np.maximum(0.0, 1.0 - np.abs(place[:, None] - np.arange(bins)))


def _local_contrast(lightness: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the mean, weighted by alpha, of the local weighted deviation of L*."""
    density = np.maximum(_window(alpha), 1e-6)
    mean = _window(alpha * lightness) / density
    variance = _window(alpha * lightness**2) / density - mean**2
    deviation = np.sqrt(np.maximum(variance, 0.0))
    return _average(deviation, alpha)


def _spectrum(masked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return fineness and coarseness of α(L* - mean), from its radial power spectrum.

    Fineness: slope of log power against log frequency, least squares over half-octave rings from
    2 cycles a side to Nyquist; each ring's power is its mean, with what 8-bit rounding alone
    would leave added, so that an empty ring has a logarithm. White noise is 0, soft is negative.
    Coarseness: log2 of the wavelength in pixels, averaged over octave rings from 1 cycle a side
    to Nyquist by the energy in each.
    """
    power = np.abs(np.fft.fft2(masked)) ** 2 / masked[0].size
    flat = power.reshape(len(power), -1)
    energy = flat.sum(axis=1)
    some = energy > 1e-6
    means, _, middles = _ring_sums(flat, masked.shape[1:], 2.0, 0.5)
    logs = np.log(means + ROUNDING)
    x = np.log(middles) - np.log(middles).mean()
    slope = logs @ x / (x @ x)
    _, sums, middles = _ring_sums(flat, masked.shape[1:], 1.0, 1.0)
    wavelength = np.log2(min(masked.shape[1:]) / middles)
    centroid = (sums @ wavelength) / np.maximum(sums.sum(axis=1), 1e-6)
    return np.where(some, slope, 0.0), np.where(some, centroid, 0.0)


def _ring_sums(
    flat: np.ndarray, shape: tuple[int, ...], lowest: float, octaves: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return means (N, R), sums (N, R) and middles (R,), cycles a side, of spectral rings."""
    index, num_rings = _ring_index(shape, lowest, octaves)
    inside = index >= 0
    one_hot = (index[inside][:, None] == np.arange(num_rings)).astype(np.float64)
    sums = flat[:, inside] @ one_hot
    counts = np.maximum(one_hot.sum(axis=0), 1.0)
    return sums / counts, sums, lowest * 2.0 ** (octaves * (np.arange(num_rings) + 0.5))


@lru_cache(maxsize=16)
def _ring_index(shape: tuple[int, ...], lowest: float, octaves: float) -> tuple[np.ndarray, int]:
    """Return the ring of every frequency, -1 outside, and the number of rings to Nyquist."""
    side = min(shape)
    rows, columns = (np.fft.fftfreq(n) * side for n in shape)
    radius = np.hypot(rows[:, None], columns[None, :]).ravel()
    num_rings = max(2, round(np.log2(side / 2 / lowest) / octaves))
    index = np.floor(np.log2(np.maximum(radius, 1e-9) / lowest) / octaves + 1e-9)
    inside = (index >= 0) & (index < num_rings) & (radius <= side / 2)
    return np.where(inside, index, -1).astype(np.int64), num_rings


def _orientation(
    lightness: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return directionality, angle_cos and angle_sin from structure tensors of L*.

    Bigün & Granlund (1987). Directionality: (λ1 - λ2)/(λ1 + λ2) of the *local* tensor, averaged
    by α times the local gradient energy. The angles: (Jxx - Jyy)/tr and 2Jxy/tr of the *global*
    tensor, which are cos 2θ and sin 2θ times its coherence; θ is the direction of the gradient,
    x to the right, y down. Gradients are central differences times the alpha of both
    neighbours, so the outline of the picture does not count.
    """
    gx, gy = np.zeros_like(lightness), np.zeros_like(lightness)
    gx[:, :, 1:-1] = (lightness[:, :, 2:] - lightness[:, :, :-2]) / 2
    gx[:, :, 1:-1] *= alpha[:, :, 2:] * alpha[:, :, :-2]
    gy[:, 1:-1] = (lightness[:, 2:] - lightness[:, :-2]) / 2 * alpha[:, 2:] * alpha[:, :-2]
    energy, difference, mixed = gx**2 + gy**2, gx**2 - gy**2, 2 * gx * gy
    trace = energy.mean(axis=(1, 2), dtype=np.float64) + ROUNDING
    local_energy = _window(energy)
    coherent = np.hypot(_window(difference), _window(mixed))
    noise = ROUNDING * float(_window(np.ones_like(alpha[:1])).max())
    directionality = _average(coherent, alpha) / (_average(local_energy, alpha) + noise)
    cosine, sine = (plane.mean(axis=(1, 2), dtype=np.float64) for plane in (difference, mixed))
    return directionality, cosine / trace, sine / trace


def _edge_softness(alpha: np.ndarray) -> np.ndarray:
    """Return Σ4α(1-α) / Σ|∇α| in sides.

    |∇α| summed is the length of the outline, and 4α(1-α) is 1 half way through it. An outline
    shorter than a quarter of the side counts as that long, so that an even veil without any
    edge has a bounded value.
    """
    plane = alpha.astype(np.float64)
    rows, columns = np.zeros_like(plane), np.zeros_like(plane)
    rows[:, 1:-1] = (plane[:, 2:] - plane[:, :-2]) / 2
    columns[:, :, 1:-1] = (plane[:, :, 2:] - plane[:, :, :-2]) / 2
    length = np.hypot(rows, columns).sum(axis=(1, 2))
    soft = (4 * plane * (1 - plane)).sum(axis=(1, 2))
    side = min(alpha.shape[1:])
    return soft / np.maximum(length, side / 4) / side


def _average(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return the mean of planes (N, H, W) weighted by alpha."""
    total = np.maximum(alpha.sum(axis=(1, 2), dtype=np.float64), 1e-9)
    return (values * alpha).sum(axis=(1, 2), dtype=np.float64) / total


def _window(planes: np.ndarray) -> np.ndarray:
    """Sum planes (N, H, W) under a Gaussian of S/20, nothing beyond the border."""
    sigma = WINDOW * min(planes.shape[1:])
    return _gaussian(planes.shape[1], sigma) @ planes @ _gaussian(planes.shape[2], sigma)


@lru_cache(maxsize=16)
def _gaussian(size: int, sigma: float) -> np.ndarray:
    """Return the symmetric (size, size) matrix of a 1-D Gaussian sum; as exact as it is fast."""
    steps = np.arange(size)
    gap = (steps[:, None] - steps[None, :]) / sigma
    taps = np.exp(-0.5 * gap**2)
    taps[np.abs(gap) > 5] = 0.0  # denormals far out would take half of all the time
    return taps.astype(np.float32)

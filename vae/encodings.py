"""Image metadata: sixteen measured attributes ``u`` of texture, palette and transparency.

Every attribute is a fixed, differentiable formula of the pixels, weighted by alpha, so that a
model can be trained against it. Colours are CIE L*a*b* (D65, 2° observer) of the *straight*
colour; lengths are fractions of the side or octaves of it, so that a formula means the same at
every size. Nothing here is learned; standardisation is a stored quantile table.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.errors import ShapeError

ATTRIBUTES: tuple[str, ...] = (
    "lightness",
    "redness",
    "warmth",
    "lightness_spread",
    "redness_spread",
    "warmth_spread",
    "colorfulness",
    "palette_variety",
    "local_contrast",
    "fineness",
    "coarseness",
    "directionality",
    "angle_cos",
    "angle_sin",
    "coverage",
    "edge_softness",
)
"""Names of the attributes, in the order of the columns of ``u``."""

NUM_ATTRIBUTES = len(ATTRIBUTES)

UNITS: dict[str, str] = {
    "lightness": "L*",
    "redness": "a*",
    "warmth": "b*",
    "lightness_spread": "L*",
    "redness_spread": "a*",
    "warmth_spread": "b*",
    "colorfulness": "8-bit levels",
    "palette_variety": "nats",
    "local_contrast": "L*",
    "fineness": "log power per log frequency",
    "coarseness": "octaves of pixels",
    "directionality": "0 to 1",
    "angle_cos": "-1 to 1",
    "angle_sin": "-1 to 1",
    "coverage": "0 to 1",
    "edge_softness": "width of the edge, in sides",
}
"""The natural unit of each attribute, as :func:`measure` returns it."""

RANGES: dict[str, tuple[float, float]] = {
    **{"lightness": (0, 100), "redness": (-87, 99), "warmth": (-108, 95)},  # all of sRGB
    **{"lightness_spread": (0, 50), "redness_spread": (0, 93), "warmth_spread": (0, 102)},
    **{"colorfulness": (0, 298), "palette_variety": (0, math.log(4 * 6 * 6))},
    **{"local_contrast": (0, 50), "fineness": (-10, 10), "coarseness": (0, 8)},
    **{"directionality": (0, 1), "angle_cos": (-1, 1), "angle_sin": (-1, 1)},
    **{"coverage": (0, 1), "edge_softness": (0, 20)},
}
"""Least and most of each attribute in its unit; pictures lie well within. Coarseness ends at log2
of the side in pixels (8 for 256). The edge softness of a ramp is two thirds of its width; 20 is a
picture that is half clear everywhere and has no edge at all."""

GROUPS: dict[str, tuple[str, ...]] = {
    "palette": ATTRIBUTES[0:8],
    "texture": ATTRIBUTES[8:14],
    "alpha": ATTRIBUTES[14:16],
}
"""The dials of style borrowing: which attributes each one moves."""

_EPS = 1e-6
_BINS = ((4, 0.0, 100.0), (6, -60.0, 90.0), (6, -60.0, 90.0))  # tent centres on L*, a*, b*


def to_rgba(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split an image into straight RGB and alpha.

    Args:
        x: Straight image (N, C, H, W) in [0, 1], C in 1 (grey), 3 (RGB), 4 (RGBA).

    Returns:
        ``rgb`` (N, 3, H, W) and ``alpha`` (N, 1, H, W); alpha is 1 where there was none.

    Raises:
        ShapeError: The tensor is not (N, C, H, W) with C in 1, 3, 4.
    """
    if x.ndim != 4 or x.shape[1] not in (1, 3, 4):
        raise ShapeError(
            f"expected images of shape (N, C, H, W) with C in 1, 3, 4, found {tuple(x.shape)}"
        )
    if x.shape[1] == 4:
        return x[:, :3], x[:, 3:]
    return x.expand(-1, 3, -1, -1), torch.ones_like(x[:, :1])


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert straight sRGB to CIE L*a*b* (D65).

    Args:
        rgb: (N, 3, H, W) in [0, 1].

    Returns:
        (N, 3, H, W): L* in [0, 100], a* and b* in about [-110, 110].

    References:
        IEC 61966-2-1 (sRGB); CIE 15:2004 (L*a*b*).
    """
    dark = rgb <= 0.04045
    linear = torch.where(dark, rgb / 12.92, ((rgb.clamp_min(0.04045) + 0.055) / 1.055).pow(2.4))
    matrix = rgb.new_tensor(_RGB_TO_XYZ) / rgb.new_tensor(_WHITE)[:, None]
    xyz = torch.einsum("ij,njhw->nihw", matrix, linear)
    low = xyz <= 0.008856
    f = torch.where(low, 7.787 * xyz + 16 / 116, xyz.clamp_min(0.008856).pow(1 / 3))
    fx, fy, fz = f.unbind(1)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), 1)


_RGB_TO_XYZ = (
    (0.412453, 0.357580, 0.180423),
    (0.212671, 0.715160, 0.072169),
    (0.019334, 0.119193, 0.950227),
)
_WHITE = (0.95047, 1.0, 1.08883)


def measure(x: Tensor) -> Tensor:
    """Measure the sixteen attributes of straight images.

    Args:
        x: Straight images (N, C, H, W) in [0, 1], C in 1, 3, 4.

    Returns:
        (N, 16) in natural units (:data:`UNITS`, :data:`RANGES`), finite, differentiable.

    Raises:
        ShapeError: The tensor is not (N, C, H, W) with C in 1, 3, 4.
    """
    rgb, alpha = to_rgba(x)
    return measure_rgba(rgb, alpha)


def measure_rgba(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Measure straight colour and alpha given apart; see :func:`measure`.

    Args:
        rgb: Straight colour (N, 3, H, W) in [0, 1]; ignored where alpha is 0.
        alpha: (N, 1, H, W) in [0, 1].

    Returns:
        (N, 16) in natural units.
    """
    rgb, alpha = rgb.float(), alpha.float()
    lab = rgb_to_lab(rgb)
    weight = alpha / alpha.sum((2, 3), keepdim=True).clamp_min(_EPS)
    mean = (weight * lab).sum((2, 3))  # (N, 3)
    spread = _root((weight * (lab - mean[:, :, None, None]).square()).sum((2, 3)))
    masked = (lab[:, :1] - mean[:, :1, None, None]) * alpha
    columns = [
        mean,
        spread,
        _colorfulness(rgb, weight),
        _palette_variety(rgb, alpha),
        _local_contrast(lab[:, :1], alpha),
        _spectrum(masked),
        _orientation(lab[:, :1], alpha),
        alpha.mean((1, 2, 3))[:, None],
        _edge_softness(alpha),
    ]
    return torch.cat(columns, 1)


def _root(x: Tensor) -> Tensor:
    """Square root with a finite slope at 0, and exactly 0 there."""
    return (x.clamp_min(0) + _EPS).sqrt() - math.sqrt(_EPS)


def _colorfulness(rgb: Tensor, weight: Tensor) -> Tensor:
    """M of Hasler & Süsstrunk (2003), 8-bit levels, alpha-weighted. (N, 1)."""
    r, g, b = (255 * rgb).unbind(1)
    opponent = torch.stack((r - g, 0.5 * (r + g) - b), 1)
    mean = (weight * opponent).sum((2, 3), keepdim=True)
    variance = (weight * (opponent - mean).square()).sum((1, 2, 3))
    chroma = _root(mean.square().sum((1, 2, 3)))
    return (_root(variance) + 0.3 * chroma)[:, None]


def _palette_variety(rgb: Tensor, alpha: Tensor) -> Tensor:
    """Entropy in nats of a soft Lab histogram of the picture at about 32². (N, 1)."""
    cell = max(1, rgb.shape[-1] // 32)
    weight = F.avg_pool2d(alpha, cell)
    colour = F.avg_pool2d(rgb * alpha, cell) / weight.clamp_min(1e-3)
    lab = rgb_to_lab(colour.clamp(0, 1)).flatten(2)  # (N, 3, P)
    weight = weight.flatten(1)
    weight = weight / weight.sum(1, keepdim=True).clamp_min(_EPS)
    tents = [_tent(lab[:, i], *_BINS[i]) for i in range(3)]  # each (N, P, bins)
    pair = (tents[1][..., :, None] * tents[2][..., None, :]).flatten(2)
    histogram = (tents[0] * weight[..., None]).transpose(1, 2) @ pair
    p = histogram.flatten(1)
    return -(p * (p + 1e-8).log()).sum(1, keepdim=True)


def _tent(value: Tensor, bins: int, low: float, high: float) -> Tensor:
    """Linear membership of ``value`` in evenly spaced bins; rows sum to 1."""
    position = ((value - low) / (high - low)).clamp(0, 1) * (bins - 1)
    centres = torch.arange(bins, device=value.device, dtype=value.dtype)
    return (1 - (position[..., None] - centres).abs()).clamp_min(0)


@lru_cache(maxsize=16)
def _gaussian_taps(sigma: float) -> tuple[float, ...]:
    radius = max(1, math.ceil(3 * sigma))
    taps = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-radius, radius + 1)]
    return tuple(t / sum(taps) for t in taps)


def _window(moments: Tensor, side: int) -> Tensor:
    """Sum moments (N, C, H, W) under a Gaussian window, σ = side / 20, at about 32²."""
    cell = max(1, side // 32)
    pooled = F.avg_pool2d(moments, cell)
    taps = moments.new_tensor(_gaussian_taps(side / 20 / cell))
    n, c, h, w = pooled.shape
    flat = pooled.reshape(n * c, 1, h, w)
    pad = len(taps) // 2
    flat = F.conv2d(flat, taps.view(1, 1, -1, 1), padding=(pad, 0))
    flat = F.conv2d(flat, taps.view(1, 1, 1, -1), padding=(0, pad))
    return flat.view(n, c, h, w)


def _local_contrast(lightness: Tensor, alpha: Tensor) -> Tensor:
    """Mean local standard deviation of L*, Gaussian window σ = side / 20. (N, 1)."""
    centred = lightness - 50  # keeps the difference of moments well conditioned
    moments = torch.cat((alpha, alpha * centred, alpha * centred.square()), 1)
    w, first, second = _window(moments, lightness.shape[-1]).unbind(1)
    safe = w.clamp_min(1e-3)
    deviation = _root(second / safe - (first / safe).square())
    return ((w * deviation).sum((1, 2)) / w.sum((1, 2)).clamp_min(_EPS))[:, None]


@lru_cache(maxsize=16)
def _spectral_bins(side: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Half-octave rings with their log radius, and octave rings with their log wavelength."""
    fy = torch.fft.fftfreq(side, 1 / side)[:, None]
    fx = torch.fft.rfftfreq(side, 1 / side)[None]
    radius = (fy.square() + fx.square()).sqrt().flatten()
    copies = torch.full((1, side // 2 + 1), 2.0)
    copies[:, 0] = 1.0
    if side % 2 == 0:
        copies[:, -1] = 1.0
    copies = copies.expand(side, -1).flatten()
    top = math.log2(side / 2)
    position = radius.clamp_min(0.5).log2()

    def rings(low: float, width: float) -> tuple[Tensor, Tensor]:
        num = math.ceil((top - low) / width - 1e-6)
        index = ((position - low) / width).floor()
        member = (index[:, None] == torch.arange(num)) & (position[:, None] < top)
        return member * copies[:, None], low + width * (torch.arange(num) + 0.5)

    half, half_log = rings(1.0, 0.5)
    octave, octave_log = rings(0.0, 1.0)
    half = half / half.sum(0).clamp_min(1)
    return half, half_log, octave, math.log2(side) - octave_log


def _spectrum(masked: Tensor) -> Tensor:
    """``fineness`` and ``coarseness`` from the radial power spectrum of L*. (N, 2).

    Fineness is the least-squares slope of log power against log radius over half-octave rings
    from 2 cycles a side to Nyquist; coarseness the energy-weighted mean log2 wavelength in
    pixels over octave rings. The floor is the noise of 8-bit quantisation.
    """
    side = masked.shape[-1]
    half, half_log, octave, octave_log = (t.to(masked.device) for t in _spectral_bins(side))
    spectrum = torch.fft.rfft2(masked[:, 0])
    power = (spectrum.real.square() + spectrum.imag.square()).flatten(1) / side**2
    log_power = (power @ half + 0.02).log() - math.log(0.02)
    x = (half_log - half_log.mean()) * math.log(2)
    slope = (log_power * x).sum(1) / x.square().sum()
    energy = power @ octave
    centroid = (energy * octave_log).sum(1) / (energy.sum(1) + 1.0)
    return torch.stack((slope, centroid), 1)


def _orientation(lightness: Tensor, alpha: Tensor) -> Tensor:
    """``directionality``, ``angle_cos`` and ``angle_sin`` from structure tensors. (N, 3).

    Directionality is the mean coherence of *local* tensors (window σ = side / 20), weighted by
    gradient energy: it sees hatching of any angle. The two angles are cos 2θ and sin 2θ times
    the coherence of the *global* tensor; θ is the direction of the gradient, x right, y down.
    Gradients count only where alpha is present on both sides.
    """
    gx = (lightness[..., 1:-1, 2:] - lightness[..., 1:-1, :-2]) / 2
    gy = (lightness[..., 2:, 1:-1] - lightness[..., :-2, 1:-1]) / 2
    gx = gx * alpha[..., 1:-1, 2:] * alpha[..., 1:-1, :-2]
    gy = gy * alpha[..., 2:, 1:-1] * alpha[..., :-2, 1:-1]
    tensor = torch.cat((gx.square() + gy.square(), gx.square() - gy.square(), 2 * gx * gy), 1)
    tensor = F.pad(tensor, (1, 1, 1, 1))
    trace, cosine, sine = tensor.mean((2, 3)).unbind(1)
    floor = 1e-2  # squared L* per pixel: below it there is no texture to have a direction
    local = _window(tensor, lightness.shape[-1])
    coherent = _root(local[:, 1].square() + local[:, 2].square()).mean((1, 2))
    scale = 1 / (trace + floor)
    return torch.stack((coherent * scale, cosine * scale, sine * scale), 1)


def _edge_softness(alpha: Tensor) -> Tensor:
    """Width of the alpha edge: Σ4α(1-α) over Σ|∇α|, as a fraction of the side. (N, 1)."""
    side = alpha.shape[-1]
    gx = (alpha[..., 1:-1, 2:] - alpha[..., 1:-1, :-2]) / 2
    gy = (alpha[..., 2:, 1:-1] - alpha[..., :-2, 1:-1]) / 2
    length = _root(gx.square() + gy.square()).sum((1, 2, 3))
    soft = (4 * alpha * (1 - alpha)).sum((1, 2, 3))
    return (soft / (length + 0.05 * side) / side)[:, None]


class Standardizer(nn.Module):
    """Rank-Gauss standardisation by a stored quantile table.

    Each attribute is mapped through its empirical distribution on the training set to a standard
    normal, piecewise linearly between quantiles and straight on beyond the last ones. An
    attribute that does not vary in the training set maps to 0 (and is not ``active``).

    Args:
        num_attributes: Width of ``u``.
    """

    NUM_KNOTS = 41
    REACH = 2.5

    values: Tensor
    active: Tensor
    is_fitted: Tensor
    scores: Tensor

    def __init__(self, num_attributes: int = NUM_ATTRIBUTES):
        super().__init__()
        scores = torch.linspace(-self.REACH, self.REACH, self.NUM_KNOTS)
        self.register_buffer("values", scores.repeat(num_attributes, 1))
        self.register_buffer("active", torch.ones(num_attributes))
        self.register_buffer("is_fitted", torch.zeros(1))
        self.register_buffer("scores", scores, persistent=False)

    @torch.no_grad()
    def fit(self, raw: Tensor) -> Standardizer:
        """Store the quantiles of ``raw`` (M, num_attributes), natural units; M at least 2."""
        if raw.ndim != 2 or raw.shape[1] != self.values.shape[0] or raw.shape[0] < 2:
            raise ShapeError(
                f"expected at least 2 rows of {self.values.shape[0]} attributes, "
                f"found {tuple(raw.shape)}"
            )
        raw = raw.double().cpu()
        probability = torch.special.ndtr(self.scores.double().cpu())
        table = torch.quantile(raw, probability, dim=0).T.contiguous()
        deviation = raw.std(0)
        scale = raw.abs().mean(0)
        active = deviation > 1e-4 * (scale + 1e-3)
        # Ties would make the map vertical: tilt every segment by a fiftieth of the mean slope.
        tilt = 0.02 * deviation.clamp_min(1e-6)[:, None] * self.scores.double().cpu()
        table = table + tilt
        self.values.copy_(table.float())
        self.active.copy_(active.float())
        self.is_fitted.fill_(1)
        return self

    @property
    def fitted(self) -> bool:
        """Whether :meth:`fit` has been called, or a fitted table loaded."""
        return bool(self.is_fitted)

    def forward(self, raw: Tensor) -> Tensor:
        """Map natural units (N, num_attributes) to standard scores, differentiably."""
        return self._map(raw, self.values, self.scores.expand_as(self.values)) * self.active

    def inverse(self, scores: Tensor) -> Tensor:
        """Map standard scores (N, num_attributes) back to natural units."""
        return self._map(scores, self.scores.expand_as(self.values), self.values)

    @staticmethod
    def _map(x: Tensor, source: Tensor, target: Tensor) -> Tensor:
        source, target = source.to(x.dtype), target.to(x.dtype)
        index = torch.searchsorted(source.contiguous(), x.detach().T.contiguous()).T
        index = index.clamp(1, source.shape[1] - 1)
        low = torch.gather(source.T, 0, index - 1)
        high = torch.gather(source.T, 0, index)
        start = torch.gather(target.T, 0, index - 1)
        end = torch.gather(target.T, 0, index)
        return start + (x - low) / (high - low).clamp_min(1e-12) * (end - start)

"""A palette put on after the model: the closed-form transport of colours between two pictures.

Among all linear maps that take one Gaussian cloud of colours to another, the one that moves the
colours least (Monge's problem under Kantorovich's squared cost) is

    T = A^(-1/2) (A^(1/2) B A^(1/2))^(1/2) A^(-1/2),    x ↦ T (x − a) + b

with means a, b and covariances A, B. Colours are L*a*b*, weighted by alpha; alpha stays.

References:
    Pitié & Kokaram (2007), The linear Monge-Kantorovitch linear colour mapping. CVMP.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from vae.encodings import rgb_to_lab, to_rgba

NOISE = 0.25
"""Variance in Lab below which a direction of colour is rounding, not palette."""

_XYZ_TO_RGB = (
    (3.240479, -1.537150, -0.498535),
    (-0.969256, 1.875992, 0.041556),
    (0.055648, -0.204043, 1.057311),
)
_WHITE = (0.95047, 1.0, 1.08883)


class Palette(NamedTuple):
    """Where colours lie in L*a*b*: ``mean`` (N, 3) and ``covariance`` (N, 3, 3)."""

    mean: Tensor
    covariance: Tensor


def palette_of(images: Tensor) -> Palette:
    """Measure the palettes of straight images (N, C, H, W) in [0, 1], alpha-weighted."""
    rgb, alpha = to_rgba(images.double())
    lab = rgb_to_lab(rgb).flatten(2)
    weight = alpha.flatten(2)
    weight = weight / weight.sum(2, keepdim=True).clamp_min(1e-9)
    mean = (weight * lab).sum(2)
    centred = lab - mean[..., None]
    return Palette(mean, (weight * centred) @ centred.mT)


def transport(source: Tensor, target: Tensor) -> Tensor:
    """Return T (N, 3, 3) between covariances (N, 3, 3); symmetric, positive definite."""
    noise = NOISE * torch.eye(3, dtype=source.dtype, device=source.device)
    root = _power(source + noise, 0.5)
    back = _power(source + noise, -0.5)
    return back @ _power(root @ (target + noise) @ root, 0.5) @ back


def transfer(images: Tensor, palette: Palette) -> Tensor:
    """Give straight images (N, C, H, W) in [0, 1] a palette; colours beyond sRGB are clipped.

    Args:
        images: Grey ones (C = 1) are returned as they are: they have no colour to change.
        palette: One for all, or one each.
    """
    if images.shape[1] == 1:
        return images
    own = palette_of(images)
    goal = Palette(*(part.to(own.mean) for part in palette))
    matrix = transport(own.covariance, goal.covariance)
    rgb, _ = to_rgba(images.double())
    lab = rgb_to_lab(rgb).flatten(2)
    moved = matrix @ (lab - own.mean[..., None]) + goal.mean[..., None]
    colour = lab_to_rgb(moved.view_as(rgb)).clamp(0, 1).to(images.dtype)
    return torch.cat((colour, images[:, 3:]), 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Convert CIE L*a*b* (D65) to straight sRGB (N, 3, H, W), unclipped above 1, 0 below black."""
    y = (lab[:, 0] + 16) / 116
    f = torch.stack((y + lab[:, 1] / 500, y, y - lab[:, 2] / 200), 1)
    low = f <= 0.206893
    xyz = torch.where(low, (f - 16 / 116) / 7.787, f.clamp_min(0.2).pow(3))
    matrix = lab.new_tensor(_XYZ_TO_RGB) * lab.new_tensor(_WHITE)
    linear = torch.einsum("ij,njhw->nihw", matrix, xyz).clamp_min(0)
    dark = linear <= 0.0031308
    return torch.where(dark, 12.92 * linear, 1.055 * linear.clamp_min(0.003).pow(1 / 2.4) - 0.055)


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Return a power of symmetric positive definite matrices (N, 3, 3)."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(1e-9).pow(exponent)[..., None, :]) @ vectors.mT

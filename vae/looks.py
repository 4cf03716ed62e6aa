"""Looks: what a reference lends: measured, and read by the encoder where the world knows it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from vae.encodings import measure
from vae.errors import ShapeError
from vae.grain import roughness
from vae.model import IvAE

_OPAQUE = 254 / 255
_NEAR = 0.6  # nats for each latent: how much rarer than the rarest of its own a world knows


@dataclass(frozen=True)
class Look:
    """What a reference lends.

    Attributes:
        u: The sixteen attributes (M, 16), natural units; measured on the world's own side.
        has_alpha: Whether there is any transparency to lend.
        key: The encoder's reading (M, latent_key_dim); nan where the reference is nothing the
            world knows, None where that was not asked.
        roughness: Of their surface (M, 2), see `vae.grain`; None where that was not measured.
    """

    u: Tensor
    has_alpha: bool
    key: Tensor | None = None
    roughness: Tensor | None = None


def look_of(images: Tensor, size: int) -> Look:
    """Measure references, straight (M, C, H, W) in [0, 1], squared and brought to ``size``.

    Raises:
        ShapeError: The tensor is not (M, C, H, W) with C in 1, 3, 4.
    """
    images, has_alpha = on_square(images, size)
    return Look(measure(images), has_alpha, roughness=roughness(images))


def on_square(images: Tensor, size: int) -> tuple[Tensor, bool]:
    """Return references on the world's square, and whether there is any transparency in them.

    Raises:
        ShapeError: The tensor is not (M, C, H, W) with C in 1, 3, 4.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3, 4):
        raise ShapeError(
            f"expected a reference of shape (N, C, H, W) with C in 1, 3, 4, "
            f"found {tuple(images.shape)}"
        )
    has_alpha = images.shape[1] == 4 and bool((images[:, 3] < _OPAQUE).any())
    images = _square(images.float(), crop=not has_alpha)
    if images.shape[-1] != size:
        if images.shape[1] == 4:
            images = torch.cat((images[:, :3] * images[:, 3:], images[:, 3:]), 1)
        images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
        if images.shape[1] == 4:
            colour = images[:, :3] / images[:, 3:].clamp_min(0.5 / 255)
            images = torch.cat((colour, images[:, 3:]), 1)
        images = images.clamp(0, 1)
    return images, has_alpha


@torch.inference_mode()
def look_by(model: IvAE, images: Tensor, size: int) -> Look:
    """Measure references as :func:`look_of` does, and let the encoder read those it knows.

    Args:
        model: In evaluation mode, with its density fitted.
        images: Straight (M, C, H, W) in [0, 1].
        size: The world's own side.
    """
    images, has_alpha = on_square(images, size)
    look = Look(measure(images), has_alpha, roughness=roughness(images))
    density = model.density
    if density is None or model.config is None or images.shape[1] != model.config.channels:
        return look
    device = next(model.parameters()).device
    mean = model.posterior(images.to(device, torch.float32)).mean
    joined = mean.joined()
    rarest = density.floor - _NEAR * joined.shape[1]
    near = density.log_prob(joined) >= rarest
    return replace(look, key=torch.where(near[:, None], mean.key, torch.nan))


def _square(images: Tensor, *, crop: bool) -> Tensor:
    """Crop pictures at their centre, or pad them with nothing."""
    height, width = images.shape[2:]
    if height == width:
        return images
    side = min(height, width) if crop else max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    return functional.pad(images, (left, side - width - left, top, side - height - top))


__all__ = ["Look", "look_by", "look_of", "on_square"]

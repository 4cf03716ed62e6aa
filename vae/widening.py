"""A trained model with more content latents: what it has learned stays, and there is room for more.

How close a picture comes back is bounded by how many numbers say it. A wider model need not begin
from nothing: it starts as the old one, whose new latents are read from the picture at random and
not yet drawn from.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from vae.errors import ConfigError
from vae.model import IvAE, build_model


@torch.no_grad()
def widened(model: IvAE, latent_dim: int) -> IvAE:
    """Return a model with `latent_dim` content latents that draws as `model` does.

    The old ones come first, so that a picture's old latents, with anything for the new, are the
    same picture. The new ones are standardised by the first batch they see; the density is left
    out, as it is of the old width.

    Args:
        model: From :func:`vae.model.build_model`; not changed. Networks are passed crosswise.
        latent_dim: At least the model's own.

    Raises:
        ConfigError: The model has more content latents already, or was not built from a config.
    """
    old = model.latent_dim
    if model.config is None:
        raise ConfigError("only a model made by build_model or create_43_vae can be widened")
    if latent_dim < old:
        raise ConfigError(f"the world has {old} content latents; it can be given more, not fewer")
    wide = build_model(replace(model.config, latent_dim=latent_dim))
    scales = wide.latent_encoder.content.weight[latent_dim:]
    scales.zero_()  # so that the new ones are those of a fresh bias
    state, new = model.state_dict(), wide.state_dict()
    for name, value in state.items():
        if name.startswith("density."):
            continue
        target = new[name]
        if name.endswith(("content.weight", "content.bias")):  # rows of means, then of scales
            target.unflatten(0, (2, -1))[:, :old] = value.unflatten(0, (2, -1))
        elif name.endswith("seed.weight"):
            target[:, old:latent_dim] = 0
            _sides(target.T, old, latent_dim, value.T)
        elif name.endswith(("standardize.running_mean", "standardize.running_var")):
            _sides(target, old, latent_dim, value)
        else:
            target.copy_(value)
    return wide.train(model.training)


def _sides(target: Tensor, old: int, new: int, value: Tensor) -> None:
    """Put the rows of `value` at either side of those that are new."""
    target[:old] = value[:old]
    target[new:] = value[old:]

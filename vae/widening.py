"""A trained model with more content latents, or with fewer: what it has learned stays.

How close a picture comes back is bounded by how many numbers say it. A wider model need not begin
from nothing. But latents that begin at random are lost: read from features that were learned for
the old latents they repeat those (97 % of their variance, in ``pomona``), and before the decoder
draws from them their KL has made noise of them. So the new ones begin as what the old ones miss:
the principal components of the pictures' errors, as far as the encoder's features tell them, and
:data:`SETTINGS` keep them so.

A narrower one is a smaller file. It keeps the latents that say most, in their order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.encoder import Encoder
from vae.errors import ConfigError
from vae.losses import premultiply
from vae.model import IvAE, build_model

MOST = 4096
"""Pictures looked at."""
COARSE = 32
"""Side at which errors are told apart: finer ones are grain more than content."""
RIDGE = 0.5
"""Of the regression, a picture: features are many, and pictures not seen are to be read too."""
SCALE = -6.0
"""Bias of the new scales: a posterior of deviation 0.03, near what trained ones have."""
SETTINGS = {"encoder_rate": 0.05, "beta_z": 2e-6, "loop_warmup": 0, "grainless": True}
"""Of the run that follows, where nothing else is asked for. At its full rate the encoder turns the
new rows away before the decoder has learned to draw from them, and their KL, small as it is, is all
they hear meanwhile. Grain that has been learned is left alone."""


class _Reading(NamedTuple):
    """How latents are read from features: rows, biases, and the statistics of their locations."""

    weight: Tensor  # (D, features)
    bias: Tensor  # (D,)
    mean: Tensor  # (D,)
    variance: Tensor  # (D,)


@torch.no_grad()
def widened(model: IvAE, latent_dim: int, images: Tensor, *, at_once: int = 64) -> IvAE:
    """Return a model with `latent_dim` content latents that draws as `model` does.

    The old ones come first, so that a picture's old latents, with anything for the new, are the
    same picture. The density is left out, as it is of the old width.

    Args:
        model: From :func:`vae.model.build_model`; not changed. Networks are passed crosswise.
        latent_dim: At least the model's own.
        images: Training pictures (N, C, S, S), uint8, of the model's channels and size.
        at_once: Pictures that are encoded at a time.

    Raises:
        ConfigError: The model has more content latents already, or was not built from a config.
    """
    old = model.latent_dim
    if model.config is None:
        raise ConfigError("only a model made by build_model or create_43_vae can be widened")
    if latent_dim < old:
        raise ConfigError(f"the world has {old} content latents; it can be given more, not fewer")
    was_training = model.training
    wide = build_model(replace(model.config, latent_dim=latent_dim))
    state, new = model.state_dict(), wide.state_dict()
    model.eval()
    reading = _read_errors(model, latent_dim - old, images[:MOST], at_once)
    model.train(was_training)
    for name, value in state.items():
        if name.startswith("density."):
            continue
        target = new[name]
        if name.endswith(("content.weight", "content.bias")):  # rows of means, then of scales
            means, scales = target.unflatten(0, (2, -1))
            means[:old], scales[:old] = value.unflatten(0, (2, -1))
            means[old:] = reading.weight if name.endswith("weight") else reading.bias
            scales[old:] = 0 if name.endswith("weight") else SCALE
        elif name.endswith("seed.weight"):
            target[:, old:latent_dim] = 0
            _put_at_the_sides(target.T, old, latent_dim, value.T)
        elif name.endswith(("standardize.running_mean", "standardize.running_var")):
            _put_at_the_sides(target, old, latent_dim, value)
            mean = name.endswith("mean")
            target[old:latent_dim] = reading.mean if mean else reading.variance
        else:
            target.copy_(value)
    return wide.train(was_training)


@torch.no_grad()
def narrowed(model: IvAE, latent_dim: int, images: Tensor, *, at_once: int = 64) -> IvAE:
    """Return a model with the ``latent_dim`` content latents of ``model`` that say most.

    It draws as ``model`` does where the others are 0. The density is left out.

    Args:
        model: From :func:`vae.model.build_model`; not changed. Networks are passed crosswise.
        latent_dim: From 1 to the model's own.
        images: Training pictures (N, C, S, S), uint8, of the model's channels and size.
        at_once: Pictures that are encoded at a time.

    Raises:
        ConfigError: The model has fewer content latents, or was not built from a config.

    References:
        Cover & Thomas (2006), "Elements of Information Theory", section 9.1, on what a Gaussian
        channel says.
    """
    old = model.latent_dim
    if model.config is None:
        raise ConfigError("only a model made by build_model or create_43_vae can be narrowed")
    if latent_dim > old:
        raise ConfigError(f"the world has {old} content latents; it can be given fewer, not more")
    narrow = build_model(replace(model.config, latent_dim=latent_dim))
    kept = _telling(model, images[:MOST], at_once)[:latent_dim].sort().values
    joined = torch.cat((kept, torch.arange(old, old + model.latent_key_dim, device=kept.device)))
    new = narrow.state_dict()
    for name, value in model.state_dict().items():
        if name.startswith("density."):
            continue
        if name.endswith(("content.weight", "content.bias")):  # rows of means, then of scales
            new[name].copy_(value.unflatten(0, (2, -1))[:, kept].flatten(0, 1))
        elif name.endswith("seed.weight"):
            new[name].copy_(value[:, joined])
        elif name.endswith(("standardize.running_mean", "standardize.running_var")):
            new[name].copy_(value[joined])
        else:
            new[name].copy_(value)
    return narrow.train(model.training)


def _telling(model: IvAE, images: Tensor, at_once: int) -> Tensor:
    """Return the numbers of the content latents, those that say most first."""
    was_training, device = model.training, model.latent_encoder.content.weight.device
    model.eval()
    read = [model.posterior(some.to(device).float() / 255).z for some in images.split(at_once)]
    model.train(was_training)
    signal = torch.cat([z.mean for z in read]).var(0, correction=0)
    noise = torch.cat([z.logvar.exp() for z in read]).mean(0)
    return (signal / noise).argsort(descending=True)


def _put_at_the_sides(target: Tensor, old: int, new: int, value: Tensor) -> None:
    """Put the rows of `value` at either side of those that are new."""
    target[:old] = value[:old]
    target[new:] = value[old:]


def _read_errors(model: IvAE, num: int, images: Tensor, at_once: int) -> _Reading:
    """Find rows that read the leading principal components of a model's errors."""
    encoder = model.latent_encoder
    parts = [_features_and_errors(model, some) for some in images.split(at_once)]
    features, errors = (torch.cat(part) for part in zip(*parts, strict=True))
    center, deviation = features.mean(0), features.std(0, correction=0) + 1e-4
    x = (features - center) / deviation
    rows = torch.randn(num, x.shape[1], device=x.device)  # where pictures are too few to tell
    errors = errors - errors.mean(0)
    rank = max(0, min(num, len(errors) - 1, errors.shape[1]))
    if rank:
        more = min(rank + 8, *errors.shape)
        components = torch.svd_lowrank(errors, q=more, niter=4)[2][:, :rank]
        gram = x.double() @ x.double().T
        ridge = RIDGE * len(x) * torch.eye(len(x), dtype=gram.dtype, device=gram.device)
        solved = torch.linalg.solve(gram + ridge, (errors @ components).double())
        rows[:rank] = (x.double().T @ solved).T.to(rows.dtype)
    # As long as the old ones: a step of Adam turns short rows away from where they point.
    weight = rows / deviation
    length = encoder.content.weight[: encoder.latent_dim].norm(dim=1).mean()
    weight = weight * length / weight.norm(dim=1, keepdim=True).clamp_min(1e-12)
    bias = -weight @ center
    read = features @ weight.T + bias
    bias = bias + weight @ encoder.content.mean  # which the head leaves out of the features
    return _Reading(weight, bias, read.mean(0), read.var(0, correction=0).clamp_min(1e-6))


def _features_and_errors(model: IvAE, images: Tensor) -> tuple[Tensor, Tensor]:
    encoder: Encoder = model.latent_encoder
    device = encoder.content.weight.device
    x = images.to(device).float() / 255
    still = torch.zeros(1, 1, *x.shape[-2:], device=device)
    decoder = model.output_encoder
    drawn, _ = decoder.draw(*model.posterior(x).mean, size=x.shape[-1], noise=still)
    error = premultiply(x) - premultiply(drawn.clamp(0, 1))
    coarse = F.adaptive_avg_pool2d(error, min(COARSE, x.shape[-1]))
    return encoder.features(x)[0], coarse.flatten(1)

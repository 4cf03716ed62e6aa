"""More like these: a direction from a few pictures that are liked and a few that are not.

The difference of two means, as in DCGAN's and VAE/GAN's arithmetic of attributes, is mostly noise
where a mean is of three pictures. So it is taken as what it is, a noisy look at the direction that
is meant: the prior of that direction is the spread of the world itself, the noise is the same in
every latent and smaller the more pictures there are, and the mean of the posterior is kept. What
the world hardly varies in, where a difference says nothing, is damped; where it varies most the
difference counts in full.

References:
    Larsen et al. (2016), section 3.2: attribute vectors. arXiv:1512.09300
    Bishop (2006), Pattern Recognition and Machine Learning, eq. 2.116 f.: linear-Gaussian models
"""

from __future__ import annotations

import torch
from torch import Tensor

from vae.distributions import LatentDensity
from vae.errors import ConfigError, ShapeError

_TINY = 1e-9


def direction_of(liked: Tensor, disliked: Tensor, density: LatentDensity) -> Tensor:
    """Return the direction from what is not liked to what is, a move of +1.

    Its length is one standard deviation of the world along it, as a slider's is: for a direction d
    and the world's covariance Σ, dᵀ Σ⁻¹ d = 1.

    Args:
        liked: Joined latents (A, D) of pictures.
        disliked: Joined latents (B, D) of others, or of what the liked ones came from.
        density: The world's.

    Returns:
        (D,).

    Raises:
        ConfigError: Both have the same mean: there is nothing to go by.
        ShapeError: One of them is empty, or not of the world's width.
    """
    width = density.means.shape[1]
    for rows in (liked, disliked):
        if rows.ndim != 2 or not len(rows) or rows.shape[1] != width:
            raise ShapeError(f"expected latents (N, {width}), found {tuple(rows.shape)}")
    difference = (liked.mean(0) - disliked.mean(0)).double()
    covariance = covariance_of(density).double()
    noise = covariance.diagonal().mean() * (1 / len(liked) + 1 / len(disliked))
    identity = torch.eye(width, dtype=torch.double, device=covariance.device)
    shrunk = covariance @ torch.linalg.solve(covariance + noise * identity, difference)
    length = (shrunk @ torch.linalg.solve(covariance + _TINY * identity, shrunk)).sqrt()
    if not float(length) > 1e-6:
        raise ConfigError("these pictures have nothing in common that the others have not")
    return (shrunk / length).to(density.means.dtype)


def covariance_of(density: LatentDensity) -> Tensor:
    """Return the covariance (D, D) of a whole mixture: within its components and between them."""
    share = density.weights[:, None]
    mean = (share * density.means).sum(0)
    away = (density.means - mean) * share.sqrt()
    within = torch.einsum("c,cij,ckj->ik", density.weights, density.factors, density.factors)
    return within + away.T @ away


__all__ = ["covariance_of", "direction_of"]

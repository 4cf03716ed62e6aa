"""Frozen random features: a convolutional net that nobody trained, to compare sets of pictures.

Features of a net trained on photographs judge watercolours, icons and masks by what photographs
have in common, know no alpha, and would have to be downloaded. Those of a randomly initialised
net are fair to any kind of picture and are ours; one net is one draw, so everything is measured
with several. Naeem et al. (2020), arXiv:2002.09797, section 3.3, found random embeddings to rank
sets outside photography more sensibly than ImageNet's.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.errors import ShapeError
from vae.evaluation.rows import as_floats
from vae.losses import premultiply

WIDTHS = (24, 48, 96, 192)
SEEDS = (0, 1, 2)
SLOPE = 0.2  # of the leaky ReLU


class RandomFeatures(nn.Module):
    """A frozen net of random weights: premultiplied pictures → what every level of it sees.

    Four 4×4 convolutions of stride 2, weights from N(0, 2/fan-in) (He et al. 2015), leaky ReLU.
    Of every level: its means over the four quarters of the picture, which say where things are,
    and its deviations over the whole, which say how rough they are.

    Args:
        channels: Of the pictures: 1, 3 or 4.
        seed: Which net it is.
        widths: Channels of the levels.
    """

    def __init__(self, channels: int, seed: int, *, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        levels = []
        for width in widths:
            level = nn.Conv2d(channels, width, 4, stride=2, padding=1)
            scale = math.sqrt(2.0 / (16 * channels))
            draw = torch.randn(level.weight.shape, generator=generator)
            level.weight.data = scale * draw
            level.bias.data = 0.1 * torch.randn(width, generator=generator)  # type: ignore[union-attr]
            levels.append(level)
            channels = width
        self.levels = nn.ModuleList(levels)
        self.num_features = 5 * sum(widths)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, num_features) of premultiplied pictures (N, C, H, W) in [0, 1].

        Raises:
            ShapeError: A side is under 16 pixels.
        """
        if min(x.shape[-2:]) < 2 ** len(self.levels):
            raise ShapeError(
                f"expected pictures of {2 ** len(self.levels)} pixels or more, found "
                f"{tuple(x.shape[-2:])}; use larger ones."
            )
        hidden, parts = 2.0 * x - 1.0, []
        for level in self.levels:
            hidden = F.leaky_relu(level(hidden), SLOPE)
            parts.append(F.adaptive_avg_pool2d(hidden, 2).flatten(1))
            parts.append(hidden.flatten(2).std(dim=2, correction=0))
        return torch.cat(parts, dim=1)


@torch.inference_mode()
def features_of(
    net: RandomFeatures, images: Tensor, *, mirrored: bool = False, chunk_size: int = 64
) -> Tensor:
    """Return the features (N, num_features) of straight images (N, C, H, W).

    Args:
        net: The net.
        images: uint8, or floats in [0, 1].
        mirrored: Of the pictures seen in a mirror.
        chunk_size: Images in float at one time.
    """
    parts = []
    for some in images.split(chunk_size):
        x = as_floats(some)
        parts.append(net(premultiply(x.flip(-1) if mirrored else x)))
    return torch.cat(parts)


def standardise_by(reference: Tensor, *sets: Tensor) -> list[Tensor]:
    """Return sets of features (N, D) less the mean of `reference`, over its deviation.

    What a random net's scale is means nothing; so every feature counts alike. One that never
    changes in `reference` is only centred.
    """
    std, mean = torch.std_mean(reference, dim=0, correction=0)
    scale = torch.where(std > 1e-6, std, torch.ones_like(std))
    return [(some - mean) / scale for some in sets]

"""The judge of decoder output."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from vae.config import CHANNELS, choose, positive
from vae.losses import premultiply


class Verdict(NamedTuple):
    """What the judge says of a batch.

    Attributes:
        logits: Patch verdicts (N, 1, h, w) and a global verdict (N, 1); larger is more real.
        features: Inner feature maps, shallow to deep, for feature matching.
    """

    logits: list[Tensor]
    features: list[Tensor]


class Discriminator(nn.Module):
    """A spectrally normalised PatchGAN with a second, global verdict.

    Args:
        input_dim: Image channels, 1, 3 or 4.
        width: Channels of the first layer.

    Raises:
        ConfigError: Channels are not supported.

    References:
        Isola et al. (2017) arXiv:1611.07004; Miyato et al. (2018) arXiv:1802.05957
    """

    def __init__(self, input_dim: int = 4, *, width: int = 32):
        super().__init__()
        self.input_dim = choose("input_dim", input_dim, CHANNELS)
        w = int(positive("width", width, 4, 1024))
        dims = (4 * input_dim, w, 2 * w, 4 * w)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 3 if i == 0 else 4, stride=1 if i == 0 else 2, padding=1))
            for i, (a, b) in enumerate(pairwise(dims))
        )
        self.patch = spectral_norm(nn.Conv2d(dims[-1], 1, 3, padding=1))
        self.pool = spectral_norm(nn.Conv2d(dims[-1], 2 * w, 3, stride=2, padding=1))
        self.whole = spectral_norm(nn.Linear(2 * w * 4, 1))

    def forward(self, x: Tensor) -> Verdict:
        """Judge straight images (N, input_dim, H, W) in [0, 1]; RGBA is premultiplied here."""
        h = F.pixel_unshuffle(2 * premultiply(x) - 1, 2).contiguous(
            memory_format=torch.channels_last
        )
        features = []
        for layer in self.layers:
            h = F.leaky_relu(layer(h), 0.2)
            features.append(h)
        patch = self.patch(h)
        pooled = F.leaky_relu(self.pool(h), 0.2)
        whole = self.whole(F.adaptive_avg_pool2d(pooled, 2).flatten(1))
        return Verdict([patch.float(), whole.float()], features)

"""A second look: the picture beside its own first reconstruction → better latents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import whole
from vae.distributions import Latents
from vae.encoder import check_size
from vae.encodings import to_rgba
from vae.errors import ShapeError
from vae.losses import premultiply

WIDTHS = (96, 128, 192, 256)
HIDDEN = 192


class Refiner(nn.Module):
    """Correct latents by what their picture still lacks.

    An encoder has one look at a picture and never learns what the decoder makes of it, so that its
    latents are not the best ones for that very picture. This network sees both, and the latents,
    and says how far to move them. A fresh one moves nothing. It belongs to the weights of the two
    others: where they are trained on, it has to be trained anew.

    Args:
        latent_dim: Width of z.
        latent_key_dim: Width of k.
        widths: Channels at the four resolutions.

    Raises:
        ConfigError: A width is impossible.

    References:
        Marino et al. (2018), "Iterative Amortized Inference". arXiv:1807.09356;
        Alaluf et al. (2021), "ReStyle". arXiv:2104.02699
    """

    def __init__(
        self, latent_dim: int = 10, latent_key_dim: int = 20, *, widths: Sequence[int] = WIDTHS
    ):
        super().__init__()
        self.latent_dim = whole("latent_dim", latent_dim, 1, 4096)
        self.latent_key_dim = whole("latent_key_dim", latent_key_dim, 1, 4096)
        dim = latent_dim + latent_key_dim
        pairs = list(pairwise(widths))
        self.stem = nn.Conv2d(128, widths[0], 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.mix = nn.ModuleList(nn.Conv2d(b, b, 3, padding=1) for _, b in pairs)
        self.embed = nn.Linear(dim, widths[-1])
        self.flat = nn.Linear(widths[-1] * 16, HIDDEN)
        self.move = nn.Linear(HIDDEN, dim)
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)

    def forward(self, x: Tensor, drawn: Tensor, latents: Latents) -> Latents:
        """Return latents whose picture is nearer to ``x``.

        Args:
            x: Straight images (N, C, S, S) in [0, 1], C in 1, 3, 4.
            drawn: What the decoder makes of the latents, of the same shape.
            latents: N of them.

        Raises:
            ShapeError: Channels or size are not supported, or the two pictures differ in shape.
        """
        if x.shape != drawn.shape:
            raise ShapeError(f"expected two pictures alike, found {x.shape} and {drawn.shape}")
        check_size(*x.shape[-2:])
        seen, made = (premultiply(torch.cat(to_rgba(t.float()), 1)) for t in (x, drawn))
        h = F.pixel_unshuffle(torch.cat((seen - made, seen), 1), 4)
        h = F.silu(self.stem(h.contiguous(memory_format=torch.channels_last)))
        if h.shape[-1] > 32:
            h = F.avg_pool2d(h, 2)
        joined = latents.joined()
        for down, mix, target in zip(self.down, self.mix, (16, 8, 4), strict=True):
            assert isinstance(down, nn.Conv2d)  # its stride depends on the size
            stride = 2 if h.shape[-1] > target else 1
            h = F.silu(F.conv2d(h, down.weight, down.bias, stride=stride, padding=1))
            if target == 4:
                h = h + self.embed(joined)[:, :, None, None].to(h)
            h = h + F.silu(mix(h))
        move = self.move(F.silu(self.flat(h.flatten(1)))).float()
        z, key = (joined + move).split((self.latent_dim, self.latent_key_dim), 1)
        return Latents(z, key)

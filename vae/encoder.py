"""The encoder: image → posterior over content z and key k."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import NETWORK_TYPES, SIZES, canonical_ivae_model, choose, whole
from vae.distributions import DiagonalGaussian, Posterior
from vae.encodings import to_rgba
from vae.errors import ShapeError
from vae.losses import premultiply

WIDTHS = (64, 96, 160, 256)
HELD_BELOW, HOLD = 4.0, 1e-2
"""Natural logarithm of a location's deviation that is left free, and how firmly it is held."""
CHANCE = 1.0
"""Standard errors by which a batch's statistics may differ from the running ones."""
FIXED_STD = 0.25
"""Posterior scale where the encoder does not predict one."""


def check_size(height: int, width: int) -> None:
    """Raise a ShapeError unless the image is square with a side in :data:`vae.config.SIZES`."""
    if height != width or height not in SIZES:
        sizes = ", ".join(map(str, SIZES))
        raise ShapeError(f"images must be square with side {sizes}, found {height}x{width}")


class _SumOverProcesses(torch.autograd.Function):
    """Sum of a tensor over processes, and so of its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def num_processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def global_mean(x: Tensor) -> Tensor:
    """Mean over the batch (axis 0) of every process, differentiable."""
    mean = x.mean(0)
    if num_processes() > 1:
        total: Tensor = _SumOverProcesses.apply(mean)  # type: ignore[assignment]
        mean = total / num_processes()
    return mean


def all_rows(x: Tensor) -> Tensor:
    """The batches (axis 0, of one size) of every process, in their order, differentiable."""
    if num_processes() == 1:
        return x
    rows = x.new_zeros(num_processes(), *x.shape)
    rows[dist.get_rank()] = x
    total: Tensor = _SumOverProcesses.apply(rows)  # type: ignore[assignment]
    return total.flatten(0, 1)


class _Hold(torch.autograd.Function):
    """A tensor as it is, with a second gradient added to its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pull: Tensor) -> Tensor:
        ctx.save_for_backward(pull)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (pull,) = ctx.saved_tensors
        return gradient + pull, None


class BatchStandardizer(nn.Module):
    """Standardise locations over the data: mean 0, variance 1 for every dimension.

    The batch-normalised posterior mean of Zhu et al. (2020), but values are standardised by the
    running statistics while training too: a batch's own would shake every location by
    1/sqrt(batch) standard deviations, as much as the posterior's scale. The gradient is batch
    normalisation's all the same: no loss can shrink a location to nothing, nor move its mean.
    What a step gains by moving that the running mean takes back within twenty, and the next step
    asks for it again: in 300 steps the features' means went from 60 to 220 so, and to 15,000 in a
    day's training, where half precision has no room left for what differs. A fresh table takes
    the statistics of its first batch whole: a fresh encoder's locations vary by a thousandth, and
    against (0, 1) they would drown in the posterior's noise for some seventy steps. Where a batch
    is farther off than :data:`CHANCE` explains, locations have moved, and the running ones keep up.

    What has no gradient may wander: Adam's steps lengthen the weights of eight layers. When the
    mean still had one, locations grew to a deviation of 800,000 in 1,500 steps on 188 pictures.
    The predicted scales, read from the same features, saturate on the way, and an average of the
    weights, whose scale is that of long ago, no longer fits the averaged statistics. So where log
    deviation is above :data:`HELD_BELOW` the gradient of :data:`HOLD` (log deviation - that)² is
    added, a mean over dimensions.

    A world that is taught new pictures keeps its statistics (:attr:`rests`): they are the frame in
    which its decoder draws and its metadata is told, and new pictures may well lie to one side of
    it. Following them moved every location under the decoder within a few steps.

    References:
        Zhu et al. (2020), "A Batch Normalized Inference Network Keeps the KL Vanishing Away".
        arXiv:2004.12585; Ioffe (2017), "Batch Renormalization", for running statistics in
        training. arXiv:1702.03275
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, dim: int, momentum: float = 0.05, eps: float = 1e-6):
        super().__init__()
        self.momentum, self.eps, self.rests = momentum, eps, False
        self.register_buffer("running_mean", torch.zeros(dim))
        self.register_buffer("running_var", torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise (N, dim)."""
        deviation = (self.running_var + self.eps).sqrt()
        fresh = (self.running_mean == 0).all() & (self.running_var == 1).all()
        rests = self.rests and not fresh
        if rests or not self.training or x.shape[0] < 2:
            return (x - self.running_mean) / deviation
        mean = global_mean(x)
        var = global_mean((x - mean).square())
        with torch.no_grad():
            share = fresh.to(self.running_mean.dtype).clamp_min(self.momentum)
            self.running_mean.lerp_(mean.to(share.dtype), share)
            self.running_var.lerp_(var.to(share.dtype), share)
            self._keep_up(mean, var, num=x.shape[0] * num_processes())
            deviation = (self.running_var + self.eps).sqrt()
        own = (var + self.eps).sqrt()
        x = _Hold.apply(x, self._pull(x.detach(), mean.detach(), own.detach()))
        lag = (mean - self.running_mean) / deviation
        return (x - mean) / own * (own / deviation).detach() + lag.detach()

    def _keep_up(self, mean: Tensor, var: Tensor, *, num: int) -> None:
        """Follow the statistics of a batch of ``num`` as far as chance does not explain them."""
        error = CHANCE * (var / num).sqrt()
        self.running_mean.clamp_(mean - error, mean + error)
        ratio = math.exp(CHANCE * math.sqrt(2 / num))
        self.running_var.clamp_(var / ratio, var * ratio)

    def _pull(self, x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Gradient by x (N, dim) of what keeps the deviations within bounds."""
        excess = (deviation.log() - HELD_BELOW).clamp_min(0)
        return 2 * HOLD * excess / x.shape[1] * (x - mean) / (len(x) * deviation.square())


class CentredLinear(nn.Linear):
    """An affine map of features less their running mean over the data, in single precision.

    Features of a SiLU are nowhere near a mean of 0. Rows that may turn along it move a location
    by many of its deviations with one step of Adam, and half-precision products round by the size
    of that mean: in a run on emoji, where it was 40 deviations and more, by 0.14 of them, six
    times what the posterior keeps. Without their mean features round by their own spread.

    While training, where the weights are trained, the mean follows the batches'. A fresh mean (0)
    takes the first batch whole, and the bias takes up what that changes: a map that was learned
    without a mean stays what it was.

    Args:
        in_features: Width of the features.
        out_features: Width of what is read.
        held: How many of the first outputs are standardised afterwards. Their biases are not
            trained: no loss depends on them, and Adam would make whole steps of what their
            gradients round to, in a fresh network one of a deviation and more.
        momentum: Share of a batch in the running mean.

    References:
        LeCun et al. (1998), "Efficient BackProp", section 4.3, on centring what a layer reads.
    """

    mean: Tensor

    def __init__(self, in_features: int, out_features: int, held: int = 0, momentum: float = 0.05):
        super().__init__(in_features, out_features)
        self.held, self.momentum, self.rests = held, momentum, False
        self.register_buffer("mean", torch.zeros(in_features))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as the layer it extends
        """Map features (N, in_features) to (N, out_features), single precision."""
        with torch.autocast(input.device.type, enabled=False):
            x = input.float()
            if self.training and self.weight.requires_grad:
                self._follow(x.detach())
            bias = torch.cat((self.bias[: self.held].detach(), self.bias[self.held :]))
            return F.linear(x - self.mean, self.weight, bias)

    @torch.no_grad()
    def _follow(self, x: Tensor) -> None:
        fresh = bool((self.mean == 0).all())
        if self.rests and not fresh:
            return
        share = 1.0 if fresh else self.momentum
        change = (global_mean(x) - self.mean) * share
        self.mean.add_(change)
        if fresh:
            self.bias.add_(F.linear(change, self.weight))


class Encoder(nn.Module):
    """Predict q(z|x) and q(k|x), diagonal Gaussians.

    The same weights take any supported size: the picture is unshuffled by 4 and strided down
    to 4x4. With ``'im-pivae'`` the key is read from channel statistics (mean and deviation at
    every depth), which see how a picture looks and not where things are; otherwise from the
    same features as z.

    Args:
        latent_dim: Width of z.
        latent_key_dim: Width of k.
        encoder_type: ``'ivae'``, or ``'vae'`` for the plain ablation.
        ivae_model: ``'im-pivae'``, ``'pivae'`` or ``'ivae'``.
        use_std_encoder: Predict a scale as well as a location; else it is :data:`FIXED_STD`.
        std_encoder_loc: Standardise locations over the data.
        widths: Channels at the four resolutions.

    Raises:
        ConfigError: A setting is unknown or impossible.
    """

    def __init__(
        self,
        latent_dim: int = 10,
        latent_key_dim: int = 20,
        encoder_type: str = "ivae",
        ivae_model: str = "im-pivae",
        use_std_encoder: bool = True,
        std_encoder_loc: bool = True,
        *,
        widths: Sequence[int] = WIDTHS,
    ):
        super().__init__()
        self.latent_dim = whole("latent_dim", latent_dim, 1, 4096)
        self.latent_key_dim = whole("latent_key_dim", latent_key_dim, 1, 4096)
        self.encoder_type = choose("encoder_type", encoder_type, NETWORK_TYPES)
        self.ivae_model = canonical_ivae_model(ivae_model)
        self.use_std_encoder, self.std_encoder_loc = use_std_encoder, std_encoder_loc
        self.reads_style = encoder_type == "ivae" and self.ivae_model == "im-pivae"
        self.stem = nn.Conv2d(64, widths[0], 3, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.mix = nn.ModuleList(nn.Conv2d(b, b, 3, padding=1) for _, b in pairs)
        flat = widths[-1] * 16
        self.content = CentredLinear(flat, 2 * latent_dim, latent_dim * std_encoder_loc)
        first = nn.Linear(2 * sum(widths) if self.reads_style else flat, 192)
        last = CentredLinear(192, 2 * latent_key_dim, latent_key_dim * std_encoder_loc)
        self.style = nn.Sequential(first, nn.SiLU(), last)
        self.standardize = BatchStandardizer(latent_dim + latent_key_dim)
        for head in (self.content, last):
            head.bias.data[head.out_features // 2 :].fill_(0.15)  # scales start near 0.25

    def forward(
        self, x: Tensor, *, use_std_encoder: bool = True, std_encoder_loc: bool = True
    ) -> Posterior:
        """Encode straight images (N, C, H, W) in [0, 1], C in 1, 3, 4.

        The two switches can turn off what the encoder was built with, not turn it on.

        Raises:
            ShapeError: Channels or size are not supported.
        """
        flat, statistics = self.features(x)
        z_mean, z_scale = self.content(flat).chunk(2, 1)
        with torch.autocast(x.device.type, enabled=False):  # it is small, and rounding adds up
            style = self.style(statistics if self.reads_style else flat.float())
        k_mean, k_scale = style.chunk(2, 1)
        if self.std_encoder_loc and std_encoder_loc:
            means = self.standardize(torch.cat((z_mean, k_mean), 1))
            z_mean, k_mean = means.split((self.latent_dim, self.latent_key_dim), 1)
        predict = self.use_std_encoder and use_std_encoder
        return Posterior(
            DiagonalGaussian(z_mean, _logvar(z_scale, predict)),
            DiagonalGaussian(k_mean, _logvar(k_scale, predict)),
        )

    def rest_statistics(self, rests: bool = True) -> None:
        """Keep what is known of the data as it is while training, or follow the data again.

        A fresh table takes its first batch all the same.
        """
        for module in self.modules():
            if isinstance(module, (BatchStandardizer, CentredLinear)):
                module.rests = rests

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Read without taking what is read into the statistics of the data."""
        followers = (BatchStandardizer, CentredLinear)
        moving = [m for m in self.modules() if isinstance(m, followers) and m.training]
        for module in moving:
            module.eval()
        try:
            yield
        finally:
            for module in moving:
                module.train()

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What latents of images (as for :meth:`forward`) are read from.

        Returns:
            The map at 4x4, flat (N, 16 * widths[-1]), and channel statistics of every depth
            (N, 2 * sum(widths)).

        Raises:
            ShapeError: Channels or size are not supported.
        """
        if x.ndim != 4 or x.shape[1] != 4:
            x = torch.cat(to_rgba(x), 1)
        check_size(*x.shape[-2:])
        x = premultiply(x.contiguous())
        h = F.pixel_unshuffle(x, 4).contiguous(memory_format=torch.channels_last)
        h = F.silu(self.stem(h))
        if h.shape[-1] > 32:
            h = F.avg_pool2d(h, 2)
        statistics = [_pool(h)]
        for down, mix, target in zip(self.down, self.mix, (16, 8, 4), strict=True):
            assert isinstance(down, nn.Conv2d)  # its stride depends on the size
            stride = 2 if h.shape[-1] > target else 1
            h = F.silu(F.conv2d(h, down.weight, down.bias, stride=stride, padding=1))
            h = h + F.silu(mix(h))
            statistics.append(_pool(h))
        return h.flatten(1), torch.cat(statistics, 1)


def _pool(h: Tensor) -> Tensor:
    """Channel mean and deviation over space, (N, 2C)."""
    h = h.float()
    mean = h.mean((2, 3))
    variance = h.square().mean((2, 3)) - mean.square()
    return torch.cat((mean, (variance.clamp_min(0) + 1e-4).sqrt()), 1)


def _logvar(scale: Tensor, predict: bool) -> Tensor:
    """Log-variance in (-7.5, 1.5), or that of :data:`FIXED_STD` where none is predicted."""
    if not predict:
        return torch.full_like(scale, 2 * math.log(FIXED_STD))
    return 4.5 * torch.tanh(scale / 4.5) - 3.0


def create_encoder(latent_dim: int = 10, latent_key_dim: int = 20, **options: object) -> Encoder:
    """Make an :class:`Encoder`; ``options`` are its other arguments."""
    return Encoder(latent_dim, latent_key_dim, **options)  # type: ignore[arg-type]

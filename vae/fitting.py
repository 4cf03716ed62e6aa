"""Statistics of a batch over all processes, and layers fitted to them before training."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor


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


def or_one(deviation: Tensor) -> Tensor:
    """Deviations to divide by: what hardly varies is rounding, and not to be blown up."""
    return torch.where(deviation > 1e-4, deviation, 1.0)


def fit_channels(
    h: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, padding: int = 0
) -> Tensor:
    """Convolve (N, C, H, W), after each channel's weights are scaled and shifted, in place.

    What comes out has mean 0 and variance 1 over the batch, of every process, and over places.
    """
    y = F.conv2d(h, weight, bias, stride=stride, padding=padding)
    mean = global_mean(y).mean((1, 2))
    variance = global_mean((y - mean[:, None, None]).square()).mean((1, 2))
    deviation = or_one(variance.sqrt())
    weight.div_(deviation[:, None, None, None])
    bias.sub_(mean).div_(deviation)
    return F.conv2d(h, weight, bias, stride=stride, padding=padding)

"""Losses: reconstruction, attribute ordering, and the adversary's."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import choose, positive
from vae.errors import ShapeError

_CLEAR = 0.5 / 255
LEAST = 1e-3
"""Deviation below which a channel counts as one that never changes."""


class QuadraticHypoLoss(nn.Module):
    """hypot(error, ε) - ε: quadratic near zero, linear far out (Charbonnier et al. 1994).

    Args:
        epsilon: Where the quadratic turns linear, in units of the error.
        reduction: ``'mean'``, ``'sum'`` or ``'none'``.

    Raises:
        ConfigError: ε is not positive, or the reduction is unknown.
        ShapeError: Output and target differ in shape.
    """

    def __init__(self, epsilon: float = 0.05, reduction: str = "mean"):
        super().__init__()
        self.epsilon = positive("epsilon", epsilon, 1e-9)
        self.reduction = choose("reduction", reduction, ("mean", "sum", "none"))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Compare ``output`` with ``target`` of the same shape."""
        if output.shape != target.shape:
            raise ShapeError(
                f"output and target must have one shape, found {tuple(output.shape)} "
                f"and {tuple(target.shape)}"
            )
        loss = hypo(output - target, self.epsilon)
        if self.reduction == "none":
            return loss
        return loss.mean() if self.reduction == "mean" else loss.sum()


def hypo(error: Tensor, epsilon: float) -> Tensor:
    """Elementwise hypot(error, ε) - ε."""
    return (error.square() + epsilon**2).sqrt() - epsilon


class _MeanHypo(torch.autograd.Function):
    """Mean of :func:`hypo`, in few passes over memory: on a CPU this is a third of a step."""

    @staticmethod
    def forward(ctx: Any, error: Tensor, epsilon: float) -> Tensor:
        root = error.square().add_(epsilon**2).sqrt_()
        ctx.save_for_backward(error, root)
        return root.mean() - epsilon

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        error, root = ctx.saved_tensors
        return (error / root).mul_(gradient / error.numel()), None


def mean_hypo(error: Tensor, epsilon: float) -> Tensor:
    """Return ``hypo(error, epsilon).mean()``; differentiable once."""
    return _MeanHypo.apply(error, epsilon)  # type: ignore[return-value]


class _Premultiply(torch.autograd.Function):
    """Colour times alpha without joining planes, which a CPU is slow at."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        y = x.clone(memory_format=torch.contiguous_format)
        y[:, :3].mul_(x[:, 3:])
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        g = gradient.clone(memory_format=torch.contiguous_format)
        for i in range(3):
            g[:, 3].addcmul_(gradient[:, i], x[:, i])
        g[:, :3].mul_(x[:, 3:])
        return g


def premultiply(x: Tensor) -> Tensor:
    """Multiply colour by alpha in an RGBA image (N, 4, H, W); others pass through."""
    return _Premultiply.apply(x) if x.shape[1] == 4 else x  # type: ignore[return-value]


def straighten(x: Tensor) -> Tensor:
    """Divide colour by alpha in an RGBA image (N, 4, H, W), cut to [0, 1]; others pass through.

    Black where alpha rounds to nothing: its colour is unknowable.
    """
    if x.shape[1] != 4:
        return x
    colour, alpha = x.split((3, 1), 1)
    colour = torch.where(alpha > _CLEAR, colour / alpha.clamp_min(_CLEAR), 0)
    return torch.cat((colour, alpha), 1).clamp(0, 1)


def laplacian_pyramid(x: Tensor, num_levels: int) -> list[Tensor]:
    """Split (N, C, H, W) into band-pass levels, finest first, and a low-pass rest.

    References:
        Burt & Adelson (1983)
    """
    levels = []
    for _ in range(num_levels - 1):
        if min(x.shape[-2:]) < 8 or x.shape[-1] % 2:
            break
        low = F.avg_pool2d(x, 2)
        up = F.interpolate(low, scale_factor=2, mode="bilinear", align_corners=False)
        levels.append(x - up)
        x = low
    return [*levels, x]


def binomial_pyramid(x: Tensor, num_levels: int) -> list[Tensor]:
    """Split (N, C, S, S) into band-pass levels, finest first, by the binomial 5x5.

    Written apart from `vae.evaluation.swd`, whose ruler shall not be the training's own; a test
    holds that they agree.

    References:
        Burt & Adelson (1983); the levels that the sliced Wasserstein distance of Karras et al.
        (2018), arXiv:1710.10196, is taken of.
    """
    levels = []
    for _ in range(num_levels):
        side = x.shape[-1]
        if side < 16 or side % 2:
            break
        blur = _binomial(side).to(x)
        low = blur[::2] @ x @ blur[::2].T
        levels.append(x - 4 * (blur[:, ::2] @ low @ blur[:, ::2].T))
        x = low
    return levels


@lru_cache(maxsize=16)
def _binomial(side: int) -> Tensor:
    """Convolution with [1, 4, 6, 4, 1]/16, mirrored at the border, as a matrix (side, side)."""
    places = torch.arange(side)
    matrix = torch.zeros(side, side)
    for step, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
        there = (places + step).abs()
        there = torch.where(there < side, there, 2 * (side - 1) - there)
        matrix[places, there] += weight / 16
    return matrix


def reconstruction_loss(
    output: Tensor,
    target: Tensor,
    *,
    backdrop: Tensor | None = None,
    epsilon: float = 0.25,
    pyramid_weight: float = 0.5,
) -> Tensor:
    """Charbonnier loss of premultiplied pixels, composites and a Laplacian pyramid of both.

    The pyramid is linear, so it is taken once, of the error.

    Args:
        output: Straight images (N, C, H, W) in [0, 1].
        target: The same shape.
        backdrop: Colours (N, 3) that RGBA images are also composited over.
        epsilon: See :class:`QuadraticHypoLoss`.
        pyramid_weight: Weight of the pyramid's levels, each a mean, beside the pixels' own.

    Returns:
        A scalar; about 2 x the mean squared error where errors are small.
    """
    error = premultiply(output.float().contiguous()) - premultiply(target.contiguous())
    loss = mean_hypo(error, epsilon)
    error = F.avg_pool2d(error, 2)  # from here on composites ride along, at a quarter of the cost
    if error.shape[1] == 4 and backdrop is not None:
        composite = error[:, :3] - error[:, 3:] * backdrop[:, :, None, None]
        error = torch.cat((error, composite), 1)
    for level in laplacian_pyramid(error, 4):
        loss = loss + pyramid_weight * mean_hypo(level, epsilon)
    return loss


def texture_loss(
    output: Tensor,
    target: Tensor,
    *,
    generator: torch.Generator,
    company: Tensor | None = None,
    num_levels: int = 3,
    num_projections: int = 24,
    patch_size: int = 7,
    patches_per_image: int = 256,
) -> Tensor:
    """Sliced Wasserstein distance of patches, level by level of a Laplacian pyramid.

    It asks that the pictures of a batch have between them the same grain as the targets, wherever
    it lies; a pixel loss asks for the mean of all grain, which is none. Two in three directions
    look at both sets measured by their own deviations, channel by channel, as the published
    distance does: the grain beside the lines and edges of its own pictures. The third looks at the
    channels whitened by the target: fine colour noise, which is next to nothing beside the changes
    of light that all channels share, stands out there, and so does strength.

    Args:
        output: Straight images (N, C, H, W) in [0, 1].
        target: (M, C, H, W); as many as ``output``, or others that stand for a whole set.
        generator: A CPU generator of the places and the directions.
        company: Straight images (K, C, H, W) that count among ``output`` and get no gradient. A
            few pictures alone, asked to hold the grain of a whole set, would each take its mean.
        num_levels: Levels from the finest.
        num_projections: Random directions a level.
        patch_size: Side of a patch.
        patches_per_image: Places a picture, about: a strided grid with a random start.

    Returns:
        A scalar, the mean over levels.

    References:
        Heitz et al. (2021), "A Sliced Wasserstein Loss for Neural Texture Synthesis",
        arXiv:2006.07229; the levels are those of Karras et al. (2018), arXiv:1710.10196.
    """
    ours = premultiply(output.float().contiguous())
    with torch.no_grad():  # most of the pictures: no gradient is carried through them
        rest = target if company is None else torch.cat((target, company.to(target)))
        rest = binomial_pyramid(premultiply(rest.float().contiguous()), num_levels)
    losses = []
    for level, other in zip(binomial_pyramid(ours, num_levels), rest, strict=True):
        side, channels = level.shape[-1], level.shape[1]
        room = side - patch_size + 1
        stride = max(1, round(room / math.sqrt(patches_per_image)))
        top, left = torch.randint(0, stride, (2,), generator=generator).tolist()
        shape = (num_projections, channels, patch_size, patch_size)
        filters = torch.randn(shape, generator=generator)
        filters = (filters / filters.square().sum((1, 2, 3), keepdim=True).sqrt()).to(level)
        real, beside = other[: len(target)], other[len(target) :]
        with torch.autocast(level.device.type, enabled=False):
            white = _whitening(real)
            sets = ((level, beside), (real,))
            values = []
            for parts in sets:
                rulers = torch.stack((_own_scale(*parts), _own_scale(*parts), white))
                rulers = rulers.repeat(num_projections // 3 + 1, 1, 1)[:num_projections]
                own = torch.einsum("pkhw,pkc->pchw", filters, rulers)
                rows = [F.conv2d(p[..., top:, left:], own, stride=stride) for p in parts if len(p)]
                values.append(torch.cat(rows).transpose(0, 1).flatten(1).sort(1).values)
        gap = values[0] - _quantiles(values[1], values[0].shape[1])
        losses.append(mean_hypo(gap, 0.01))
    return torch.stack(losses).mean()


def _quantiles(rows: Tensor, num: int) -> Tensor:
    """Read sorted rows (K, M) at ``num`` evenly spread ranks."""
    if rows.shape[1] == num:
        return rows
    return F.interpolate(rows[None], size=num, mode="linear", align_corners=False)[0]


def _own_scale(*parts: Tensor) -> Tensor:
    """Divide every channel by its deviation over levels (N, C, H, W) taken together: (C, C)."""
    num = sum(part[:, 0].numel() for part in parts)
    square = torch.stack([part.square().sum((0, 2, 3)) for part in parts]).sum(0) / num
    return torch.diag(square.clamp_min(LEAST**2).rsqrt())


def _whitening(level: Tensor) -> Tensor:
    """Return (C, C): makes the channels of a level (N, C, H, W) uncorrelated, of deviation 1.

    In single precision: a level comes in half of it under autocast, and a product of a few rows of
    many thousand numbers in half precision ends the process on processors with AMX (oneDNN 3.12
    divides by zero).
    """
    rows = level.transpose(0, 1).flatten(1).float()
    variances, axes = torch.linalg.eigh((rows @ rows.T / rows.shape[1]).double().cpu())
    return (axes * variances.clamp_min(LEAST**2).rsqrt()).T.to(level)


def attribute_order_loss(codes: Tensor, attributes: Tensor, *, sharpness: float = 1.0) -> Tensor:
    """Ask that code j orders a batch as attribute j does.

    Args:
        codes: (N, J).
        attributes: (N, J), standardised.
        sharpness: Scale of the differences before tanh.

    Returns:
        A scalar in [0, 2].

    References:
        Eq. 3 of Pati & Lerch (2020), AR-VAE. arXiv:2004.05485
    """
    code_difference = codes[:, None] - codes[None]
    order = (attributes[:, None] - attributes[None]).sign()
    return (torch.tanh(sharpness * code_difference) - order).abs().mean()


def hinge_discriminator_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Hinge loss of the judge over its outputs (Lim & Ye 2017; Miyato et al. 2018)."""
    losses = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).mean()


def hinge_generator_loss(fake: list[Tensor]) -> Tensor:
    """The generator's side of the hinge game: minus the mean verdict."""
    return -torch.stack([f.mean() for f in fake]).mean()


def feature_matching_loss(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Mean absolute difference of the judge's features of pairs, layer by layer.

    ``fake[i]`` are the features of reconstructions of the pictures behind ``real[i]``.

    References:
        Larsen et al. (2016). arXiv:1512.09300
    """
    pairs = zip(real, fake, strict=True)
    return torch.stack([(f.float() - r.detach().float()).abs().mean() for r, f in pairs]).mean()


def translate(x: Tensor, offset: tuple[int, int]) -> Tensor:
    """Shift images (N, C, H, W) by whole pixels (rows, columns), zeros coming in.

    References:
        Zhao et al. (2020), DiffAugment. arXiv:2006.10738
    """
    rows, columns = offset
    return F.pad(x, (columns, -columns, rows, -rows))


def adaptive_weight(
    reference: Tensor,
    adversarial: Tensor,
    weight: Tensor,
    *,
    reduce: Callable[[Tensor], Tensor] = lambda gradient: gradient,
) -> Tensor:
    """Balance two losses by their gradients at ``weight``.

    Args:
        reference: The loss that sets the scale.
        adversarial: The loss to be weighed.
        weight: Where gradients are compared.
        reduce: Takes a gradient's mean over processes, where there are several.

    Returns:
        ||∂reference/∂weight|| / ||∂adversarial/∂weight||, detached, in [0, 1e3].

    References:
        Eq. 7 of Esser et al. (2021), VQGAN. arXiv:2012.09841
    """
    (a,) = torch.autograd.grad(reference, weight, retain_graph=True)
    (b,) = torch.autograd.grad(adversarial, weight, retain_graph=True)
    a, b = reduce(a), reduce(b)
    return (a.norm() / (b.norm() + 1e-6)).clamp(0, 1e3).detach()

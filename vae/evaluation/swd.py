"""Sliced Wasserstein distance between the patches of two image sets, level by level.

Section 5 of Karras et al. (2018), "Progressive Growing of GANs", arXiv:1710.10196: draw 7×7
neighbourhoods from every level of a Laplacian pyramid, normalise each channel, and average the
one-dimensional Wasserstein distance over random projections. A small value at a fine level says
that the two sets have the same grain; at the coarsest, the same layout and colour.

Three things differ from the authors' program, all on purpose. Every channel counts, so RGBA
pictures come in premultiplied and alpha is measured with the rest. Both sets are read at the
same random places, so that equal sets are at distance 0 exactly. And `shared_scale` can
normalise both by the statistics of the real set: the published measure normalises each set by
its own and so does not see a picture whose fine detail is right but too weak.

The value falls with the number of images even when nothing is wrong, so it only means something
beside `swd_floor`: real against real, at the same number of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.errors import ShapeError
from vae.evaluation.rows import as_floats

PATCH_SIZE = 7
PATCHES_PER_IMAGE = 128
SMALLEST_LEVEL = 16
SCALE = 1e3  # the paper prints its table in thousandths


@torch.no_grad()
def swd_levels(
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    num_projections: int = 512,
    shared_scale: bool = False,
    chunk_size: int = 64,
) -> dict[int, float]:
    """Return the distance × 1000 at every pyramid level, from the full size down to 16 pixels.

    Args:
        real: (N, C, H, H) images in [0, 1] or uint8; premultiplied where they have alpha.
        fake: As many images of the same shape.
        generator: A CPU generator; draws the places and the projections.
        num_projections: Random directions, 512 as in the paper.
        shared_scale: Normalise both sets by the mean and deviation of `real`. False is the paper.
        chunk_size: Images in float at one time.

    Returns:
        {side of the level in pixels: distance × 1000}, finest first.

    Raises:
        ShapeError: The sets differ in shape, or are not square batches.
    """
    sets = swd_levels_of(
        real,
        {"": fake},
        generator=generator,
        num_projections=num_projections,
        shared_scale=shared_scale,
        chunk_size=chunk_size,
    )
    return sets[""]


@torch.no_grad()
def swd_levels_of(
    real: Tensor,
    fakes: Mapping[str, Tensor],
    *,
    generator: torch.Generator,
    num_projections: int = 512,
    shared_scale: bool = False,
    chunk_size: int = 64,
) -> dict[str, dict[int, float]]:
    """Return `swd_levels` of several sets beside one real one, at the same places.

    The same numbers as one by one from the same seed, in less time: what is real is read, projected
    and sorted once.

    Args:
        real: (N, C, H, H) images, as in `swd_levels`.
        fakes: Sets of as many images of the same shape, by name.
        generator: A CPU generator; draws the places and the projections.
        num_projections: Random directions.
        shared_scale: Normalise all by the statistics of `real`.
        chunk_size: Images in float at one time.

    Raises:
        ShapeError: The sets differ in shape, or are not square batches.
    """
    for fake in fakes.values():
        _check_sets(real, fake)
    result: dict[str, dict[int, float]] = {name: {} for name in fakes}
    for size in level_sizes(real.shape[-1]):
        places = _draw_places(len(real), size, generator)
        patches = [
            _collect_patches(images, size, places, chunk_size) for images in (real, *fakes.values())
        ]
        scale_of_real = _channel_statistics(patches[0])
        for some in patches:
            _normalise_(some, *(scale_of_real if shared_scale else _channel_statistics(some)))
        points = [some.flatten(1) for some in patches]
        distances = _distances(points[0], points[1:], generator, num_projections)
        for name, distance in zip(fakes, distances, strict=True):
            result[name][size] = SCALE * distance
    return result


def swd_floor(
    real: Tensor,
    *,
    generator: torch.Generator,
    num_projections: int = 512,
    shared_scale: bool = False,
) -> dict[int, float]:
    """Return the distance × 1000 between two random disjoint halves of `real`, level by level.

    The floor belongs to sets of ``len(real) // 2`` images: compare it with `swd_levels` of that
    many real and fake images, as more of them would be nearer to zero by their number alone.
    """
    order = torch.randperm(len(real), generator=generator)
    half = len(real) // 2
    return swd_levels(
        real[order[:half]],
        real[order[half : 2 * half]],
        generator=generator,
        num_projections=num_projections,
        shared_scale=shared_scale,
    )


def sliced_wasserstein(
    first: Tensor,
    second: Tensor,
    *,
    generator: torch.Generator,
    num_projections: int = 512,
    block: int = 32,
) -> float:
    """Return the mean 1-Wasserstein distance of two point sets over random unit directions.

    Args:
        first: (M, D) points.
        second: (M, D) points; as many, so that sorting alone matches them.
        generator: A CPU generator of the directions.
        num_projections: Number of directions.
        block: Directions held at one time; bounds the memory to 2 × M × block floats.
    """
    return _distances(first, [second], generator, num_projections, block)[0]


def _distances(
    first: Tensor,
    others: Sequence[Tensor],
    generator: torch.Generator,
    num_projections: int,
    block: int = 32,
) -> list[float]:
    """Return the sliced distance of `first` (M, D) to each of `others`, in the same directions."""
    directions = torch.randn(num_projections, first.shape[1], generator=generator)
    directions = F.normalize(directions, dim=1).to(first)
    totals = [0.0] * len(others)
    for some in directions.split(block):
        own = _sorted_rows(some @ first.T)
        for index, other in enumerate(others):
            gap = own - _sorted_rows(some @ other.T)
            totals[index] += gap.abs().mean(dim=1).double().sum().item()
    return [total / num_projections for total in totals]


def level_sizes(size: int) -> tuple[int, ...]:
    """Return the sides of the pyramid's levels, finest first: halved while at least 16 pixels."""
    sizes = [size]
    while sizes[-1] % 2 == 0 and sizes[-1] // 2 >= SMALLEST_LEVEL:
        sizes.append(sizes[-1] // 2)
    return tuple(sizes)


def laplacian_level(images: Tensor, size: int) -> Tensor:
    """Return the level of side `size` of the Laplacian pyramid of `images` (N, C, H, H).

    Burt & Adelson (1983); the coarsest level is the low-passed picture itself.
    """
    while images.shape[-1] > size:
        images = _shrink(images)
    coarsest = level_sizes(size)[-1] == size
    return images if coarsest else images - _grow(_shrink(images))


def _shrink(images: Tensor) -> Tensor:
    """Blur with the binomial 5×5 and keep every second pixel."""
    keep = _blur_matrix(images.shape[-1]).to(images)[::2]  # (H/2, H)
    return keep @ images @ keep.T


def _grow(images: Tensor) -> Tensor:
    """Double the side: zeros between the pixels, then the same blur at four times the weight."""
    spread = 2.0 * _blur_matrix(2 * images.shape[-1]).to(images)[:, ::2]  # (2H, H)
    return spread @ images @ spread.T


@lru_cache(maxsize=16)
def _blur_matrix(size: int) -> Tensor:
    """Return (H, H): convolution with [1, 4, 6, 4, 1]/16, mirrored at the border.

    One matrix a side is ten times faster on a CPU than a convolution of single channels.
    """
    taps = torch.tensor([[[1.0, 4.0, 6.0, 4.0, 1.0]]]) / 16
    columns = F.pad(torch.eye(size)[:, None], (2, 2), mode="reflect")
    return F.conv1d(columns, taps)[:, 0].T.contiguous()


def _draw_places(num_images: int, size: int, generator: torch.Generator) -> Tensor:
    """Return (N, 128, 2): the top left corners of every image's neighbourhoods."""
    shape = (num_images, PATCHES_PER_IMAGE, 2)
    return torch.randint(0, size - PATCH_SIZE + 1, shape, generator=generator)


def _collect_patches(images: Tensor, size: int, places: Tensor, chunk_size: int) -> Tensor:
    """Return (N·128, C, 7, 7): the neighbourhoods of one level, a chunk of images at a time."""
    parts = [
        _patches_at(laplacian_level(as_floats(some), size), where)
        for some, where in zip(images.split(chunk_size), places.split(chunk_size), strict=True)
    ]
    return torch.cat(parts)


def _patches_at(level: Tensor, places: Tensor) -> Tensor:
    """Return (n·128, C, 7, 7): the neighbourhoods of `level` (n, C, H, W) at `places`."""
    steps = torch.arange(PATCH_SIZE, device=level.device)
    corners = places.to(level.device)
    rows = (corners[..., 0, None] + steps)[:, :, :, None]  # (n, 128, 7, 1)
    columns = (corners[..., 1, None] + steps)[:, :, None, :]  # (n, 128, 1, 7)
    which = torch.arange(len(level), device=level.device)[:, None, None, None]
    return level.permute(0, 2, 3, 1)[which, rows, columns].flatten(0, 1).permute(0, 3, 1, 2)


def _channel_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and deviation (1, C, 1, 1); a channel that never changes keeps deviation 1."""
    std, mean = torch.std_mean(patches, dim=(0, 2, 3), keepdim=True, correction=0)
    return mean, torch.where(std > 1e-6, std, torch.ones_like(std))


def _normalise_(patches: Tensor, mean: Tensor, std: Tensor) -> None:
    """Normalise in place: the patches are the one large thing here."""
    patches.sub_(mean).div_(std)


def _sorted_rows(values: Tensor) -> Tensor:
    """Sort along the last axis; NumPy's vectorised sort is several times faster on a CPU."""
    if values.device.type != "cpu":
        return values.sort(dim=1).values
    array = values.numpy()
    array.sort(axis=1)
    return torch.from_numpy(array)


def _check_sets(real: Tensor, fake: Tensor) -> None:
    if real.ndim != 4 or real.shape[-1] != real.shape[-2] or real.shape[-1] < SMALLEST_LEVEL:
        raise ShapeError(
            f"expected square images (N, C, H, H) of {SMALLEST_LEVEL} pixels or more, found "
            f"{tuple(real.shape)}; resize them first."
        )
    if real.shape != fake.shape or len(real) == 0:
        raise ShapeError(
            "expected two sets of equally many images of one shape, found "
            f"{tuple(real.shape)} and {tuple(fake.shape)}; cut the longer one."
        )

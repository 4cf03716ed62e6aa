"""Are samples like the data: as real, as varied, and none of them a copy.

Every function takes sets of features (N, D), whatever made them; `report_distribution` makes them
with several `RandomFeatures`. Real is the held-out part, so that nothing is won by knowing the
training pictures by heart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from vae.errors import ShapeError
from vae.evaluation.features import SEEDS, RandomFeatures, features_of, standardise_by
from vae.evaluation.rows import Options, Row, decode_all, encode_all, pick

if TYPE_CHECKING:
    from vae.data import ImageSet
    from vae.infer import World

NEIGHBOURS = 5
NEAR = 0.01  # share of held-out pictures that lie as near to a training picture as "too near"


class Coverage(NamedTuple):
    """How two sets overlap: share of fakes that look real, share of reals that can be drawn."""

    precision: float
    recall: float


class Memorisation(NamedTuple):
    """How near samples lie to the training set.

    Attributes:
        ratio: Their mean nearest distance over that of held-out pictures; 0 is all copies.
        too_near: Share of them nearer than all but the nearest hundredth of held-out pictures.
    """

    ratio: float
    too_near: float


def kid(real: Tensor, fake: Tensor) -> float:
    """Return the kernel distance: the unbiased squared MMD under (x·y/D + 1)³.

    Binkowski et al. (2018), arXiv:1801.01401, section 4. Unbiased: of equal distributions it is
    0 on average, and as often negative.

    Args:
        real: (N, D) features.
        fake: (N, D), as many.

    Raises:
        ShapeError: The sets differ in shape, or hold fewer than 2.
    """
    from torchmetrics.image.kid import poly_mmd  # late: seconds to import

    if real.shape != fake.shape or real.ndim != 2 or len(real) < 2:
        raise ShapeError(
            "expected two sets (N, D) of equally many features, at least 2, found "
            f"{tuple(real.shape)} and {tuple(fake.shape)}; cut the longer one."
        )
    return float(poly_mmd(real.double(), fake.double(), degree=3, gamma=None, coef=1.0))


def precision_recall(real: Tensor, fake: Tensor, *, k: int = NEIGHBOURS) -> Coverage:
    """Return improved precision and recall: Kynkäänniemi et al. (2019), arXiv:1904.06991.

    A point lies in a set's manifold where it is no further from one of its members than that
    member is from its k-th nearest fellow. Precision: share of `fake` in the manifold of `real`;
    recall: share of `real` in that of `fake`.

    Args:
        real: (N, D) features.
        fake: (M, D); as many, for both shares depend on the number.
        k: Which neighbour.

    Raises:
        ShapeError: A set has no more than k members.
    """
    if min(len(real), len(fake)) <= k:
        raise ShapeError(
            f"expected more than {k} of each kind, found {len(real)} and {len(fake)}; take more."
        )
    across = torch.cdist(real, fake)  # (N, M)
    in_real = (across <= _radii(real, k)[:, None]).any(dim=0)
    in_fake = (across <= _radii(fake, k)[None, :]).any(dim=1)
    return Coverage(float(in_real.double().mean()), float(in_fake.double().mean()))


def _radii(points: Tensor, k: int) -> Tensor:
    """Return the distance (N,) of every point to its k-th nearest fellow."""
    return torch.cdist(points, points).kthvalue(k + 1, dim=1).values  # the first is itself


def diversity(real: Tensor, fake: Tensor) -> float:
    """Return the mean distance between two of `fake` over that between two of `real`.

    1 is as varied as the data, 0 a single picture. Sets that do not vary at all are given as 0.
    """
    own = float(torch.pdist(real).double().mean())
    return float(torch.pdist(fake).double().mean()) / own if own > 0 else 0.0


def nearest(queries: Tensor, points: Tensor, *, chunk_size: int = 256) -> Tensor:
    """Return the distance (N,) of every query (N, D) to the nearest of `points` (M, D)."""
    return torch.cat([torch.cdist(some, points).amin(1) for some in queries.split(chunk_size)])


def memorisation(samples: Tensor, held_out: Tensor) -> Memorisation:
    """Return how near samples lie to the training set, beside pictures that cannot be copies.

    The idea of Meehan et al. (2020), arXiv:2004.05675, as a ratio. A world that draws softly
    lies nearer to everything, so a ratio somewhat below 1 is softness as well as memory.

    Args:
        samples: Distances (N,) of samples to their nearest training picture.
        held_out: Distances (M,) of held-out pictures to theirs.
    """
    usual = float(held_out.double().mean())
    limit = torch.quantile(held_out.double(), NEAR)
    too_near = float((samples.double() < limit).double().mean())
    return Memorisation(float(samples.double().mean()) / max(usual, 1e-9), too_near)


@dataclass(frozen=True)
class PictureSets:
    """Straight uint8 pictures (N, C, S, S), as many of each.

    Attributes:
        real: Held out.
        others: Of the training set: real beside real.
        reconstructions: Of `real`.
        samples: Drawn by the world.
    """

    real: Tensor
    others: Tensor
    reconstructions: Tensor
    samples: Tensor


def num_compared(train: ImageSet, validation: ImageSet, options: Options) -> int:
    """Return how many pictures of each set distributions are compared on, at most 1024."""
    return min(options.cap(1024), len(validation), len(train))


def make_sets(world: World, train: ImageSet, validation: ImageSet, options: Options) -> PictureSets:
    """Return the pictures that distributions are compared on, :func:`num_compared` of each."""
    num = num_compared(train, validation, options)
    generator = torch.Generator().manual_seed(options.seed)
    real = pick(validation.images, num)
    others = train.images[torch.randperm(len(train), generator=generator)[:num]]
    return PictureSets(
        real=real,
        others=others,
        reconstructions=decode_all(world, encode_all(world, real)),
        samples=decode_all(world, world.sample(num, generator=generator)),
    )


def measure_distribution(sets: PictureSets, train: Tensor, *, seed: int) -> dict[str, float]:
    """Return every measure of this module in the features of one random net.

    Names end in the set they are of; "real to real" is what another part of the data gets.

    Args:
        sets: The pictures to compare.
        train: The whole training set, straight uint8 (M, C, S, S).
        seed: Which net.
    """
    net = RandomFeatures(sets.real.shape[1], seed)
    known = features_of(net, train)
    named = {
        "real to real": sets.others,
        "reconstructions": sets.reconstructions,
        "samples": sets.samples,
    }
    real, *rest = standardise_by(
        known, *(features_of(net, some) for some in (sets.real, *named.values()))
    )
    found: dict[str, float] = {}
    for name, fake in zip(named, rest, strict=True):
        found[f"KID, {name}"] = 1000.0 * kid(real, fake)
        precision, recall = precision_recall(real, fake)
        found[f"precision, {name}"], found[f"recall, {name}"] = precision, recall
        found[f"diversity, {name}"] = diversity(real, fake)
    points = standardise_by(known, known)[0]
    distances = []
    for images, plain in ((sets.samples, rest[2]), (sets.real, real)):
        mirrored = standardise_by(known, features_of(net, images, mirrored=True))[0]
        distances.append(torch.minimum(nearest(plain, points), nearest(mirrored, points)))
    found["memorisation ratio"], found["samples too near"] = memorisation(*distances)
    return found


def report_distribution(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield KID, precision, recall, diversity and memorisation: mean ± sd over random nets."""
    sets = make_sets(world, train, validation, options)
    if len(sets.real) <= NEIGHBOURS:
        return
    each = [measure_distribution(sets, train.images, seed=seed) for seed in SEEDS]
    floors = {name: _mean(each, name) for name in each[0] if name.endswith("real to real")}
    for name in each[0]:
        values = [found[name] for found in each]
        remark = f"± {np.std(values):.2g} over {len(SEEDS)} random nets"
        floor = floors.get(f"{name.split(',')[0]}, real to real")
        if floor is not None and not name.endswith("real to real"):
            remark += f"; real to real {floor:.3g}"
        elif name.endswith("real to real"):
            remark += f", {len(sets.real)} images"
        unit = "×1000" if name.startswith("KID") else ""
        details = {"values": values, "sd": float(np.std(values))}
        yield Row("distribution", name, float(np.mean(values)), unit, remark, details)


def _mean(each: list[dict[str, float]], name: str) -> float:
    return float(np.mean([found[name] for found in each]))

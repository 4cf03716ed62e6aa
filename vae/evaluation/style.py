"""Is a reference's look reached, and is the content kept: beside plain colour transfer.

Held-out pictures borrow everything from other held-out pictures. Three ways are compared from the
same start, which is the picture as the world draws it: nothing is borrowed; the world borrows;
the colours are transferred after Reinhard et al. (2001). Attributes are measured by independent
code, in standard deviations of the training set; `vae.evaluation.borrowing` has each dial alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from skimage.color import rgb2lab

from vae.encodings import GROUPS
from vae.evaluation.borrowing import CLIP
from vae.evaluation.colour_transfer import reinhard
from vae.evaluation.rows import Options, Row, decode_all, encode_all, pick
from vae.evaluation.sliders import Reference, fit_reference, measure_in_parts
from vae.pixels import to_bytes, to_pixels

if TYPE_CHECKING:
    from torch import Tensor

    from vae.data import ImageSet
    from vae.infer import Latents, World

NUM_COLOURS = 256  # drawn of a picture
NUM_PAIRS = 96
CHUNK = 16  # pictures that borrow at one time
WAYS = ("nothing borrowed", "borrowed", "colour transfer")


@dataclass(frozen=True, kw_only=True)
class StyleScores:
    """What one way of taking on a look does, picture by picture.

    Attributes:
        errors: {"all" or a dial: (N,) mean error to the reference over the attributes, s.d.}.
        palette: (N,) palette distances to the reference, ΔE of CIE 1976.
        content: (N,) cosines of z as the encoder reads it, before and after.
    """

    errors: dict[str, np.ndarray]
    palette: np.ndarray
    content: np.ndarray


def colours_of(pictures: np.ndarray, num: int = NUM_COLOURS) -> np.ndarray:
    """Return L*a*b* colours (N, num, 3) of what is seen, each standing for as much alpha.

    Args:
        pictures: (N, H, W, 4) straight uint8. Where nothing is seen, black.
        num: Evenly spaced over the alpha of the picture, row by row.
    """
    places = (np.arange(num) + 0.5) / num
    found = np.zeros((len(pictures), num, 3))
    for colours, picture in zip(found, pictures, strict=True):
        sums = np.cumsum(picture[..., 3].ravel(), dtype=np.int64)
        if sums[-1] > 0:
            where = np.searchsorted(sums, places * sums[-1], side="right")
            colours[:] = rgb2lab(picture[..., :3].reshape(-1, 3)[where])
    return found


def palette_distances(pictures: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return the earth mover's distance (N,) between the colours of pairs, ΔE of CIE 1976.

    Rubner, Tomasi & Guibas (2000); solved exactly on `NUM_COLOURS` colours of each.

    Args:
        pictures: (N, H, W, 4) straight uint8.
        references: As many.
    """
    found = []
    for own, other in zip(colours_of(pictures), colours_of(references), strict=True):
        cost = cdist(own, other)
        found.append(cost[linear_sum_assignment(cost)].mean())
    return np.array(found)


def attribute_errors(
    standing: np.ndarray, wanted: np.ndarray, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Return {"all" or a dial: (N,) mean absolute error over its attributes}, s.d.

    Args:
        standing: (N, attributes) standard scores of the pictures.
        wanted: Those of the references; clipped to ±2.5, beyond which no world is asked to go.
        names: Of the attributes.
    """
    gap = np.abs(standing - np.clip(wanted, -CLIP, CLIP))
    errors = {"all": gap.mean(axis=1)}
    for dial, members in GROUPS.items():
        own = [i for i, name in enumerate(names) if name in members]
        if own:
            errors[dial] = gap[:, own].mean(axis=1)
    return errors


def measure_style(
    world: World, latents: Latents, references: Tensor, scale: Reference, *, workers: int = 0
) -> dict[str, StyleScores]:
    """Return the scores of the three `WAYS`.

    Args:
        world: The world to judge.
        latents: Pictures it has not seen, N of them.
        references: One each: straight uint8 (N, C, S, S) of the world's side.
        scale: Of real pictures, by the independent measurers.
        workers: Processes that measure.
    """
    goals = _pixels(references)
    before = _pixels(decode_all(world, latents))
    after = _pixels(decode_all(world, _borrow(world, latents, references)))
    pictures = dict(zip(WAYS, (before, after, reinhard(before, goals)), strict=True))
    wanted = scale.standardise(measure_in_parts(goals, workers=workers))
    start = encode_all(world, _tensor(before, world.channels)).z
    scores = {}
    for way, some in pictures.items():
        standing = scale.standardise(measure_in_parts(some, workers=workers))
        z = encode_all(world, _tensor(some, world.channels)).z
        scores[way] = StyleScores(
            errors=attribute_errors(standing, wanted, scale.names),
            palette=palette_distances(some, goals),
            content=torch.nn.functional.cosine_similarity(start, z).cpu().numpy(),
        )
    return scores


def report_style(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield error to the reference, palette distance and content kept, for each way."""
    chosen = pick(validation.images, min(options.cap(NUM_PAIRS), NUM_PAIRS))
    if len(chosen) < 2:
        return
    references = chosen.roll(len(chosen) // 2, dims=0)
    scores = measure_style(
        world,
        encode_all(world, chosen),
        references,
        fit_reference(train.images, workers=options.workers),
        workers=options.workers,
    )
    plain = scores["colour transfer"]
    for what in plain.errors:
        values = {way: score.errors[what] for way, score in scores.items()}
        yield from _rows(f"error, {what} attributes", values, "s.d.")
    yield from _rows("palette distance", {w: s.palette for w, s in scores.items()}, "ΔE")
    kept = {way: score.content for way, score in scores.items() if way != "nothing borrowed"}
    yield from _rows("content kept", kept, "cosine", better=1)


def _rows(
    what: str, values: Mapping[str, np.ndarray], unit: str, *, better: int = -1
) -> Iterator[Row]:
    """Yield a row for each way; the world's says how often it beats colour transfer.

    Args:
        what: Is measured.
        values: {way: (N,)}.
        unit: Of them.
        better: 1 where more is better, -1 where less is.
    """
    for way, found in values.items():
        remark = f"{len(found)} pairs" if way == WAYS[0] else ""
        details: dict[str, float] = {"sd": float(found.std())}
        if way == "borrowed":
            won = float((better * (found - values["colour transfer"]) > 0).mean())
            details["won"] = won
            remark = f"better than colour transfer on {won:.0%} of pairs"
        yield Row("style", f"{what}: {way}", float(found.mean()), unit, remark, details)


def _borrow(world: World, latents: Latents, references: Tensor) -> Latents:
    """Return latents that took on everything from references, a part at a time."""
    keys = []
    for start in range(0, len(latents.z), CHUNK):
        part = slice(start, start + CHUNK)
        own = latents._replace(z=latents.z[part], key=latents.key[part])
        keys.append(world.borrow(own, references[part].float() / 255.0).key)
    return latents._replace(key=torch.cat(keys))


def _pixels(images: Tensor) -> np.ndarray:
    """Return straight uint8 images (N, C, H, W) as (N, H, W, 4) uint8."""
    return to_bytes(to_pixels(images.float() / 255.0))


def _tensor(pictures: np.ndarray, channels: int) -> Tensor:
    """Return pictures (N, H, W, 4) as the straight uint8 images (N, C, H, W) of a world."""
    return torch.from_numpy(np.ascontiguousarray(pictures[..., :channels].transpose(0, 3, 1, 2)))

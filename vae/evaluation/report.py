"""The numbers of a world as rows of one table: a function for each part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vae.data import ImageSet
from vae.evaluation.reconstruction import pca_baseline, score_reconstruction
from vae.evaluation.sliders import Reference, SliderScore, measure_in_parts, measure_sliders
from vae.evaluation.speed import measure_decode
from vae.evaluation.swd import swd_levels
from vae.losses import premultiply

if TYPE_CHECKING:
    from vae.distributions import Latents
    from vae.infer import World

MONOTONE = 0.9  # Spearman from which a slider counts as working
SIZES = (128, 256)


@dataclass(frozen=True)
class Row:
    """One line of the table: which part, what, how much, of what unit, and a remark.

    What does not fit on a line is in `details`, and goes to the JSON file alone.
    """

    part: str
    what: str
    value: float
    unit: str = ""
    remark: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to evaluate.

    Attributes:
        num_images: Most validation images of any part; None is each part's own custom.
        seed: Of samples, places and projections.
        workers: Processes that measure.
        threads: PyTorch's threads when speed is measured.
        steps: Places along a slider.
        num_calls: Pictures decoded when speed is measured.
    """

    num_images: int | None = None
    seed: int = 0
    workers: int = 2
    threads: int = 2
    steps: int = 9
    num_calls: int = 300

    def cap(self, usual: int) -> int:
        """Return how many images a part takes at most."""
        return usual if self.num_images is None else self.num_images


Part = Callable[["World", ImageSet, ImageSet, Options], Iterator[Row]]


def report_reconstruction(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield closeness of reconstructions, and what as many linear components reach."""
    chosen = pick(validation.images, options.cap(len(validation)))
    scores = score_reconstruction(chosen, decode_all(world, encode_all(world, chosen)))
    remark = f"{scores.num_images} validation images, premultiplied"
    yield Row("reconstruction", "PSNR of the set (headline)", scores.psnr, "dB", remark)
    yield Row("reconstruction", "mean PSNR of images", scores.psnr_of_images, "dB")
    for name, value in scores.psnr_on.items():
        yield Row("reconstruction", f"PSNR on {name}", value, "dB")
    yield Row("reconstruction", "alpha, mean absolute error", scores.alpha_mae)
    components = min(world.latent_dim + world.latent_key_dim, len(train) - 1)
    linear = pca_baseline(train.images, chosen, num_components=components)
    yield Row("reconstruction", f"PCA-{components}", linear, "dB", f"fitted on {len(train)} images")


def report_swd(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield sharpness: distance of samples and reconstructions from real, beside the floor."""
    num = min(options.cap(1024), len(validation), len(train))
    generator = torch.Generator().manual_seed(options.seed)
    real = pick(validation.images, num)
    others = train.images[torch.randperm(len(train), generator=generator)[:num]]
    latents = encode_all(world, real)
    sets = {
        "floor": others,
        "reconstructions": decode_all(world, latents),
        "samples": decode_all(world, world.sample(num, generator=generator)),
    }
    levels = {
        name: swd_levels(
            _premultiplied(real),
            _premultiplied(images),
            generator=torch.Generator().manual_seed(options.seed),
        )
        for name, images in sets.items()
    }
    for size, floor in levels["floor"].items():
        yield Row("swd", f"{size}² real to real", floor, "×1000", f"{num} images")
        for name in ("reconstructions", "samples"):
            value = levels[name][size]
            ratio = f"{value / max(floor, 1e-9):.2f} × floor"
            details = {"floor": floor} if name == "samples" else {}
            yield Row("swd", f"{size}² {name}", value, "×1000", ratio, details)


def report_sliders(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield what every style slider does, by independent code."""
    scores = score_sliders(world, train, validation, options)
    for score in scores:
        others = sorted(score.leakage.items(), key=lambda item: -item[1])
        most = next((f"{n} {v:.2f}" for n, v in others if n != score.attribute), "nothing")
        remark = f"gain {score.gain:.2f}, purity {score.purity:.2f}, next moves {most}"
        yield Row("sliders", f"{score.name}: Spearman", score.spearman, "", remark, asdict(score))
    if scores:
        working = sum(score.spearman >= MONOTONE for score in scores)
        purity = float(np.mean([score.purity for score in scores]))
        remark = f"of {len(scores)}"
        yield Row("sliders", f"Spearman of {MONOTONE} or more", working, "sliders", remark)
        yield Row("sliders", "mean purity", purity)


def score_sliders(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> list[SliderScore]:
    """Measure the sliders on validation images, standardised by training images."""
    real = pick(train.images, 2000).permute(0, 2, 3, 1).numpy()
    reference = Reference.fit(measure_in_parts(real, workers=options.workers))
    chosen = pick(validation.images, options.cap(256))
    return measure_sliders(
        world,
        encode_all(world, chosen),
        reference=reference,
        steps=options.steps,
        workers=options.workers,
    )


def report_speed(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield the time of one picture at the usual sizes."""
    for size in SIZES:
        speed = measure_decode(
            world, size=size, threads=options.threads, num_calls=options.num_calls
        )
        remark = f"batch 1, {options.threads} threads, {world.device.type}"
        yield Row("speed", f"decode {size}² p50", speed.p50, "ms", remark)
        yield Row("speed", f"decode {size}² p95", speed.p95, "ms")


PARTS: dict[str, Part] = {
    "reconstruction": report_reconstruction,
    "swd": report_swd,
    "sliders": report_sliders,
    "speed": report_speed,
}


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [("part", "what", "value", "unit", "")]
    lines += [(r.part, r.what, f"{r.value:.4g}", r.unit, r.remark) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    aligned = [
        f"{p:<{widths[0]}}  {w:<{widths[1]}}  {v:>{widths[2]}}  {u:<{widths[3]}}  {x}".rstrip()
        for p, w, v, u, x in lines
    ]
    return "\n".join([aligned[0], "-" * max(map(len, aligned)), *aligned[1:]])


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain dicts."""
    return [asdict(row) for row in rows]


def pick(images: Tensor, num: int) -> Tensor:
    """Return at most `num` images, evenly spaced: a folder is often sorted by what it shows."""
    if len(images) <= num:
        return images
    return images[torch.linspace(0, len(images) - 1, num).round().long()]


def encode_all(world: World, images: Tensor, *, chunk_size: int = 64) -> Latents:
    """Return the latents of straight uint8 images (N, C, S, S)."""
    parts = [world.encode(some.float() / 255.0) for some in images.split(chunk_size)]
    first = parts[0]
    return first._replace(
        z=torch.cat([part.z for part in parts]), key=torch.cat([part.key for part in parts])
    )


def decode_all(world: World, latents: Latents, *, chunk_size: int = 64) -> Tensor:
    """Return the pictures of latents as straight uint8 images (N, C, S, S): what is shown."""
    pairs = zip(latents.z.split(chunk_size), latents.key.split(chunk_size), strict=True)
    parts = [world.decode(latents._replace(z=z, key=key)) for z, key in pairs]
    return torch.cat([(part * 255.0).round().to(torch.uint8).cpu() for part in parts])


def _premultiplied(images: Tensor) -> Tensor:
    """Return straight uint8 images as premultiplied uint8 ones."""
    parts = [premultiply(some.float() / 255.0) for some in images.split(256)]
    return torch.cat([(part * 255.0).round().to(torch.uint8) for part in parts])

"""The numbers of a world as rows of one table: a function for each part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vae.change import lay_change
from vae.data import ImageSet
from vae.evaluation.distribution import num_compared, report_distribution
from vae.evaluation.identifiability import report_identifiability
from vae.evaluation.reconstruction import (
    bits_of_latents,
    ms_ssim,
    pca_baseline,
    scale_weights,
    score_reconstruction,
)
from vae.evaluation.rows import (
    Options,
    Part,
    Row,
    as_floats,
    as_json,
    decode_all,
    encode_all,
    format_table,
    pick,
    premultiplied,
)
from vae.evaluation.sliders import SliderScore, fit_reference, measure_sliders
from vae.evaluation.speed import measure_decode
from vae.evaluation.style import report_style
from vae.evaluation.swd import swd_levels_of

if TYPE_CHECKING:
    from vae.infer import Latents, World

MONOTONE = 0.9  # Spearman from which a slider counts as working
STEADY = 0.95  # and as working for nearly every picture
SIZES = (128, 256)
NUM_HELD = 24  # the same with the rest held, which draws four times as many
NUM_KEPT = 24  # laid on the pictures themselves
NUM_SETS = 4  # parts of the training set, and draws of as many, that sharpness is averaged over
NUM_MOVED = 160  # pictures that are moved along every slider: most of the time of an evaluation


def report_reconstruction(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield closeness of reconstructions, and what as many linear components reach."""
    chosen = pick(validation.images, options.cap(len(validation)))
    latents = encode_all(world, chosen)
    back = decode_all(world, latents)
    scores = score_reconstruction(chosen, back)
    location = score_reconstruction(chosen, decode_all(world, latents, grain=0.0)).psnr
    remark = f"{scores.num_images} validation images, premultiplied"
    yield Row("reconstruction", "PSNR of the set (headline)", scores.psnr, "dB", remark)
    yield Row("reconstruction", "PSNR without grain", location, "dB", "of the decoder's location")
    yield Row("reconstruction", "MSE", scores.mse, "", "premultiplied, all channels")
    yield Row("reconstruction", "mean PSNR of images", scores.psnr_of_images, "dB")
    scales = f"premultiplied, {len(scale_weights(world.image_size))} scales"
    yield Row("reconstruction", "MS-SSIM", ms_ssim(chosen, back), "", scales)
    for name, value in scores.psnr_on.items():
        yield Row("reconstruction", f"PSNR on {name}", value, "dB")
    yield Row("reconstruction", "alpha, mean absolute error", scores.alpha_mae)
    if world.channels == 4:
        drawn, true = (share_at_ends(images[:, 3]) for images in (back, chosen))
        yield Row(
            "reconstruction", "alpha, share clear or solid", drawn, "", f"{true:.4f} of originals"
        )
    components = min(world.latent_dim + world.latent_key_dim, len(train) - 1)
    linear = pca_baseline(train.images, chosen, num_components=components)
    yield Row("reconstruction", f"PCA-{components}", linear, "dB", f"fitted on {len(train)} images")
    for name, bits in _bits(world, chosen).items():
        heard = f"of {len(bits)}; {float(bits.sum()):.0f} bits a picture in all"
        yield Row(
            "reconstruction", f"{name} latents of a bit or more", int((bits >= 1).sum()), "", heard
        )


def share_at_ends(values: Tensor) -> float:
    """Return the share of uint8 values that are 0 or 255: of alpha, what is clear or solid."""
    return float(((values == 0) | (values == 255)).double().mean())


@torch.inference_mode()
def _bits(world: World, images: Tensor) -> dict[str, Tensor]:
    found = [world.model.posterior(as_floats(some)) for some in images.split(64)]
    parts = {"content": [q.z for q in found], "key": [q.key for q in found]}
    return {
        name: bits_of_latents(
            torch.cat([q.mean for q in part]), torch.cat([q.logvar for q in part])
        )
        for name, part in parts.items()
    }


def report_swd(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield sharpness: distance of samples and reconstructions from real, beside the floor.

    With alpha and without: an outline is sharp sooner than grain is. The floor is the mean over
    parts of the training set, and samples are drawn as often: one part alone is a tenth off.
    """
    num = num_compared(train, validation, options)
    generator = torch.Generator().manual_seed(options.seed)
    real = pick(validation.images, num)
    order = torch.randperm(len(train), generator=generator)
    parts = order[: num * min(NUM_SETS, len(order) // num)].split(num)
    sets = {
        "floor": [train.images[part] for part in parts],
        "reconstructions": [decode_all(world, encode_all(world, real))],
        "samples": [decode_all(world, world.sample(num, generator=generator)) for _ in parts],
    }
    for what, view in swd_views(world.channels).items():
        levels = swd_levels_of(
            premultiplied(real)[:, :view],
            {
                f"{name} {i}": premultiplied(images)[:, :view]
                for name, some in sets.items()
                for i, images in enumerate(some)
            },
            generator=torch.Generator().manual_seed(options.seed),
        )
        together = {
            name: [levels[f"{name} {i}"] for i in range(len(some))] for name, some in sets.items()
        }
        yield from _swd_rows(together, what, num)


def swd_views(channels: int) -> dict[str, int]:
    """Return what distances are taken of: {words after the name of a row: leading channels}.

    All channels; and where there is alpha, the premultiplied colour alone, which is what the
    picture shows on black.
    """
    return {"": channels, " without alpha": 3} if channels == 4 else {"": channels}


def _swd_rows(levels: dict[str, list[dict[int, float]]], what: str, num: int) -> Iterator[Row]:
    """Yield the floor, and every set beside it, level by level: means over as many as there are."""
    for size in levels["floor"][0]:
        found = {name: [one[size] for one in some] for name, some in levels.items()}
        parts = found.pop("floor")
        floor = max(float(np.mean(parts)), 1e-9)
        about = f"{num} images{_spread(parts, 'parts')}"
        yield Row("swd", f"{size}²{what} real to real", floor, "×1000", about)
        for name, some in found.items():
            ratios = [value / floor for value in some]
            ratio = float(np.mean(ratios))
            details = {"ratio": ratio, "level": size, "set": name, "alpha": not what}
            if name == "samples" and not what:
                details["floor"] = floor
            remark = f"{ratio:.2f} × floor{_spread(ratios, 'draws')}"
            yield Row("swd", f"{size}²{what} {name}", ratio * floor, "×1000", remark, details)


def _spread(values: Sequence[float], of_what: str) -> str:
    """Return the standard deviation in words, where there is more than one value."""
    return f", ± {np.std(values):.2g} over {len(values)} {of_what}" if len(values) > 1 else ""


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
        remark = f"of {len(scores)}"
        for bar in (MONOTONE, STEADY):
            working = sum(score.spearman >= bar for score in scores)
            yield Row("sliders", f"Spearman of {bar} or more", working, "sliders", remark)
        purity, beyond, rest = (
            float(np.mean([getattr(score, name) for score in scores]))
            for name in ("purity", "out_of_gamut", "at_rest")
        )
        yield Row("sliders", "mean purity", purity)
        remark = f"of what is seen, at the ends of travel; at rest {rest:.3f}"
        yield Row("sliders", "out of gamut", beyond, "share", remark)


def report_held(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield what the style sliders do where the rest is held, as on the page, on fewer pictures."""
    latents = encode_all(world, pick(validation.images, min(NUM_HELD, options.cap(NUM_HELD))))
    scores = measure_sliders(
        world,
        latents,
        reference=fit_reference(train.images, workers=options.workers),
        steps=options.steps,
        workers=options.workers,
        move=world.holding(latents, measured=False).move,
    )
    for score in scores:
        remark = f"gain {score.gain:.2f}, Spearman {score.spearman:.2f}"
        yield Row("held", f"{score.name}: purity", score.purity, "", remark, asdict(score))
    if scores:
        remark = f"{len(latents.z)} images; mean gain {np.mean([s.gain for s in scores]):.2f}"
        yield Row("held", "mean purity", float(np.mean([s.purity for s in scores])), "", remark)


def report_kept(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield what the style sliders do to pictures that keep their own detail, as on the page."""
    images = pick(validation.images, min(NUM_KEPT, options.cap(NUM_KEPT)))
    latents = encode_all(world, images)
    pictures = images.float().to(world.device) / 255
    grains = [
        world.grain_of(pictures[i : i + 1], latents._replace(z=z[None], key=key[None]))
        for i, (z, key) in enumerate(zip(latents.z, latents.key, strict=True))
    ]

    def drawn(which: Latents) -> Tensor:
        rows = zip(which.z.split(1), which.key.split(1), grains, strict=True)
        return torch.cat(
            [world.decode(which._replace(z=z, key=key), grain=g) for z, key, g in rows]
        )

    def laid(which: Latents) -> Tensor:
        with torch.inference_mode():
            return lay_change(pictures, before, drawn(which))

    before = drawn(latents)
    reference = fit_reference(train.images, workers=options.workers)
    kept, own = (
        measure_sliders(
            world,
            latents,
            reference=reference,
            steps=options.steps,
            workers=options.workers,
            draw=draw,
        )
        for draw in (laid, drawn)
    )
    for score, usual in zip(kept, own, strict=True):
        remark = f"gain {score.gain:.2f}, of the world's own picture {usual.gain:.2f}"
        details = asdict(score) | {"own_gain": usual.gain}
        yield Row("kept", f"{score.name}: Spearman", score.spearman, "", remark, details)
    if kept:
        working = sum(score.spearman >= MONOTONE for score in kept)
        yield Row("kept", f"Spearman of {MONOTONE} or more", working, "sliders", f"of {len(kept)}")
        shares = [
            score.gain / max(usual.gain, 1e-3) for score, usual in zip(kept, own, strict=True)
        ]
        remark = f"{len(images)} images; gain ÷ gain of the world's own picture, mean of sliders"
        yield Row("kept", "share of the change", float(np.mean(np.clip(shares, -1, 2))), "", remark)


def score_sliders(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> list[SliderScore]:
    """Measure the sliders on validation images, standardised by training images."""
    reference = fit_reference(train.images, workers=options.workers)
    chosen = pick(validation.images, options.cap(NUM_MOVED))
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
    "distribution": report_distribution,
    "sliders": report_sliders,
    "held": report_held,
    "kept": report_kept,
    "style": report_style,
    "identifiability": report_identifiability,
    "speed": report_speed,
}


__all__ = [
    "MONOTONE", "PARTS", "STEADY", "Options", "Row", "as_json", "decode_all", "encode_all",
    "format_table", "pick", "report_distribution", "report_held", "report_identifiability",
    "report_kept",
    "report_reconstruction", "report_sliders", "report_speed", "report_style", "report_swd",
    "score_sliders", "swd_views",
]  # fmt: skip

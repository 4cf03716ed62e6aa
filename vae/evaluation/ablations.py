"""What each part of the model is worth: the same short training with one thing changed.

``python -m vae.evaluation.ablations --data FOLDER`` trains every variant on the same pictures, for
the same number of steps and from the same seed, and prints one row for each. A row is written as
soon as it is measured; with ``--json`` rows that are there already are not trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.config import ModelConfig
from vae.data import ImageSet, load_split
from vae.distributions import Posterior, kl_to_standard_normal
from vae.errors import ConfigError
from vae.evaluation.exit_status import in_one_line
from vae.evaluation.report import MONOTONE, Options, report_swd, score_sliders
from vae.finish import finish_model
from vae.infer import World
from vae.model import IvAE, build_model
from vae.objective import Objective
from vae.protocols import get_protocol
from vae.trainer import Trainer
from vae.utils import write_atomic

LIVE_NATS = 0.1  # KL from which a dimension of z counts as used


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One thing changed.

    Attributes:
        title: What it is called in the table.
        model: Settings of :class:`vae.config.ModelConfig` to replace.
        protocol: Settings of the protocol ``pretrain`` to replace.
        adversarial_steps: Steps against the judge afterwards, the encoder frozen.
        conditional: Whether the key has p(k|u); else p(k) = N(0, I), the rest as it was.
    """

    title: str
    model: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    adversarial_steps: float = 0.0
    conditional: bool = True


_NO_LOOP = {"loop_weight": 0.0, "likeness_weight": 0.0, "read_weight": 0.0}
VARIANTS = {
    "base": Variant(title="base"),
    "adversarial": Variant(
        title="base, then half as long against the judge", adversarial_steps=0.5
    ),
    "less-kl": Variant(title="KL of z and key ÷ 3", protocol={"beta_z": 3e-6, "beta_key": 3e-5}),
    "more-kl": Variant(title="KL of z and key × 3", protocol={"beta_z": 3e-5, "beta_key": 3e-4}),
    "no-loop": Variant(title="no closed loop", protocol=_NO_LOOP),
    "free-loc": Variant(title="std_encoder_loc off", model={"std_encoder_loc": False}),
    "no-prior": Variant(title="p(k) = N(0, I) instead of p(k|u)", conditional=False),
    "vae": Variant(
        title="plain vae: no p(k|u), no loop",
        model={"encoder_type": "vae", "decoder_type": "vae"},
        protocol=_NO_LOOP | {"order_weight": 0.0},
    ),
}


class UnconditionalObjective(Objective):
    """The losses with p(k) = N(0, I): ordering, likeness and closed loop stay as they are."""

    def _variational(self, posterior: Posterior, u: Tensor) -> dict[str, Tensor]:
        plain = kl_to_standard_normal(posterior.key).sum(1).mean()
        return super()._variational(posterior, u) | {"kl_key": plain}


def train_variant(
    variant: Variant, training: ImageSet, validation: ImageSet, *, steps: int, seed: int
) -> World:
    """Train a variant from nothing and return it as a world held in memory."""
    torch.manual_seed(seed)
    settings: dict[str, Any] = {
        "image_size": training.size, "channels": training.channels,
        "latent_dim": 32, "latent_key_dim": 28,
    }  # fmt: skip
    model = build_model(ModelConfig(**(settings | dict(variant.model))))
    stages = [("pretrain", steps, dict(variant.protocol))]
    if variant.adversarial_steps:
        stages.append(("adversarial", round(steps * variant.adversarial_steps), {}))
    for name, length, changes in stages:
        protocol = get_protocol(name, steps=length, seed=seed, log_every=100, **changes)
        trainer = Trainer(model, training, validation, protocol)
        if not variant.conditional:
            objective = UnconditionalObjective(trainer.model, protocol)
            trainer.objective = trainer.accelerator.prepare(objective)
        for event in trainer.run():
            print(f"  {name} {event.step}", end="\r", file=sys.stderr, flush=True)
        model = trainer.averaged_model()
    table = finish_model(model, training)
    return World(Path(variant.title), model, table)


@torch.no_grad()
def rate(model: IvAE, images: ImageSet) -> tuple[float, int]:
    """Return KL(q(z|x) || N(0, I)) in nats a picture, and the number of dimensions used."""
    posterior = model.posterior(images.floats(slice(0, 256)))
    kl = kl_to_standard_normal(posterior.z).mean(0)
    return float(kl.sum()), int((kl > LIVE_NATS).sum())


def measure_variant(
    world: World,
    training: ImageSet,
    validation: ImageSet,
    *,
    psnr: float,
    num_images: int,
    workers: int,
) -> dict[str, Any]:
    """Return the numbers of one row; sliders by independent code, in as many processes."""
    options = Options(num_images=num_images, steps=5, workers=workers)
    scores = score_sliders(world, training, validation, options)
    swd = report_swd(world, training, validation, Options())
    nats, live = rate(world.model, validation)
    return {
        "psnr": psnr,
        "kl_z": nats,
        "live": live,
        "swd": [row.value / row.details["floor"] for row in swd if "floor" in row.details],
        "sliders": sum(s.spearman >= MONOTONE for s in scores),
        "purity": float(np.mean([s.purity for s in scores])) if scores else 0.0,
    }


def format_rows(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| run | PSNR dB | KL z nats | live z | SWD of samples ÷ floor, fine to coarse "
        "| Spearman ≥ 0.9 | mean purity |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        swd = " / ".join(f"{value:.1f}" for value in row["swd"])
        lines.append(
            f"| {VARIANTS[name].title} | {row['psnr']:.2f} | {row['kl_z']:.0f} | {row['live']} "
            f"| {swd} | {row['sliders']} | {row['purity']:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure, print; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.ablations", description="Train with one thing changed."
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps of 32 pictures")
    parser.add_argument("--num-images", type=int, default=48, help="pictures for the sliders")
    parser.add_argument("--workers", type=int, default=2, help="processes that measure")
    parser.add_argument("--seed", type=int, default=43)
    parser.add_argument("--only", choices=tuple(VARIANTS), nargs="+", default=list(VARIANTS))
    parser.add_argument("--json", type=Path, help="file of finished rows, read and written")
    options = parser.parse_args(arguments)
    return in_one_line(lambda: print(format_rows(run(options))))


def run(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the rows of all variants asked for, training those that are not in the file yet."""
    if options.workers < 0:
        raise ConfigError(f"--workers must be 0 or more, found {options.workers}")
    training, validation = load_split(options.data, size=options.size, channels=4)
    rows: dict[str, dict[str, Any]] = {}
    if options.json is not None and options.json.is_file():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    for name in options.only:
        if name in rows:
            continue
        print(f"{name} …", file=sys.stderr)
        world = train_variant(
            VARIANTS[name], training, validation, steps=options.steps, seed=options.seed
        )
        psnr = held_out_psnr(world, validation)
        rows[name] = measure_variant(
            world,
            training,
            validation,
            psnr=psnr,
            num_images=options.num_images,
            workers=options.workers,
        )
        if options.json is not None:
            write_atomic(options.json, (json.dumps(rows, indent=1) + "\n").encode())
    return {name: rows[name] for name in options.only}


def held_out_psnr(world: World, validation: ImageSet) -> float:
    """Return the set-level premultiplied PSNR of reconstructions, dB."""
    from vae.evaluation.reconstruction import score_reconstruction
    from vae.evaluation.report import decode_all, encode_all

    images = validation.images
    return score_reconstruction(images, decode_all(world, encode_all(world, images))).psnr


if __name__ == "__main__":
    sys.exit(main())

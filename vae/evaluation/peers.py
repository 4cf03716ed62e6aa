"""This project's model beside pythae's VAE, β-TCVAE and VAEGAN, at equal CPU seconds of training.

``python -m vae.evaluation.peers --data FOLDER --seconds S --seeds 3`` trains every model on the
same pictures in batches of 32, with as many latents in total: the peers inside pythae's own
trainers, with our nets and with pythae's stock nets. pythae is optional (``pip install
'43-vae[peers]'``). With ``--json`` a row (a model and a seed) is written as soon as it is done,
and one that is there is not trained again.

pythae 0.1.2 pins nothing that is in this project's way. It asks for ``dataclasses``, a copy for
Python 3.6 that the standard library's own comes before.

References:
    Chadebec, Vincent & Allassonnière (2022), "Pythae". arXiv:2206.08309
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vae.config import ModelConfig
from vae.data import ImageSet, load_split
from vae.distributions import LatentDensity, Latents
from vae.errors import ConfigError, DatasetError
from vae.evaluation.exit_status import in_one_line
from vae.evaluation.known_factors import read_rows
from vae.evaluation.reconstruction import psnr
from vae.evaluation.rows import pick, premultiplied
from vae.evaluation.swd import swd_levels_of
from vae.finish import encode_set
from vae.losses import premultiply
from vae.model import IvAE, build_model
from vae.protocols import get_protocol
from vae.trainer import Trainer
from vae.utils import write_atomic

BATCH = 32
MOST = 512
"""Held-out pictures that are measured, at most."""

MODELS = {
    "im-pivae": "im-pivae, `pretrain`",
    "im-pivae-judge": "im-pivae, half `pretrain`, half `adversarial`",
    "vae-ours": "pythae VAE, our nets",
    "vae-ours-quick": "pythae VAE, our nets, our rate",
    "vae-stock": "pythae VAE, its nets",
    "betatcvae-ours": "pythae BetaTCVAE, our nets",
    "betatcvae-stock": "pythae BetaTCVAE, its nets",
    "vaegan-ours": "pythae VAEGAN, our nets",
    "vaegan-stock": "pythae VAEGAN, its nets",
}

CAVEAT = """\
Peers have pythae's default loss weights and Adam's rate of 1e-4, but for "our rate" of 1e-3; not
searched. Our nets begin in them as in ours, at "our rate" with the encoder alone fitted, or they
drew nothing; they compute in single precision: in bf16, which ours takes where it pays, unfitted
ones drew nothing. pythae weighs the KL as for pixels of deviation 1, far above ours. They see
premultiplied pictures, so hidden colour costs them nothing, and are drawn from by a mixture of
Gaussians. Ours has its own schedule, augmentation and averaged weights. SWD is over real against
real, fine to coarse."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all rows of a table have in common; it is kept in the file of finished rows.

    Attributes:
        data: Name of the folder of pictures.
        seconds: CPU seconds of training, of the whole process.
        threads: Threads of PyTorch, as the user set them.
        size: Side of the pictures.
        channels: 1, 3 or 4.
        latent_dim: Width of z; peers have one latent of both widths.
        latent_key_dim: Width of the key.
    """

    data: str
    seconds: float
    threads: int
    size: int = 64
    channels: int = 4
    latent_dim: int = 32
    latent_key_dim: int = 28

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise ConfigError(f"--seconds must be more than 0, found {self.seconds:g}")

    @property
    def model(self) -> ModelConfig:
        """Settings of our model."""
        return ModelConfig(
            image_size=self.size,
            channels=self.channels,
            latent_dim=self.latent_dim,
            latent_key_dim=self.latent_key_dim,
        )


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model, as far as it is measured.

    Attributes:
        reconstruct: Premultiplied pictures in [0, 1] of straight ones.
        sample: So many premultiplied pictures.
        images: Pictures seen in training.
        seconds: CPU seconds of training.
    """

    reconstruct: Callable[[Tensor], Tensor]
    sample: Callable[[int], Tensor]
    images: int
    seconds: float


class CpuTrainer(Trainer):
    """The trainer, its length and schedule counted in CPU seconds of the process."""

    seconds, began, spent = 0.0, 0.0, 0.0

    def _prepare_networks(self) -> None:
        super()._prepare_networks()
        self.beside = None  # one thread, as the peers have

    def _length(self) -> tuple[float, float]:
        return self.spent, self.seconds

    def train_step(self) -> dict[str, Tensor]:
        """Take a step and count its time."""
        values = super().train_step()
        self.spent = time.process_time() - self.began
        return values


def train_ours(
    plan: Plan, training: ImageSet, validation: ImageSet, *, judge: bool, seed: int
) -> Trained:
    """Train `im-pivae`, with ``judge`` for half the time against one; return it as `Trained`."""
    torch.manual_seed(seed)
    model, images, seconds = build_model(plan.model), 0, 0.0
    stages = ("pretrain", "adversarial") if judge else ("pretrain",)
    for name in stages:
        length = plan.seconds / len(stages)
        protocol = get_protocol(
            name, minutes=max(length / 60, 1e-3), batch_size=BATCH, seed=seed, log_every=100
        )
        trainer = CpuTrainer(model, training, validation, protocol)
        trainer.seconds, trainer.began = length, time.process_time()
        for event in trainer.run():
            print(f"  {name} {event.step}", end="\r", file=sys.stderr, flush=True)
        model = trainer.averaged_model()
        images, seconds = images + BATCH * trainer.step, seconds + trainer.spent
        model.density = LatentDensity.fit(encode_set(model, training), seed=seed)
    return _ours(model.eval(), plan, images=images, seconds=seconds, seed=seed)


def _ours(model: IvAE, plan: Plan, *, images: int, seconds: float, seed: int) -> Trained:
    def draw(count: int) -> Tensor:
        assert model.density is not None
        joined = model.density.sample(count, generator=torch.Generator().manual_seed(seed))
        widths = (plan.latent_dim, plan.latent_key_dim)
        parts = [Latents(*some.split(widths, 1)) for some in joined.split(64)]
        return torch.cat([premultiply(model.decode(some, size=plan.size)) for some in parts])

    def reconstruct(x: Tensor) -> Tensor:
        return premultiply(model(x)[0])

    return Trained(reconstruct=reconstruct, sample=draw, images=images, seconds=seconds)


def train(name: str, plan: Plan, training: ImageSet, validation: ImageSet, *, seed: int) -> Trained:
    """Train a model of the table from nothing.

    Raises:
        ConfigError: It is pythae's, which is not installed or has no nets of this size.
    """
    if name.startswith("im-pivae"):
        judge = name.endswith("judge")
        return train_ours(plan, training, validation, judge=judge, seed=seed)
    from vae.evaluation.pythae_peers import QUICK, RATE, train_pythae

    kind, nets, *quick = name.split("-")
    return train_pythae(kind, nets, plan, training, seed=seed, rate=QUICK if quick else RATE)


@torch.no_grad()
def measure(trained: Trained, training: ImageSet, validation: ImageSet) -> dict[str, Any]:
    """Return a row: PSNR in dB, SWD over its floor by level, and the pace of training."""
    count = min(len(validation), len(training), MOST)
    straight = pick(validation.images, count)
    real, others = premultiplied(straight), premultiplied(pick(training.images, count))
    parts = [trained.reconstruct(some.float() / 255) for some in straight.split(64)]
    sets = {
        "floor": others,
        "reconstructions": _rounded(torch.cat(parts)),
        "samples": _rounded(trained.sample(count)),
    }
    error = (sets["reconstructions"].double() - real.double()).square().mean() / 255**2
    levels = swd_levels_of(real, sets, generator=torch.Generator().manual_seed(0))
    return {
        "psnr": psnr(float(error)),
        "images": trained.images,
        "seconds": trained.seconds,
        **{
            what: {str(s): v / max(levels["floor"][s], 1e-9) for s, v in levels[what].items()}
            for what in ("reconstructions", "samples")
        },
    }


def _rounded(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)


def load_pictures(folder: Path, *, size: int, channels: int) -> tuple[ImageSet, ImageSet]:
    """Return `load_split` of a folder; one of a single ``.npz`` of ``images`` is unpacked first."""
    packs = sorted(folder.glob("*.npz"))
    if len(packs) != 1:
        return load_split(folder, size=size, channels=channels)
    try:
        with zipfile.ZipFile(packs[0]) as pack, pack.open("images.npy") as file:
            pictures = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f"{packs[0].name} holds no array of images that can be read") from error
    with tempfile.TemporaryDirectory() as place:
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(Path(place) / f"{index:06d}.png")
        return load_split(place, size=size, channels=channels)


def run(
    plan: Plan, folder: Path, names: Sequence[str], num_seeds: int, path: Path | None
) -> dict[str, Any]:
    """Return the rows of all models and seeds, training those that are not in the file yet."""
    rows: dict[str, Any] = dict(read_rows(path, plan))
    if any(not name.startswith("im-pivae") for name in names):
        from vae.evaluation.pythae_peers import require_pythae

        require_pythae()
    training, validation = load_pictures(folder, size=plan.size, channels=plan.channels)
    for seed in range(num_seeds):
        for name in names:
            if f"{name}/{seed}" in rows:
                continue
            print(f"{name}, seed {seed} …", file=sys.stderr)
            trained = train(name, plan, training, validation, seed=seed)
            rows[f"{name}/{seed}"] = measure(trained, training, validation)
            if path is not None:
                content = {"plan": vars(plan), "caveat": CAVEAT, "rows": rows}
                write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())
    return rows


def format_rows(rows: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    """Return the means (± standard deviations over seeds) as a Markdown table, and the caveat."""
    lines = [
        "| model | seeds | PSNR dB | SWD of reconstructions ÷ floor | SWD of samples ÷ floor "
        "| images a CPU s | CPU s |",
        "|---" * 7 + "|",
    ]
    for name in names:
        mine = [row for key, row in rows.items() if key.split("/")[0] == name]
        if not mine:
            continue
        cells = [_cell([row["psnr"] for row in mine], 2)]
        for what in ("reconstructions", "samples"):
            levels = (f"{_cell([row[what][s] for row in mine], 1)}" for s in mine[0][what])
            cells.append(" / ".join(levels))
        cells.append(_cell([row["images"] / row["seconds"] for row in mine], 1))
        cells.append(_cell([row["seconds"] for row in mine], 0))
        lines.append(f"| {MODELS[name]} | {len(mine)} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", CAVEAT])


def _cell(values: Sequence[float], digits: int) -> str:
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def evaluate(options: argparse.Namespace) -> None:
    """Train and measure what is not in the file yet, and print the table."""
    plan = Plan(
        data=options.data.name,
        seconds=options.seconds,
        threads=torch.get_num_threads(),
        size=options.size,
        channels=options.channels,
    )
    rows = run(plan, options.data, options.models, options.seeds, options.json)
    print(format_rows(rows, options.models))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure, print; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.peers",
        description="Train this model and pythae's for equal CPU seconds.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--seconds", type=float, required=True, help="CPU seconds of a training")
    parser.add_argument("--seeds", type=int, default=3, help="models of each kind (%(default)s)")
    parser.add_argument("--size", type=int, choices=(28, 64), default=Plan.size)
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=Plan.channels)
    parser.add_argument("--models", choices=tuple(MODELS), nargs="+", default=list(MODELS))
    parser.add_argument("--json", type=Path, help="file of finished rows, read and written")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

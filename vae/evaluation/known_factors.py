"""Four models on sprites of which every factor is known: who tells the factors apart.

``python -m vae.evaluation.known_factors --steps N --seeds 5`` trains β-VAE, β-TCVAE, a model in
the manner of AR-VAE, and `im-pivae` from nothing: the same encoder and decoder with the same first
weights, the same pictures in the same order, the same number of steps; then scores the posterior
means of all latents, z and key, see `vae.evaluation.disentanglement`. With ``--json`` a row (a
model and a seed) is written as soon as it is done, and one that is there is not trained again.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vae.config import ModelConfig
from vae.data import ImageSet
from vae.distributions import DiagonalGaussian, Posterior
from vae.encodings import NUM_ATTRIBUTES, measure
from vae.errors import ConfigError
from vae.evaluation.disentanglement import score_all
from vae.evaluation.exit_status import in_one_line
from vae.evaluation.sprites import sprite_set
from vae.finish import encode_set
from vae.losses import premultiply
from vae.model import IvAE, build_model
from vae.objective import Objective
from vae.protocols import Protocol, get_protocol
from vae.trainer import Trainer
from vae.utils import write_atomic

NAT = 1e-5
"""Weight of a nat in the loss of `pretrain`: at 32² that is β = 1 for pixels of deviation 0.1."""

COLUMNS = {
    "mig": "MIG", "factor_vae": "FactorVAE", "dci_d": "DCI D", "dci_c": "DCI C", "dci_i": "DCI I",
    "sap": "SAP", "info_m": "InfoM", "info_e": "InfoE", "info_c": "InfoC", "psnr": "PSNR dB",
    "seconds": "training, CPU s",
}  # fmt: skip

CAVEAT = """\
Supervised rows are not on a level with the others: they see sixteen attributes measured from the
picture itself. No row sees a true factor, but hue, texture, softness, scale (by coverage) and angle
are partly what those attributes measure; x, y and shape are not. Hue and angle are circles, which
the attributes measure by two numbers each: a gap between the best code and the next (MIG, SAP) is
then small even where the codes are right. And most attributes hang on several factors (coverage on
scale and shape): the row of the attributes themselves says what a code that follows them can reach.
The nets, their split into z and a key that is read from channel statistics, the pictures and the
steps are the same for all; the peers have the posterior of their papers (locations not
standardised), p(k) = N(0, I), and one setting each, not searched. All draw with a linear output: in
the first steps a sigmoid sank into clear pixels and stayed."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One model of the table.

    Attributes:
        title: What it is called in the table.
        sees: What it is supervised by; empty for nothing.
        protocol: Settings of the protocol ``pretrain`` to replace.
        conditional: Whether it keeps p(k|u) and standardised locations.
        ordered: How many keys are ordered by the attributes without p(k|u).
        correlation: Weight of the total correlation; None for no decomposition of the KL.
    """

    title: str
    sees: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    conditional: bool = False
    ordered: int = 0
    correlation: float | None = None


_PLAIN = {
    "loop_weight": 0.0, "likeness_weight": 0.0, "read_weight": 0.0, "order_weight": 0.0,
    "free_bits": 0.0, "beta_z": NAT, "beta_key": NAT,
}  # fmt: skip
PEERS = {
    "beta-vae": Peer(
        title="β-VAE (β = 4)", protocol=_PLAIN | {"beta_z": 4 * NAT, "beta_key": 4 * NAT}
    ),
    "beta-tcvae": Peer(title="β-TCVAE (β = 6)", protocol=_PLAIN, correlation=6.0),
    "ar-vae": Peer(
        title="AR-VAE-like (γ = 10)",
        sees="16 measured attributes (their order)",
        # The paper sums over attributes where our loss takes the mean.
        protocol=_PLAIN | {"order_weight": 10 * NUM_ATTRIBUTES * NAT},
        ordered=NUM_ATTRIBUTES,
    ),
    "im-pivae": Peer(
        title="im-pivae",
        sees="16 measured attributes (order, p(k\\|u), closed loop)",
        conditional=True,
    ),
}


MEASURED = "attributes"
"""The row of the measured attributes, which nothing is trained for."""
ROWS = (*PEERS, MEASURED)


class PeerObjective(Objective):
    """The losses of a peer: ordering without a conditional prior, or a decomposed KL."""

    def __init__(self, model: IvAE, protocol: Protocol, peer: Peer, num_images: int):
        super().__init__(model, protocol)
        self.peer, self.num_images = peer, num_images
        self.tied = max(self.tied, peer.ordered)

    def _variational(self, posterior: Posterior, u: Tensor) -> dict[str, Tensor]:
        if self.peer.correlation is None:
            return super()._variational(posterior, u)
        joined = DiagonalGaussian(
            torch.cat((posterior.z.mean, posterior.key.mean), 1),
            torch.cat((posterior.z.logvar, posterior.key.logvar), 1),
        )
        information, correlation, rest = decompose_kl(joined, joined.rsample(), self.num_images)
        return {"kl_z": information + self.peer.correlation * correlation + rest}


def decompose_kl(
    posterior: DiagonalGaussian, sample: Tensor, num_images: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Split KL(q(z|x) || N(0, I)) into mutual information, total correlation and dimensions' KL.

    Args:
        posterior: (N, D).
        sample: (N, D), drawn from it.
        num_images: Pictures of the set that the batch stands for.

    Returns:
        Three scalars, nats a picture, estimated by minibatch-weighted sampling; their sum is an
        unbiased estimate of the KL.

    References:
        Eq. 2 and appendix C.1 of Chen et al. (2018). arXiv:1802.04942
    """
    own = posterior.log_prob(sample)
    apart = (sample[:, None] - posterior.mean[None]).square() * (-posterior.logvar[None]).exp()
    pairs = -0.5 * (apart + posterior.logvar[None] + math.log(2 * math.pi))  # (N, N, D)
    every = math.log(len(sample) * num_images)
    joint = pairs.sum(2).logsumexp(1) - every
    marginals = (pairs.logsumexp(1) - every).sum(1)
    prior = (-0.5 * (sample.square() + math.log(2 * math.pi))).sum(1)
    return (own - joint).mean(), (joint - marginals).mean(), (marginals - prior).mean()


class PeerTrainer(Trainer):
    """The trainer, with a peer's losses."""

    def __init__(
        self, model: IvAE, training: ImageSet, validation: ImageSet, protocol: Protocol, peer: Peer
    ):
        self.peer = peer
        super().__init__(model, training, validation, protocol)

    def _prepare_networks(self) -> None:
        super()._prepare_networks()
        objective = PeerObjective(self.model, self.protocol, self.peer, self.num_images)
        self.objective = self.accelerator.prepare(objective)
        self.beside = None  # one thread: its seconds are told


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What all rows of a table have in common; it is kept in the file of finished rows.

    Attributes:
        steps: Optimiser steps of ``batch`` pictures.
        batch: Pictures a step.
        size: Side of the sprites.
        pictures: Of the training set.
        samples: Pictures that the scores are computed on; half as many again judge DCI and SAP.
        trees: Pictures that DCI's trees are fitted to.
        latent_dim: Width of z.
        latent_key_dim: Width of the key.
    """

    steps: int
    batch: int = 32
    size: int = 32
    pictures: int = 8000
    samples: int = 10000
    trees: int = 1000
    latent_dim: int = 10
    latent_key_dim: int = 20

    def __post_init__(self) -> None:
        for name, least in {"steps": 1, "pictures": 64, "samples": 100, "trees": 100}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, found {getattr(self, name)}")


def train_peer(
    peer: Peer, plan: Plan, training: ImageSet, validation: ImageSet, *, seed: int
) -> tuple[IvAE, dict[str, float]]:
    """Train a model from nothing; return it with averaged weights, and its PSNR and CPU seconds."""
    torch.manual_seed(seed)
    config = ModelConfig(
        image_size=plan.size,
        latent_dim=plan.latent_dim,
        latent_key_dim=plan.latent_key_dim,
        std_encoder_loc=peer.conditional,
        std_decoder_loc=False,  # most of a sprite is clear, and a sigmoid drowns there for good
    )
    model = build_model(config)
    if not peer.conditional:
        model.latent_decoder.prior = None
    protocol = get_protocol(
        "pretrain",
        **{"steps": plan.steps, "batch_size": plan.batch, "seed": seed, "augment": "none"},
        **{"log_every": 50, **peer.protocol},
    )
    trainer = PeerTrainer(model, training, validation, protocol, peer)
    psnr, began = float("nan"), time.process_time()
    for event in trainer.run():
        print(f"  step {event.step}", end="\r", file=sys.stderr, flush=True)
        psnr = event.values.get("psnr", psnr)
    seconds = time.process_time() - began
    return trainer.averaged_model(), {
        "psnr": psnr,
        "blank": blank_psnr(validation),
        "seconds": seconds,
    }


def blank_psnr(images: ImageSet) -> float:
    """Return the PSNR of a model that draws nothing at all, dB."""
    return -10 * math.log10(float(premultiply(images.floats()).square().mean()))


def measure_peer(
    model: IvAE, plan: Plan, images: ImageSet, factors: np.ndarray
) -> dict[str, float]:
    """Return the scores of a model's posterior means on sprites it was not trained on."""
    codes = encode_set(model, images).double().cpu().numpy()
    num_test = len(factors) - plan.samples
    return score_all(codes, factors, num_test=num_test, num_trees=plan.trees)


def measure_attributes(plan: Plan, images: ImageSet, factors: np.ndarray) -> dict[str, float]:
    """Return the scores of the sixteen measured attributes: what a code tied to them can have."""
    u = torch.cat([measure(images.floats(part)) for part in _parts(len(images))]).double()
    codes = ((u - u.mean(0)) / u.std(0).clamp_min(1e-6)).numpy()
    return score_all(codes, factors, num_test=len(factors) - plan.samples, num_trees=plan.trees)


def _parts(count: int, size: int = 500) -> list[slice]:
    return [slice(start, start + size) for start in range(0, count, size)]


def run(
    plan: Plan, names: Sequence[str], num_seeds: int, path: Path | None
) -> dict[str, dict[str, float]]:
    """Return the rows of all models and seeds, training those that are not in the file yet.

    Raises:
        ConfigError: The file holds rows of another plan, or none that can be read.
    """
    rows = read_rows(path, plan)
    training, _ = sprite_set(plan.pictures, size=plan.size, seed=1)
    unseen, factors = sprite_set(plan.samples + plan.samples // 2, size=plan.size, seed=2)
    validation = unseen.select(range(min(256, len(unseen))))
    for seed in range(num_seeds):
        for name in names:
            if f"{name}/{seed}" in rows or (name == MEASURED and seed):
                continue
            if name == MEASURED:
                rows[f"{name}/0"] = measure_attributes(plan, unseen, factors)
                write_rows(path, plan, rows)
                continue
            print(f"{name}, seed {seed} …", file=sys.stderr)
            model, facts = train_peer(PEERS[name], plan, training, validation, seed=seed)
            rows[f"{name}/{seed}"] = measure_peer(model, plan, unseen, factors) | facts
            write_rows(path, plan, rows)
    return rows


def read_rows(path: Path | None, plan: object) -> dict[str, dict[str, Any]]:
    """Return the finished rows of a file; none where there is no file yet."""
    if path is None or not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows, settings = kept["rows"], kept["plan"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path.name} holds no rows of this table; name another file") from error
    if settings != vars(plan):
        changed = [name for name, value in vars(plan).items() if settings.get(name) != value]
        raise ConfigError(
            f"{path.name} holds rows of other settings ({', '.join(changed)}); name another "
            "file, or ask for the same settings"
        )
    return rows


def write_rows(path: Path | None, plan: Plan, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Write all finished rows, with the plan and the caveat, where a file is named."""
    if path is not None:
        sees = {name: peer.sees or "nothing" for name, peer in PEERS.items()}
        content = {"plan": vars(plan), "caveat": CAVEAT, "supervision": sees, "rows": rows}
        write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())


def format_rows(rows: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> str:
    """Return the means (± standard deviations over seeds) as a Markdown table, and the caveat."""
    lines = [
        "| model | supervised by | seeds | " + " | ".join(COLUMNS.values()) + " |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for name in names:
        mine = [row for key, row in rows.items() if key.split("/")[0] == name]
        if mine:
            columns = {column: [row[column] for row in mine if column in row] for column in COLUMNS}
            cells = [_cell(values, column) if values else "" for column, values in columns.items()]
            title, sees = "the 16 attributes themselves", "they are measured"
            if name != MEASURED:
                title, sees = PEERS[name].title, PEERS[name].sees or "nothing"
            lines.append(f"| {title} | {sees} | {len(mine)} | {' | '.join(cells)} |")
    blank = [row["blank"] for row in rows.values() if "blank" in row]
    if blank:
        lines += [
            "",
            f"Nothing at all has {blank[0]:.1f} dB: a row no better has learned to draw nothing.",
        ]
    return "\n".join([*lines, "", CAVEAT])


def _cell(values: Sequence[float], column: str) -> str:
    digits = {"psnr": 1, "seconds": 0}.get(column, 3)
    text = f"{np.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def evaluate(options: argparse.Namespace) -> None:
    """Train and score what is not in the file yet, and print the table."""
    plan = Plan(
        steps=options.steps,
        size=options.size,
        pictures=options.pictures,
        samples=options.samples,
        trees=options.trees,
    )
    print(format_rows(run(plan, options.only, options.seeds, options.json), options.only))


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, score, print; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.known_factors",
        description="Train four models on sprites of which every factor is known.",
    )
    parser.add_argument("--steps", type=int, required=True, help="optimiser steps of a model")
    parser.add_argument("--seeds", type=int, default=5, help="models of each kind (%(default)s)")
    parser.add_argument("--only", choices=ROWS, nargs="+", default=list(ROWS))
    parser.add_argument("--size", type=int, choices=(32, 64), default=Plan.size)
    parser.add_argument("--pictures", type=int, default=Plan.pictures, help="of the training set")
    parser.add_argument(
        "--samples", type=int, default=Plan.samples, help="pictures to score on (%(default)s)"
    )
    parser.add_argument(
        "--trees", type=int, default=Plan.trees,
        help="of these, for DCI's trees, which are slow; disentanglement_lib takes 10000",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, help="file of finished rows, read and written")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

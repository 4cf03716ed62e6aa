"""``python -m vae.evaluation.identifiability``: do trainings from different seeds find one code?

An identifiable model finds the same latents from the same data, whatever its seed, up to their
order and their sign. The mean correlation coefficient (MCC; Hyvärinen & Morioka 2016, Khemakhem
et al. 2020) takes the absolute correlations between the latents of two runs over the same
held-out pictures, matches latents one to one so that the sum is largest (the Hungarian method),
and averages the matched ones. It is given for every pair of runs.

``--data D --seeds 5 --steps N --size 64`` trains `im-pivae`, the same without p(k|u), and the
plain `vae` five times each and compares; ``--kinds`` names fewer. ``--worlds A B … --plain C D …``
compares worlds that are there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import rankdata

from vae.encodings import NUM_ATTRIBUTES
from vae.errors import ConfigError, ShapeError
from vae.evaluation.exit_status import in_one_line

if TYPE_CHECKING:
    from vae.data import ImageSet
    from vae.evaluation.rows import Options, Row
    from vae.infer import World

KINDS = {"im-pivae": "base", "im-pivae-no-prior": "no-prior", "vae": "vae"}
"""What is trained: the name in the table → the variant of `vae.evaluation.ablations`.

The second lacks p(k|u) alone, and its keys are N(0, I). The third knows no metadata at all: it
lacks ordering and closed loop as well, and a key that is read from, and drawn by, channel
statistics."""

Codes = Mapping[str, np.ndarray]


class Matched(NamedTuple):
    """How two code matrices agree.

    Attributes:
        score: The MCC, 0 to 1.
        pairs: (number matched, 2): column of the first, column of the second.
        correlations: (number matched,): absolute, pair by pair.
    """

    score: float
    pairs: np.ndarray
    correlations: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How the runs of one kind agree on one part of the code.

    Attributes:
        kind: Of model.
        part: ``named keys``, ``whole key`` or ``content z``.
        mean: MCC, mean over all pairs of runs.
        sd: Its standard deviation over the pairs.
        chance: What the pair would get if the pictures of one run were shuffled, mean.
        in_place: Mean absolute correlation of each latent with that of its own number.
        num_runs: How many runs.
    """

    kind: str
    part: str
    mean: float
    sd: float
    chance: float
    in_place: float
    num_runs: int


def correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return absolute Pearson correlations (A, B) between columns; 0 for a constant one.

    Args:
        first: (N, A) codes of N pictures.
        second: (N, B) codes of the same.

    Raises:
        ShapeError: They are not of the same pictures, or of fewer than 3.
    """
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second) or len(first) < 3:
        raise ShapeError(
            "expected codes (N, A) and (N, B) of the same pictures, at least 3, found "
            f"{first.shape} and {second.shape}"
        )
    return np.abs(_standard(first).T @ _standard(second)) / len(first)


def _standard(codes: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and deviation 1; constant ones are 0."""
    centred = codes.astype(np.float64) - codes.mean(axis=0, dtype=np.float64)
    deviation = centred.std(axis=0)
    alive = deviation > 1e-9
    return np.where(alive, centred / np.where(alive, deviation, 1.0), 0.0)


def mcc(first: np.ndarray, second: np.ndarray, *, ranks: bool = False) -> Matched:
    """Match the columns of two code matrices one to one, and return how far they agree.

    Args:
        first: (N, A) codes of N pictures.
        second: (N, B) codes of the same; where A and B differ, the fewer are all matched.
        ranks: Spearman's correlation instead of Pearson's: any monotone change is forgiven.

    Raises:
        ShapeError: They are not of the same pictures, or of fewer than 3.
    """
    if ranks:
        first, second = rankdata(first, axis=0), rankdata(second, axis=0)
    table = correlations(first, second)
    rows, columns = linear_sum_assignment(table, maximize=True)
    found = table[rows, columns]
    return Matched(float(found.mean()), np.stack([rows, columns], axis=1), found)


def agreement(
    kind: str, runs: Sequence[Codes], *, num_named: int = NUM_ATTRIBUTES
) -> list[Agreement]:
    """Return how runs of one kind agree: on the named keys, the whole key, and the content.

    Args:
        kind: What to call them.
        runs: At least 2: {"key": (N, K), "z": (N, L)} of the same N pictures.
        num_named: Leading keys that are tied to attributes, or would be.

    Raises:
        ConfigError: There is one run only.
    """
    if len(runs) < 2:
        raise ConfigError(f"expected at least 2 runs of {kind} to compare, found {len(runs)}")
    parts = {
        "named keys": [run["key"][:, :num_named] for run in runs],
        "whole key": [run["key"] for run in runs],
        "content z": [run["z"] for run in runs],
    }
    return [_agreement(kind, part, codes) for part, codes in parts.items()]


def _agreement(kind: str, part: str, codes: Sequence[np.ndarray]) -> Agreement:
    rng = np.random.default_rng(0)
    pairs = list(combinations(codes, 2))
    scores = [mcc(a, b).score for a, b in pairs]
    chance = [mcc(a, b[rng.permutation(len(b))]).score for a, b in pairs]
    in_place = [np.diagonal(correlations(a, b)).mean() for a, b in pairs]
    return Agreement(
        kind=kind,
        part=part,
        mean=float(np.mean(scores)),
        sd=float(np.std(scores)),
        chance=float(np.mean(chance)),
        in_place=float(np.mean(in_place)),
        num_runs=len(codes),
    )


def codes_of(world: World, images: ImageSet) -> dict[str, np.ndarray]:
    """Return the posterior means a world reads from pictures: "key" (N, K) and "z" (N, L)."""
    from vae.evaluation.rows import encode_all

    latents = encode_all(world, images.images)
    return {"key": latents.key.cpu().numpy(), "z": latents.z.cpu().numpy()}


def compare_worlds(kind: str, names: Sequence[str], data: Path, *, num: int) -> list[Agreement]:
    """Return how worlds that are there agree on a folder's held-out pictures, at most `num`.

    Raises:
        ConfigError: There is one world only.
        VAEError: A world or the folder cannot be read.
    """
    from vae.data import ImageSet, load_split
    from vae.evaluation.rows import pick
    from vae.infer import get_infer_model

    held_out: dict[tuple[int, int], ImageSet] = {}
    runs = []
    for name in names:
        world = get_infer_model(name)
        size = (world.image_size, world.channels)
        if size not in held_out:
            _, some = load_split(data, size=size[0], channels=size[1])
            held_out[size] = ImageSet(pick(some.images, num), [])
        runs.append(codes_of(world, held_out[size]))
    return agreement(kind, runs)


def train_and_compare(options: argparse.Namespace) -> list[Agreement]:
    """Train every kind from every seed and return how the runs of each agree.

    With ``--out`` every run is kept as a world of its own, and those that are there already are
    not trained again.
    """
    from vae.data import ImageSet, load_split
    from vae.evaluation.rows import pick

    training, held_out = load_split(options.data, size=options.size, channels=options.channels)
    shown = ImageSet(pick(held_out.images, options.num_images), [])
    found = []
    for kind in options.kinds:
        runs = []
        for seed in range(options.seeds):
            print(f"{kind}, seed {seed} …", file=sys.stderr)
            runs.append(codes_of(_run(kind, seed, options, training, held_out), shown))
        found += agreement(kind, runs)
    return found


def _run(
    kind: str, seed: int, options: argparse.Namespace, training: ImageSet, held_out: ImageSet
) -> World:
    """Return the world of one run: read where it was kept, trained where it was not."""
    from vae.evaluation.ablations import VARIANTS, train_variant
    from vae.finish import make_card, write_world
    from vae.infer import get_infer_model

    name = f"{kind}-{options.size}px-{options.steps}steps-seed{seed}"
    folder = None if options.out is None else options.out / name
    if folder is not None and (folder / "model.safetensors").is_file():
        return get_infer_model(folder)
    variant = VARIANTS[KINDS[kind]]
    world = train_variant(variant, training, held_out, steps=options.steps, seed=seed)
    if folder is not None:
        facts = {"pictures": len(training), "steps": options.steps, "seed": seed, "kind": kind}
        write_world(folder, world.model, world.table, make_card(name, facts, world.table))
    return world


def report_identifiability(
    world: World, train: ImageSet, validation: ImageSet, options: Options
) -> Iterator[Row]:
    """Yield how far a world and its siblings read the same code; nothing where it has none."""
    from vae.data import ImageSet
    from vae.evaluation.rows import Row, pick
    from vae.infer import get_infer_model

    if not options.siblings:
        return
    worlds = [world, *(get_infer_model(name, device=world.device) for name in options.siblings)]
    shown = ImageSet(pick(validation.images, options.cap(1000)), [])
    config = world.config
    kind = config.ivae_model if config.encoder_type == "ivae" else config.encoder_type
    for row in agreement(kind, [codes_of(one, shown) for one in worlds]):
        remark = (
            f"± {row.sd:.2g} over the pairs of {row.num_runs} worlds; "
            f"by chance {row.chance:.2f}, in place {row.in_place:.2f}"
        )
        yield Row("identifiability", f"MCC, {row.part}", row.mean, "", remark, asdict(row))


def format_rows(rows: Sequence[Agreement]) -> str:
    """Return a table in Markdown."""
    lines = ["| model | part | MCC | by chance | in place | runs |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.kind} | {row.part} | {row.mean:.3f} ± {row.sd:.3f} | {row.chance:.3f} "
        f"| {row.in_place:.3f} | {row.num_runs} |"
        for row in rows
    ]
    return "\n".join(lines)


def evaluate(options: argparse.Namespace) -> None:
    """Compare, print the table, and write the numbers where told to."""
    from vae.utils import write_atomic

    if options.worlds or options.plain:
        groups = {"im-pivae": options.worlds, "vae": options.plain}
        rows = [
            row
            for kind, names in groups.items()
            if names
            for row in compare_worlds(kind, names, options.data, num=options.num_images)
        ]
    else:
        rows = train_and_compare(options)
    print(format_rows(rows))
    if options.json is not None:
        content = {"data": options.data.name, "rows": [asdict(row) for row in rows]}
        write_atomic(options.json, (json.dumps(content, indent=1) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.identifiability",
        description="Do trainings from different seeds find the same latents?",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of images")
    parser.add_argument("--worlds", nargs="+", default=[], help="worlds of one kind to compare")
    parser.add_argument("--plain", nargs="+", default=[], help="plain ones to set beside them")
    parser.add_argument(
        "--kinds",
        choices=tuple(KINDS),
        nargs="+",
        default=list(KINDS),
        help="what is trained (all)",
    )
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each kind")
    parser.add_argument("--steps", type=int, default=600, help="optimiser steps of 32 pictures")
    parser.add_argument("--size", type=int, default=64, help="side of the pictures")
    parser.add_argument("--channels", type=int, choices=(1, 3, 4), default=4)
    parser.add_argument("--out", type=Path, help="folder to keep the trained worlds in")
    parser.add_argument("--num-images", type=int, default=1000, help="most held-out pictures")
    parser.add_argument("--json", type=Path, help="file to write the numbers to as well")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

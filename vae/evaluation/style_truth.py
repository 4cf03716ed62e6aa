"""Style transfer with a true answer: the object as another hand really drew it.

Where a pack holds one object in several styles, content from (object A, style X) and the key of
(object B, style Y) have a true answer: (A, Y). Objects are such that were never trained on::

    python -m vae.evaluation.style_truth --data PACK --split OUT   # then train on OUT/training
    python -m vae.evaluation.style_truth --data PACK --world W

Errors are means over objects, for every ordered pair of styles: squared error of premultiplied
RGBA, absolute error of alpha alone, and of the sixteen attributes by the independent measurers in
standard deviations of the training pictures. Beside our model stand plain answers: A as it is, and
A with its colours moved to those of B by Reinhard et al. (2001), see `colour_transfer`, and by the
linear transport of `vae.palette_transfer`. None of these knows the truth.

A key says more of B than its style, its colours above all, and a small latent rebuilds A only
roughly. So we answer twice. «ours» is the plain exchange of keys. «on the picture» takes from B its
style alone and leaves A its pixels: B's key tells how likely B is of which style
(:class:`StyleKeys`, fitted to training pictures), A's key moves by what sets the styles apart, and
the change this makes to the model's picture of A is laid on A itself (`vae.change`). Three more
columns explain: A only rebuilt by the model, A with the key of the truth itself, and A with its own
key moved from style to style, which asks nothing of B.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from vae.change import lay_change
from vae.data import read_image
from vae.errors import ConfigError, DatasetError
from vae.evaluation.colour_transfer import reinhard
from vae.evaluation.exit_status import in_one_line
from vae.evaluation.measures import measure_batch
from vae.evaluation.objects import Drawing, read_pack, split_by_object, write_split
from vae.evaluation.sliders import CHUNK, Reference, measure_in_parts
from vae.losses import premultiply
from vae.palette_transfer import palette_of, transfer
from vae.pixels import to_bytes, to_pixels
from vae.utils import log_timestamp, write_atomic

if TYPE_CHECKING:
    from vae.infer import World

MEASURES = {
    "mse": "premultiplied squared error × 1000",
    "alpha": "absolute error of alpha × 1000",
    "attributes": "error of the attributes, s.d.",
}
_SCALE = {"mse": 1000.0, "alpha": 1000.0, "attributes": 1.0}
RULER = 600  # training pictures that attributes are put on one scale by, at most
PLAIN = ("copy", "Reinhard", "transport")
OURS = ("ours", "on the picture")
CAVEAT = (
    "The world must have been trained on nothing but OUT/training of --split; its files cannot "
    "show that. «ours» has the key of B as it is. «on the picture» takes from B's key its style "
    "alone, learned from the styles' names on training pictures, and lays the change on A itself. "
    "«rebuilt», «key of the truth» and «shifted» explain: A as the model draws it, with the "
    "truth's own key, and with its own key moved between the styles' means."
)


class Question(NamedTuple):
    """Tasks of one pair of styles, as straight pictures (N, 4, S, S) in [0, 1].

    Attributes:
        content: A in the style it has.
        key: Another object in the style wanted.
        truth: A in that style; an honest answer does not look.
        pair: Names of the two styles.
    """

    content: Tensor
    key: Tensor
    truth: Tensor
    pair: tuple[str, str]


Method = Callable[[Question], Tensor]
"""Its answers, straight (N, 4, S, S)."""


class Task(NamedTuple):
    """Places, in a list of pictures, of the content, the key's picture and the truth."""

    content: int
    key: int
    truth: int


@dataclass(frozen=True)
class PairScore:
    """What came of one ordered pair of styles.

    Attributes:
        source: Style of the content.
        target: Style of the key.
        num: Objects.
        errors: {method: {measure: mean}}, see :data:`MEASURES`.
        won: {measure: share of the objects where «ours» is nearer than every plain answer}.
    """

    source: str
    target: str
    num: int
    errors: dict[str, dict[str, float]]
    won: dict[str, float]

    def beats_plain(self, measure: str, answer: str = "ours") -> bool:
        """Whether the mean of one of :data:`OURS` is below those of the plain answers."""
        ours = self.errors[answer][measure]
        return all(ours < self.errors[name][measure] for name in PLAIN)


def make_tasks(
    drawings: Sequence[Drawing], *, seed: int, limit: int | None = None
) -> dict[tuple[str, str], list[Task]]:
    """Return the tasks of every ordered pair of styles.

    Args:
        drawings: Of objects not trained on.
        seed: Of which other object lends its style.
        limit: Most objects a pair.

    Raises:
        DatasetError: No two objects share two styles.
    """
    places = {(d.style, d.thing): i for i, d in enumerate(drawings)}
    styles = sorted({d.style for d in drawings})
    things = {s: sorted(d.thing for d in drawings if d.style == s) for s in styles}
    rng = np.random.default_rng(seed)
    pairs: dict[tuple[str, str], list[Task]] = {}
    for source in styles:
        for target in styles:
            both = [t for t in things[source] if t in set(things[target])]
            if source == target or not both or len(things[target]) < 2:
                continue
            tasks = []
            for thing in both[:limit]:
                others = [t for t in things[target] if t != thing]
                lender = others[rng.integers(len(others))]
                named = ((source, thing), (target, lender), (target, thing))
                tasks.append(Task(*(places[name] for name in named)))
            pairs[source, target] = tasks
    if not pairs:
        raise DatasetError("no object that is held out is there in two styles with another one")
    return pairs


def recoloured(images: Tensor, references: Tensor) -> Tensor:
    """Colour transfer of Reinhard et al. for straight images (N, 4, H, W) in [0, 1]."""
    moved = reinhard(to_pixels(images), to_pixels(references))
    return torch.from_numpy(moved).permute(0, 3, 1, 2).to(images) / 255


def methods_of(world: World, styles: StyleKeys, *, borrow: bool = False) -> dict[str, Method]:
    """Return every way to answer, by name.

    Args:
        world: The model.
        styles: What the keys of styles are.
        borrow: Add the page's own way to take on a look, which is slower.
    """

    def keyed(content: Tensor, reference: Tensor) -> Tensor:
        return world.decode(world.encode(content)._replace(key=world.encode(reference).key))

    def shifted(q: Question) -> Tensor:
        own = world.encode(q.content)
        source, target = (styles.means[styles.names.index(style)] for style in q.pair)
        return world.decode(own._replace(key=own.key + (target - source).to(own.key)))

    def on_the_picture(q: Question) -> Tensor:
        own, lent = world.encode(q.content), world.encode(q.key)
        moved = own._replace(key=own.key + styles.of(lent.key) - styles.of(own.key))
        return lay_change(q.content, world.decode(own).clamp(0, 1), world.decode(moved).clamp(0, 1))

    methods: dict[str, Method] = {
        "copy": lambda q: q.content,
        "Reinhard": lambda q: recoloured(q.content, q.key),
        "transport": lambda q: transfer(q.content, palette_of(q.key)),
        "ours": lambda q: keyed(q.content, q.key),
        "on the picture": on_the_picture,
        "rebuilt": lambda q: world.decode(world.encode(q.content)),
        "key of the truth": lambda q: keyed(q.content, q.truth),
        "shifted": shifted,
    }
    if borrow:
        methods["borrowed"] = lambda q: world.decode(world.borrow(world.encode(q.content), q.key))
    return methods


@dataclass(frozen=True)
class StyleKeys:
    """How the keys of a pack's styles differ, learned from training pictures.

    Attributes:
        names: Of the styles, sorted.
        means: Mean key of every style, (styles, latent_key_dim).
        classifier: Tells how likely a key is of which style: logistic regression.
    """

    names: tuple[str, ...]
    means: Tensor
    classifier: LogisticRegression

    @classmethod
    def fit(cls, world: World, images: Tensor, drawings: Sequence[Drawing]) -> StyleKeys:
        """Learn the styles.

        Args:
            world: The model.
            images: uint8 (N, 4, S, S), straight; training pictures, and as many drawings.
            drawings: What says their style; two styles at least.
        """
        keys = torch.cat([world.encode(part.float() / 255).key for part in images.split(CHUNK)])
        styles = np.array([drawing.style for drawing in drawings])
        names = tuple(sorted({str(style) for style in styles}))
        means = torch.stack([keys[torch.from_numpy(styles == name)].mean(0) for name in names])
        classifier = LogisticRegression(max_iter=2000).fit(keys.cpu().numpy(), styles)
        return cls(names, means, classifier)

    def of(self, keys: Tensor) -> Tensor:
        """Return the mean key of the style that keys (N, latent_key_dim) are of, as likely."""
        likely = self.classifier.predict_proba(keys.cpu().numpy())
        return torch.from_numpy(likely).to(self.means) @ self.means


def score_pairs(
    images: Tensor,
    pairs: Mapping[tuple[str, str], Sequence[Task]],
    methods: Mapping[str, Method],
    ruler: Reference,
) -> list[PairScore]:
    """Return a score for every pair of styles.

    Args:
        images: All pictures that tasks name, straight (M, 4, S, S) in [0, 1].
        pairs: See :func:`make_tasks`.
        methods: See :func:`methods_of`; at least "ours" and the plain ones.
        ruler: Of training pictures, by the independent measurers.
    """
    scores = []
    for (source, target), tasks in pairs.items():
        rows = {
            name: _errors(images, tasks, (source, target), method, ruler)
            for name, method in methods.items()
        }
        errors = {
            name: {measure: float(values.mean()) for measure, values in table.items()}
            for name, table in rows.items()
        }
        won = {
            measure: float(np.mean(rows["ours"][measure] < _best_plain(rows, measure)))
            for measure in MEASURES
        }
        scores.append(PairScore(source, target, len(tasks), errors, won))
        print(f"{source} → {target}", file=sys.stderr)
    return scores


def _best_plain(rows: Mapping[str, Mapping[str, np.ndarray]], measure: str) -> np.ndarray:
    return np.min([rows[name][measure] for name in PLAIN], axis=0)


@torch.no_grad()
def _errors(
    images: Tensor,
    tasks: Sequence[Task],
    pair: tuple[str, str],
    method: Method,
    ruler: Reference,
) -> dict[str, np.ndarray]:
    """Return the errors of one way to answer, {measure: (tasks,)}."""
    parts: list[dict[str, np.ndarray]] = []
    for start in range(0, len(tasks), CHUNK):
        contents, keys, truths = (
            images[list(column)] for column in zip(*tasks[start : start + CHUNK], strict=True)
        )
        question = Question(contents, keys, truths, pair)
        answers = method(question).to(truths)
        gap = premultiply(answers) - premultiply(truths)
        standing = [_attributes(x, ruler) for x in (answers, truths)]
        parts.append({
            "mse": gap.square().mean((1, 2, 3)).numpy(),
            "alpha": gap[:, 3].abs().mean((1, 2)).numpy(),
            "attributes": np.abs(standing[0] - standing[1]).mean(axis=1),
        })  # fmt: skip
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}


def _attributes(images: Tensor, ruler: Reference) -> np.ndarray:
    return ruler.standardise(measure_batch(to_bytes(to_pixels(images))))


def format_scores(scores: Sequence[PairScore]) -> str:
    """Return a Markdown table for each measure, pairs below one another, and who won."""
    methods = list(scores[0].errors)
    blocks = []
    for measure, title in MEASURES.items():
        lines = [
            f"| {title} | objects | {' | '.join(methods)} | ours nearest |",
            "|---" * (len(methods) + 3) + "|",
        ]
        for s in scores:
            cells = [_SCALE[measure] * s.errors[name][measure] for name in methods]
            numbers = " | ".join(f"{cell:.2f}" for cell in cells)
            name = f"{s.source} → {s.target}"
            lines.append(f"| {name} | {s.num} | {numbers} | {s.won[measure]:.0%} |")
        means = [
            _SCALE[measure] * np.mean([s.errors[name][measure] for s in scores]) for name in methods
        ]
        numbers = " | ".join(f"{mean:.2f}" for mean in means)
        total = sum(s.num for s in scores)
        won = np.mean([s.won[measure] for s in scores])
        lines.append(f"| **mean of pairs** | {total} | {numbers} | {won:.0%} |")
        lines.append("")
        lines += [
            f"«{answer}» is nearer than every plain answer on "
            f"{sum(s.beats_plain(measure, answer) for s in scores)} of {len(scores)} pairs."
            for answer in OURS
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, CAVEAT])


def evaluate(options: argparse.Namespace) -> None:
    """Measure a world, print the tables, and write the numbers where told to."""
    from vae.infer import get_infer_model

    training, held_out = split_by_object(read_pack(options.data))
    pairs = make_tasks(held_out, seed=options.seed, limit=options.limit)
    world = get_infer_model(options.world)
    if world.channels != 4:
        raise ConfigError(f"{world.name} knows no transparency; a world of RGBA pictures is needed")
    rng = np.random.default_rng(options.seed)
    known = _read(training, world.image_size)
    some = rng.permutation(len(known))[:RULER]
    ruler = Reference.fit(measure_in_parts(known[some].permute(0, 2, 3, 1).numpy()))
    methods = methods_of(world, StyleKeys.fit(world, known, training), borrow=options.borrow)
    images = _read(held_out, world.image_size).float() / 255
    scores = score_pairs(images, pairs, methods, ruler)
    print(format_scores(scores))
    if options.json is not None:
        facts = {"world": world.name, "data": options.data.name, "measured": log_timestamp()}
        content = facts | {"seed": options.seed, "caveat": CAVEAT}
        content |= {"pairs": [vars(score) for score in scores]}
        write_atomic(options.json, (json.dumps(content, indent=1) + "\n").encode())


def _read(drawings: Sequence[Drawing], size: int) -> Tensor:
    """Read pictures, uint8 (N, 4, size, size), straight."""
    arrays = [read_image(drawing.path, size=size, channels=4) for drawing in drawings]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


def split(options: argparse.Namespace) -> None:
    """Write the training and held-out drawings of a pack into two folders."""
    for side, num in write_split(options.data, options.split).items():
        print(f"{options.split / side}: {num} pictures")


def main(arguments: Sequence[str] | None = None) -> int:
    """Split or evaluate; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.style_truth", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="pack with a manifest.csv")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--world", help="a name, a folder, or a hub id; trained on OUT/training alone"
    )
    what.add_argument("--split", type=Path, metavar="OUT", help="write training and held-out")
    parser.add_argument(
        "--borrow", action="store_true", help="measure borrowing too, which is slow"
    )
    parser.add_argument("--limit", type=int, help="most objects of a pair of styles")
    parser.add_argument("--seed", type=int, default=0, help="of which object lends its style")
    parser.add_argument("--json", type=Path, help="file to write the numbers to as well")
    options = parser.parse_args(arguments)
    return in_one_line(lambda: (evaluate if options.split is None else split)(options))


if __name__ == "__main__":
    sys.exit(main())

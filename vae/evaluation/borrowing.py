"""``python -m vae.evaluation.borrowing``: is a reference's look reached, and does the rest stay?

Pictures the world has not seen borrow from real references. Before and after are measured by the
independent measurers and put on one scale by a `Reference` of training pictures. A reference's
attribute beyond ±2.5 standard deviations of the training set is clipped to there for *error*; how
far the unclipped one stays away is *reach*. Drift is the mean change of what was not borrowed,
in standard deviations, and as a share of the way the borrowed attributes had to go. Content is
the cosine of z as the encoder reads it from the picture before and after.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae.evaluation.exit_status import in_one_line
from vae.evaluation.measures import measure_batch
from vae.evaluation.sliders import CHUNK, Reference, measure_in_parts
from vae.pixels import to_bytes, to_pixels

if TYPE_CHECKING:
    from torch import Tensor

    from vae.infer import Latents, World

CLIP = 2.5
DIALS = ("texture", "palette", "alpha")


@dataclass(frozen=True, kw_only=True)
class BorrowScore:
    """What one setting of the dials does, averaged over pictures.

    Attributes:
        dials: Those at 1, joined by ``+``.
        before: Error to the clipped reference on borrowed attributes, s.d.
        after: The same after borrowing.
        reach: Error to the reference itself after borrowing.
        drift: Change of the other attributes, s.d.; nan where there is none.
        content: Cosine of the re-encoded z before and after.
    """

    dials: str
    before: float
    after: float
    reach: float
    drift: float
    content: float

    @property
    def left(self) -> float:
        """Share of the error that is left, 0 to 1."""
        return self.after / max(self.before, 1e-9)

    @property
    def drift_share(self) -> float:
        """Drift over the way the borrowed attributes had to go."""
        return self.drift / max(self.before, 1e-9)


def score(
    dials: str, before: np.ndarray, after: np.ndarray, wanted: np.ndarray, borrowed: np.ndarray
) -> BorrowScore:
    """Return a score, but for its content, from standard scores (N, attributes).

    Args:
        dials: What was borrowed, for the table.
        before: The pictures as they were.
        after: As they are.
        wanted: The references.
        borrowed: (attributes,) bool.
    """
    aim = np.clip(wanted, -CLIP, CLIP)
    others = np.abs(after - before)[:, ~borrowed]
    return BorrowScore(
        dials=dials,
        before=float(np.abs(before - aim)[:, borrowed].mean()),
        after=float(np.abs(after - aim)[:, borrowed].mean()),
        reach=float(np.abs(after - wanted)[:, borrowed].mean()),
        drift=float(others.mean()) if others.size else float("nan"),
        content=float("nan"),
    )


def measure_borrowing(
    world: World, latents: Latents, references: Tensor, scale: Reference
) -> list[BorrowScore]:
    """Return a score for every dial alone and for all together.

    Args:
        world: The world to judge.
        latents: Pictures it has not seen, N of them.
        references: One each: straight (N, C, S, S) in [0, 1] of the world's side.
        scale: Of real pictures, by the independent measurers.
    """
    from dataclasses import replace

    import torch

    from vae.encodings import GROUPS

    solution = world.borrowing(latents, world.look(references))
    wanted = scale.standardise(_measured(references))
    before, z = _standing(world, latents, scale)
    lent = [dial for dial in DIALS if dial in solution.dials]
    rows = []
    for chosen in [*((dial,) for dial in lent), tuple(lent)]:
        shares = {dial: float(dial in chosen) for dial in DIALS}
        moved = latents._replace(key=latents.key + solution.at(shares))
        after, moved_z = _standing(world, moved, scale)
        names = {name for dial in chosen for name in GROUPS[dial]}
        borrowed = np.array([name in names for name in scale.names])
        content = torch.nn.functional.cosine_similarity(z, moved_z).mean()
        row = score(" + ".join(chosen), before, after, wanted, borrowed)
        rows.append(replace(row, content=float(content)))
    return rows


def _standing(world: World, latents: Latents, scale: Reference) -> tuple[np.ndarray, Tensor]:
    """Return standard scores (N, attributes) and re-encoded z of the pictures of latents."""
    import torch

    tables, contents = [], []
    for z, key in zip(latents.z.split(CHUNK), latents.key.split(CHUNK), strict=True):
        pictures = world.decode(latents._replace(z=z, key=key))
        contents.append(world.encode(pictures).z)
        tables.append(scale.standardise(_measured(pictures)))
    return np.concatenate(tables), torch.cat(contents)


def _measured(images: Tensor) -> dict[str, np.ndarray]:
    return measure_batch(to_bytes(to_pixels(images)))


def format_rows(rows: Sequence[BorrowScore]) -> str:
    """Return a table in Markdown."""
    lines = [
        "| borrowed | error, s.d. | left | to the reference | drift, s.d. | of the way | content |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        drift = "" if np.isnan(row.drift) else f"{row.drift:.2f}"
        share = "" if np.isnan(row.drift) else f"{row.drift_share:.0%}"
        lines.append(
            f"| {row.dials} | {row.before:.2f} → {row.after:.2f} | {row.left:.0%} "
            f"| {row.reach:.2f} | {drift} | {share} | {row.content:.3f} |"
        )
    return "\n".join(lines)


def evaluate(options: argparse.Namespace) -> None:
    """Measure and print the table."""
    import torch

    from vae.data import find_images, load_split, read_image
    from vae.infer import get_infer_model

    world = get_infer_model(options.world)
    size, channels = world.image_size, world.channels
    train, unseen = load_split(options.data, size=size, channels=channels, limit=options.limit)
    scale = Reference.fit(measure_in_parts(train.images[:1000].permute(0, 2, 3, 1).numpy()))
    rng = np.random.default_rng(options.seed)
    chosen = rng.permutation(len(unseen))[: options.num]
    latents = world.encode(unseen.select([int(i) for i in chosen]).floats())
    files = find_images(options.references)
    order = np.resize(rng.permutation(len(files)), len(chosen))  # few references go round
    arrays = [read_image(files[i], size=size, channels=channels) for i in order]
    references = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255
    print(format_rows(measure_borrowing(world, latents, references, scale)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.borrowing", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--world", required=True, help="a name, a folder, or a hub id")
    parser.add_argument("--data", type=Path, required=True, help="folder it was trained on")
    parser.add_argument("--references", type=Path, required=True, help="folder to borrow from")
    parser.add_argument("--num", type=int, default=200, help="pictures (%(default)s)")
    parser.add_argument("--limit", type=int, help="read at most so many files of the data")
    parser.add_argument("--seed", type=int, default=0, help="of which pictures meet")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

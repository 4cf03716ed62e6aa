"""Packs that hold one object in several styles, split by object and never by file.

Such a pack is a folder with a ``manifest.csv`` of the columns ``file``, ``group`` (the object) and
``style``. An object is held out by the hash of its name, so that everybody who splits a pack splits
it alike; what is there in one style only has no true answer and is for training.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vae.errors import DatasetError
from vae.utils import write_atomic

HELD_OUT = 0.2
"""Share of the objects there are in two styles or more."""
MANIFEST = "manifest.csv"
SIDES = ("training", "held-out")


@dataclass(frozen=True)
class Drawing:
    """One picture of a pack.

    Attributes:
        path: The file.
        thing: What it shows; pictures of one object share it.
        style: How it is drawn.
        row: Its line in the manifest.
    """

    path: Path
    thing: str
    style: str
    row: dict[str, str]


def read_pack(folder: Path) -> list[Drawing]:
    """Return the pictures of a pack, in the order of its manifest.

    Raises:
        DatasetError: There is no manifest, a column is missing, or a line names a file that is not
            in the folder.
    """
    manifest = folder / MANIFEST
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            f"{folder} has no {MANIFEST} that can be read; one is needed that says of each file "
            "which object it shows and in which style"
        ) from error
    wanted = ("file", "group", "style")
    if not rows or any(not row.get(name) for row in rows for name in wanted):
        raise DatasetError(f"every line of {manifest} needs a file, a group and a style")
    drawings = [Drawing(folder / row["file"], row["group"], row["style"], row) for row in rows]
    root = folder.resolve()
    for drawing in drawings:
        file = drawing.row["file"]
        inside = drawing.path.resolve().is_relative_to(root) and not Path(file).is_absolute()
        if not inside or not drawing.path.is_file():
            raise DatasetError(f"{manifest} names {file}, which is not in the folder")
    return drawings


def split_by_object(
    drawings: Sequence[Drawing], *, held_out: float = HELD_OUT
) -> tuple[list[Drawing], list[Drawing]]:
    """Return the pictures to train on, and those of the objects that are held out.

    Args:
        drawings: A whole pack.
        held_out: Share of the objects in two styles or more; at least two are, and one is left.

    Raises:
        DatasetError: Fewer than three objects are there in two styles or more.
    """
    styles: dict[str, set[str]] = {}
    for drawing in drawings:
        styles.setdefault(drawing.thing, set()).add(drawing.style)
    several = sorted((t for t, found in styles.items() if len(found) > 1), key=_rank)
    if len(several) < 3:
        raise DatasetError(
            f"at least 3 objects must be there in 2 styles or more, found {len(several)}"
        )
    num = min(len(several) - 1, max(2, round(held_out * len(several))))
    chosen = set(several[:num])
    training = [drawing for drawing in drawings if drawing.thing not in chosen]
    return training, [drawing for drawing in drawings if drawing.thing in chosen]


def _rank(thing: str) -> str:
    """Another order than that of the trainer's own split, which is then left inside training."""
    return hashlib.sha256(f"style truth: {thing}".encode()).hexdigest()


def write_split(folder: Path, out: Path) -> dict[str, int]:
    """Write a pack as two packs, ``training`` and ``held-out``, copies of files and all.

    Returns:
        How many pictures went into each.

    Raises:
        DatasetError: The folder is no such pack, or ``out`` is not empty or cannot be written.
    """
    sides = dict(zip(SIDES, split_by_object(read_pack(folder)), strict=True))
    try:
        if out.exists() and any(out.iterdir()):
            raise DatasetError(f"{out} is not empty; name a new folder for the split")
        for side, drawings in sides.items():
            for drawing in drawings:
                target = out / side / drawing.row["file"]
                write_atomic(target, drawing.path.read_bytes(), sync=False)
            write_atomic(out / side / MANIFEST, _to_csv(drawings))
    except OSError as error:
        raise DatasetError(f"the split could not be written to {out}: {error.strerror}") from error
    return {side: len(drawings) for side, drawings in sides.items()}


def _to_csv(drawings: Sequence[Drawing]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(drawings[0].row), lineterminator="\n")
    writer.writeheader()
    writer.writerows(drawing.row for drawing in drawings)
    return text.getvalue().encode()

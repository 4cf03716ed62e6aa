"""The drawings a world was trained on, beside its sliders: look at them, start from one.

They are the run's own screened copies on this machine, and are there for as long as the run is. A
world that came from elsewhere has none. Nothing here is registered where the page is shared.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import DatasetError
from vae.ledger import DATA
from vae.ui.frames import as_text
from vae.ui.train_answer import Answer, Function, answered, named, whole_number
from vae.ui.train_desk import Desk
from vae.ui.words import PAGE

if TYPE_CHECKING:
    from vae.screening import Verdict

PAGE_OF = 24  # drawings told of at a time
TILE = 96  # pixels: twice what they take on the page


def drawing_functions(desk: Desk) -> list[Function]:
    """Return what may be asked about drawings."""
    return [make_drawings(desk), make_drawing(desk)]


def make_drawings(desk: Desk) -> Function:
    """``drawings``: those of a ``world`` from number ``after`` on, small, and how many there are.

    ``{"total": N, "drawings": [{"name": the artist's own, "webp": base64}]}``, at most
    :data:`PAGE_OF`; none where the world was not made here.
    """

    def drawings(data: Mapping[str, Any]) -> Answer:
        found = drawings_of(desk, named(data, "world"))
        after = whole_number(data, "after")
        shown = [
            {"name": verdict.name, "webp": as_text(small(path))}
            for verdict, path in found[after : after + PAGE_OF]
        ]
        return {"total": len(found), "drawings": shown}

    return answered(drawings)


def make_drawing(desk: Desk) -> Function:
    """``drawing``: number ``row`` of a ``world``, the file it is learned from, as base64."""

    def drawing(data: Mapping[str, Any]) -> Answer:
        found = drawings_of(desk, named(data, "world"))
        row = whole_number(data, "row")
        if row >= len(found):
            raise DatasetError(PAGE["no_drawing"])
        verdict, path = found[row]
        try:
            return {"name": verdict.name, "file": as_text(path.read_bytes())}
        except OSError as error:
            raise DatasetError(PAGE["no_drawing"]) from error

    return answered(drawing)


def drawings_of(desk: Desk, world: str) -> list[tuple[Verdict, Path]]:
    """Return the pictures a world learned from, in the artist's order; none where it came so."""
    from vae.archive import run_of
    from vae.screening import Manifest

    run = run_of(desk.worlds / world) if world in desk.world_names() else None
    if run is None or run not in {status.id for status in desk.jobs.list()}:
        return []  # a ZIP may name any run: only one that is here is looked into
    try:
        manifest = Manifest.load(desk.jobs.folder / run / DATA)
    except DatasetError:
        return []
    pairs = [(verdict, manifest.images / str(verdict.clean)) for verdict in manifest.kept]
    return [(verdict, path) for verdict, path in pairs if path.is_file()]


def small(path: Path) -> bytes:
    """Return a screened picture as a small WebP."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as picture:
        picture.thumbnail((TILE, TILE))
        picture.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()

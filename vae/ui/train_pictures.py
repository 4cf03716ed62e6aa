"""Pictures in, as the page asks for it: pieces of files, verdicts, small pictures, a preview.

Nothing here takes a path: a batch is asked for by its number, and a picture by its place in a list.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.frames import as_text
from vae.ui.train_answer import (
    Answer,
    Function,
    answered,
    answered_file,
    named,
    spoken,
    whole_number,
)
from vae.ui.train_desk import Desk, Look, was_left_out
from vae.ui.words import TRAIN
from vae.ui.words.sentences import translated

if TYPE_CHECKING:
    from vae.screening import ScreeningSettings

MAX_THUMBS = 48


def picture_functions(desk: Desk) -> list[Function]:
    """Return what may be asked about pictures."""
    makers = (make_put, make_screen, make_glance, make_leave, make_thumbs, make_paper, make_forget)
    return [make(desk) for make in makers]


def make_put(desk: Desk) -> Function:
    """``put``: a piece of a file as multipart, with batch, part, name, offset and size."""

    def put(fields: Mapping[str, Any], piece: bytes) -> Answer:
        done = desk.staging.put(
            named(fields, "batch"),
            named(fields, "part"),
            named(fields, "name"),
            piece,
            offset=whole_number(fields, "offset"),
            size=whole_number(fields, "size"),
        )
        return {"done": done}

    return answered_file(put)


def make_screen(desk: Desk) -> Function:
    """``screen``: begin to look at all files of a batch, with ``crop`` and ``paper``."""

    def screen(data: Mapping[str, Any]) -> Answer:
        desk.start_look(named(data, "batch"), _settings(data))
        return {"running": True}

    return answered(screen)


def make_glance(desk: Desk) -> Function:
    """``glance``: how far that is, how many files wait, and verdicts newer than ``version``."""

    def glance(data: Mapping[str, Any]) -> Answer:
        batch = named(data, "batch")
        files = len(desk.staging.files(batch))
        return look_of(desk.look(batch), data.get("version")) | {"files": files}

    return answered(glance)


def make_leave(desk: Desk) -> Function:
    """``leave``: leave picture ``row`` out, or take it back with ``out`` false."""

    def leave(data: Mapping[str, Any]) -> Answer:
        out = data.get("out") is not False
        return look_of(desk.leave_out(named(data, "batch"), whole_number(data, "row"), out=out))

    return answered(leave)


def make_thumbs(desk: Desk) -> Function:
    """``thumbs``: small pictures of some ``rows``, as base64 WebP by row."""

    def thumbs(data: Mapping[str, Any]) -> Answer:
        rows = data.get("rows")
        if not isinstance(rows, list) or len(rows) > MAX_THUMBS:
            raise ConfigError(TRAIN["failed"])
        found = {row: desk.thumbnail(named(data, "batch"), row) for row in rows}
        return {"thumbs": {str(row): as_text(data) for row, data in found.items() if data}}

    return answered(thumbs)


def make_paper(desk: Desk) -> Function:
    """``paper``: picture ``row`` before and after it is prepared, as base64 PNG."""

    def paper(data: Mapping[str, Any]) -> Answer:
        from vae.screening import preview

        batch = named(data, "batch")
        pictures = preview(desk.source(batch, whole_number(data, "row")), _settings(data))
        return dict(zip(("before", "after"), map(_png, pictures), strict=True))

    return answered(paper)


def make_forget(desk: Desk) -> Function:
    """``forget``: take a batch off the table."""

    def forget(data: Mapping[str, Any]) -> Answer:
        desk.forget(named(data, "batch"))
        return {}

    return answered(forget)


def _settings(data: Mapping[str, Any]) -> ScreeningSettings:
    from vae.screening import ScreeningSettings

    return ScreeningSettings(crop=named(data, "crop") or "none", paper=data.get("paper") is True)


def look_of(look: Look, version: Any = None) -> Answer:
    """Return a look as the page is told of it; the rows only where they are new to it."""
    told: Answer = {
        name: getattr(look, name) for name in ("running", "done", "total", "error", "version")
    }
    if look.manifest is None or version == look.version:
        return told
    rows = [
        {
            "name": v.name,
            "kept": v.kept,
            "left": was_left_out(v),
            "reasons": [TRAIN["left_out"] if was_left_out(v) else spoken(r) for r in v.reasons],
            "thumb": bool(v.thumbnail),
        }
        for v in look.manifest.verdicts
    ]
    return told | {"rows": rows} | _prepared(look)


def _prepared(look: Look) -> Answer:
    assert look.manifest is not None
    settings = look.manifest.settings
    return {
        "content": content_of(look.manifest.content_screening),
        "crop": settings.crop,
        "paper": settings.paper,
        "notes": [spoken(note) for note in look.manifest.notes],
    }


def content_of(screening: str) -> str:
    """Return by what it was looked at what the pictures show, or that it was not, as sentences."""
    from vae.screening import NOT_SCREENED

    if screening == NOT_SCREENED:
        return TRAIN["no_content"]
    return TRAIN["content"].format(check=translated(screening))


def _png(pixels: Any) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return as_text(buffer.getvalue())

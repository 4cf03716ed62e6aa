"""The worlds an artist made: open, save as one ZIP, load from one, delete.

A ZIP goes out as it comes in, by pieces: no file of the server's has an address of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError
from vae.ui.frames import as_text
from vae.ui.train_answer import Answer, Function, answered, answered_file, named, whole_number
from vae.ui.train_gather import say
from vae.ui.words import TRAIN

if TYPE_CHECKING:
    from vae.ui.train_desk import Desk


def worlds_html() -> str:
    """Return the list, filled by ``assets/own.js``."""
    return f"""
<section class="own" aria-labelledby="own-title">
  <header><h2 id="own-title">{say("own")}</h2>
    <button type="button" class="load">{say("load")}</button></header>
  <p class="none">{say("own_none")}</p>
  <ul></ul>
  <p class="said" role="status"></p>
  <input type="file" class="zip" accept=".zip" aria-label="{say("load")}" hidden>
</section>
<dialog class="sure" aria-labelledby="sure-title"><p id="sure-title"></p>
  <div><button type="button" class="no">{say("no")}</button>
    <button type="button" class="yes"></button></div></dialog>"""


def world_functions(desk: Desk) -> list[Function]:
    """Return what may be asked about worlds."""
    makers: tuple[Callable[[Desk], Function], ...] = (
        make_shelf,
        make_pack,
        make_unpack,
        make_delete_world,
    )
    return [make(desk) for make in makers]


def make_shelf(desk: Desk) -> Function:
    """``shelf``: the names of all worlds, of those made here, and the presets of a run."""

    def shelf(data: Mapping[str, Any]) -> Answer:
        from vae.archive import is_own

        del data
        names = desk.world_names()
        presets = [{"name": p.name, "minutes": p.minutes} for p in desk.jobs.presets()]
        own = [name for name in names if is_own(desk.worlds / name)]
        return {"worlds": names, "own": own, "presets": presets}

    return answered(shelf)


def make_pack(desk: Desk) -> Function:
    """``pack``: the piece from ``offset`` on of world ``name`` as a ZIP, its size and ``digest``.

    The digest goes along with the next request, so that all pieces are of one ZIP.
    """

    def pack(data: Mapping[str, Any]) -> Answer:
        name, offset = known_world(desk, named(data, "name")), whole_number(data, "offset")
        piece, size, digest = desk.packer.piece(name, offset, named(data, "digest"))
        return {"piece": as_text(piece), "size": size, "digest": digest}

    return answered(pack)


def make_unpack(desk: Desk) -> Function:
    """``unpack``: a piece of a ZIP as multipart; with the last one the world is there."""

    def unpack(fields: Mapping[str, Any], piece: bytes) -> Answer:
        part, name = named(fields, "part"), named(fields, "name")
        offset, size = whole_number(fields, "offset"), whole_number(fields, "size")
        done = desk.staging.put(part, part, name, piece, offset=offset, size=size)
        return {"done": done} if done < size else {"done": done, "name": desk.unpack(part)}

    return answered_file(unpack)


def make_delete_world(desk: Desk) -> Function:
    """``delete_world``: delete world ``name``; the page has asked before."""

    def delete_world(data: Mapping[str, Any]) -> Answer:
        from vae.archive import delete_world as delete

        delete(known_world(desk, named(data, "name")), desk.worlds, confirm=True)
        return {}

    return answered(delete_world)


def known_world(desk: Desk, name: str) -> str:
    """Return the name of a world that is here.

    Raises:
        CheckpointError: It is not.
    """
    if name not in desk.world_names():
        raise CheckpointError(TRAIN["no_world"])
    return name

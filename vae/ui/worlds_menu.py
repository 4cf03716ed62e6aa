"""The menu of worlds in the masthead: go to another one in place, read the card of each.

The list is made anew each time the menu opens, so that a world which was just trained is there.
Nothing here writes.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from vae.ui.card import read_card
from vae.ui.engine import Engine
from vae.ui.frames import answer
from vae.ui.language import in_every
from vae.ui.sliders import slider_rows
from vae.ui.words import WORLDS
from vae.ui.worlds import Handler, NoWorldError, Worlds

_KINDS = {4: "in_alpha", 3: "in_color", 1: "in_grey"}


def world_of(engine: Engine) -> dict[str, Any]:
    """Return what the page must know of a world to be in it; the sliders in every language.

    ``opaque`` is true of a world without transparency, as far as its config says.
    """
    rows = in_every(lambda: slider_rows(engine.sliders))
    channels, _ = _channels_and_size(engine.weights and engine.weights.parent)
    opaque = channels in _KINDS and channels < 4
    return {"name": engine.name, "hash": engine.hash, "sliders": rows, "opaque": opaque}


def describe_world(folder: Path | None) -> str:
    """Return one line on a world, as its config says; empty where that cannot be read."""
    channels, size = _channels_and_size(folder)
    return WORLDS[_KINDS[channels]].format(size=size) if channels in _KINDS else ""


def _channels_and_size(folder: Path | None) -> tuple[int, int]:
    """Return what the config in a folder says of its pictures; zeros where it cannot be read."""
    try:
        assert folder is not None
        model = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model"]
        return int(model["channels"]), int(model["image_size"])
    except (AssertionError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0, 0


def make_worlds(worlds: Worlds) -> Handler:
    """Return the server function ``worlds``: those here now, ``{"worlds": [{name, about}]}``."""

    def listed() -> list[dict[str, str]]:
        return [
            {"name": name, "about": describe_world(folder)}
            for name, folder in worlds.folders().items()
        ]

    async def worlds_(data: Any) -> dict[str, Any]:
        del data

        async def work() -> dict[str, Any]:
            return {"worlds": await worlds.start.read(listed)}

        return await answer(work)

    worlds_.__name__ = "worlds"
    return worlds_


def make_open_world(worlds: Worlds) -> Handler:
    """Return the server function ``open_world``: a name as ``to`` in, :func:`world_of` it out.

    It answers once the world is awake. ``gone`` stands beside ``error`` where there is none of
    that name.
    """

    async def open_world(data: Any) -> dict[str, Any]:
        gone = False

        async def work() -> dict[str, Any]:
            nonlocal gone
            try:
                return world_of(await worlds.enter(_name(data)))
            except NoWorldError:
                gone = True
                raise

        found = await answer(work)
        return {**found, "gone": True} if gone else found

    return open_world


def make_card(worlds: Worlds) -> Handler:
    """Return the server function ``card``: a name as ``of`` in, ``{"html": safe HTML}`` out."""

    def read(name: str) -> str:
        folders = worlds.folders()
        if name not in folders:
            raise NoWorldError(WORLDS["gone"].format(name=name[:40]))
        return read_card(folders[name]) or f"<p>{escape(WORLDS['no_card'])}</p>"

    async def card(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return {"html": await worlds.start.read(read, str(_name(data, "of")))}

        return await answer(work)

    return card


def _name(data: Any, field: str = "to") -> Any:
    return data.get(field) if isinstance(data, dict) else None


def worlds_menu(name: str) -> str:
    """Return the button that says the world's name, its menu, and the dialog of cards.

    ``assets/worlds.js`` fills and opens them.

    Args:
        name: The world that the page opens with.
    """
    say = {key: escape(text) for key, text in WORLDS.items()}
    label = escape(WORLDS["open"].format(name=name))
    return (
        f'<div class="worlds"><button type="button" class="world" aria-expanded="false" '
        f'aria-controls="worlds-list" aria-label="{label}"><span>{escape(name)}</span></button>'
        f'<div id="worlds-list" role="group" aria-label="{say["menu"]}" hidden><ul></ul></div>'
        f'</div><dialog class="card" aria-label="{say["card"]}"><div class="inside">'
        f'<button type="button" class="close" aria-label="{say["close"]}">×</button>'
        f'<article tabindex="0" lang="en"></article></div></dialog>'
    )

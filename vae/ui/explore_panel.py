"""The panel under the picture: variations, a field of two sliders and a blend, folded away."""

from __future__ import annotations

from html import escape

from vae.ui.blend import CORNERS
from vae.ui.explore import AROUND, FIELD, REACH
from vae.ui.likes import marking
from vae.ui.panel import html_panel
from vae.ui.words import EXPLORE, PANELS


def explore_panel() -> None:
    """Build the panel; the script in the page opens it and asks for its pictures.

    The script also names the sliders to choose from: those of the world that the page is in.
    """
    html_panel(
        _template,
        "vae43.explore.mount(element, props)",
        apply_default_css=False,
        elem_id="explore",
        words=EXPLORE,
        kinds=lambda: {kind: PANELS[kind] for kind in ("style", "form", "surface")},
    )


def _template() -> str:
    reach = (
        f'<label class="dial">{_say("reach")}'
        f'<input type="range" class="reach" min="0" max="1" step="0.05" value="{REACH}"></label>'
        f'<button type="button" class="again">{_say("again")}</button>{marking()}'
    )
    sheets = {
        "variations": (AROUND, reach),
        "field": (FIELD, _select("across") + _select("up")),
    }
    doors = "".join(_door(name) for name in (*sheets, "blend"))
    sections = "".join(_section(name, *parts) for name, parts in sheets.items())
    return f'<div class="doors">{doors}</div>{sections}{_blend()}'


def _say(key: str) -> str:
    return escape(EXPLORE[key])


def _door(name: str) -> str:
    return (
        f'<button type="button" class="door" aria-expanded="false" aria-controls="{name}" '
        f'data-opens="{name}">{_say(name)}</button>'
    )


def _section(name: str, columns: int, controls: str) -> str:
    tiles = '<button type="button" tabindex="-1"></button>' * columns**2
    return (
        f'<section id="{name}" class="sheet-of" hidden aria-label="{_say(name)}">'
        f'<div class="tiles blank" role="group" data-columns="{columns}" '
        f'aria-label="{_say(name)}" style="--columns: {columns}">{tiles}</div>'
        f'<div class="dials"><p>{_say(f"{name}_note")}</p>{controls}'
        f'<button type="button" class="keep">{_say("sheet")}</button></div></section>'
    )


def _blend() -> str:
    corners = ""
    for number in range(1, CORNERS + 1):
        label = escape(EXPLORE["corner"].format(number=number))
        corners += f'<div class="corner"><b></b><button type="button" title="{label}" '
        corners += f'aria-label="{label}">+</button></div>'
    counts = "".join(
        f"<option{' selected' if count == CORNERS else ''}>{count}</option>"
        for count in range(2, CORNERS + 1)
    )
    return (
        f'<section id="blend" class="sheet-of" hidden aria-label="{_say("blend")}">'
        f'<div class="pad blank" role="group" aria-label="{_say("pad")}">'
        f'<input type="range" aria-label="{_say("to_right")}" value="0">'
        f'<input type="range" aria-label="{_say("to_bottom")}" value="0">'
        f"{corners}<i></i></div>"
        f'<div class="dials"><p>{_say("blend_note")}</p>'
        f'<label class="dial">{_say("pictures")}<select class="count">{counts}</select></label>'
        f'<button type="button" class="others">{_say("others")}</button></div></section>'
    )


def _select(name: str) -> str:
    return f'<label class="dial">{_say(name)}<select class="{name}"></select></label>'

"""The filmstrip: where a slider leads, in seven small pictures under the slider in hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.frames import answer, as_text
from vae.ui.panel import html_panel
from vae.ui.sliders import TILES, places, slider_range
from vae.ui.state import PictureState, read_latents, read_state
from vae.ui.tiles import small_pictures, sprite
from vae.ui.words import FILM

if TYPE_CHECKING:
    from vae.slider import Slider
    from vae.ui.engine import Engine


def read_slider(data: Any, sliders: Sequence[Slider], field: str = "slider") -> Slider:
    """Return the slider a request names.

    Raises:
        ConfigError: This world has none of that name.
    """
    name = data.get(field) if isinstance(data, Mapping) else None
    for slider in sliders:
        if slider.name == name:
            return slider
    raise ConfigError(f"expected a slider of this world, found {str(name)[:40]!r}")


def moved(state: PictureState, to: Mapping[str, float]) -> PictureState:
    """Return a state with some sliders at other places; what they held there is gone."""
    held = {name: row for name, row in state.held.items() if name not in to}
    return replace(state, moves={**state.moves, **to}, held=held)


def read_offsets(data: Any, count: int) -> list[tuple[float, ...]] | None:
    """Return what a slider adds to the key at each of its places, or None where it adds nothing.

    Raises:
        ConfigError: They are not as many rows of numbers as there are places.
    """
    rows = data.get("offsets") if isinstance(data, Mapping) else None
    if rows is None:
        return None
    if not isinstance(rows, list) or len(rows) != count:
        raise ConfigError(f"expected {count} rows of offsets")
    return [read_latents(row, "offsets") for row in rows]


def make_strip(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``strip``.

    It takes a picture's state with the name of a ``slider``, and ``offsets`` where it holds the
    rest: what it adds to the key at each of its :func:`~vae.ui.sliders.places`. It answers
    ``{"webp": base64 of the tiles in a row, "places": [position of each]}``.
    """

    async def strip(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            slider = read_slider(data, engine.sliders)
            state = read_state(data, engine.ranges)
            along = places(*slider_range(slider))
            states = [moved(state, {slider.name: place}) for place in along]
            for i, row in enumerate(read_offsets(data, TILES) or ()):
                states[i] = replace(states[i], held={**states[i].held, slider.name: row})
            pictures = await small_pictures(engine, states)
            return {"webp": as_text(sprite(pictures, TILES)), "places": along}

        return await answer(work)

    return strip


def film_panel() -> None:
    """Build the switch of the filmstrip; the strip itself is made by the script in the page."""
    html_panel(
        _switch,
        "vae43.film.mount(element, props)",
        apply_default_css=False,
        elem_id="film-switch",
        tiles=TILES,
        words=FILM,
    )


def _switch() -> str:
    return (
        f'<label title="{escape(FILM["note"])}"><input type="checkbox" role="switch" checked>'
        f"<span>{escape(FILM['film'])}</span></label>"
    )

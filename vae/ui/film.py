"""The filmstrip: where a slider leads, in seven small pictures under the slider in hand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.frames import answer, as_text
from vae.ui.panel import html_panel
from vae.ui.sliders import STEP, slider_range
from vae.ui.state import PictureState, read_state
from vae.ui.tiles import small_pictures, sprite
from vae.ui.words import FILM

if TYPE_CHECKING:
    from vae.slider import Slider
    from vae.ui.engine import Engine

TILES = 7


def places(low: float, high: float, count: int = TILES) -> list[float]:
    """Return equal steps from one end of a slider to the other, each one it can stand at."""
    steps = [low + (high - low) * i / (count - 1) for i in range(count)]
    return [round(round(place / STEP) * STEP, 2) + 0.0 for place in steps]


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
    """Return a state with some sliders at other places."""
    return replace(state, moves={**state.moves, **to})


def make_strip(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``strip``.

    It takes a picture's state with the name of a ``slider``, and answers
    ``{"webp": base64 of the tiles in a row, "places": [position of each]}``.
    """

    async def strip(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            slider = read_slider(data, engine.sliders)
            state = read_state(data, engine.ranges)
            along = places(*slider_range(slider))
            states = [moved(state, {slider.name: place}) for place in along]
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

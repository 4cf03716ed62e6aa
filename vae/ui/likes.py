"""More like these: variations marked as liked or not, the direction between, kept as a slider.

A kept slider is the artist's own: its name and direction lie in the browser's storage. A picture
moved along it carries the direction itself, so that recipes and links need nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.drawing import latents_of
from vae.ui.engine import Engine
from vae.ui.frames import answer
from vae.ui.panel import html_panel
from vae.ui.sliders import STEP
from vae.ui.state import ALONG_END, MAX_ALONG, PictureState, read_state
from vae.ui.upload import rounded
from vae.ui.words import LIKES

if TYPE_CHECKING:
    from vae.infer import Latents, World

MOST = 64  # marked pictures
LONGEST = 40  # letters of a name


def read_marked(data: Any, name: str) -> list[PictureState]:
    """Return the starts of marked pictures.

    Raises:
        ConfigError: They are more than ``MOST``, or one of them is not latents.
    """
    marked = data.get(name) if isinstance(data, Mapping) else None
    if not isinstance(marked, list) or len(marked) > MOST:
        raise ConfigError(f"expected at most {MOST} pictures that are {name}")
    if not all(isinstance(start, Mapping) and start.get("z") is not None for start in marked):
        raise ConfigError(f"expected the latents of pictures that are {name}")
    return [read_state({"z": s["z"], "key": s.get("key"), "moves": {}}, {}) for s in marked]


def find_direction(
    world: World,
    state: PictureState,
    liked: Sequence[PictureState],
    disliked: Sequence[PictureState],
) -> dict[str, Any]:
    """Return the direction from one side to the other; runs on the drawing thread.

    The picture itself stands in for a side that nothing was marked on.

    Raises:
        ConfigError: Nothing was marked, or both sides are the same.
    """
    if not liked and not disliked:
        raise ConfigError("expected at least one picture that is marked")
    sides = [_joined(world, side or [state]) for side in (liked, disliked)]
    z, key = world.direction(*sides)
    return {"z": rounded(z), "key": rounded(key)}


def _joined(world: World, states: Sequence[PictureState]) -> Latents:
    import torch

    parts = [latents_of(world, state) for state in states]
    z, key = (torch.cat(rows) for rows in zip(*parts, strict=True))
    return parts[0]._replace(z=z, key=key)


def make_direction(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``direction``.

    It takes a picture's state with ``liked`` and ``disliked``, lists of ``{"z", "key"}``, and
    answers ``{"z", "key"}``: a move of +1, one standard deviation of the world.
    """

    async def direction(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state = read_state(data, engine.ranges)
            marked = (read_marked(data, name) for name in ("liked", "disliked"))
            return await engine.draw_later(find_direction, state, *marked)

        return await answer(work)

    return direction


def likes_panel() -> None:
    """Build the panel of the artist's own sliders; it is hidden while there are none."""
    html_panel(
        _template,
        "vae43.likes.mount(element, props)",
        apply_default_css=False,
        elem_id="likes",
        end=ALONG_END,
        step=STEP,
        longest=LONGEST,
        most=MAX_ALONG,
        words=LIKES,
    )


def _template() -> str:
    return (
        '<section class="sliders" id="likes-sliders" aria-labelledby="likes-title" hidden>'
        f'<header class="prose"><h2 id="likes-title">{escape(LIKES["title"])}</h2>'
        f"<p>{escape(LIKES['note'])}</p></header>"
        '<div class="rows"></div><p class="gone" role="status"></p></section>'
    )


def marking() -> str:
    """Return what stands beside the sheet of variations: what was marked, and what becomes of it.

    The script in the page fills it (``assets/likes.js``).
    """
    return (
        '<div class="marked">'
        f'<p class="marking">{escape(LIKES["marking"])}</p><p class="counts" role="status"></p>'
        f'<button type="button" class="make" hidden>{escape(LIKES["make"])}</button>'
        f'<button type="button" class="clear" hidden>{escape(LIKES["clear"])}</button></div>'
    )

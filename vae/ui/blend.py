"""Between pictures: two to four of them at the corners of a pad, and any mixture within.

The server is asked once for what the corners are made of. Mixing is a weighted mean of latents,
which the page does itself: the hand on the pad then draws ordinary frames, as fast as a slider.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.drawing import moved_latents_of
from vae.ui.engine import Engine
from vae.ui.frames import answer, as_text
from vae.ui.state import PictureState, read_state
from vae.ui.surface import GRAIN
from vae.ui.tiles import small_pictures, sprite

if TYPE_CHECKING:
    from vae.infer import World

CORNERS = 4
_SIDE = 96  # pixels


def read_corners(data: Any, ranges: Mapping[str, tuple[float, float]]) -> list[PictureState]:
    """Return the states at the corners.

    Raises:
        ConfigError: They are fewer than two or more than four, or one is not a state.
    """
    corners = data.get("corners") if isinstance(data, Mapping) else None
    if not isinstance(corners, list) or not 2 <= len(corners) <= CORNERS:
        raise ConfigError(f"expected two to {CORNERS} pictures to blend")
    return [read_state(corner, ranges) for corner in corners]


def settle(world: World, states: Sequence[PictureState]) -> list[PictureState]:
    """Return states that start where others were moved to; runs on the drawing thread.

    The strength of the grain alone is no latent, and stays a move.
    """
    settled = []
    for state in states:
        z, key = (part[0].tolist() for part in moved_latents_of(world, state))
        z, key = (tuple(round(value, 5) for value in part) for part in (z, key))
        grain = {name: at for name, at in state.moves.items() if name == GRAIN.name}
        settled.append(PictureState(z=z, key=key, moves=grain, detail=state.detail))
    return settled


def make_blend(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``blend``.

    It takes ``corners``, two to four pictures' states, and answers
    ``{"webp": base64 of the corners in a row, "starts": [{"z", "key", "moves"} of
    each]}``, where only the strength of the grain is left to move.
    """

    async def blend(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            corners = await engine.draw_later(settle, read_corners(data, engine.ranges))
            pictures = await small_pictures(engine, corners, _SIDE)
            starts = [
                {"z": corner.z, "key": corner.key, "moves": corner.moves} for corner in corners
            ]
            return {"webp": as_text(sprite(pictures, len(corners))), "starts": starts}

        return await answer(work)

    return blend

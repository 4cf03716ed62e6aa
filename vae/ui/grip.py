"""Hold the rest: where a style slider leads in one picture when the other attributes are to stay.

A slider that is taken up is solved for the picture in hand, at a few places of its track. The page
is told what to add to the key at each of them, beside the slider's own move, draws straight lines
between, and carries the sum in the picture's state: a frame costs what it always does, and what was
on screen comes back wherever the state goes. The server keeps nothing of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.drawing import moved_latents_of
from vae.ui.engine import Engine
from vae.ui.film import read_slider
from vae.ui.frames import answer
from vae.ui.sliders import places, slider_range
from vae.ui.state import PictureState, read_state

if TYPE_CHECKING:
    from vae.holding import Holding
    from vae.infer import World
    from vae.slider import Slider

_AT_ONCE = 2  # places solved in one go, of six pictures each: about as long as a frame may be late
_DIGITS = 5  # as everything the browser carries


def hold(world: World, state: PictureState, slider: Slider) -> Holding:
    """Return the picture of a state with a slider at zero; runs on the drawing thread."""
    moves, held = (
        {name: value for name, value in part.items() if name != slider.name}
        for part in (state.moves, state.held)
    )
    base = replace(state, moves=moves, held=held)
    return world.holding(moved_latents_of(world, base), measured=False)


def solve(
    world: World, holding: Holding, slider: Slider, along: Sequence[float]
) -> list[list[float]]:
    """Return what is added to the key beside a slider's own move; runs on the drawing thread.

    Args:
        world: What draws.
        holding: What :func:`hold` returned.
        slider: One of style.
        along: Places of it.
    """
    assert slider.attribute is not None  # it is one of style
    key, rows = holding.latents.key[0], []
    for place, move in zip(along, holding.path(slider.attribute, along)[0], strict=True):
        plain = world.move(holding.latents, {slider.name: place}).key[0] - key
        rows.append([round(value, _DIGITS) + 0.0 for value in (move - plain).tolist()])
    return rows


def make_grip(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``grip``.

    It takes a picture's state with the name of a style ``slider``, wherever that stands, and
    answers ``{"places": [positions], "offsets": [row of the key for each]}``, zero among them.
    A hand is waiting, and so may others: it is solved in parts, between everybody's frames.
    """

    async def grip(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            slider = read_slider(data, engine.sliders)
            if slider.attribute is None:
                raise ConfigError("expected a style slider: only they can hold the rest")
            holding = await engine.draw(hold, read_state(data, engine.ranges), slider)
            along = [place for place in places(*slider_range(slider)) if place]
            rows = []
            for i in range(0, len(along), _AT_ONCE):
                rows += await engine.draw(solve, holding, slider, along[i : i + _AT_ONCE])
            way = dict(zip(along, rows, strict=True))
            way[0.0] = [0.0] * len(rows[0])  # where nothing is moved nothing is added
            return {"places": sorted(way), "offsets": [way[place] for place in sorted(way)]}

        return await answer(work)

    return grip

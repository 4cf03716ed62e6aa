"""Hold the rest: where a style slider leads in one picture when the other attributes are to stay.

A slider that is taken up is solved for the picture in hand, at a few places of its track. The page
is told what to add to the key at each of them, beside the slider's own move, draws straight lines
between, and carries the sum in the picture's state: a frame costs what it always does, and what was
on screen comes back wherever the state goes. The server keeps what it measured for a while only.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.engine import Engine, moved_latents_of
from vae.ui.film import read_slider
from vae.ui.frames import answer
from vae.ui.sliders import places, slider_range
from vae.ui.state import PictureState, read_state

if TYPE_CHECKING:
    from torch import Tensor

    from vae.infer import Latents, World
    from vae.slider import Slider

KEPT = 16  # pictures whose measures are remembered
_DIMENSIONS = 4  # of the key, measured in one go: twice as many pictures, as long as a frame waits
_PLACES = 2  # solved in one go, of four pictures each
_DIGITS = 5  # as everything the browser carries


def _measured(world: World, latents: Latents, dimensions: range) -> Tensor:
    return world.effect_of(latents, dimensions)


async def measure(engine: Engine, state: PictureState) -> tuple[Latents, Tensor]:
    """Return the latents of a state, and what each dimension of the key does to its picture.

    A hand is waiting, and so may others: it is measured in parts, between everybody's frames.
    """
    latents = await engine.draw(moved_latents_of, state)
    import torch  # not before a world has: the loop would stand still

    width = latents.key.shape[1]
    parts = [
        await engine.draw(_measured, latents, range(i, min(i + _DIMENSIONS, width)))
        for i in range(0, width, _DIMENSIONS)
    ]
    return latents, torch.cat(parts, -1)


def solve(
    world: World, picture: tuple[Latents, Tensor], slider: Slider, along: Sequence[float]
) -> list[list[float]]:
    """Return what is added to the key beside a slider's own move; runs on the drawing thread.

    Args:
        world: What draws.
        picture: What :func:`measure` found of it, the slider at zero.
        slider: One of style.
        along: Places of it.
    """
    latents, _ = picture
    assert slider.attribute is not None  # it is one of style
    held = world.holding(*picture).path(slider.attribute, along)[0]
    rows = []
    for place, move in zip(along, held, strict=True):
        plain = world.move(latents, {slider.name: place}).key[0] - latents.key[0]
        rows.append([round(value, _DIGITS) + 0.0 for value in (move - plain).tolist()])
    return rows


def make_grip(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``grip``.

    It takes a picture's state with the name of a style ``slider``, wherever that stands, and
    answers ``{"places": [positions], "offsets": [row of the key for each]}``, zero among them.
    """
    kept: OrderedDict[str, tuple[Latents, Tensor]] = OrderedDict()

    async def grip(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            slider = read_slider(data, engine.sliders)
            if slider.attribute is None:
                raise ConfigError("expected a style slider: only they can hold the rest")
            state = read_state(data, engine.ranges)
            moves, held = (
                {name: value for name, value in part.items() if name != slider.name}
                for part in (state.moves, state.held)
            )
            base = replace(state, moves=moves, held=held)
            name = repr(base)
            if name not in kept:
                kept[name] = await measure(engine, base)
            picture = kept[name]
            kept.move_to_end(name)
            while len(kept) > KEPT:
                kept.popitem(last=False)
            along = [place for place in places(*slider_range(slider)) if place]
            rows = []
            for i in range(0, len(along), _PLACES):
                rows += await engine.draw(solve, picture, slider, along[i : i + _PLACES])
            way = dict(zip(along, rows, strict=True))
            way[0.0] = [0.0] * len(rows[0])  # where nothing is moved nothing is added
            return {"places": sorted(way), "offsets": [way[place] for place in sorted(way)]}

        return await answer(work)

    return grip

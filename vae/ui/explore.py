"""Where one could go from here: variations of the picture, and a field of two sliders.

Variations change where the picture starts and keep everything that moves it, so that going to one
shows exactly its tile, and the sliders stay where they are.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.pixels import encode_image
from vae.ui.drawing import latents_of
from vae.ui.engine import Engine
from vae.ui.film import moved, read_slider
from vae.ui.frames import answer, as_text
from vae.ui.sliders import places, slider_range
from vae.ui.state import MAX_SEED, PictureState, read_state
from vae.ui.tiles import sheet, small_pictures, sprite

if TYPE_CHECKING:
    from vae.infer import World

Handler = Callable[[Any], Awaitable[dict[str, Any]]]

AROUND = 3  # tiles on a side, the picture itself in the middle
FIELD = 5
REACH = 0.4  # how far variations are, until a hand says otherwise
_SIDE = {AROUND: 112, FIELD: 80}  # pixels of a tile
_WHOLE = 4096  # larger than any picture: the tiles of a file keep every pixel


def read_reach(data: Mapping[str, Any]) -> tuple[int, float]:
    """Return which directions are asked for, and how far.

    Raises:
        ConfigError: ``directions`` is no seed, or ``reach`` is not from 0 to 1.
    """
    directions, reach = data.get("directions"), data.get("reach")
    if isinstance(directions, bool) or not isinstance(directions, int):
        raise ConfigError("expected a whole number that names the directions")
    if not 0 <= directions <= MAX_SEED:
        raise ConfigError(f"expected directions from 0 to {MAX_SEED}")
    if isinstance(reach, bool) or not isinstance(reach, int | float) or not 0 <= reach <= 1:
        raise ConfigError("expected a reach from 0 to 1")
    return directions, float(reach)


def neighbours(
    world: World, state: PictureState, directions: int, reach: float
) -> list[PictureState]:
    """Return a state and those around it, row by row; runs on the drawing thread.

    Latents are rounded as the browser carries them, so that a tile is what it leads to.
    """
    import torch

    generator = torch.Generator().manual_seed(directions)
    drawn = world.vary(latents_of(world, state), AROUND**2 - 1, generator=generator, reach=reach)
    around = [
        replace(state, seed=None, z=_rounded(z), key=_rounded(key))
        for z, key in zip(drawn.z.tolist(), drawn.key.tolist(), strict=True)
    ]
    middle = len(around) // 2
    return [*around[:middle], state, *around[middle:]]


def _rounded(values: list[float]) -> tuple[float, ...]:
    return tuple(round(value, 5) for value in values)


def make_variations(engine: Engine) -> Handler:
    """Return the server function ``variations``.

    It takes a picture's state with ``directions`` (a seed), ``reach`` and ``sheet`` (true for a
    file to keep), and answers ``{"webp": base64 of 3×3 tiles, "starts": [{"z", "key"} of each]}``;
    the start in the middle, the picture's own, is null.
    """

    async def variations(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state = read_state(data, engine.ranges)
            around = await engine.draw_later(neighbours, state, *read_reach(data))
            starts = [None if s is state else {"z": s.z, "key": s.key} for s in around]
            return {**await _pictures(engine, around, AROUND, data), "starts": starts}

        return await answer(work)

    return variations


def make_field(engine: Engine) -> Handler:
    """Return the server function ``field``.

    It takes a picture's state with the names of two sliders, ``across`` and ``up``, and answers
    ``{"webp": base64 of 5×5 tiles, "moves": [{slider: position} of each]}``, highest row first.
    """

    async def field(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state = read_state(data, engine.ranges)
            across = read_slider(data, engine.sliders, "across")
            up = read_slider(data, engine.sliders, "up")
            moves = [
                {across.name: x, up.name: y}
                for y in reversed(places(*slider_range(up), FIELD))
                for x in places(*slider_range(across), FIELD)
            ]
            if across == up:
                raise ConfigError("expected two different sliders")
            states = [moved(state, move) for move in moves]
            return {**await _pictures(engine, states, FIELD, data), "moves": moves}

        return await answer(work)

    return field


async def _pictures(
    engine: Engine, states: list[PictureState], columns: int, data: Mapping[str, Any]
) -> dict[str, str]:
    """Return a sheet of states: small for the page, or as a file to keep where one is asked for."""
    if data.get("sheet") is not True:
        pictures = await small_pictures(engine, states, _SIDE[columns])
        return {"webp": as_text(sprite(pictures, columns))}
    whole = sheet(await small_pictures(engine, states, _WHOLE), columns)
    return {"png": as_text(await engine.read(encode_image, whole, "png"))}

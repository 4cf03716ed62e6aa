"""Match closer: a picture of one's own, and a start refined until what is drawn is nearer to it.

The server keeps nothing between requests: the page sends the picture along, already on the world's
square, asks for a slice of the search at a time, and stops asking when it was long enough or the
artist has had enough. Each step goes behind everybody's frames.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.placement import fit
from vae.ui.drawing import latents_of
from vae.ui.engine import Engine
from vae.ui.frames import answer
from vae.ui.security import open_picture
from vae.ui.state import PictureState, read_state
from vae.ui.upload import rounded

if TYPE_CHECKING:
    import numpy as np

    from vae.infer import World
    from vae.matching import Matching

SLICE = 12  # gradient steps of a request; the page asks four times
MOST_SECONDS = 0.5  # of a request


def begin(world: World, state: PictureState, pixels: np.ndarray) -> Matching:
    """Return a search that starts at a state's latents; runs on the drawing thread.

    Args:
        world: What draws.
        state: Where to start: latents, sliders aside.
        pixels: The picture to come near to, (H, W, 4) straight bytes.
    """
    picture = fit(pixels, world.image_size, world.channels)
    return world.matching(picture, latents_of(world, state))


def advance(_: World, search: Matching) -> None:
    """Take one step; runs on the drawing thread."""
    search.advance()


def found(_: World, search: Matching) -> dict[str, Any]:
    """Return the best of a search, and how far it is from the picture, as shares of the whole."""
    search.look()
    z, key = search.latents
    before, after = (round(float(d[0]), 5) for d in (search.before, search.now))
    return {"z": rounded(z), "key": rounded(key), "before": before, "after": after}


def read_start(data: Any) -> PictureState:
    """Return where a search starts: ``start``, JSON text of ``{"z": [...], "key": [...]}``.

    Raises:
        ConfigError: It is not that.
    """
    text = data.get("start") if isinstance(data, Mapping) else None
    try:
        start = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        start = None
    if not isinstance(start, Mapping) or start.get("z") is None:
        raise ConfigError("expected latents to start from")
    return read_state({"z": start["z"], "key": start.get("key"), "moves": {}}, {})


def make_match(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``match``: a picture and a ``start`` as multipart in.

    It answers ``{"z", "key", "before", "after", "ms"}``: better latents, the root mean squared
    distance of premultiplied pixels there and here (0 to 1), and the time it took.
    """

    async def match(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            came = time.perf_counter()
            state = read_start(getattr(data, "data", None))
            files = getattr(data, "files", None)
            pixels = await engine.read(open_picture, files[0][1] if files else None)
            search = await engine.draw_later(begin, state, pixels)
            for _ in range(SLICE):
                await engine.draw_later(advance, search)
                if time.perf_counter() - came > MOST_SECONDS:
                    break
            result = await engine.draw_later(found, search)
            return {**result, "ms": round(1000 * (time.perf_counter() - came))}

        return await answer(work)

    return match

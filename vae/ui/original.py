"""A picture of one's own saved with all its pixels: the world's change laid on the file itself.

The page keeps the file and sends it along when it is saved; the server holds it only meanwhile.
What the world has changed on its small square is carried over (`vae.local_change`) to the file's
own size, or to the square several times enlarged, with all that goes on beyond it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vae.editing import encode_as, enlarge
from vae.errors import ConfigError
from vae.pixels import encode_image
from vae.ui.download import file_name, read_factor, recipe_of
from vae.ui.drawing import changes_of
from vae.ui.engine import Engine
from vae.ui.export import write_webp
from vae.ui.frames import answer, as_text
from vae.ui.security import open_picture
from vae.ui.state import PictureState, read_state

if TYPE_CHECKING:
    import numpy as np

    from vae.change import Change
    from vae.infer import World
    from vae.recipe import Recipe

OWN = "own"
_TYPES = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg"}


def change_of(world: World, state: PictureState) -> Change:
    """Return what a state changes in the picture it keeps; runs on the drawing thread.

    Raises:
        ConfigError: It keeps none.
    """
    if state.detail is None:
        raise ConfigError("expected a picture whose detail is kept")
    pictures, [change] = changes_of(world, [state])
    assert change is not None  # there is a detail
    return replace(change, changed=pictures)


def _write(pixels: np.ndarray, kind: str, recipe: Recipe | None) -> bytes:
    """Return a square as a file that loses nothing, with its recipe in it."""
    if kind == "webp":
        return write_webp(pixels, 1, recipe.as_xmp() if recipe else None)
    return encode_image(pixels, "png", text=recipe.as_text() if recipe else None)


def read_request(data: Any) -> Mapping[str, Any]:
    """Return what stands in a form beside its file.

    Raises:
        ConfigError: There is no ``request`` of JSON, or it asks for another kind of file.
    """
    text = data.get("request") if isinstance(data, Mapping) else None
    try:
        request = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        request = None
    if not isinstance(request, Mapping) or request.get("kind") not in _TYPES:
        raise ConfigError("expected a picture's state, and as what to save it")
    return request


def make_save_original(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``save_original``: a file and a ``request`` as multipart in.

    The request is JSON: a state with its detail, ``factor`` (1 to 4, or ``"own"``), ``kind``
    (``"png"``, ``"webp"`` or ``"jpg"``) and ``recipe``. It answers ``{"file", "type", "name"}``.
    A picture of its own size carries no recipe: dropped on the page it is a picture in its own
    right, with all its pixels.
    """

    async def save_original(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            request = read_request(getattr(data, "data", None))
            state = read_state(request, engine.ranges)
            factor = None if request.get("factor") == OWN else read_factor(request)
            files = getattr(data, "files", None)
            pixels = await engine.read(open_picture, files[0][1] if files else None)
            change = await engine.draw(change_of, state)
            large = await engine.write(enlarge, change, pixels, factor)
            if factor is None:
                file, kind = await engine.write(encode_as, large, request["kind"])
                name = file_name(engine.name, state, 1).removesuffix("-1x.png")
            else:
                kind = "webp" if request["kind"] == "webp" else "png"
                file = await engine.write(_write, large, kind, recipe_of(engine, request, factor))
                name = file_name(engine.name, state, factor).removesuffix(".png")
            return {"file": as_text(file), "type": _TYPES[kind], "name": f"{name}.{kind}"}

        return await answer(work)

    return save_original

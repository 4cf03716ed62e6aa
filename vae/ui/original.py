"""A picture of one's own saved with all its pixels: the world's change laid on the file itself.

The page keeps the file and sends it along when it is saved; the server holds it only meanwhile.
What the world has changed on its small square is carried over (`vae.local_change`) to the file's
own size, or to the square several times enlarged.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.local_change import LocalChange
from vae.pixels import encode_image, to_bytes, to_pixels
from vae.ui.detail import kept_pictures
from vae.ui.download import file_name, read_factor, recipe_of
from vae.ui.engine import Engine, picture_of
from vae.ui.export import write_webp
from vae.ui.frames import answer, as_text
from vae.ui.framing import Framing, as_input
from vae.ui.security import open_picture
from vae.ui.state import PictureState, read_state

if TYPE_CHECKING:
    import numpy as np

    from vae.infer import World
    from vae.recipe import Recipe

OWN = "own"
_TYPES = {"png": "image/png", "webp": "image/webp", "jpg": "image/jpeg"}
_STRIPE = 400_000  # pixels that are changed at once
_QUALITY = 95  # of what came as a lossy file
_EFFORT = 3  # of zlib, of 9: a large PNG in a third of the time, hardly larger


def change_of(world: World, state: PictureState) -> LocalChange:
    """Return what a state changes in the picture it keeps; runs on the drawing thread.

    Raises:
        ConfigError: It keeps none.
    """
    if state.detail is None:
        raise ConfigError("expected a picture whose detail is kept")
    before, _ = kept_pictures(world, state.detail)
    return LocalChange.fit(before, picture_of(world, state))


def enlarge(change: LocalChange, pixels: np.ndarray, factor: int | None) -> np.ndarray:
    """Lay a change on the picture itself.

    Args:
        change: What is laid on it, of the world's square.
        pixels: The picture, (H, W, 4) straight RGBA bytes.
        factor: Enlargement of the square; None for the picture's own size.

    Returns:
        (H', W', 4) straight RGBA bytes: of the square, or of the picture as it came. A picture that
        goes on beyond the square of a world without transparency is cut to it, as it is shown.

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    channels, size = change.maps.shape[1], change.maps.shape[-1]
    framing = Framing.of(pixels, size, channels)
    if factor is not None:
        import numpy as np

        square = np.asarray(framing.enlarged(factor).show(pixels))
        return _striped(change, square, (0.0, 0.0, 1.0, 1.0))
    if not framing.filled:
        height, width = pixels.shape[:2]
        return _striped(change, pixels, framing.box_of((0, 0, width, height)))
    left, top, right, bottom = (round(edge) for edge in framing.source)
    return _striped(change, pixels[top:bottom, left:right], (0.0, 0.0, 1.0, 1.0))


def _striped(
    change: LocalChange, pixels: np.ndarray, box: tuple[float, float, float, float]
) -> np.ndarray:
    """Lay a change on a picture, so many rows at a time that a large one fills no memory."""
    import numpy as np
    import torch
    from PIL import Image

    height, width = pixels.shape[:2]
    found = np.empty_like(pixels)
    left, top, right, bottom = box
    rows = max(1, _STRIPE // width)
    with torch.inference_mode():
        for start in range(0, height, rows):
            part = pixels[start : start + rows]
            high, low = (top + (bottom - top) * at / height for at in (start, start + len(part)))
            picture = as_input(Image.fromarray(part), change.maps.shape[1])
            changed = change.lay_on(picture, (left, high, right, low))
            found[start : start + rows] = to_bytes(to_pixels(changed)[0])
    return found


def write_own(pixels: np.ndarray, kind: str) -> tuple[bytes, str]:
    """Return a picture as a file of the kind it came as, and that kind.

    ``"jpg"`` stays one where nothing is transparent, else it becomes a ``"png"``.
    """
    from PIL import Image

    image, buffer = Image.fromarray(pixels), io.BytesIO()
    if kind == "jpg" and pixels[..., 3].min() == 255:
        image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return buffer.getvalue(), kind
    if kind == "webp":
        image.save(buffer, "WEBP", quality=_QUALITY, method=4)
        return buffer.getvalue(), kind
    image.save(buffer, "PNG", compress_level=_EFFORT)
    return buffer.getvalue(), "png"


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
            large = await engine.read(enlarge, change, pixels, factor)
            if factor is None:
                file, kind = await engine.read(write_own, large, request["kind"])
                name = file_name(engine.name, state, 1).removesuffix("-1x.png")
            else:
                kind = "webp" if request["kind"] == "webp" else "png"
                file = await engine.read(_write, large, kind, recipe_of(engine, request, factor))
                name = file_name(engine.name, state, factor).removesuffix(".png")
            return {"file": as_text(file), "type": _TYPES[kind], "name": f"{name}.{kind}"}

        return await answer(work)

    return save_original

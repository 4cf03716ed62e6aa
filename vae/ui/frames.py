"""The real-time path: a request from the browser becomes the bytes of one picture.

``Frames.frame`` bypasses Gradio's queue (29 frames a second against its 4). Such functions turn
exceptions into a bare 500, so errors are returned as values for the page to show.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.border_change import BorderChange
from vae.errors import ConfigError
from vae.pixels import encode_image, to_bytes, to_pixels
from vae.ui.drawing import changes_of
from vae.ui.engine import Engine
from vae.ui.recall import RECALL, ForgottenError
from vae.ui.state import PictureState, read_state
from vae.ui.words import explain

if TYPE_CHECKING:
    import numpy as np

    from vae.infer import World

BEYOND = ("across", "down")
"""Which way a kept picture goes on beyond the square of a world without transparency."""


def draw_frame(
    world: World, state: PictureState, still: bool, beyond: str | None = None
) -> tuple[bytes, dict[str, Any]]:
    """Return the webp of a state, and what has moved a kept picture; on the drawing thread.

    Args:
        world: What draws.
        state: What to draw.
        still: Whether the hand rests and the picture may be exact, several times larger. In
            motion it is lossy: about 11 KB and 2.5 ms at 256².
        beyond: One of `BEYOND`, where the page has more of the picture than the square.
    """
    pictures, [change] = changes_of(world, [state])
    pixels = to_pixels(pictures)[0]
    moved = {}
    if change and change.warp and change.warp.moves:
        moved["warp"] = change.warp.numbers()
    if change and change.blur is not None and change.blur.any():
        moved["blur"] = change.blur.item()
    if change and beyond in BEYOND and world.channels < 4:
        border = BorderChange.fit(change.moved, pictures, across=beyond == "across")
        moved["beyond"] = border.numbers()
    return _exact_webp(pixels) if still else encode_image(pixels, "webp"), moved


def _exact_webp(pixels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()  # quality means effort here, not fidelity
    image = Image.fromarray(to_bytes(pixels))
    image.save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()


def as_text(data: bytes) -> str:
    """Return bytes as base64 text, the only form that passes through a server function."""
    return base64.b64encode(data).decode("ascii")


async def answer(work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Return what ``work`` returns, or ``{"error": sentence}`` in the artist's words.

    ``impossible`` is set beside it where the same request can never be answered.
    """
    try:
        return await work()
    except ConfigError as error:
        return {"error": explain(error), "impossible": True}
    except Exception as error:  # the boundary: explain() logs what nobody foresaw
        return {"error": explain(error)}


def make_frame(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``frame`` of an engine.

    It takes a picture's state (see ``state.read_state``) with a number ``seq``, and ``still`` once
    the hand rests, and answers
    ``{"seq": seq, "webp": base64, "ms": spent here}``, or ``{"seq": seq, "error": sentence}``.
    Where the picture keeps its detail ``ref`` names it: the next requests may send
    ``"detail": {"ref": name}``, and send it again where the answer is ``forgotten``. There
    ``warp`` are the numbers of a `vae.warp.Warp`, if it moves anything, and ``blur`` is that of
    the picture's edges, in sides. A request that says ``beyond``, one of `BEYOND`, is answered with
    the numbers of a `vae.border_change.BorderChange` by that name.
    The page subtracts ``ms`` from the round trip to know how many requests the way itself holds.
    """

    async def frame(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            came = time.perf_counter()
            try:
                whole = RECALL.whole(data)
            except ForgottenError:
                return {"forgotten": True}
            state = read_state(whole, engine.ranges)
            still = whole.get("still") is True
            webp, moved = await engine.draw(draw_frame, state, still, whole.get("beyond"))
            ref = RECALL.remember(data)
            named = {} if ref is None else {"ref": ref}
            ms = round(1000 * (time.perf_counter() - came), 1)
            return {"webp": as_text(webp), "ms": ms, **moved, **named}

        seq = data.get("seq") if isinstance(data, Mapping) else None
        return {"seq": seq if isinstance(seq, int) else None, **await answer(work)}

    return frame

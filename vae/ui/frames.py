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

from vae.ui.engine import Engine, picture_of
from vae.ui.state import PictureState, read_state
from vae.ui.words import explain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vae.infer import World

WEBP_QUALITY = 80


def to_rgba8(picture: Tensor) -> NDArray[np.uint8]:
    """Return one picture as (H, W, 4) straight RGBA bytes.

    Args:
        picture: (C, H, W) in [0, 1], C in 1 (grey), 3 (RGB), 4 (straight RGBA).
    """
    import torch

    channels = picture.shape[0]
    color = picture[:3] if channels >= 3 else picture[:1].expand(3, -1, -1)
    alpha = picture[3:4] if channels == 4 else torch.ones_like(picture[:1])
    pixels = torch.cat([color, alpha]).clamp(0, 1).mul(255).round().to(torch.uint8)
    return pixels.permute(1, 2, 0).contiguous().cpu().numpy()


def to_webp(pixels: NDArray[np.uint8]) -> bytes:
    """Return (H, W, 4) RGBA bytes as a lossy webp with alpha: about 11 KB and 2.5 ms at 256²."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=WEBP_QUALITY, method=0)
    return buffer.getvalue()


def draw_frame(world: World, state: PictureState) -> bytes:
    """Return the webp of a state; runs on the drawing thread."""
    return to_webp(to_rgba8(picture_of(world, state)[0]))


def as_text(data: bytes) -> str:
    """Return bytes as base64 text, the only form that passes through a server function."""
    return base64.b64encode(data).decode("ascii")


async def answer(work: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """Return what ``work`` returns, or ``{"error": sentence}`` in the artist's words."""
    try:
        return await work()
    except Exception as error:  # the boundary: explain() logs what nobody foresaw
        return {"error": explain(error)}


def make_frame(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``frame`` of an engine.

    It takes a picture's state (see ``state.read_state``) with a number ``seq`` and answers
    ``{"seq": seq, "webp": base64, "ms": spent here}``, or ``{"seq": seq, "error": sentence}``.
    The page subtracts ``ms`` from the round trip to know how far away the server is.
    """

    async def frame(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            begun = time.perf_counter()
            state = read_state(data, engine.ranges)
            webp = as_text(await engine.draw(draw_frame, state))
            return {"webp": webp, "ms": round(1000 * (time.perf_counter() - begun), 1)}

        seq = data.get("seq") if isinstance(data, Mapping) else None
        return {"seq": seq if isinstance(seq, int) else None, **await answer(work)}

    return frame

"""Saving: a PNG with true alpha at 1×, 2× or 4×, without fringes on any ground."""

from __future__ import annotations

import io
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.engine import Engine, picture_of
from vae.ui.frames import answer, as_text
from vae.ui.state import PictureState, read_state
from vae.ui.words import PANELS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from vae.infer import World

FACTORS = (1, 2, 4)
_HALF_STEP = 0.5 / 255  # below this, alpha rounds to nothing and the colour is unknowable


def to_rgba(picture: Tensor) -> NDArray[np.float32]:
    """Return one (C, H, W) picture in [0, 1] as straight RGBA, (H, W, 4) float32."""
    import numpy as np

    values = picture.detach().float().cpu().numpy()
    color = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, axis=0)
    alpha = values[3:4] if len(values) == 4 else np.ones_like(values[:1])
    return np.clip(np.concatenate([color, alpha]), 0, 1).transpose(1, 2, 0).astype(np.float32)


def upscale(rgba: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Enlarge straight RGBA by Lanczos on premultiplied values.

    Filtering straight colours would pull the meaningless colour of clear pixels into the edge.
    The filter's overshoot is cut back to what a picture can be: alpha in [0, 1], colour in
    [0, alpha].

    Args:
        rgba: (H, W, 4) in [0, 1].
        factor: Whole number, at least 1.

    Returns:
        (factor·H, factor·W, 4) in [0, 1]; colour is 0 where alpha is.
    """
    import numpy as np
    from PIL import Image

    premultiplied = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)
    if factor > 1:
        size = (rgba.shape[1] * factor, rgba.shape[0] * factor)
        bands = [Image.fromarray(np.ascontiguousarray(b)) for b in premultiplied.transpose(2, 0, 1)]
        resized = [np.asarray(b.resize(size, Image.Resampling.LANCZOS)) for b in bands]
        premultiplied = np.stack(resized, axis=-1)
    alpha = np.clip(premultiplied[..., 3:], 0, 1)
    color = np.clip(premultiplied[..., :3], 0, alpha)
    straight = np.where(alpha >= _HALF_STEP, color / np.maximum(alpha, _HALF_STEP), 0)
    return np.concatenate([straight, alpha], axis=-1).astype(np.float32)


def to_png(rgba: NDArray[np.float32]) -> bytes:
    """Return straight (H, W, 4) RGBA in [0, 1] as an 8-bit PNG."""
    import numpy as np
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.rint(rgba * 255).astype(np.uint8)).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def read_factor(data: Any) -> int:
    """Return the asked enlargement.

    Raises:
        ConfigError: It is none of ``FACTORS``.
    """
    factor = data.get("factor") if isinstance(data, Mapping) else None
    if isinstance(factor, bool) or factor not in FACTORS:
        raise ConfigError(f"expected an enlargement of {FACTORS}")
    return int(factor)


def file_name(world_name: str, state: PictureState, factor: int) -> str:
    """Return a file name that says where the picture came from, safe on every system."""
    world = re.sub(r"[^A-Za-z0-9_-]+", "-", world_name).strip("-") or "world"
    start = "picture" if state.seed is None else str(state.seed)
    moved = "-moved" if state.moves else ""
    return f"{world}-{start}{moved}-{factor}x.png"


def draw_png(world: World, state: PictureState, factor: int) -> bytes:
    """Return the PNG of a state; runs on the drawing thread."""
    return to_png(upscale(to_rgba(picture_of(world, state)[0]), factor))


def make_save(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``save``: a state and a factor in, a PNG and its name out."""

    async def save(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state, factor = read_state(data, engine.ranges), read_factor(data)
            png = await engine.draw(draw_png, state, factor)
            return {"png": as_text(png), "name": file_name(engine.name, state, factor)}

        return await answer(work)

    return save


def download_panel() -> None:
    """Build the row of save buttons; the script in the page does the work."""
    import gradio as gr

    with gr.Row(elem_id="save", elem_classes="quiet-row"):
        gr.HTML(PANELS["save"], elem_classes="row-label")
        for factor in FACTORS:
            button = gr.Button(f"{factor}×", size="sm", elem_id=f"save-{factor}x", min_width=44)
            button.click(fn=None, js=f"() => vae43.save({factor})", queue=False)

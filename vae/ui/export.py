"""Saving in other forms: lossless WebP with alpha, and the palette of the picture."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.pixels import to_bytes, to_pixels, upscale
from vae.ui.download import FACTORS, file_name, read_factor, recipe_of
from vae.ui.drawing import picture_of
from vae.ui.engine import Engine
from vae.ui.frames import answer, as_text
from vae.ui.state import PictureState, read_state
from vae.ui.words import EXPORT

if TYPE_CHECKING:
    import numpy as np

    from vae.infer import World

PALETTES = ("gpl", "ase", "css", "png")
_TYPES = {
    "gpl": "text/plain",
    "ase": "application/octet-stream",
    "css": "text/css",
    "png": "image/png",
}


def draw_pixels(world: World, state: PictureState) -> np.ndarray:
    """Return the picture of a state as (H, W, 4) floats; runs on the drawing thread."""
    return to_pixels(picture_of(world, state))[0]


def write_webp(pixels: np.ndarray, factor: int, xmp: bytes | None = None) -> bytes:
    """Return an enlarged picture as a WebP that loses nothing, alpha included; with XMP in it."""
    from PIL import Image

    buffer = io.BytesIO()  # quality means effort here, not fidelity
    image = Image.fromarray(to_bytes(upscale(pixels, factor)))
    image.save(buffer, "WEBP", lossless=True, quality=70, method=3, xmp=xmp or b"")
    return buffer.getvalue()


def write_palette(pixels: np.ndarray, name: str, kind: str) -> bytes:
    """Return the palette of a picture as the bytes of a file; see ``vae.palette``."""
    from vae.palette import encode_palette, find_palette

    return encode_palette(find_palette(pixels), name, kind)


def read_palette_kind(data: Mapping[str, Any]) -> str:
    """Return the asked form of a palette.

    Raises:
        ConfigError: It is none of ``PALETTES``.
    """
    kind = data.get("palette")
    if not isinstance(kind, str) or kind not in PALETTES:
        raise ConfigError(f"expected a palette as one of {PALETTES}")
    return kind


def make_export(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``export``: a state in, a file, its type and its name out.

    The request is a picture's state with ``"palette"`` (one of ``PALETTES``), or with
    ``"factor"`` for a WebP. Drawing is done where pictures are drawn, and the slower rest beside
    it, so that whoever drags does not wait.
    """

    async def export(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state = read_state(data, engine.ranges)
            if "palette" in data:
                kind = read_palette_kind(data)
                name = file_name(engine.name, state, 1).removesuffix("-1x.png")
                pixels = await engine.draw(draw_pixels, state)
                file = await engine.read(write_palette, pixels, name, kind)
                return _file(file, _TYPES[kind], f"{name}-palette.{kind}")
            factor = read_factor(data)
            name = file_name(engine.name, state, factor).removesuffix(".png")
            pixels = await engine.draw(draw_pixels, state)
            recipe = recipe_of(engine, data, factor)
            xmp = recipe.as_xmp() if recipe else None
            file = await engine.read(write_webp, pixels, factor, xmp)
            return _file(file, "image/webp", f"{name}.webp")

        return await answer(work)

    return export


def _file(data: bytes, kind: str, name: str) -> dict[str, Any]:
    return {"file": as_text(data), "type": kind, "name": name}


def export_menu() -> str:
    """Return the menu of the other forms, folded under a small button; the script does the work."""
    webps = "".join(
        _choice("factor", str(factor), f"{factor}×", EXPORT["webp_at"].format(factor=factor))
        for factor in FACTORS
    )
    palettes = "".join(
        _choice("palette", kind, f".{kind}", EXPORT[f"palette_{kind}"]) for kind in PALETTES
    )
    return (
        f'<details class="export"><summary title="{escape(EXPORT["more"])}" '
        f'aria-label="{escape(EXPORT["more"])}">⋯</summary><div class="choices">'
        f"{_group('webp', webps)}{_group('palette', palettes)}</div></details>"
    )


def _group(name: str, choices: str) -> str:
    return (
        f'<div role="group" aria-labelledby="export-{name}">'
        f'<p id="export-{name}">{escape(EXPORT[name])} <em>{escape(EXPORT[f"{name}_note"])}</em>'
        f"</p><div>{choices}</div></div>"
    )


def _choice(field: str, value: str, text: str, label: str) -> str:
    return (
        f'<button type="button" data-{field}="{value}" title="{escape(label)}" '
        f'aria-label="{escape(label)}">{escape(text)}</button>'
    )

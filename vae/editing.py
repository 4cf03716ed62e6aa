"""A picture of any size, changed by a world: its own pixels stay, and all of them are there.

The world sees the picture small (`vae.placement`) and draws its idea of it before and after the
change. The difference is laid on the small picture (`vae.change`), carried on where the picture
goes on beyond the world's square (`vae.border_change`), and what that changed is carried over to
the large one (`vae.local_change`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vae.border_change import BorderChange
from vae.change import Change, find_change
from vae.local_change import LocalChange
from vae.pixels import to_bytes, to_pixels
from vae.placement import Box, Placement, as_input, fit

if TYPE_CHECKING:
    from vae.infer import World

KINDS = ("png", "webp", "jpg")
MOST = 24_000_000  # pixels of a whole picture that is enlarged: of a long one it may be many
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_STRIPE = 400_000  # pixels that are changed at once
_QUALITY = 95  # of what came as a lossy file
_EFFORT = 3  # of zlib, of 9: a large PNG in a third of the time, hardly larger


@torch.inference_mode()
def edit(
    world: World,
    pixels: np.ndarray,
    moves: Mapping[str, float],
    *,
    reference: Tensor | None = None,
    texture: float = 1.0,
    palette: float = 1.0,
    alpha: float = 1.0,
) -> np.ndarray:
    """Return a picture moved along a world's sliders, with its own detail.

    Args:
        world: What changes it.
        pixels: The picture, (H, W, 4) straight sRGB bytes, as `vae.data.read_picture` gives them.
        moves: Slider → place, in standard deviations.
        reference: A picture (1, C, S, S) of the world's size whose look is borrowed first.
        texture: Share of its texture that is borrowed, 0 to 1.
        palette: Share of its palette.
        alpha: Share of its transparency.

    Returns:
        (H, W, 4) straight bytes; larger where a cut-out has grown beyond its file. A world without
        transparency sees the square in the middle alone; what goes on beyond changes as the
        square does at its borders.

    Raises:
        ConfigError: There is no such slider, or a share is none.
        ImageError: Nothing in the picture is visible.
    """
    picture = fit(pixels, world.image_size, world.channels).to(world.device)
    latents = world.encode(picture)
    grain = world.grain_of(picture, latents)
    moved = latents
    if reference is not None:
        moved = world.borrow(latents, reference.to(picture), texture, palette, alpha)
    moved = world.move(moved, moves)
    before, after = (world.decode(which, grain=grain) for which in (latents, moved))
    return enlarge(find_change(picture, before, after), pixels, None)


def enlarge(change: Change, pixels: np.ndarray, factor: int | None) -> np.ndarray:
    """Lay a change on the picture itself.

    Args:
        change: What is laid on it, of the world's square.
        pixels: The picture, (H, W, 4) straight RGBA bytes.
        factor: Enlargement of the square; None for the picture's own size.

    Returns:
        (H', W', 4) straight RGBA bytes: of the picture as it came, larger where a cut-out has grown
        beyond it; or of the square enlarged. Where a picture goes on beyond the square, in a world
        without transparency, it is always the whole picture, enlarged as the square is, up to
        `MOST` pixels.

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    channels, size = change.moved.shape[1], change.moved.shape[-1]
    placement = Placement.of(pixels, size, channels)
    if placement.goes_on(pixels):
        return _enlarge_whole(change, pixels, factor, placement)
    local = LocalChange.of(change)
    if factor is not None:
        square = np.asarray(placement.enlarged(factor).show(pixels))
        return _striped(local, square, _WHOLE)
    height, width = pixels.shape[:2]
    return _striped(local, pixels, placement.box_of((0, 0, width, height)), grows=True)


def _enlarge_whole(
    change: Change, pixels: np.ndarray, factor: int | None, placement: Placement
) -> np.ndarray:
    """Lay a change on a picture that goes on beyond the square, on all of it; see `enlarge`."""
    (height, width), square = pixels.shape[:2], change.moved
    small, box = placement.surroundings(pixels)
    whole = as_input(small, square.shape[1]).to(square)
    left, top = (whole.shape[-1] - placement.size) // 2, (whole.shape[-2] - placement.size) // 2
    whole[..., top : top + placement.size, left : left + placement.size] = square
    border = BorderChange.fit(square, change.changed, across=width > height)
    local = LocalChange.fit(whole, border.extend(whole, change.changed))
    if factor is not None:
        scale = min(factor / placement.scale, (MOST / (width * height)) ** 0.5)
        sides = max(1, round(width * scale)), max(1, round(height * scale))
        image = Image.fromarray(pixels).resize(sides, Image.Resampling.LANCZOS, reducing_gap=3.0)
        pixels = np.asarray(image)
    return _striped(local, pixels, box)


def _striped(
    change: LocalChange, pixels: np.ndarray, box: Box, *, grows: bool = False
) -> np.ndarray:
    """Lay a change on a picture, so many rows at a time that a large one fills no memory.

    A cut-out that grows beyond its file makes that larger.
    """
    height, width = pixels.shape[:2]
    frame = (0, 0, width, height)
    if change.warp and grows:
        frame = change.warp.frame(pixels, box)
    left, top, right, bottom = frame

    def on_square(x: int, y: int) -> tuple[float, float]:
        return (
            box[0] + (box[2] - box[0]) * x / width,
            box[1] + (box[3] - box[1]) * y / height,
        )

    found = np.empty((bottom - top, right - left, 4), dtype=np.uint8)
    rows = max(1, _STRIPE // (right - left))
    with torch.inference_mode():
        for start in range(top, bottom, rows):
            end = min(start + rows, bottom)
            if change.warp:
                picture = change.warp.draw(pixels, box, (left, start, right, end))
            else:
                part = Image.fromarray(pixels[start:end])
                picture = as_input(part, change.maps.shape[1]).to(change.maps)
            changed = change.lay_on(picture, (*on_square(left, start), *on_square(right, end)))
            found[start - top : end - top] = to_bytes(to_pixels(changed)[0])
    return found


def encode_as(pixels: np.ndarray, kind: str) -> tuple[bytes, str]:
    """Return a picture (H, W, 4) in bytes as a file of the kind it came as, and that kind.

    ``"jpg"`` stays one where nothing is transparent, else it becomes a ``"png"``.
    """
    image, buffer = Image.fromarray(pixels), io.BytesIO()
    if kind == "jpg" and pixels[..., 3].min() == 255:
        image.convert("RGB").save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        return buffer.getvalue(), kind
    if kind == "webp":
        image.save(buffer, "WEBP", quality=_QUALITY, method=4)
        return buffer.getvalue(), kind
    image.save(buffer, "PNG", compress_level=_EFFORT)
    return buffer.getvalue(), "png"

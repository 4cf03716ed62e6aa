"""Latents → pictures → files: frames, sheets, filmstrips and loops, with alpha all the way.

PyTorch is imported when a picture is first drawn, so that a page can show before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vae.errors import ConfigError
from vae.pixels import (
    encode_animation,
    encode_image,
    lay_on,
    to_bytes,
    to_floats,
    to_pixels,
    upscale,
)
from vae.utils import write_atomic

if TYPE_CHECKING:
    from torch import Tensor

    from vae.infer import Latents, World

DECODE_AT_ONCE = 32


class Renderer:
    """Draws with one world.

    Args:
        world: What `vae.infer.get_infer_model` returns.
    """

    def __init__(self, world: World):
        self.world = world

    def pictures(self, latents: Latents) -> np.ndarray:
        """Return all pictures, (N, H, W, 4) straight float32 in [0, 1]."""
        import torch

        parts = []
        with torch.inference_mode():
            for start in range(0, len(latents.z), DECODE_AT_ONCE):
                some = slice(start, start + DECODE_AT_ONCE)
                chunk = latents._replace(z=latents.z[some], key=latents.key[some])
                parts.append(to_pixels(self.world.decode(chunk)))
        return np.concatenate(parts)

    def frame(self, latents: Latents) -> np.ndarray:
        """Return the first picture, (H, W, 4) straight uint8: what is shown and saved."""
        first = latents._replace(z=latents.z[:1], key=latents.key[:1])
        return to_bytes(self.pictures(first)[0])

    def grid(
        self,
        latents: Latents,
        *,
        columns: int | None = None,
        gap: int = 4,
        background: str | None = "checker",
    ) -> np.ndarray:
        """Return one sheet of all pictures, row by row, as near to a square as N allows.

        Args:
            latents: N of them.
            columns: Pictures in a row.
            gap: Pixels around every picture.
            background: "checker", a colour by name or ``#rrggbb``, or None for clear.
        """
        pictures = self.pictures(latents)
        per_row = columns or int(np.ceil(np.sqrt(len(pictures))))
        return to_bytes(lay_on(_sheet(pictures, per_row, gap), background))

    def filmstrip(
        self,
        latents: Latents,
        slider: str,
        *,
        count: int = 9,
        gap: int = 4,
        background: str | None = "checker",
    ) -> np.ndarray:
        """Return a strip a picture: `count` steps from the low to the high end of one slider.

        Raises:
            ConfigError: The world has no such slider.
        """
        import torch

        table = {one.name: one for one in self.world.sliders}
        if slider not in table:
            raise ConfigError(
                f"expected a slider of {self.world.name}, found {slider!r}; it has "
                f"{', '.join(table)}"
            )
        places = np.linspace(table[slider].low, table[slider].high, count)
        steps = [self.world.move(latents, {slider: float(place)}) for place in places]
        along = steps[0]._replace(
            z=torch.stack([step.z for step in steps], 1).flatten(0, 1),
            key=torch.stack([step.key for step in steps], 1).flatten(0, 1),
        )
        return self.grid(along, columns=count, gap=gap, background=background)

    def loop(self, latents: Latents, *, frames_between: int = 12) -> list[np.ndarray]:
        """Return the frames, uint8, of a closed smooth walk through K latents.

        The walk passes through every latent and is straight back at the first after
        K × `frames_between` frames, without a jolt at the seam.
        """
        walk = latents._replace(
            z=closed_path(latents.z, frames_between), key=closed_path(latents.key, frames_between)
        )
        return [to_bytes(picture) for picture in self.pictures(walk)]

    def save(
        self,
        pixels: np.ndarray,
        path: str | os.PathLike[str],
        *,
        scale: int = 1,
        text: Mapping[str, str] | None = None,
    ) -> Path:
        """Write a frame or a sheet; see :func:`save_picture`."""
        return save_picture(path, pixels, scale=scale, text=text)

    def save_loop(
        self,
        path: str | os.PathLike[str],
        latents: Latents,
        *,
        frames_between: int = 12,
        frames_per_second: float = 12.0,
        scale: int = 1,
    ) -> Path:
        """Write a loop that repeats for ever: ``.webp``, ``.png`` (APNG) or ``.gif``.

        WebP and PNG keep soft alpha; a GIF pixel is clear or opaque.
        """
        suffix = Path(path).suffix.lower().removeprefix(".")
        frames = self.loop(latents, frames_between=frames_between)
        large = [to_bytes(upscale(to_floats(frame), scale)) for frame in frames]
        data = encode_animation(large, format=suffix, frames_per_second=frames_per_second)
        return write_atomic(path, data)


def closed_path(points: Tensor, steps: int) -> Tensor:
    """Return (K·steps, D): a closed Catmull–Rom spline through `points` (K, D).

    Interpolates in the world's own latent space, where the fitted density lives; latents are not
    on a sphere, so there is no great circle to follow. Catmull & Rom (1974), tension 1/2.
    """
    import torch

    t = torch.linspace(0, 1, steps + 1, dtype=points.dtype, device=points.device)[:-1, None]
    weights = (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (-(t**2) + t**3) / 2,
    )  # each (steps, 1), for the points before, at, after, and after that
    around = (points.roll(shift, 0)[:, None] for shift in (1, 0, -1, -2))  # (K, 1, D)
    return sum(w * p for w, p in zip(weights, around, strict=True)).flatten(0, 1)  # type: ignore[union-attr]


def save_picture(
    path: str | os.PathLike[str],
    pixels: np.ndarray,
    *,
    scale: int = 1,
    text: Mapping[str, str] | None = None,
) -> Path:
    """Write pixels as ``.png`` (lossless) or ``.webp``, whole or not at all.

    Args:
        path: The file; the suffix chooses the format.
        pixels: (H, W, 4) straight.
        scale: Enlargement, 1 to 4.
        text: Words to keep in a PNG, such as how it was made.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    return write_atomic(path, encode_image(pixels, format=suffix, scale=scale, text=text))


def _sheet(pictures: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """Return pictures (N, H, W, 4) on one clear sheet, `gap` pixels around each."""
    n, height, width, _ = pictures.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (height + gap) + gap, columns * (width + gap) + gap, 4), np.float32)
    for index, picture in enumerate(pictures):
        top = gap + index // columns * (height + gap)
        left = gap + index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet

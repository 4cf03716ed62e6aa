"""How far saved pictures, laid on white and black, are from the model's own output laid there.

A straight composite of the output needs no alpha any more; enlarged by the same filter it is what
an export should look like. ``python -m vae.evaluation.fringe`` prints the distance.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vae.config import whole
from vae.evaluation.exit_status import in_one_line

SCALES = (1, 2, 3, 4)
GROUNDS = {"white": 1.0, "black": 0.0}
_RIM = (0.02, 0.98)  # alpha of an edge, where a fringe would be


@dataclass(frozen=True, kw_only=True)
class Fringe:
    """Mean absolute differences of one export, in units of 1/255.

    Attributes:
        ground: ``"white"`` or ``"black"``.
        scale: The enlargement.
        mean: Over the whole picture.
        rim: Over the half-transparent edge alone; 0 where there is none.
    """

    ground: str
    scale: int
    mean: float
    rim: float


def composite(rgba: np.ndarray, ground: float) -> np.ndarray:
    """Lay straight float RGBA (H, W, 4) on a grey: (H, W, 3)."""
    colour, alpha = rgba[..., :3].astype(np.float64), rgba[..., 3:].astype(np.float64)
    return colour * alpha + ground * (1 - alpha)


def enlarge(values: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge opaque float values (H, W, C) by Lanczos, clipped to [0, 1]."""
    size = (values.shape[1] * scale, values.shape[0] * scale)
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS))
        for plane in np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)
    ]
    return np.stack(planes, axis=-1).clip(0, 1)


def measure_fringe(
    pixels: np.ndarray, write: Callable[[np.ndarray, int], bytes], scale: int
) -> list[Fringe]:
    """Measure one export on every ground.

    Args:
        pixels: The model's output, (H, W, 4) straight floats in [0, 1].
        write: Returns the bytes of the file that an artist gets, from the pixels and the scale.
        scale: The enlargement.
    """
    with Image.open(io.BytesIO(write(pixels, scale))) as image:
        saved = np.asarray(image.convert("RGBA"), dtype=np.float64) / 255
    rim = (saved[..., 3] > _RIM[0]) & (saved[..., 3] < _RIM[1])
    found = []
    for name, ground in GROUNDS.items():
        wanted = enlarge(composite(pixels, ground), scale)
        error = 255 * np.abs(composite(saved, ground) - wanted).mean(axis=-1)
        at_rim = float(error[rim].mean()) if rim.any() else 0.0
        found.append(Fringe(ground=name, scale=scale, mean=float(error.mean()), rim=at_rim))
    return found


def write_png(pixels: np.ndarray, scale: int) -> bytes:
    """Return the PNG that the page saves."""
    from vae.pixels import encode_image

    return encode_image(pixels, "png", scale=scale)


def evaluate(options: argparse.Namespace) -> None:
    """Print the distances for samples of a world, and the largest of them.

    Raises:
        VAEError: There is no such world, or no number of samples that could be drawn.
    """
    import torch

    from vae.infer import get_infer_model
    from vae.pixels import to_pixels

    num = whole("--num", options.num, 1, 1024)
    world = get_infer_model(options.world)
    latents = world.sample(num, generator=torch.Generator().manual_seed(43))
    pictures = to_pixels(world.decode(latents))
    print("| ground | scale | mean ×1/255 | edge alone ×1/255 |\n|---|---|---|---|")
    means = []
    for scale in SCALES:
        rows = [measure_fringe(picture, write_png, scale) for picture in pictures]
        for column in zip(*rows, strict=True):
            mean, rim = (float(np.mean([getattr(f, n) for f in column])) for n in ("mean", "rim"))
            means.append(mean)
            print(f"| {column[0].ground} | {scale}× | {mean:.3f} | {rim:.3f} |")
    print(f"{options.num} samples of {options.world}; the largest mean is {max(means):.3f}/255")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--world", default="pomona", help="a name, a folder, or a hub id")
    parser.add_argument("--num", type=int, default=64, help="samples (%(default)s)")
    return in_one_line(lambda: evaluate(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())

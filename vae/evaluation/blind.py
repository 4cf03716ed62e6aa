"""A blind look: samples of a world and held-out pictures, mixed and numbered, for an eye to part.

    python -m vae.evaluation.blind --world W --data D --out sheet.png
    python -m vae.evaluation.blind --world W --data D --guess 3 7 8 12 …   # taken for samples

Half of the sheet is real. Looking at it first and asking for the answer afterwards is left to the
one who looks: with the same ``--seed`` both commands mix alike. A sheet holds pictures of the data,
so it is no picture to publish where the data may not be.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import binomtest

from vae.data import load_split
from vae.errors import ConfigError, DatasetError
from vae.evaluation.exit_status import in_one_line
from vae.infer import get_infer_model
from vae.pixels import encode_image, to_bytes, to_pixels
from vae.utils import write_atomic

NUM = 32
"""Pictures of either kind."""
COLUMNS, TILE, LABEL = 8, 128, 16


class Score(NamedTuple):
    """How well an eye parts samples from real pictures.

    Attributes:
        found: Samples taken for samples, as a share of them.
        wronged: Real pictures taken for samples, as a share of them.
        right: Share of all pictures told rightly; 0.5 by chance.
        chance: How likely a coin does as well or better (one-sided binomial test).
    """

    found: float
    wronged: float
    right: float
    chance: float


def mixture(num: int, seed: int) -> np.ndarray:
    """Return which of ``2 num`` places hold a sample, bool (2 num,): half of them."""
    return np.random.default_rng(seed).permutation(np.repeat([True, False], num))


def score(is_sample: np.ndarray, guessed: Collection[int]) -> Score:
    """Score a guess.

    Args:
        is_sample: Of :func:`mixture`.
        guessed: Numbers on the sheet, from 1, of what was taken for a sample.

    Raises:
        ConfigError: A number is not on the sheet.
    """
    if wrong := sorted(n for n in guessed if not 1 <= n <= len(is_sample)):
        raise ConfigError(f"the sheet has the numbers 1 to {len(is_sample)}, not {wrong[0]}")
    said = np.isin(np.arange(1, len(is_sample) + 1), list(guessed))
    right = int((said == is_sample).sum())
    chance = binomtest(right, len(is_sample), 0.5, alternative="greater").pvalue
    return Score(
        float(said[is_sample].mean()),
        float(said[~is_sample].mean()),
        right / len(is_sample),
        float(chance),
    )


def draw_sheet(pictures: np.ndarray) -> Image.Image:
    """Lay pictures (N, S, S, 4), straight floats in [0, 1], on white with a number above each."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE, rows * (TILE + LABEL)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(LABEL - 4)
    for number, pixels in enumerate(pictures):
        left, top = number % COLUMNS * TILE, number // COLUMNS * (TILE + LABEL)
        pen.text((left + 3, top + 1), str(number + 1), fill="black", font=font)
        tile = Image.fromarray(to_bytes(pixels)).resize((TILE, TILE))
        sheet.paste(tile, (left, top + LABEL), tile)
    return sheet


def pictures_of(world_name: str, data: Path, is_sample: np.ndarray, seed: int) -> np.ndarray:
    """Return samples and held-out pictures in the order of the sheet, (N, S, S, 4) floats.

    Raises:
        DatasetError: Fewer pictures are held out than a sheet takes.
    """
    world = get_infer_model(world_name)
    _, held_out = load_split(data, size=world.image_size, channels=world.channels)
    num = int(is_sample.sum())
    if len(held_out) < num:
        raise DatasetError(
            f"{len(held_out)} pictures are held out in {data}, and {num} are needed; "
            "ask for fewer with --num"
        )
    which = np.random.default_rng(seed + 1).choice(len(held_out), num, replace=False)
    real = held_out.select(sorted(which.tolist())).floats()
    samples = world.decode(world.sample(num, generator=torch.Generator().manual_seed(seed)))
    found = np.empty((2 * num, world.image_size, world.image_size, 4), np.float32)
    found[is_sample], found[~is_sample] = to_pixels(samples), to_pixels(real)
    return found


def run(options: argparse.Namespace) -> None:
    """Write the sheet, or score a guess, as asked."""
    if options.num < 1:
        raise ConfigError(f"--num must be at least 1, found {options.num}")
    is_sample = mixture(options.num, options.seed)
    if options.out is not None:
        pictures = pictures_of(options.world, options.data, is_sample, options.seed)
        write_atomic(options.out, encode_image(np.asarray(draw_sheet(pictures)), "png"))
        print(options.out)
    if options.guess is not None:
        told = score(is_sample, options.guess)
        print(
            f"samples found {told.found:.0%}, real pictures taken for samples {told.wronged:.0%}; "
            f"right {told.right:.0%} of {len(is_sample)} (chance 50%, p = {told.chance:.2g})"
        )
        print("samples were", *(np.flatnonzero(is_sample) + 1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a sheet or score a guess; an error is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation.blind", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--world", required=True, help="a name, a folder, or a hub id")
    parser.add_argument("--data", type=Path, required=True, help="folder it was trained on")
    parser.add_argument("--num", type=int, default=NUM, help="of either kind (%(default)s)")
    parser.add_argument("--seed", type=int, default=43, help="of the mixture and the samples")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--out", type=Path, help="PNG to write the sheet to")
    wanted.add_argument("--guess", type=int, nargs="*", help="numbers taken for samples")
    options = parser.parse_args(arguments)
    return in_one_line(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())

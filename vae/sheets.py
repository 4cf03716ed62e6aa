"""The same nine pictures and the same nine seeds, over and over: what training does, to the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vae.data import ImageSet
from vae.distributions import LatentDensity, Latents
from vae.finish import encode_set
from vae.model import IvAE
from vae.pixels import encode_image, shrink, to_bytes, to_pixels
from vae.utils import write_atomic

COLUMNS, TILE = 9, 64
FITTED = 64
"""Training pictures that the samples' density is fitted to: a sketch of the finished one."""


class Sheets:
    """Draws sheets of 9 × 3 tiles of 64 pixels, clear between the pictures.

    Rows: reconstructions, their originals, samples of always the same random numbers.

    Args:
        training: The run's own pictures.
        held_out: Shown first; training pictures fill up.
    """

    def __init__(self, training: ImageSet, held_out: ImageSet):
        shown = torch.cat((held_out.images[:COLUMNS], training.images[:COLUMNS]))[:COLUMNS]
        names = [*held_out.names[:COLUMNS], *training.names[:COLUMNS]][:COLUMNS]
        self.shown = ImageSet(shown, names)
        stride = max(1, len(training) // FITTED)
        self.fitted = training.select(range(0, len(training), stride)[:FITTED])
        self.originals = _tiles(self.shown.floats())

    @torch.no_grad()
    def draw(self, model: IvAE) -> np.ndarray:
        """Return a sheet, uint8 (192, 576, 4), of a model in evaluation mode."""
        device = next(model.parameters()).device
        split = (model.latent_dim, model.latent_key_dim)
        density = LatentDensity.fit(encode_set(model, self.fitted).cpu(), num_components=1)
        seeds = density.sample(COLUMNS, generator=torch.Generator().manual_seed(43))
        known = model.posterior(self.shown.floats().to(device)).mean.joined()
        both = torch.cat((known, seeds.to(device)))
        drawn = model.decode(Latents(*both.split(split, 1)), size=self.shown.size).clamp(0, 1)
        rows = (_tiles(drawn[: len(known)]), self.originals, _tiles(drawn[len(known) :]))
        sheet = np.zeros((3 * TILE, COLUMNS * TILE, 4), np.uint8)
        for row, tiles in enumerate(rows):
            for column, tile in enumerate(tiles):
                top, left = row * TILE, column * TILE
                sheet[top : top + TILE, left : left + TILE] = tile
        return sheet

    def write(self, model: IvAE, folder: Path, name: int | str) -> Path:
        """Draw a sheet and write it as ``NAME.webp``; its name is the step."""
        data = encode_image(self.draw(model))
        return write_atomic(folder / f"{name}.webp", data, sync=False)


def _tiles(images: torch.Tensor) -> np.ndarray:
    """Straight images (N, C, S, S) as uint8 tiles (N, 64, 64, 4).

    Small ones are enlarged by the largest whole number that fits, each pixel a crisp square, and
    stand in the middle with clear pixels around.
    """
    small = to_bytes(shrink(to_pixels(images), TILE))
    times = TILE // small.shape[1]
    crisp = small.repeat(times, axis=1).repeat(times, axis=2)
    before = (TILE - crisp.shape[1]) // 2
    rim = (before, TILE - crisp.shape[1] - before)
    return np.pad(crisp, ((0, 0), rim, rim, (0, 0)))

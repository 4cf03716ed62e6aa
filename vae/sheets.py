"""The same nine pictures and the same nine seeds, over and over: what training does, to the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vae.data import ImageSet
from vae.distributions import LatentDensity, Latents
from vae.finish import encode_set
from vae.ledger import LIVE
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
        self.sheet = np.zeros((3 * TILE, COLUMNS * TILE, 4), np.uint8)
        self._seeds: torch.Tensor | None = None  # the samples' latents, of the last whole sheet
        self._turn = 0

    @torch.no_grad()
    def draw(self, model: IvAE) -> np.ndarray:
        """Return a sheet, uint8 (192, 576, 4), of a model in evaluation mode."""
        device = next(model.parameters()).device
        split = (model.latent_dim, model.latent_key_dim)
        density = LatentDensity.fit(encode_set(model, self.fitted).cpu(), num_components=1)
        seeds = density.sample(COLUMNS, generator=torch.Generator().manual_seed(43)).to(device)
        known = model.posterior(self.shown.floats().to(device)).mean.joined()
        both = torch.cat((known, seeds))
        drawn = model.decode(Latents(*both.split(split, 1)), size=self.shown.size).clamp(0, 1)
        self._seeds = seeds
        for row, tiles in enumerate(
            (_tiles(drawn[: len(known)]), self.originals, _tiles(drawn[len(known) :]))
        ):
            for column, tile in enumerate(tiles):
                self._put(row, column, tile)
        return self.sheet.copy()

    @torch.no_grad()
    def draw_next(self, model: IvAE) -> np.ndarray:
        """Draw one tile of the last sheet anew, each in its turn, and return the sheet.

        A step's time would not suffice for all of them. Samples keep the latents of that sheet.
        """
        if self._seeds is None:
            return self.draw(model)
        row, column = (2, 0)[self._turn % 2], self._turn // 2 % COLUMNS
        self._turn += 1
        split = (model.latent_dim, model.latent_key_dim)
        if row:
            latents = Latents(*self._seeds[column : column + 1].split(split, 1))
        elif column < len(self.shown):
            picture = self.shown.select([column]).floats()
            latents = model.posterior(picture.to(self._seeds.device)).mean
        else:  # there are not nine
            return self.sheet
        drawn = model.decode(latents, size=self.shown.size).clamp(0, 1)
        self._put(row, column, _tiles(drawn)[0])
        return self.sheet

    def _put(self, row: int, column: int, tile: np.ndarray) -> None:
        top, left = row * TILE, column * TILE
        self.sheet[top : top + TILE, left : left + TILE] = tile

    def write(self, model: IvAE, folder: Path, name: int | str) -> Path:
        """Draw a sheet and write it as ``NAME.webp``; its name is the step."""
        return _write(self.draw(model), folder, name)

    def write_next(self, model: IvAE, folder: Path) -> Path:
        """Draw the next tile and write the sheet as ``live.webp``; see :meth:`draw_next`."""
        return _write(self.draw_next(model), folder, LIVE)


def _write(sheet: np.ndarray, folder: Path, name: int | str) -> Path:
    return write_atomic(folder / f"{name}.webp", encode_image(sheet), sync=False)


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

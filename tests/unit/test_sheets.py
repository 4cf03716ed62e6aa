"""Sheets: tiles of 64 pixels whatever the size of the world."""

import numpy as np
import pytest
import torch

from vae.sheets import TILE, _tiles


@pytest.mark.parametrize(("side", "times"), [(16, 4), (28, 2), (32, 2), (48, 1), (64, 1)])
def test_small_pictures_stand_in_the_middle_with_crisp_pixels(side, times):
    images = torch.rand(2, 4, side, side).mul(255).round() / 255
    images[:, 3] = 1.0
    tiles = _tiles(images)
    assert tiles.shape == (2, TILE, TILE, 4)
    rim = (TILE - times * side) // 2
    inner = tiles[:, rim : rim + times * side, rim : rim + times * side]
    for row in range(times):
        for column in range(times):
            seen = inner[:, row::times, column::times] / 255
            np.testing.assert_allclose(seen, images.permute(0, 2, 3, 1), atol=1e-6)
    assert tiles[..., 3].astype(bool).sum() == 2 * (times * side) ** 2  # clear around


def test_large_pictures_fill_their_tile():
    assert _tiles(torch.ones(1, 3, 128, 128)).min() == 255

"""Sheets: tiles of 64 pixels whatever the size of the world."""

import numpy as np
import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.sheets import COLUMNS, TILE, Sheets, _tiles


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


def test_a_sheet_is_drawn_anew_tile_by_tile():
    sheets = Sheets(image_set(12, 32, 4), image_set(4, 32, 4))
    torch.manual_seed(0)
    before, after = tiny_model().eval(), tiny_model().eval()
    first = sheets.draw_next(before).copy()  # the first is a whole one
    whole = Sheets(image_set(12, 32, 4), image_set(4, 32, 4)).draw(before)
    np.testing.assert_array_equal(first, whole)
    changed = []
    for _ in range(2 * COLUMNS):
        sheet = sheets.draw_next(after).copy()
        tiles = (sheet != first).reshape(3, TILE, COLUMNS, TILE, 4).any((1, 3, 4))
        changed.append(int(tiles.sum()))
        np.testing.assert_array_equal(sheet[TILE : 2 * TILE], whole[TILE : 2 * TILE])
    assert changed == list(range(1, 2 * COLUMNS + 1))
    drawn = sheets.draw(after)
    np.testing.assert_allclose(sheet[:TILE].astype(int), drawn[:TILE].astype(int), atol=1)

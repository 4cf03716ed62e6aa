import io

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_fruit
from vae.evaluation.fringe import SCALES, composite, main, measure_fringe, write_png
from vae.ui.export import write_webp


@pytest.mark.parametrize("write", [write_png, write_webp])
@pytest.mark.parametrize("scale", SCALES)
def test_exports_lie_on_white_and_black_as_the_output_itself_does(write, scale):
    for seed in range(3):
        pixels = draw_fruit(seed, 48).astype(np.float32) / 255
        for found in measure_fringe(pixels, write, scale):
            assert found.mean <= 1.0
            assert 0 < found.rim < 3.0


def naive(pixels, scale):
    """An export as it should not be: colour and alpha enlarged apart, clear pixels black."""
    values = np.rint(255 * np.where(pixels[..., 3:] > 0, pixels, 0)).astype(np.uint8)
    size = (scale * pixels.shape[1], scale * pixels.shape[0])
    planes = [Image.fromarray(p).resize(size, Image.Resampling.LANCZOS)
              for p in np.moveaxis(values, -1, 0)]  # fmt: skip
    buffer = io.BytesIO()
    Image.merge("RGBA", planes).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_measure_sees_a_fringe_where_there_is_one():
    pixels = np.zeros((32, 32, 4), np.float32)
    pixels[8:24, 8:24] = (0.9, 0.8, 0.2, 1.0)
    good = measure_fringe(pixels, write_png, 4)
    bad = measure_fringe(pixels, naive, 4)
    assert bad[0].rim > 5 * good[0].rim
    assert bad[0].mean > good[0].mean + 1


def test_a_composite_by_hand():
    pixels = np.array([[[0.5, 1.0, 0.0, 0.5]]])
    assert composite(pixels, 1.0).tolist() == [[[0.75, 1.0, 0.5]]]
    assert composite(pixels, 0.0).tolist() == [[[0.25, 0.5, 0.0]]]


def test_the_command_prints_the_largest(tiny_world, capsys):
    main(["--world", str(tiny_world), "--num", "2"])
    assert "/255" in capsys.readouterr().out.splitlines()[-1]

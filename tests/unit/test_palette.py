import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_fruit
from vae.errors import ConfigError, ImageError
from vae.palette import (
    MAX_COLORS,
    MIN_COLORS,
    Color,
    as_ase,
    as_css,
    as_gpl,
    as_png,
    encode_palette,
    find_palette,
)

COLORS = (
    Color(rgb=(255, 0, 128), share=0.5),
    Color(rgb=(0, 51, 102), share=0.375),
    Color(rgb=(1, 2, 3), share=0.125),
)
FLAGS = [(230, 40, 40), (40, 200, 60), (30, 60, 210), (240, 220, 40), (20, 20, 20), (250, 250, 250)]


def stripes(colors, widths, height=16, alpha=255):
    row = np.repeat(np.array(colors, np.uint8), widths, axis=0)
    pixels = np.repeat(row[None], height, axis=0)
    return np.concatenate([pixels, np.full_like(pixels[..., :1], alpha)], axis=2)


# ---------------------------------------------------------------- finding it


def test_flat_colours_are_found_exactly_and_by_share():
    palette = find_palette(stripes(FLAGS, [30, 24, 18, 12, 8, 4]))
    assert [c.rgb for c in palette] == FLAGS
    assert np.allclose([c.share for c in palette], np.array([30, 24, 18, 12, 8, 4]) / 96)


def test_a_pixel_weighs_what_it_covers_and_a_clear_one_nothing():
    pixels = stripes(FLAGS[:3], [32, 32, 32])
    pixels[:, 32:64, 3] = 51  # a fifth of an opaque pixel
    pixels[:, 64:, 3] = 0
    palette = find_palette(pixels)
    assert [c.rgb for c in palette] == FLAGS[:2]
    assert palette[0].share == pytest.approx(5 / 6)


def test_the_colour_beneath_clear_pixels_does_not_bleed_into_a_large_picture():
    pixels = np.zeros((400, 400, 4), np.uint8)
    pixels[..., :3] = (0, 255, 0)
    pixels[50:351, 50:351] = (200, 60, 20, 255)
    assert {c.rgb for c in find_palette(pixels)} == {(200, 60, 20)}


def test_a_painting_gives_five_to_eight_the_same_each_time():
    for seed in range(6):
        pixels = draw_fruit(seed)
        palette = find_palette(pixels)
        assert MIN_COLORS <= len(palette) <= MAX_COLORS
        assert [c.share for c in palette] == sorted((c.share for c in palette), reverse=True)
        assert sum(c.share for c in palette) == pytest.approx(1)
        assert palette == find_palette(pixels)
        assert palette == find_palette(pixels.astype(np.float32) / 255)


def test_hardly_distinct_colours_are_joined():
    near = [(100 + i, 100, 100) for i in range(8)]
    assert len(find_palette(stripes(near, [4] * 8))) == MIN_COLORS
    assert len(find_palette(stripes([*FLAGS, (230, 40, 230), (40, 200, 210)], [4] * 8))) == 8


def test_every_colour_of_a_palette_is_in_the_picture():
    pixels = draw_fruit(3)
    seen = pixels[pixels[..., 3] > 200][:, :3].astype(int)
    for color in find_palette(pixels):
        assert np.abs(seen - color.rgb).max(axis=1).min() <= 12


def test_a_clear_picture_has_no_palette():
    with pytest.raises(ImageError, match="transparent"):
        find_palette(np.zeros((16, 16, 4), np.uint8))


# ---------------------------------------------------------------- writing it


def read_ase(data):
    """Read Adobe Swatch Exchange by its published layout; shares nothing with the writer."""
    signature, major, minor, count = data[:4], data[4:6], data[6:8], data[8:12]
    assert (signature, major, minor) == (b"ASEF", b"\x00\x01", b"\x00\x00")
    at, group, colors = 12, None, []
    for _ in range(int.from_bytes(count, "big")):
        kind = int.from_bytes(data[at : at + 2], "big")
        length = int.from_bytes(data[at + 2 : at + 6], "big")
        body = data[at + 6 : at + 6 + length]
        assert len(body) == length
        at += 6 + length
        if kind == 0xC002:
            assert length == 0
            continue
        units = int.from_bytes(body[:2], "big")
        text = body[2 : 2 + 2 * units].decode("utf-16-be")
        assert text.endswith("\0")
        rest = body[2 + 2 * units :]
        if kind == 0xC001:
            group = text[:-1]
            assert rest == b""
        else:
            assert kind == 0x0001
            assert (rest[:4], len(rest)) == (b"RGB ", 18)
            colors.append((text[:-1], struct.unpack(">3f", rest[4:16])))
            assert rest[16:] == b"\x00\x00"
    assert at == len(data)
    return group, colors


def test_ase_is_read_back_by_another_reader():
    group, colors = read_ase(as_ase(COLORS, "Pomona × 43"))
    assert group == "Pomona × 43"
    assert [name for name, _ in colors] == ["#ff0080 50%", "#003366 38%", "#010203 12%"]
    for (_, values), color in zip(colors, COLORS, strict=True):
        assert np.rint(np.array(values) * 255).tolist() == list(color.rgb)


def test_ase_byte_for_byte():
    red = as_ase([Color(rgb=(255, 0, 0), share=1.0)], "a")
    assert red.hex(" ") == (
        "41 53 45 46 00 01 00 00 00 00 00 03 "  # ASEF 1.0, three blocks
        "c0 01 00 00 00 06 00 02 00 61 00 00 "  # group of six bytes: two units, "a"
        "00 01 00 00 00 2e 00 0d "  # a colour of 46 bytes, thirteen units of text
        "00 23 00 66 00 66 00 30 00 30 00 30 00 30 00 20 00 31 00 30 00 30 00 25 00 00 "
        "52 47 42 20 3f 80 00 00 00 00 00 00 00 00 00 00 00 00 "  # RGB, 1.0 0.0 0.0, global
        "c0 02 00 00 00 00"  # the group ends
    )


def test_gpl_is_a_gimp_palette():
    lines = as_gpl(COLORS, "two\nlines").decode().splitlines()
    assert lines[:4] == ["GIMP Palette", "Name: two lines", "Columns: 3", "#"]
    assert lines[4:] == ["255   0 128\t#ff0080 50%", "  0  51 102\t#003366 38%",
                         "  1   2   3\t#010203 12%"]  # fmt: skip


def test_css_declares_custom_properties():
    text = as_css(COLORS, "My World/é").decode()
    assert text.splitlines()[0] == ":root {"
    assert "  --my-world-1: #ff0080; /* 50% */" in text
    assert as_css(COLORS, "///").decode().count("--palette-") == 3


def test_the_swatch_shows_tiles_and_shares():
    image = np.asarray(Image.open(io.BytesIO(as_png(COLORS, "x"))))
    assert image.shape == (208, 480, 3)
    assert [tuple(image[80, x]) for x in (80, 240, 400)] == [c.rgb for c in COLORS]
    band = image[200]
    assert [(band == color.rgb).all(1).sum() for color in COLORS] == [240, 180, 60]


def test_formats_go_by_name():
    assert encode_palette(COLORS, "x", "gpl") == as_gpl(COLORS, "x")
    with pytest.raises(ConfigError, match="gpl, ase, css, png"):
        encode_palette(COLORS, "x", "aco")

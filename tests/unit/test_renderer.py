"""Pictures are drawn, laid out and saved as they are, alpha included."""

import io
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from vae.errors import ConfigError, ImageError
from vae.pixels import (
    encode_animation,
    lay_on,
    premultiply,
    to_bytes,
    to_floats,
    to_pixels,
    to_tensor,
    unpremultiply,
    upscale,
)
from vae.renderer import Renderer, closed_path, encode_image, save_picture

SIDE = 16


class Latents(NamedTuple):
    z: torch.Tensor
    key: torch.Tensor


class FlatWorld:
    """Every picture is one colour: red is z, alpha is the key."""

    name = "flat"
    sliders = (SimpleNamespace(name="alpha", low=-0.5, high=0.5),)

    def decode(self, latents: Latents) -> torch.Tensor:
        picture = torch.zeros(len(latents.z), 4, SIDE, SIDE)
        picture[:, 0] = latents.z[:, 0, None, None]
        picture[:, 3] = latents.key[:, 0, None, None]
        return picture

    def move(self, latents: Latents, by: dict[str, float]) -> Latents:
        return latents._replace(key=latents.key + by["alpha"])


def latents(*pairs: tuple[float, float]) -> Latents:
    table = torch.tensor(pairs)
    return Latents(table[:, :1], table[:, 1:])


@pytest.fixture
def renderer():
    return Renderer(FlatWorld())  # type: ignore[arg-type]


def soft_disk(side: int = 32) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    pixels = np.ones((side, side, 4), dtype=np.float32)
    pixels[..., :3] = (0.9, 0.5, 0.1)
    pixels[..., 3] = np.clip(side / 3 - np.hypot(x, y), 0, 1)
    pixels[pixels[..., 3] == 0, :3] = 0
    return pixels


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_frame_is_straight_eight_bit_rgba(renderer):
    frame = renderer.frame(latents((0.5, 0.25), (1, 1)))
    assert frame.shape == (SIDE, SIDE, 4)
    assert frame.dtype == np.uint8
    assert frame[3, 3].tolist() == [128, 0, 0, 64]


def test_many_pictures_are_decoded_in_parts_and_in_order(renderer):
    values = torch.linspace(0, 1, 70)
    pictures = renderer.pictures(Latents(values[:, None], torch.ones(70, 1)))
    np.testing.assert_allclose(pictures[:, 0, 0, 0], values)


@pytest.mark.parametrize(("channels", "expected"), [(1, [0.2] * 3), (3, [0.2, 0.4, 0.6])])
def test_grey_and_rgb_become_opaque_rgba(channels, expected):
    images = torch.tensor([0.2, 0.4, 0.6])[:channels].view(1, channels, 1, 1)
    np.testing.assert_allclose(to_pixels(images)[0, 0, 0], [*expected, 1.0])


def test_a_grid_places_pictures_row_by_row(renderer):
    sheet = renderer.grid(latents((0.2, 1), (0.4, 1), (0.6, 1)), gap=2, background=None)
    step = SIDE + 2
    assert sheet.shape == (2 * step + 2, 2 * step + 2, 4)
    assert sheet[5, 5].tolist() == [51, 0, 0, 255]
    assert sheet[5, 5 + step].tolist() == [102, 0, 0, 255]
    assert sheet[5 + step, 5].tolist() == [153, 0, 0, 255]
    assert sheet[5 + step, 5 + step].tolist() == [0, 0, 0, 0]
    assert sheet[0, 0, 3] == 0


def test_backgrounds_show_through_by_alpha(renderer):
    half = latents((1, 0.5))
    assert renderer.grid(half, gap=0, background="white")[0, 0].tolist() == [255, 128, 128, 255]
    assert renderer.grid(half, gap=0, background="#0000ff")[0, 0].tolist() == [128, 0, 128, 255]
    checker = renderer.grid(latents((0, 0)), gap=0, background="checker")
    assert len(np.unique(checker[..., 0])) == 2
    assert checker[..., 3].min() == 255
    with pytest.raises(ConfigError, match="'checker' or a colour"):
        renderer.grid(half, background="plaid")


def test_a_filmstrip_runs_from_the_low_to_the_high_end_for_each_picture(renderer):
    strip = renderer.filmstrip(
        latents((1, 0.5), (0, 0.5)), "alpha", count=3, gap=0, background=None
    )
    assert strip.shape == (2 * SIDE, 3 * SIDE, 4)
    assert strip[0, ::SIDE, 3].tolist() == [0, 128, 255]
    assert strip[::SIDE, -1, 0].tolist() == [255, 0]
    with pytest.raises(ConfigError, match="it has alpha"):
        renderer.filmstrip(latents((1, 1)), "warmth")


def test_a_closed_path_passes_through_every_point_and_closes_smoothly():
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    path = closed_path(points, 50)
    torch.testing.assert_close(path[::50], points)
    steps = path.roll(-1, 0) - path
    turns = (steps.roll(-1, 0) - steps).norm(dim=1)
    assert turns.max() < 0.2 * steps.norm(dim=1).mean()  # the seam is as smooth as the rest
    torch.testing.assert_close(closed_path(points[:1], 5), points[:1].expand(5, 2))


@pytest.mark.parametrize("suffix", ["webp", "png", "gif"])
def test_a_loop_is_saved_whole_in_every_format(renderer, tmp_path, suffix):
    ring = latents((0.2, 0.9), (0.5, 0.6), (0.8, 0.1))
    assert len(renderer.loop(ring, frames_between=4)) == 12
    path = renderer.save_loop(tmp_path / f"a.{suffix}", ring, frames_between=4, scale=2)
    with Image.open(path) as image:
        assert image.size == (2 * SIDE, 2 * SIDE)
        assert image.info["loop"] == 0
        milliseconds, alphas = 0.0, []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            milliseconds += image.info["duration"]
            alphas.append(int(np.asarray(image.convert("RGBA"))[0, 0, 3]))
    assert milliseconds == pytest.approx(1000, abs=45)  # equal frames may be one longer one
    if suffix != "gif":
        assert [alphas[0], alphas[4], alphas[8]] == pytest.approx([230, 153, 26], abs=2)


def test_a_gif_pixel_is_clear_or_opaque_at_half_alpha():
    disks = [soft_disk() * np.float32([1, 1, 1, fade]) for fade in (1.0, 0.6, 0.55)]
    image = opened(encode_animation(disks, format="gif"))
    for index, disk in enumerate(disks):
        image.seek(index)
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
        np.testing.assert_array_equal(alpha, np.where(to_bytes(disk)[..., 3] >= 128, 255, 0))


def test_png_keeps_every_pixel_and_its_words(tmp_path):
    pixels = to_bytes(soft_disk())
    path = save_picture(tmp_path / "new" / "disk.png", pixels, text={"made by": "seed 7 · ü"})
    with Image.open(path) as image:
        assert image.text["made by"] == "seed 7 · ü"
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_sheet_is_saved_as_it_was_drawn(renderer, tmp_path):
    sheet = renderer.grid(latents((0.2, 0.5), (0.4, 1)))
    with Image.open(renderer.save(sheet, tmp_path / "sheet.PNG")) as image:
        np.testing.assert_array_equal(np.asarray(image), sheet)


def test_webp_is_small_and_close():
    pixels = to_bytes(soft_disk(128))
    data = encode_image(pixels)
    image = opened(data)
    assert image.format == "WEBP"
    assert len(data) < 8000
    found = premultiply(to_floats(np.asarray(image.convert("RGBA"))))
    assert np.abs(found - premultiply(to_floats(pixels))).mean() < 0.02


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_enlarging_multiplies_the_size_and_keeps_the_colour_at_the_edge(scale):
    large = upscale(soft_disk(), scale)
    assert large.shape == (32 * scale, 32 * scale, 4)
    assert opened(encode_image(soft_disk(), "png", scale)).size == (32 * scale, 32 * scale)
    solid = large[..., 3] > 0.1
    np.testing.assert_allclose(large[solid][:, :3], [[0.9, 0.5, 0.1]] * solid.sum(), atol=0.02)
    assert large.min() >= 0
    assert large.max() <= 1


@pytest.mark.parametrize("scale", [0, 5, 1.5])
def test_other_scales_are_refused(scale):
    with pytest.raises(ImageError, match="scale of 1 to 4"):
        encode_image(soft_disk(), "png", scale)


def test_other_formats_are_refused():
    with pytest.raises(ImageError, match="webp or png"):
        encode_image(soft_disk(), "bmp")
    with pytest.raises(ImageError, match="webp, png or gif"):
        encode_animation([soft_disk()], format="mp4")


def test_conversions_are_each_others_inverse():
    pixels = soft_disk()
    np.testing.assert_allclose(unpremultiply(premultiply(pixels)), pixels, atol=1e-6)
    np.testing.assert_array_equal(to_bytes(to_floats(to_bytes(pixels))), to_bytes(pixels))
    np.testing.assert_allclose(to_pixels(to_tensor(pixels))[0], pixels)
    picture = Image.fromarray(to_bytes(pixels))
    np.testing.assert_array_equal(to_bytes(to_pixels(to_tensor(picture))[0]), to_bytes(pixels))


def test_laying_on_nothing_changes_nothing():
    pixels = soft_disk()
    assert lay_on(pixels, None) is pixels

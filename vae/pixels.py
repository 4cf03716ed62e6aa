"""Pictures between tensors, arrays and files: one function owns each conversion.

`to_pixels` (tensor → array), `to_tensor` (picture → tensor), `to_rgba` (any picture → sRGB),
`to_bytes` and `to_floats` (8 bits and back), `premultiply` and `unpremultiply`, `upscale`, `lay_on`
(a background), `encode_image` and `encode_animation` (array → file). An array of pixels is
(H, W, 4) straight RGBA: float32 in [0, 1], or uint8.

PyTorch is imported only where a tensor is made, so that a page can show before.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageColor, PngImagePlugin

from vae.errors import ConfigError, ImageError

if TYPE_CHECKING:
    from torch import Tensor

WEBP_QUALITY = 80
MAX_SCALE = 4
CHECKER_SQUARE = 8  # pixels
CHECKER_GREYS = (0.8, 0.92)
_AREA = Image.Resampling.BOX
_CLEAR = 0.5 / 255  # an alpha that rounds to nothing: its colour is unknowable


def to_pixels(images: Tensor) -> np.ndarray:
    """Return straight images (N, C, H, W) in [0, 1] as (N, H, W, 4) float32; C in 1, 3, 4."""
    values = images.detach().float().cpu().numpy()
    channels = values.shape[1]
    colour = values[:, :3] if channels >= 3 else np.repeat(values[:, :1], 3, axis=1)
    alpha = values[:, 3:4] if channels == 4 else np.ones_like(values[:, :1])
    pixels = np.concatenate([colour, alpha], axis=1).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels.clip(0.0, 1.0))


def to_tensor(picture: Image.Image | np.ndarray) -> Tensor:
    """Return a picture (any PIL image, or pixels) as a straight (1, 4, H, W) tensor in [0, 1]."""
    import torch

    array = np.asarray(picture.convert("RGBA")) if isinstance(picture, Image.Image) else picture
    return torch.from_numpy(to_floats(array).transpose(2, 0, 1)[None].copy())


def to_rgba(image: Image.Image) -> Image.Image:
    """Return any picture as straight RGBA in sRGB; a damaged colour profile is no profile."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):  # convert() would clip 16-bit grey to white
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    if isinstance(profile, bytes) and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        with contextlib.suppress(Exception):  # what little CMS makes of foreign bytes
            image = _in_srgb(image, profile)
    return image.convert("RGBA")


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    colour = image.convert("RGB") if image.mode == "RGBA" else image
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(colour, source, target, outputMode="RGB")
    assert converted is not None  # it is, where the picture is not changed in place
    if image.mode == "RGBA":
        converted.putalpha(image.getchannel("A"))
    return converted


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Return pixels in 8 bits, rounded; those that are so already as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(pixels.clip(0.0, 1.0) * 255.0).astype(np.uint8)


def to_floats(pixels: np.ndarray) -> np.ndarray:
    """Return pixels as float32 in [0, 1]."""
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / np.float32(255.0)
    return pixels.astype(np.float32)


def premultiply(pixels: np.ndarray) -> np.ndarray:
    """Return straight float pixels (…, 4) with colour times alpha."""
    return np.concatenate([pixels[..., :3] * pixels[..., 3:], pixels[..., 3:]], axis=-1)


def unpremultiply(pixels: np.ndarray) -> np.ndarray:
    """Return premultiplied float pixels (…, 4) as straight ones; black where all is clear."""
    alpha = pixels[..., 3:]
    colour = np.where(alpha > _CLEAR, pixels[..., :3] / np.maximum(alpha, _CLEAR), 0.0)
    return np.concatenate([colour.clip(0.0, 1.0), alpha], axis=-1).astype(np.float32)


def upscale(pixels: np.ndarray, scale: int) -> np.ndarray:
    """Return straight float pixels enlarged by a Lanczos filter, free of fringes.

    The filter runs on premultiplied values, as the colour of a clear pixel means nothing. Colour
    is divided by alpha before the overshoot of either is cut off: the other way round, a bright
    rim appears just inside every edge.

    Raises:
        ImageError: The scale is not 1 to 4.
    """
    if scale not in range(1, MAX_SCALE + 1):
        raise ImageError(f"expected a scale of 1 to {MAX_SCALE}, found {scale!r}")
    if scale == 1:
        return pixels
    size = (pixels.shape[1] * scale, pixels.shape[0] * scale)
    planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(premultiply(pixels), -1, 0)]
    large = [Image.fromarray(plane).resize(size, Image.Resampling.LANCZOS) for plane in planes]
    stack = np.stack([np.asarray(plane) for plane in large], axis=-1)
    return unpremultiply(stack).clip(0.0, 1.0)


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return straight float pixels (N, H, W, 4) as small ones (N, side, side, 4).

    Each small pixel is the mean of the area it covers, of premultiplied values. Pictures that are
    small already stay as they are.
    """
    if max(pixels.shape[1:3]) <= side:
        return pixels
    planes = np.moveaxis(premultiply(pixels), -1, 1).reshape(-1, *pixels.shape[1:3])
    small = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((side, side), _AREA))
        for plane in planes
    ]
    stack = np.stack(small).reshape(len(pixels), 4, side, side)
    return unpremultiply(np.moveaxis(stack, 1, -1))


def lay_on(pixels: np.ndarray, background: str | None) -> np.ndarray:
    """Return straight float pixels laid on "checker" or a colour; None leaves them clear.

    Raises:
        ConfigError: It is no colour.
    """
    if background is None:
        return pixels
    alpha = pixels[..., 3:]
    colour = pixels[..., :3] * alpha + _paper(background, *pixels.shape[:2]) * (1.0 - alpha)
    return np.concatenate([colour, np.ones_like(alpha)], axis=-1)


def _paper(background: str, height: int, width: int) -> np.ndarray:
    """Return a background that broadcasts to (H, W, 3) floats."""
    if background == "checker":
        row, column = np.ogrid[:height, :width]
        light = (row // CHECKER_SQUARE + column // CHECKER_SQUARE) % 2 == 0
        return np.where(light, CHECKER_GREYS[1], CHECKER_GREYS[0])[..., None].astype(np.float32)
    try:
        return np.array(ImageColor.getrgb(background)[:3], dtype=np.float32) / 255.0
    except ValueError as error:
        raise ConfigError(
            f"expected 'checker' or a colour such as 'white' or '#30405f', found {background!r}"
        ) from error


def encode_image(
    pixels: np.ndarray,
    format: str = "webp",  # noqa: A002  # the word everybody uses
    scale: int = 1,
    text: Mapping[str, str] | None = None,
    quality: int = WEBP_QUALITY,
) -> bytes:
    """Return pixels as the bytes of a file: fast lossy "webp" for frames, "png" to keep.

    ``quality`` is of WebP alone, 0 to 100.

    Raises:
        ImageError: The format or the scale is not known.
    """
    if scale != 1:
        pixels = upscale(to_floats(pixels), scale)
    image, buffer = Image.fromarray(to_bytes(pixels)), io.BytesIO()
    if format == "webp":
        image.save(buffer, "WEBP", quality=quality, method=0)
    elif format == "png":
        words = PngImagePlugin.PngInfo()
        for key, value in (text or {}).items():
            words.add_itxt(key, value)
        image.save(buffer, "PNG", pnginfo=words)
    else:
        raise ImageError(f"expected the format webp or png, found {format!r}")
    return buffer.getvalue()


def encode_animation(
    frames: Sequence[np.ndarray],
    *,
    format: str = "webp",  # noqa: A002
    frames_per_second: float = 12.0,
) -> bytes:
    """Return frames (H, W, 4) as the bytes of an endless "webp", "png" or "gif".

    Raises:
        ImageError: The format is not known.
    """
    settings: dict[str, dict[str, object]] = {
        "webp": {"quality": WEBP_QUALITY, "method": 2},
        "png": {
            "disposal": PngImagePlugin.Disposal.OP_BACKGROUND,
            "blend": PngImagePlugin.Blend.OP_SOURCE,
        },
        "gif": {"disposal": 2},
    }
    if format not in settings:
        raise ImageError(f"expected the format webp, png or gif, found {format!r}")
    arrays = [to_bytes(frame).copy() for frame in frames]
    if format == "gif":
        for array in arrays:
            array[..., 3] = np.where(array[..., 3] >= 128, 255, 0)
    first, *rest = [Image.fromarray(array) for array in arrays]
    buffer = io.BytesIO()
    first.save(
        buffer,
        format.upper(),
        save_all=True,
        append_images=rest,
        duration=round(1000 / frames_per_second),
        loop=0,
        **settings[format],
    )
    return buffer.getvalue()

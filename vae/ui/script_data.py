"""What scripts send and get: checks of everything that comes in, and the jobs that answer it.

Pictures travel as base64 text, latents as ``{"z": rows, "key": rows}``. See ``vae.ui.api``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError, ImageError
from vae.pixels import encode_image, to_pixels, to_tensor
from vae.placement import fit
from vae.ui.drawing import latents_of
from vae.ui.security import open_picture
from vae.ui.state import PictureState, read_state
from vae.ui.surface import grain_of, without_grain

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vae.infer import Latents, World

MAX_PICTURES = 16
_LARGEST_SIDE = 512  # pixels; a picture is looked at on no more
_DIGITS = 5

Rows = list[list[float]]


# ---------------------------------------------------------------- what comes in


def read_pictures(pictures: Any) -> list[np.ndarray]:
    """Return pictures sent as base64 text, as (H, W, 4) straight RGBA bytes each.

    Raises:
        ConfigError: They are not 1 to ``MAX_PICTURES`` texts.
        ImageError: One of them is no picture.
    """
    if isinstance(pictures, str):
        pictures = [pictures]
    if not isinstance(pictures, Sequence) or not 1 <= len(pictures) <= MAX_PICTURES:
        raise ConfigError(f"expected a list of 1 to {MAX_PICTURES} pictures as base64 text")
    return [_small(open_picture(_bytes_of(picture))) for picture in pictures]


def _small(pixels: np.ndarray) -> np.ndarray:
    """Return a picture no larger than is looked at: many large ones would fill the memory."""
    import numpy as np
    from PIL import Image

    if max(pixels.shape[:2]) <= _LARGEST_SIDE:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _bytes_of(text: Any) -> bytes:
    if not isinstance(text, str):
        raise ImageError(
            f"expected a picture as base64 text, found {type(text).__name__}; "
            "send the bytes of a PNG, JPEG or WebP through base64.b64encode"
        )
    try:
        return base64.b64decode(text.partition("base64,")[2] or text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(
            "expected a picture as base64 text, found text that is not; paths and addresses "
            "are not read"
        ) from None


def read_rows(
    latents: Any, moves: Any, ranges: Mapping[str, tuple[float, float]]
) -> list[PictureState]:
    """Return latents sent as ``{"z": rows, "key": rows}``, one state for each row.

    Raises:
        ConfigError: They are not that, too many, or not finite numbers; or a slider is unknown.
    """
    if not isinstance(latents, Mapping) or not {"z", "key"} <= set(latents):
        raise ConfigError('expected latents as {"z": [[...]], "key": [[...]]}')
    z, key = latents["z"], latents["key"]
    rows = [isinstance(part, Sequence) and not isinstance(part, str) for part in (z, key)]
    if not all(rows) or not 1 <= len(z) <= MAX_PICTURES or len(z) != len(key):
        raise ConfigError(f"expected 1 to {MAX_PICTURES} rows of z and as many of key")
    moves = {} if moves is None else moves
    requests = [{"z": row, "key": k, "moves": moves} for row, k in zip(z, key, strict=True)]
    return [read_state(request, ranges) for request in requests]


def between(value: Any, name: str, low: float, high: float) -> float:
    """Return a number, or raise ConfigError where it is none or out of range."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise ConfigError(f"expected {name} from {low} to {high}, found {value!r:.40}")
    return value


def whole(value: Any, name: str, low: int, high: int) -> int:
    """Return a whole number, or raise ConfigError where it is none or out of range."""
    if between(value, name, low, high) != int(value):
        raise ConfigError(f"expected a whole {name}, found {value!r:.40}")
    return int(value)


# ---------------------------------------------------------------- jobs of the drawing thread


def _joined(world: World, states: Sequence[PictureState]) -> Latents:
    import torch

    parts = [latents_of(world, state) for state in states]
    z, key = torch.cat([part.z for part in parts]), torch.cat([part.key for part in parts])
    return parts[0]._replace(z=z, key=key)


def _listed(latents: Latents) -> dict[str, Rows]:
    def rows(part: Tensor) -> Rows:
        return [[round(v, _DIGITS) for v in row] for row in part.float().cpu().tolist()]

    return {"z": rows(latents.z), "key": rows(latents.key)}


def draw(world: World, states: Sequence[PictureState]) -> np.ndarray:
    """Return the pictures of states, (N, H, W, 4) floats."""
    latents = _joined(world, states)
    if moves := without_grain(states[0]):
        latents = world.move(latents, moves)
    return to_pixels(world.decode(latents, grain=grain_of(states[0])))


def sample(world: World, count: int, seed: int, truncation: float) -> dict[str, Rows]:
    """Return latents drawn with a seed."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    return _listed(world.sample(count, generator=generator, truncation=truncation))


def _on_square(world: World, pictures: Sequence[np.ndarray]) -> Tensor:
    import torch

    return torch.cat([fit(p, world.image_size, world.channels) for p in pictures])


def encode(world: World, pictures: Sequence[np.ndarray]) -> dict[str, Rows]:
    """Return the latents of pictures."""
    return _listed(world.encode(_on_square(world, pictures)))


def describe(world: World, pictures: Sequence[np.ndarray]) -> dict[str, list[float]]:
    """Return the attributes of pictures, one number for each."""
    measured = world.describe(_on_square(world, pictures))
    return {
        name: [round(v, _DIGITS) for v in values.cpu().tolist()]
        for name, values in measured.items()
    }


def borrow(
    world: World, states: Sequence[PictureState], reference: np.ndarray, dials: dict[str, float]
) -> dict[str, Rows]:
    """Return latents that took on the look of a reference, (H, W, 4) bytes."""
    look = to_tensor(reference)
    if bool((look[:, 3] == 1).all()):  # an opaque picture has no transparency to lend
        look = look[:, :3]
    shares = (dials["texture"], dials["palette"], dials["alpha"])
    return _listed(world.borrow(_joined(world, states), look, *shares))


def write(pictures: np.ndarray, scale: int) -> list[str]:
    """Return pictures as PNG files in base64 text."""
    files = [encode_image(picture, "png", scale=scale) for picture in pictures]
    return [base64.b64encode(file).decode("ascii") for file in files]

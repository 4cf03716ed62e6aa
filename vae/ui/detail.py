"""A picture of one's own keeps its detail: what the world changes is laid on the picture itself.

A world rebuilds what it was never shown only roughly. With this switched on the page shows the
picture itself, and the sliders add to it what they change in the world's picture of it
(`vae.change`). The state carries the picture, a few kilobytes of WebP, with the latents it was read
as: so undo, links and recipes bring everything back, and the server still keeps nothing but what it
has just drawn with.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from vae.change import Change, find_change
from vae.errors import ConfigError, ImageError
from vae.losses import premultiply, straighten
from vae.parallel import one_core
from vae.pixels import encode_image
from vae.placement import as_input
from vae.ui.security import open_picture
from vae.ui.state import MAX_DETAIL
from vae.ui.surface import own_grain

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vae.infer import World
    from vae.ui.state import DetailState

KEPT = 32
QUALITIES = (92, 80, 60, 40, 20)
"""Of the WebP that a state carries: the first that is small enough for a link and a request."""


def pack(pixels: np.ndarray) -> str:
    """Return pixels (S, S, 4) as the text that a state carries, at most `MAX_DETAIL` letters.

    Raises:
        ImageError: They take more room than that however they are packed.
    """
    for quality in QUALITIES:
        text = base64.b64encode(encode_image(pixels, "webp", quality=quality)).decode("ascii")
        if len(text) <= MAX_DETAIL:
            return text
    raise ImageError("This picture has more detail than can be kept.")


def keep_detail(world: World, detail: DetailState, after: Tensor) -> Change:
    """Lay what the world has changed on the picture itself, as far as that is kept.

    Args:
        world: What draws.
        detail: The picture, and the latents it was read as.
        after: The world's picture as it is now, (1, C, S, S).

    Raises:
        ConfigError: The picture cannot be read, or is not of this world's size or widths.
    """
    picture, before = kept_pictures(world, replace(detail, share=1.0))
    with one_core():
        change = find_change(picture, before, after)
    if detail.share == 1:
        return change
    mixed = premultiply(after).lerp(premultiply(change.changed), detail.share)
    return replace(change, changed=straighten(mixed).clamp(0, 1))


@lru_cache(maxsize=KEPT)
def kept_pictures(world: World, detail: DetailState) -> tuple[Tensor, Tensor]:
    """Return the picture of a detail and the world's picture of it, grain and all."""
    import torch
    from PIL import Image

    from vae.distributions import Latents

    try:
        pixels = open_picture(base64.b64decode(detail.webp, validate=True))
    except (binascii.Error, ImageError) as error:
        raise ConfigError("expected a picture whose detail is kept") from error
    side = world.image_size
    if pixels.shape[:2] != (side, side):
        raise ConfigError(f"expected a picture of {side}×{side} whose detail is kept")
    widths = (len(detail.z), len(detail.key))
    if widths != (world.latent_dim, world.latent_key_dim):
        raise ConfigError(f"expected latents of other widths than {widths}")
    picture = as_input(Image.fromarray(pixels), world.channels).to(world.device)
    rows = (torch.tensor([row], device=world.device) for row in (detail.z, detail.key))
    latents = Latents(*rows)
    place = own_grain(world, picture, latents) if detail.grain is None else detail.grain
    return picture, world.decode(latents, grain=1 + place)

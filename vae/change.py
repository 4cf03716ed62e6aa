"""What a world changes, laid on a picture that the world itself cannot draw.

A small latent rebuilds a picture it was never shown only roughly, so all that an edit of the
rebuilt picture gains can be lost again by rebuilding. But the difference between two pictures of
the world, before and after an edit, can be added to the picture itself: what the world did not
touch stays as it was, to the pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vae.errors import ShapeError
from vae.losses import premultiply


def lay_change(picture: Tensor, before: Tensor, after: Tensor, *, amount: float = 1.0) -> Tensor:
    """Add the change between two pictures of a world to a third picture.

    Sums are of premultiplied pictures, so that colour which nobody sees adds nothing; alpha is
    clipped to [0, 1], and colour to what that alpha allows.

    Args:
        picture: Straight (N, C, H, W) in [0, 1], C in 1, 3, 4.
        before: The world's picture of it, of the same shape.
        after: The same, edited.
        amount: Of the change; 0 gives the picture back.

    Returns:
        Straight (N, C, H, W) in [0, 1].

    Raises:
        ShapeError: The shapes differ.
    """
    if not picture.shape == before.shape == after.shape:
        shapes = ", ".join(str(tuple(x.shape)) for x in (picture, before, after))
        raise ShapeError(f"three pictures of one shape are needed, found {shapes}")
    total = premultiply(picture) + amount * (premultiply(after) - premultiply(before))
    if picture.shape[1] != 4:
        return total.clamp(0, 1)
    alpha = total[:, 3:].clamp(0, 1)
    return torch.cat(((total[:, :3] / alpha.clamp_min(1 / 255)).clamp(0, 1), alpha), 1)

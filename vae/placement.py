"""Where a picture of somebody's own lies on a world's square.

The world sees a small square; the picture itself may be any size and shape. A placement says which
part of the one lies where on the other, so that what the world changes can be laid on the picture
at its own size (`vae.editing`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vae.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

_FRAME = 7 / 8  # a cut-out's longer side on its square, as the first world's pictures have it
_FULL = 0.95  # of its square, from which a cut-out has no room to grow
_VISIBLE = 20  # alpha, of 255, from which a pixel belongs to the cut-out
_FARTHEST = 8  # squares to either side: a strip of paper a hundred times as long fills no memory

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Which part of a picture lies where on the square.

    Attributes:
        source: The part of the picture that is shown, in its own pixels.
        target: Where it lies, in pixels of the square.
        size: Side of the square.
        filled: Whether the part fills the square, the picture going on beyond it.
    """

    source: Box
    target: Box
    size: int
    filled: bool = False

    @classmethod
    def of(cls, pixels: np.ndarray, size: int, channels: int) -> Placement:
        """Find the placement of a picture.

        A cut-out is cropped to what is visible and framed as the world's own pictures are, with
        room to grow, unless it is a well-filled square already; an opaque picture is fitted whole,
        the rest left clear.
        In a world without transparency it fills the square, its longer side cropped to the middle.

        Args:
            pixels: (H, W, 4) straight RGBA bytes.
            size: Side of the square.
            channels: 4 (straight RGBA), 3 (on white), 1 (grey, on white).

        Raises:
            ImageError: Nothing in the picture is visible.
        """
        height, width = pixels.shape[:2]
        if channels < 4 and pixels[..., 3].min() == 255:
            side = min(width, height)
            left, top = (width - side) / 2, (height - side) / 2
            source = (left, top, left + side, top + side)
            return cls(source=source, target=(0, 0, size, size), size=size, filled=True)
        source = _visible(pixels)
        longest = max(source[2] - source[0], source[3] - source[1])
        framed = width == height and width / 2 <= longest <= _FULL * width
        if framed or pixels[..., 3].min() == 255:
            source, side = (0, 0, width, height), float(max(width, height))
        else:
            side = longest / _FRAME
        wide, high = (max(1, round((source[i + 2] - source[i]) * (size / side))) for i in (0, 1))
        left, top = (size - wide) // 2, (size - high) // 2
        return cls(source=source, target=(left, top, left + wide, top + high), size=size)

    @property
    def box(self) -> Box:
        """Where the shown part lies on the square, in shares of its side."""
        left, top, right, bottom = (edge / self.size for edge in self.target)
        return left, top, right, bottom

    @property
    def scale(self) -> float:
        """Pixels of the picture to one of the square."""
        return (self.source[2] - self.source[0]) / (self.target[2] - self.target[0])

    def enlarged(self, factor: int) -> Placement:
        """Return the same on a square so many times larger."""
        left, top, right, bottom = (edge * factor for edge in self.target)
        return replace(self, target=(left, top, right, bottom), size=self.size * factor)

    def box_of(self, part: Box) -> Box:
        """Return where any part of the picture, in its own pixels, lies on the square.

        In shares of the side; below 0 or above 1 where it is beyond the square.
        """

        def place(at: float, axis: int) -> float:
            low, high = self.source[axis], self.source[axis + 2]
            start, end = self.box[axis], self.box[axis + 2]
            return start + (at - low) / (high - low) * (end - start)

        left, top, right, bottom = part
        return place(left, 0), place(top, 1), place(right, 0), place(bottom, 1)

    def goes_on(self, pixels: np.ndarray) -> bool:
        """Return whether the picture (H, W, 4) goes on beyond the square that it fills."""
        return self.filled and pixels.shape[0] != pixels.shape[1]

    def surroundings(self, pixels: np.ndarray) -> tuple[Image.Image, Box]:
        """Return the square with what is beyond it, in whole pixels of the square.

        Args:
            pixels: (H, W, 4) straight RGBA bytes of a picture that `goes_on`.

        Returns:
            RGBA, the square in the middle of its longer side; and where the picture lies on that,
            in shares of the sides.
        """
        from PIL import Image

        height, width = pixels.shape[:2]
        shorter, longer = sorted((width, height))
        beyond = (longer - shorter) * self.size // (2 * shorter)
        beyond = min(beyond, _FARTHEST * self.size)
        more = beyond if width > height else 0, beyond if width < height else 0
        sides = self.size + 2 * more[0], self.size + 2 * more[1]
        left, top, right, bottom = self.source
        across, down = more[0] * self.scale, more[1] * self.scale
        low = max(left - across, 0.0), max(top - down, 0.0)
        part = *low, min(right + across, width), min(bottom + down, height)
        lanczos = Image.Resampling.LANCZOS
        whole = Image.fromarray(pixels).resize(sides, lanczos, box=part, reducing_gap=3.0)
        edges = zip(self.box_of((0, 0, width, height)), more * 2, sides * 2, strict=True)
        left, top, right, bottom = ((edge * self.size + by) / side for edge, by, side in edges)
        return whole, (left, top, right, bottom)

    def show(self, pixels: np.ndarray) -> Image.Image:
        """Return the square, RGBA."""
        from PIL import Image

        image = Image.fromarray(pixels)
        left, top, right, bottom = (round(edge) for edge in self.target)
        box = None
        if self.filled:
            box = self.source
        elif self.source != (0, 0, *image.size):
            image = image.crop(self.source)  # whole pixels: `_visible` found them
        lanczos = Image.Resampling.LANCZOS
        small = image.resize((right - left, bottom - top), lanczos, box=box, reducing_gap=3.0)
        square = Image.new("RGBA", (self.size, self.size))
        square.paste(small, (left, top))
        return square


def fit(pixels: np.ndarray, size: int, channels: int) -> Tensor:
    """Place a picture on the world's square, see `Placement.of`.

    Returns:
        (1, channels, size, size) float32 in [0, 1].

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    return as_input(Placement.of(pixels, size, channels).show(pixels), channels)


def as_input(picture: Image.Image, channels: int) -> Tensor:
    """Return a straight RGBA picture as a world takes it: what has no alpha stands on white.

    Args:
        picture: (H, W) in RGBA.
        channels: 4 (straight RGBA), 3 or 1 (grey).

    Returns:
        (1, channels, H, W) float32 in [0, 1].
    """
    import numpy as np
    import torch
    from PIL import Image

    if channels < 4:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("RGB" if channels == 3 else "L")
    values = np.atleast_3d(np.asarray(picture, dtype=np.float32)) / 255
    return torch.from_numpy(values.transpose(2, 0, 1).copy())[None]


def _visible(pixels: np.ndarray) -> Box:
    from PIL import Image

    seen = [255 if alpha >= _VISIBLE else 0 for alpha in range(256)]
    box = Image.fromarray(pixels).getchannel("A").point(seen).getbbox()
    if box is None:
        raise ImageError("Nothing in this picture is visible: it is fully transparent.")
    return box

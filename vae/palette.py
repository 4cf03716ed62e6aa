"""The palette of a picture: its main colours, and the files that carry them to other programs.

`find_palette` (pixels → colours, by share), `as_gpl` (GIMP, Krita, Inkscape), `as_ase` (Adobe
Swatch Exchange), `as_css` (custom properties), `as_png` (a swatch to look at and pick from).
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vae.errors import ConfigError, ImageError
from vae.pixels import premultiply, to_floats, unpremultiply

MIN_COLORS, MAX_COLORS = 5, 8
_DISTINCT = 10.0  # Lab distance below which two colours count as one
_SEEN = 0.05  # alpha from which a pixel has a colour of its own
_SIDE = 96  # pixels; colours are looked for on a picture no larger than this
_TILE, _BAND = 160, 48  # pixels of the swatch


@dataclass(frozen=True, kw_only=True)
class Color:
    """One colour of a palette.

    Attributes:
        rgb: sRGB, 0 to 255 each.
        share: Part of the picture's visible surface, 0 to 1.
    """

    rgb: tuple[int, int, int]
    share: float

    @property
    def hex(self) -> str:
        """The colour as ``#rrggbb``."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


def find_palette(pixels: np.ndarray, *, seed: int = 43) -> tuple[Color, ...]:
    """Return the main colours of a picture, largest share first.

    Pixels are gathered by k-means in CIELAB, each weighing as much as it covers; colours that the
    eye would hardly tell apart are joined while more than ``MIN_COLORS`` remain.

    Args:
        pixels: (H, W, 4) straight RGBA, uint8 or floats in [0, 1].
        seed: Of the clustering; the same picture always gives the same palette.

    Returns:
        ``MIN_COLORS`` to ``MAX_COLORS`` colours, fewer where the picture has fewer; shares sum
        to 1.

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    from skimage.color import lab2rgb

    lab, weight = _visible_lab(pixels)
    centers, shares = _joined(*_clusters(lab, weight, seed))
    order = np.argsort(-shares, kind="stable")
    rgb = np.rint(255 * lab2rgb(centers[order][None])[0].clip(0, 1)).astype(int)
    rows = zip(rgb.tolist(), shares[order].tolist(), strict=True)
    return tuple(Color(rgb=(r, g, b), share=share) for (r, g, b), share in rows)


def _visible_lab(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Lab values (M, 3) of what is visible, and alpha (M,) as weight."""
    from skimage.color import rgb2lab

    values = premultiply(to_floats(pixels))
    step = max(1, -(-max(values.shape[:2]) // _SIDE))
    height, width = (step * (edge // step) for edge in values.shape[:2])
    if step > 1 and height and width:
        blocks = values[:height, :width].reshape(height // step, step, width // step, step, 4)
        values = blocks.mean((1, 3))  # of premultiplied values: clear pixels lend no colour
    flat = unpremultiply(values).reshape(-1, 4)
    flat = flat[flat[:, 3] >= _SEEN]
    if not len(flat):
        raise ImageError("This picture has no colours: it is fully transparent.")
    return rgb2lab(flat[None, :, :3])[0].astype(np.float64), flat[:, 3].astype(np.float64)


def _clusters(lab: np.ndarray, weight: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return centres (K, 3) and shares (K,), K at most ``MAX_COLORS``."""
    from sklearn.cluster import KMeans

    count = min(MAX_COLORS, len(np.unique(lab.round(3), axis=0)))
    found = KMeans(count, n_init="auto", random_state=seed).fit(lab, sample_weight=weight)
    assert found.labels_ is not None
    shares = np.bincount(found.labels_, weights=weight, minlength=count) / weight.sum()
    return found.cluster_centers_, shares


def _joined(centers: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join the closest two colours while they are hardly distinct and there are enough."""
    while len(centers) > MIN_COLORS:
        apart = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
        np.fill_diagonal(apart, np.inf)
        first, second = np.unravel_index(apart.argmin(), apart.shape)
        if apart[first, second] >= _DISTINCT:
            break
        pair = np.array([first, second])
        together = shares[pair].sum()
        centers[first] = np.average(centers[pair], axis=0, weights=shares[pair])
        shares[first] = together
        centers, shares = np.delete(centers, second, 0), np.delete(shares, second)
    return centers, shares


# ---------------------------------------------------------------- files


def as_gpl(colors: Sequence[Color], name: str) -> bytes:
    """Return a GIMP palette."""
    lines = ["GIMP Palette", f"Name: {_line(name)}", f"Columns: {len(colors)}", "#"]
    lines += ["{:3d} {:3d} {:3d}\t{}".format(*color.rgb, _label(color)) for color in colors]
    return ("\n".join(lines) + "\n").encode()


def as_ase(colors: Sequence[Color], name: str) -> bytes:
    """Return an Adobe Swatch Exchange file: one group of global RGB colours, version 1.0."""
    blocks = [_ase_block(0xC001, _ase_text(_line(name)))]
    for color in colors:
        rgb = struct.pack(">4s3fH", b"RGB ", *(value / 255 for value in color.rgb), 0)
        blocks.append(_ase_block(0x0001, _ase_text(_label(color)) + rgb))
    blocks.append(_ase_block(0xC002, b""))
    return struct.pack(">4sHHI", b"ASEF", 1, 0, len(blocks)) + b"".join(blocks)


def _ase_block(kind: int, body: bytes) -> bytes:
    return struct.pack(">HI", kind, len(body)) + body


def _ase_text(text: str) -> bytes:
    """Return a length in UTF-16 units, closing zero included, and the text, big-endian."""
    data = (text + "\0").encode("utf-16-be")
    return struct.pack(">H", len(data) // 2) + data


def as_css(colors: Sequence[Color], name: str) -> bytes:
    """Return CSS custom properties ``--name-1``… on ``:root``."""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "palette"
    lines = [
        f"  --{word}-{number}: {color.hex}; /* {color.share:.0%} */"
        for number, color in enumerate(colors, start=1)
    ]
    return ("\n".join([":root {", *lines, "}"]) + "\n").encode()


def as_png(colors: Sequence[Color], name: str) -> bytes:
    """Return a swatch: a tile for each colour, and beneath a band divided by their shares."""
    del name
    rgb = np.array([color.rgb for color in colors], dtype=np.uint8)
    width = _TILE * len(colors)
    tiles = np.repeat(rgb[None], _TILE, axis=1)
    ends = np.cumsum([color.share for color in colors]) * width
    band = rgb[np.searchsorted(ends[:-1], np.arange(width), side="right")][None]
    rows = [np.repeat(tiles, _TILE, axis=0), np.repeat(band, _BAND, axis=0)]
    buffer = io.BytesIO()
    Image.fromarray(np.concatenate(rows)).save(buffer, "PNG")
    return buffer.getvalue()


def _label(color: Color) -> str:
    return f"{color.hex} {color.share:.0%}"


def _line(text: str) -> str:
    """Return a name that stays on its line."""
    return " ".join(text.split())


WRITERS: Mapping[str, Callable[[Sequence[Color], str], bytes]] = {
    "gpl": as_gpl,
    "ase": as_ase,
    "css": as_css,
    "png": as_png,
}


def encode_palette(colors: Sequence[Color], name: str, format: str) -> bytes:  # noqa: A002
    """Return a palette as the bytes of a file.

    Args:
        colors: From ``find_palette``.
        name: What the palette is called inside the file.
        format: ``"gpl"``, ``"ase"``, ``"css"`` or ``"png"``.

    Raises:
        ConfigError: The format is not known.
    """
    if format not in WRITERS:
        raise ConfigError(f"expected a palette as {', '.join(WRITERS)}, found {format!r:.40}")
    return WRITERS[format](colors, name)

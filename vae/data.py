"""Image folders: files → squared, resized uint8 tensors held in memory, split and augmented."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from vae.encodings import measure
from vae.errors import DatasetError, ImageError
from vae.losses import premultiply
from vae.pixels import to_rgba

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MAX_PIXELS = 64_000_000
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_image(path: str | Path, *, size: int, channels: int) -> np.ndarray:
    """Read one picture, squared and resized.

    A photograph is turned as its camera says. Pictures with transparency are padded to a
    square, opaque ones are cropped at the centre. Resizing is done on premultiplied colour, so
    that no fringe comes in.

    Args:
        path: A PNG, JPEG or WebP file.
        size: Side in pixels.
        channels: 1 (grey), 3 (RGB over white) or 4 (RGBA).

    Returns:
        uint8 (size, size, channels), straight alpha.

    Raises:
        ImageError: The file is no such picture, or has too many pixels.
    """
    return to_array(Image.fromarray(read_picture(path)), size=size, channels=channels)


def read_picture(path: str | Path) -> np.ndarray:
    """Read one picture whole.

    Args:
        path: A PNG, JPEG or WebP file.

    Returns:
        uint8 (H, W, 4), straight alpha, sRGB, turned as its camera says.

    Raises:
        ImageError: The file is no such picture, or has too many pixels.
    """
    path = Path(path)
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ImageError(
                    f"{path.name} has {image.width}x{image.height} pixels; at most "
                    f"{MAX_PIXELS // 1_000_000} million are read"
                )
            image.load()
            return np.asarray(to_rgba(ImageOps.exif_transpose(image)))
    except ImageError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path.name} is not a readable PNG, JPEG or WebP image") from error


def to_array(image: Image.Image, *, size: int, channels: int) -> np.ndarray:
    """Square, resize and convert a picture; see :func:`read_image`."""
    image = square(image.convert("RGBA"))
    if image.width != size:
        image = image.convert("RGBa").resize((size, size), Image.Resampling.LANCZOS)
        image = image.convert("RGBA")
    if channels != 4:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper.convert(_MODES[channels])
    array = np.asarray(image)
    return array if array.ndim == 3 else array[..., None]


def square(image: Image.Image) -> Image.Image:
    """Pad a transparent RGBA picture to a square, or crop an opaque one at its centre."""
    width, height = image.size
    if width == height:
        return image
    alpha = image.getchannel("A").getextrema()
    if alpha[0] == 255:
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return image.crop((left, top, left + side, top + side))
    side = max(width, height)
    canvas = Image.new("RGBA", (side, side))
    canvas.paste(image, ((side - width) // 2, (side - height) // 2))
    return canvas


def find_images(folder: str | Path) -> list[Path]:
    """List the picture files below a folder, sorted by name.

    Raises:
        DatasetError: There is no such folder, or no picture in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"there is no folder {folder}")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise DatasetError(f"no PNG, JPEG or WebP image was found in {folder}")
    return files


def _groups(folder: Path) -> dict[str, str]:
    """Which files belong together, from a ``manifest.csv`` where there is one."""
    manifest = next((p for p in (folder, folder.parent) if (p / "manifest.csv").is_file()), None)
    if manifest is None:
        return {}
    with (manifest / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if not rows or "file" not in rows[0]:
        return {}
    column = next((c for c in ("group", "source_path") if c in rows[0]), "file")
    return {str((manifest / row["file"]).resolve()): row[column] for row in rows}


@dataclass
class ImageSet:
    """Pictures held in memory.

    Attributes:
        images: uint8 (N, C, S, S), straight.
        names: Paths below the folder they came from, N of them.
        refused: One sentence for each file that could not be read.
    """

    images: Tensor
    names: list[str]
    refused: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """Side in pixels."""
        return self.images.shape[-1]

    @property
    def channels(self) -> int:
        """1, 3 or 4."""
        return self.images.shape[1]

    def floats(self, index: Tensor | slice = slice(None)) -> Tensor:
        """Return pictures as float32 in [0, 1], channels last in memory."""
        x = self.images[index].float() / 255
        return x.contiguous(memory_format=torch.channels_last)

    def select(self, index: Sequence[int]) -> ImageSet:
        """Return the pictures at ``index``."""
        return ImageSet(self.images[list(index)], [self.names[i] for i in index], self.refused)

    def resized(self, size: int) -> ImageSet:
        """Return the set area-averaged to a smaller side, on premultiplied colour."""
        if size == self.size:
            return self
        return ImageSet(_shrink(self.images, size), self.names, self.refused)


def _shrink(images: Tensor, size: int) -> Tensor:
    chunks = []
    for chunk in images.split(256):
        x = chunk.float() / 255
        x = premultiply(x)
        x = F.interpolate(x, size=(size, size), mode="area")
        if x.shape[1] == 4:
            x = torch.cat((x[:, :3] / x[:, 3:].clamp_min(1 / 255), x[:, 3:]), 1).clamp(0, 1)
        chunks.append((x * 255).round().to(torch.uint8))
    return torch.cat(chunks)


def load_images(
    folder: str | Path,
    *,
    size: int,
    channels: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """Read every picture of a folder; files that cannot be read are left out and named.

    Args:
        folder: Searched with everything below it.
        size: Side in pixels.
        channels: 1, 3 or 4.
        limit: Read at most so many files.
        progress: Called with (read, total).

    Raises:
        DatasetError: No folder, no picture, or none that can be read.
    """
    return _load(Path(folder), find_images(folder)[:limit], size, channels, progress)


def _load(
    folder: Path,
    files: list[Path],
    size: int,
    channels: int,
    progress: Callable[[int, int], None] | None,
) -> ImageSet:
    def read(path: Path) -> np.ndarray | ImageError:
        try:
            return read_image(path, size=size, channels=channels)
        except ImageError as error:
            return error

    arrays, names, refused = [], [], []
    with ThreadPoolExecutor(4) as pool:
        for i, (path, result) in enumerate(zip(files, pool.map(read, files), strict=True)):
            if isinstance(result, ImageError):
                refused.append(str(result))
            else:
                arrays.append(result)
                names.append(path.relative_to(folder).as_posix())
            if progress is not None:
                progress(i + 1, len(files))
    if not arrays:
        raise DatasetError(f"none of the {len(files)} files could be read: {refused[0]}")
    stack = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()
    return ImageSet(stack, names, refused)


def load_split(
    folder: str | Path,
    *,
    size: int,
    channels: int,
    held_out: float = 0.1,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ImageSet, ImageSet]:
    """Read a folder and hold part of it out for validation.

    A picture goes by the hash of its group (the ``group`` or ``source_path`` column of a
    ``manifest.csv`` beside or above it; alone otherwise), so that near-copies stay on one
    side and the split is the same every time. Only where all pictures are of one group is that
    group divided.

    Args:
        folder: Searched with everything below it.
        size: Side in pixels.
        channels: 1, 3 or 4.
        held_out: Share of validation pictures, about; at least one picture is on each side.
        limit: Read at most so many files.
        progress: Called with (read, total).

    Returns:
        The training set and the validation set.

    Raises:
        DatasetError: Fewer than 2 readable pictures.
    """
    folder = Path(folder)
    files = find_images(folder)[:limit]
    groups = _groups(folder)
    every = _load(folder, files, size, channels, progress)
    if len(every) < 2:
        raise DatasetError(f"at least 2 readable images are needed, found {len(every)} in {folder}")
    group = [groups.get(str((folder / name).resolve()), name) for name in every.names]
    chosen = _hold_out(group if len(set(group)) > 1 else every.names, held_out)
    training = [i for i in range(len(every)) if i not in chosen]
    return every.select(training), every.select(sorted(chosen))


def _hold_out(group: Sequence[str], share: float) -> set[int]:
    """Choose whole groups of at least two for validation: some rows, never all.

    Large sets go by the hash alone, so that a picture more does not move the others. Small ones
    take groups in the order of their hash, as long as they fit into the share.
    """
    rank = [_hash(name) for name in group]
    chosen = {i for i, r in enumerate(rank) if r < share}
    if len(group) >= 200 and 0 < len(chosen) < len(group):
        return chosen
    members: dict[float, set[int]] = {}
    for i in sorted(range(len(rank)), key=rank.__getitem__):
        members.setdefault(rank[i], set()).add(i)
    chosen, room = set(), max(1, round(share * len(group)))
    for rows in members.values():
        if len(chosen) + len(rows) <= room:
            chosen |= rows
    return chosen or min(members.values(), key=len)


def _hash(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12


@torch.no_grad()
def augment(x: Tensor, draws: Tensor) -> Tensor:
    """Turn, zoom and shift pictures a little; nothing that changes their colour.

    Args:
        x: Straight images (N, C, S, S).
        draws: Standard normal (N, 4): angle (6 degrees), zoom (6 %), shifts (3 % of the side).
    """
    angle, zoom = draws[:, 0] * math.radians(6), (draws[:, 1] * 0.06).exp()
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    shift = 0.06 * draws[:, 2:]
    theta = torch.stack((cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]), 1).view(-1, 2, 3)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    opaque = x.shape[1] != 4
    moved = F.grid_sample(
        premultiply(x), grid, padding_mode="reflection" if opaque else "zeros", align_corners=False
    )
    if opaque:
        return moved.clamp(0, 1)
    alpha = moved[:, 3:]
    return torch.cat((moved[:, :3] / alpha.clamp_min(1 / 255), alpha), 1).clamp(0, 1)


def shift(x: Tensor, offsets: Tensor) -> Tensor:
    """Shift pictures by whole pixels, which blurs nothing; what leaves the frame is lost.

    Args:
        x: Straight images (N, C, S, S).
        offsets: Whole pixels down and right, (N, 2). RGBA is continued by nothing, the others by
            their outermost pixels.

    Returns:
        (N, C, S, S).
    """
    side, reach = x.shape[-1], max(1, int(offsets.abs().max()))
    around = (reach,) * 4
    wide = F.pad(x, around) if x.shape[1] == 4 else F.pad(x, around, mode="replicate")
    corners = (reach - offsets).tolist()
    rows = [w[:, t : t + side, f : f + side] for w, (t, f) in zip(wide, corners, strict=True)]
    return torch.stack(rows)


@torch.no_grad()
def measure_all(
    images: ImageSet, *, flip: bool = False, device: str | torch.device = "cpu"
) -> Tensor:
    """Measure the metadata of a whole set once, (N, 16), natural units.

    Args:
        images: The set.
        flip: Measure the mirrored pictures instead.
        device: Where to compute.
    """
    rows = []
    for i in range(0, len(images), 64):
        x = images.floats(slice(i, i + 64)).to(device)
        rows.append(measure(x.flip(-1) if flip else x).cpu())
    return torch.cat(rows)

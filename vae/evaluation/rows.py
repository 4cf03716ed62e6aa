"""What every part of an evaluation is made of: rows of one table, options, sets of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.data import ImageSet
from vae.losses import premultiply

if TYPE_CHECKING:
    from vae.distributions import Latents
    from vae.infer import World


@dataclass(frozen=True)
class Row:
    """One line of the table: which part, what, how much, of what unit, and a remark.

    What does not fit on a line is in `details`, and goes to the JSON file alone.
    """

    part: str
    what: str
    value: float
    unit: str = ""
    remark: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to evaluate.

    Attributes:
        num_images: Most validation images of any part; None is each part's own custom.
        seed: Of samples, places and projections.
        workers: Processes that measure.
        threads: PyTorch's threads when speed is measured.
        steps: Places along a slider.
        num_calls: Pictures decoded when speed is measured.
        siblings: Worlds of the same training from other seeds; names or folders.
    """

    num_images: int | None = None
    seed: int = 0
    workers: int = 2
    threads: int = 2
    steps: int = 9
    num_calls: int = 300
    siblings: tuple[str, ...] = ()

    def cap(self, usual: int) -> int:
        """Return how many images a part takes at most."""
        return usual if self.num_images is None else self.num_images


Part = Callable[["World", ImageSet, ImageSet, Options], Iterator[Row]]


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as aligned text."""
    lines = [("part", "what", "value", "unit", "")]
    lines += [(r.part, r.what, f"{r.value:.4g}", r.unit, r.remark) for r in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(5)]
    aligned = [
        f"{p:<{widths[0]}}  {w:<{widths[1]}}  {v:>{widths[2]}}  {u:<{widths[3]}}  {x}".rstrip()
        for p, w, v, u, x in lines
    ]
    return "\n".join([aligned[0], "-" * max(map(len, aligned)), *aligned[1:]])


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain dicts."""
    return [asdict(row) for row in rows]


def pick(images: Tensor, num: int) -> Tensor:
    """Return at most `num` images, evenly spaced: a folder is often sorted by what it shows."""
    if len(images) <= num:
        return images
    return images[torch.linspace(0, len(images) - 1, num).round().long()]


def as_floats(images: Tensor) -> Tensor:
    """Return uint8 images as floats in [0, 1]; floats as float32."""
    return images.float() / 255.0 if images.dtype == torch.uint8 else images.float()


def encode_all(world: World, images: Tensor, *, chunk_size: int = 64) -> Latents:
    """Return the latents of straight uint8 images (N, C, S, S)."""
    parts = [world.encode(some.float() / 255.0) for some in images.split(chunk_size)]
    first = parts[0]
    return first._replace(
        z=torch.cat([part.z for part in parts]), key=torch.cat([part.key for part in parts])
    )


def decode_all(
    world: World, latents: Latents, *, chunk_size: int = 64, grain: float = 1.0
) -> Tensor:
    """Return the pictures of latents as straight uint8 images (N, C, S, S): what is shown.

    At grain 0, the location that the decoder draws it about.
    """
    pairs = zip(latents.z.split(chunk_size), latents.key.split(chunk_size), strict=True)
    parts = [world.decode(latents._replace(z=z, key=key), grain=grain) for z, key in pairs]
    return torch.cat([(part * 255.0).round().to(torch.uint8).cpu() for part in parts])


def premultiplied(images: Tensor) -> Tensor:
    """Return straight uint8 images as premultiplied uint8 ones."""
    parts = [premultiply(some.float() / 255.0) for some in images.split(256)]
    return torch.cat([(part * 255.0).round().to(torch.uint8) for part in parts])

"""Where a training starts: from the world that draws its pictures nearest already.

Half a minute of learning is short, and what a world knows of other pictures is most of what comes
of it. Thirty drawings of one hand come back far nearer from a world of drawings than from one of
watercolour fruit, and a cut-out from no world of whole paintings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from vae.archive import is_own
from vae.data import read_picture
from vae.encodings import to_rgba
from vae.errors import CheckpointError, VAEError
from vae.infer import World, get_infer_model
from vae.losses import premultiply
from vae.placement import fit

MOST = 16
"""Pictures that are looked at."""


def nearest_world(pictures: Sequence[Path], worlds: Iterable[Path]) -> Path:
    """Return the world whose reconstructions of some pictures have the least squared error.

    Worlds made or imported here are passed over where there are others: one that has seen some of
    the pictures would say that it knows them.

    Args:
        pictures: Files; :data:`MOST` of them are looked at, from first to last.
        worlds: Their folders. One that cannot be read is passed over.

    Raises:
        CheckpointError: No world is left.
        VAEError: A picture cannot be read.
    """
    folders = sorted(worlds)
    some = pictures[:: max(1, -(-len(pictures) // MOST))]
    errors: dict[Path, float] = {}
    for folder in [f for f in folders if not is_own(f)] or folders:
        try:
            world = get_infer_model(folder)
        except VAEError:
            continue
        errors[folder] = sum(_error(world, path) for path in some)
    if not errors:
        raise CheckpointError("there is no world to start from")
    return min(errors, key=lambda folder: errors[folder])


@torch.inference_mode()
def _error(world: World, path: Path) -> float:
    pixels = read_picture(path)
    given = fit(pixels, world.image_size, world.channels).to(world.device)
    drawn = torch.cat(to_rgba(world.decode(world.encode(given), grain=0.0)), 1)
    truth = fit(pixels, world.image_size, 4).to(drawn)
    return float((premultiply(drawn) - premultiply(truth)).square().mean())

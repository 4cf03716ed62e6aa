"""Opening a world for the page: the slider table at once, the weights in the background.

A shipped world's table is plain JSON, so the page can be built before PyTorch is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from vae.errors import CheckpointError
from vae.slider import Slider
from vae.ui.engine import Engine

if TYPE_CHECKING:
    from vae.infer import World

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"
WEIGHTS = "model.safetensors"


def open_engine(name: str, device: str) -> Engine:
    """Return an engine for a world; only a hub's world or another device is loaded right here.

    Args:
        name: A shipped world's name, a folder, or a hub id.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.

    Raises:
        CheckpointError: There is no such world, or its slider table cannot be read.
        ConfigError: The device is not there.
    """
    folder = _local_folder(name)
    if folder is not None and device == "cpu":
        weights = folder / WEIGHTS
        return Engine(lambda: _load(folder, device), folder.name, read_sliders(folder), weights)
    world = _load(folder or name, device)
    return Engine(lambda: world, world.name, world.sliders, world.path / WEIGHTS)


def _local_folder(name: str) -> Path | None:
    shipped, folder = CHECKPOINTS / name, Path(name)
    if (shipped / WEIGHTS).is_file():
        return shipped
    return folder.resolve() if (folder / WEIGHTS).is_file() else None


def _load(name: Path | str, device: str) -> World:
    from vae.infer import get_infer_model

    return get_infer_model(name, device=device)


def read_sliders(folder: Path) -> tuple[Slider, ...]:
    """Return a world's sliders, strongest first within each kind.

    Raises:
        CheckpointError: The table is missing or damaged.
    """
    try:
        rows = json.loads((folder / "sliders.json").read_text(encoding="utf-8"))["sliders"]
        return tuple(Slider.from_row(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is not a world: sliders.json cannot be read") from error

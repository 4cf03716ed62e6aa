"""Opening a world for the page: the slider table at once, the weights in the background.

A shipped world's table is plain JSON, so the page can be built before PyTorch is imported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError
from vae.ui.engine import Engine

if TYPE_CHECKING:
    from vae.infer import World

CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


@dataclass(frozen=True, kw_only=True)
class SliderRow:
    """One row of ``sliders.json`` without its direction: ``vae.infer.Slider``, free of torch.

    Attributes:
        name: The attribute, what the direction is measured to change, or ``form N``.
        kind: ``"style"`` or ``"form"``.
        attribute: The attribute a style slider stands for; None for form.
        low: Lowest position, in standard deviations of the training set.
        high: Highest position.
        gain: Measured change per unit, in standard deviations.
        purity: That change over the sum of the changes of all attributes, 0 to 1.
        spearman: Rank correlation of position and effect, -1 to 1.
    """

    name: str
    kind: str
    attribute: str | None
    low: float
    high: float
    gain: float
    purity: float
    spearman: float


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
        return Engine(lambda: _load(folder, device), folder.name, read_sliders(folder))
    world = _load(folder or name, device)
    rows = tuple(_row(vars(slider)) for slider in world.sliders)
    return Engine(lambda: world, world.name, rows)


def _local_folder(name: str) -> Path | None:
    shipped, folder = CHECKPOINTS / name, Path(name)
    if (shipped / "model.safetensors").is_file():
        return shipped
    return folder.resolve() if (folder / "model.safetensors").is_file() else None


def _load(name: Path | str, device: str) -> World:
    from vae.infer import get_infer_model

    return get_infer_model(name, device=device)


def read_sliders(folder: Path) -> tuple[SliderRow, ...]:
    """Return a world's sliders, strongest first within each kind.

    Raises:
        CheckpointError: The table is missing or damaged.
    """
    try:
        rows = json.loads((folder / "sliders.json").read_text(encoding="utf-8"))["sliders"]
        return tuple(_row(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is not a world: sliders.json cannot be read") from error


def _row(values: Mapping[str, Any]) -> SliderRow:
    return SliderRow(**{field.name: values[field.name] for field in fields(SliderRow)})

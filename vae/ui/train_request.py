"""From what the page asks to what a run is given, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.ui.train_answer import named
from vae.ui.train_setup import AUGMENTATIONS, NUMBERS, PRESETS
from vae.ui.words import TRAIN

if TYPE_CHECKING:
    from vae.ledger import TrainRequest
    from vae.ui.train_desk import Desk

_LONGEST_NAME = 60
_WHOLE = ("batch_size", "seed")
_MAX_SEED = 2**31 - 1


def read_request(desk: Desk, data: Mapping[str, Any], *, check_name: bool = False) -> TrainRequest:
    """Return the run that is asked for.

    Args:
        desk: Where the pictures lie and the worlds are known.
        data: ``batch``, ``preset``, ``name``, ``start`` (without it the world nearest to the
            pictures) and ``changes``.
        check_name: Whether there must be a name.

    Raises:
        ConfigError: Something is unknown or impossible.
        DatasetError: There are no pictures.
    """
    from vae.ledger import TrainRequest
    from vae.presets import get_preset

    preset, start = data.get("preset"), data.get("start") or None
    if preset not in PRESETS:
        raise ConfigError(TRAIN["failed"])
    if start is not None and start not in desk.world_names():
        raise ConfigError(TRAIN["no_world"])
    from_nothing = not get_preset(preset).needs_world
    name = named(data, "name").strip()
    if check_name and not name:
        raise ConfigError(TRAIN["name_needed"])
    batch = str(data.get("batch"))
    folder = desk.manifest(batch).folder
    return TrainRequest(
        name=name[:_LONGEST_NAME],
        start=None if from_nothing else start or desk.nearest(batch),
        manifest=folder,
        preset=preset,
        changes=read_changes(data.get("changes")),
    )


def read_changes(changes: Any) -> dict[str, Any]:
    """Return settings under Advanced that are not as usual.

    Raises:
        ConfigError: One is unknown, or out of its range.
    """
    if changes is None:
        return {}
    if not isinstance(changes, Mapping):
        raise ConfigError(TRAIN["failed"])
    read: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "augment" and value in AUGMENTATIONS:
            read[name] = value
        elif name in NUMBERS or name == "seed":
            read[name] = _number(name, value)
        else:
            raise ConfigError(TRAIN["failed"])
    return read


def _number(name: str, value: Any) -> float | int:
    low, high = (0.0, float(_MAX_SEED)) if name == "seed" else NUMBERS[name][:2]
    good = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    if not good or (name in _WHOLE and value != int(value)):
        ends = {"low": f"{low:g}", "high": f"{high:,.0f}" if high >= 1 else f"{high:g}"}
        raise ConfigError(TRAIN["out_of_range"].format(name=TRAIN[name], **ends))
    return int(value) if name in _WHOLE else float(value)

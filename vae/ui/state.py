"""The state of a picture, as the browser carries it: the server keeps none.

A request names where the picture starts (a seed, or latents read from the visitor's own image) and
how far each slider stands from zero. Everything in it comes from outside, so it is checked here
once and trusted afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vae.errors import ConfigError

MAX_SEED = 2**32 - 1
MAX_LATENT = 64.0  # far outside any posterior: a guard against nonsense, not a limit on art
_MAX_WIDTH = 4096


@dataclass(frozen=True, kw_only=True)
class PictureState:
    """Where a picture starts and how it was moved.

    Attributes:
        seed: Start of a random picture, 0…2³²−1. None where ``z`` and ``key`` are given.
        z: Content latents of an uploaded picture, or None.
        key: Style latents of an uploaded picture, or None.
        moves: Slider name to position, in standard deviations; zeros are left out.
    """

    seed: int | None = None
    z: tuple[float, ...] | None = None
    key: tuple[float, ...] | None = None
    moves: Mapping[str, float]


def read_state(data: Any, ranges: Mapping[str, tuple[float, float]]) -> PictureState:
    """Check a request from the browser.

    Args:
        data: Decoded JSON: ``{"seed": 43}`` or ``{"z": [...], "key": [...]}``, and ``"moves"``.
        ranges: Allowed positions of each slider, by name; positions outside are clamped.

    Raises:
        ConfigError: Something in the request is missing, unknown or not a finite number.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"expected a picture's state, found {type(data).__name__}")
    moves = _read_moves(data.get("moves", {}), ranges)
    if data.get("z") is not None or data.get("key") is not None:
        z, key = _read_latents(data.get("z"), "z"), _read_latents(data.get("key"), "key")
        return PictureState(z=z, key=key, moves=moves)
    return PictureState(seed=_read_seed(data.get("seed")), moves=moves)


def carried(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a checked request that makes the picture, as plain JSON.

    What only this request needed, such as its number, is left out.
    """
    names = [field.name for field in fields(PictureState)]
    return {name: data[name] for name in names if data.get(name) is not None}


def _read_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"expected a whole seed from 0 to {MAX_SEED}, found {_shown(seed)}")
    return seed


def _read_moves(moves: Any, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    if not isinstance(moves, Mapping):
        raise ConfigError(f"expected slider positions by name, found {type(moves).__name__}")
    for name in moves:
        if name not in ranges:
            raise ConfigError(f"expected a slider of this world, found {_shown(name)}")
    clamped = {name: _clamp(_number(v, name), *ranges[name]) for name, v in moves.items()}
    return {name: value for name, value in clamped.items() if value != 0.0}


def _read_latents(values: Any, name: str) -> tuple[float, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) > _MAX_WIDTH:
        raise ConfigError(f"expected {name} as a list of numbers, found {_shown(values)}")
    return tuple(_clamp(_number(v, name), -MAX_LATENT, MAX_LATENT) for v in values)


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"expected a number for {name}, found {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"expected a finite number for {name}, found {_shown(value)}")
    return number


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _shown(value: Any) -> str:
    """Return a short, safe rendering for a message: what came from outside may be long."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."

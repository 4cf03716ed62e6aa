"""The state of a picture, as the browser carries it: the server keeps none.

A request names where the picture starts (a seed, or latents read from the visitor's own image) and
how far each slider stands from zero. Everything in it comes from outside, so it is checked here
once and trusted afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from vae.errors import ConfigError
from vae.ui.words import STYLE_NAMES

MAX_SEED = 2**32 - 1
MAX_LATENT = 64.0  # far outside any posterior: a guard against nonsense, not a limit on art
_MAX_WIDTH = 4096
_NUM_ATTRIBUTES = len(STYLE_NAMES)
_MAX_VALUE = 1e4  # of an attribute or a palette, natural units
MAX_ALONG = 16  # directions of the artist's own that move one picture
MAX_DETAIL = 60_000  # letters, so that a link and a request of four states have room
ALONG_END = 2.5  # standard deviations of the world, either way


@dataclass(frozen=True, kw_only=True)
class BorrowState:
    """A reference's look, as it was measured, and how much of it is borrowed.

    Attributes:
        u: The sixteen attributes, natural units.
        alpha: Whether the reference has any transparency to lend.
        texture: Share of the texture borrowed, 0 to 1.
        palette: Share of the palette.
        transparency: Share of the transparency.
        locks: Attributes that stay, sorted.
        exact: Mean (3) and covariance (9) of the palette put on after the model, or None.
        key: The encoder's reading of it, where the world knows such pictures; else None.
        rough: How rough its surface is, see `vae.grain`; None where that was not measured.
    """

    u: tuple[float, ...]
    alpha: bool
    texture: float = 0.0
    palette: float = 0.0
    transparency: float = 0.0
    locks: tuple[str, ...] = ()
    exact: tuple[float, ...] | None = None
    key: tuple[float, ...] | None = None
    rough: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class AlongMove:
    """A move along a direction that is the artist's own, and that the picture carries with it.

    Attributes:
        z: The direction's content, a move of +1.
        key: Its style.
        at: How far, -2.5 to 2.5.
    """

    z: tuple[float, ...]
    key: tuple[float, ...]
    at: float


@dataclass(frozen=True, kw_only=True)
class DetailState:
    """A picture of the visitor's own whose detail is kept, see `vae.ui.detail`.

    Attributes:
        webp: The picture on the world's square, WebP in base64.
        z: Content latents that it was read as.
        key: Style latents.
        grain: Where the slider of the grain stood for the picture's own; None: to be measured.
        share: How much of it is kept, 0 to 1; the rest is the world's own drawing.
    """

    webp: str
    z: tuple[float, ...]
    key: tuple[float, ...]
    grain: float | None = None
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class PictureState:
    """Where a picture starts and how it was moved.

    Attributes:
        seed: Start of a random picture, 0…2³²−1. None where ``z`` and ``key`` are given.
        z: Content latents of an uploaded picture, or None.
        key: Style latents of an uploaded picture, or None.
        moves: Slider name to position, in standard deviations; zeros are left out.
        borrow: The look that is borrowed, or None.
        along: Moves along the artist's own directions.
        held: Slider name to what is added to the key beside its move, so that the rest is held;
            for sliders in ``moves`` alone.
        detail: The picture whose detail is kept, or None.
    """

    seed: int | None = None
    z: tuple[float, ...] | None = None
    key: tuple[float, ...] | None = None
    moves: Mapping[str, float]
    borrow: BorrowState | None = None
    along: tuple[AlongMove, ...] = ()
    held: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    detail: DetailState | None = None


def read_state(data: Any, ranges: Mapping[str, tuple[float, float]]) -> PictureState:
    """Check a request from the browser.

    Args:
        data: Decoded JSON: ``{"seed": 43}`` or ``{"z": [...], "key": [...]}``, ``"moves"``,
            ``"borrow"`` where a look is borrowed, ``"along"``, moves along own directions,
            ``"held"``, what sliders add to the key so that the rest is held, and ``"detail"``,
            the picture whose detail is kept.
        ranges: Allowed positions of each slider, by name; positions outside are clamped.

    Raises:
        ConfigError: Something in the request is missing, unknown or not a finite number.
    """
    if not isinstance(data, Mapping):
        raise ConfigError(f"expected a picture's state, found {type(data).__name__}")
    moves = _read_moves(data.get("moves", {}), ranges)
    more: dict[str, Any] = {
        "borrow": _read_borrow(data.get("borrow")),
        "along": _read_along(data.get("along")),
        "detail": _read_detail(data.get("detail")),
    }
    more["held"] = _read_held(data.get("held"), ranges, moves)
    if data.get("z") is not None or data.get("key") is not None:
        z, key = read_latents(data.get("z"), "z"), read_latents(data.get("key"), "key")
        return PictureState(z=z, key=key, moves=moves, **more)
    return PictureState(seed=_read_seed(data.get("seed")), moves=moves, **more)


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


def _read_held(
    held: Any, ranges: Mapping[str, tuple[float, float]], moves: Mapping[str, float]
) -> dict[str, tuple[float, ...]]:
    """Return what sliders add to the key; of one that stands at zero nothing is left."""
    if held is None:
        return {}
    if not isinstance(held, Mapping):
        raise ConfigError(f"expected what sliders hold by name, found {type(held).__name__}")
    for name in held:
        if name not in ranges:
            raise ConfigError(f"expected a slider of this world, found {_shown(name)}")
    return {name: read_latents(row, name) for name, row in held.items() if name in moves}


def _read_borrow(borrow: Any) -> BorrowState | None:
    if borrow is None:
        return None
    if not isinstance(borrow, Mapping) or not isinstance(borrow.get("alpha"), bool):
        raise ConfigError(f"expected a borrowed look, found {_shown(borrow)}")
    dials = ("texture", "palette", "transparency")
    shares = {name: _clamp(_number(borrow.get(name, 0), name), 0.0, 1.0) for name in dials}
    return BorrowState(
        u=_read_row(borrow.get("u"), "u", _NUM_ATTRIBUTES),
        alpha=borrow["alpha"],
        locks=_read_locks(borrow.get("locks", [])),
        exact=_read_exact(borrow.get("exact")),
        key=None if borrow.get("key") is None else read_latents(borrow["key"], "key"),
        rough=None if borrow.get("rough") is None else _read_row(borrow["rough"], "rough", 2),
        **shares,
    )


def _read_along(along: Any) -> tuple[AlongMove, ...]:
    if along is None:
        return ()
    if not isinstance(along, list) or len(along) > MAX_ALONG:
        raise ConfigError(f"expected at most {MAX_ALONG} moves along directions")
    moves = [_read_along_move(move) for move in along]
    return tuple(move for move in moves if move.at)


def _read_along_move(move: Any) -> AlongMove:
    if not isinstance(move, Mapping):
        raise ConfigError(f"expected a move along a direction, found {_shown(move)}")
    at = _clamp(_number(move.get("at"), "at"), -ALONG_END, ALONG_END)
    return AlongMove(
        z=read_latents(move.get("z"), "z"), key=read_latents(move.get("key"), "key"), at=at
    )


def _read_detail(detail: Any) -> DetailState | None:
    if detail is None:
        return None
    webp = detail.get("webp") if isinstance(detail, Mapping) else None
    if not isinstance(webp, str) or not 0 < len(webp) <= MAX_DETAIL:
        raise ConfigError(f"expected a picture whose detail is kept, found {_shown(detail)}")
    z, key = (read_latents(detail.get(name), name) for name in ("z", "key"))
    grain = detail.get("grain")
    if grain is not None:
        grain = _clamp(_number(grain, "grain"), -1.0, 1.0)
    share = _clamp(_number(detail.get("share", 1), "share"), 0.0, 1.0)
    return DetailState(webp=webp, z=z, key=key, grain=grain, share=share)


def _read_locks(locks: Any) -> tuple[str, ...]:
    known = isinstance(locks, list) and all(isinstance(n, str) and n in STYLE_NAMES for n in locks)
    if not known:
        raise ConfigError(f"expected a list of attributes to lock, found {_shown(locks)}")
    return tuple(sorted(set(locks)))


def _read_exact(exact: Any) -> tuple[float, ...] | None:
    """Return the palette to put on after the model, where it is there and switched on."""
    if exact is None:
        return None
    if not isinstance(exact, Mapping):
        raise ConfigError(f"expected a palette, found {_shown(exact)}")
    mean, covariance = (_read_row(exact.get(n), n, size) for n, size in (("mean", 3), ("cov", 9)))
    return mean + covariance if exact.get("on") is True else None


def _read_row(values: Any, name: str, size: int) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != size:
        raise ConfigError(f"expected {name} as {size} numbers, found {_shown(values)}")
    return tuple(_clamp(_number(v, name), -_MAX_VALUE, _MAX_VALUE) for v in values)


def read_latents(values: Any, name: str) -> tuple[float, ...]:
    """Return latents of any width, clamped; ConfigError where they are no finite numbers."""
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

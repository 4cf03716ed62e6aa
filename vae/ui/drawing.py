"""A state becomes latents, and those a picture: all that is drawn for the page is drawn here.

Runs on the drawing thread, see `vae.ui.engine`. What a drag asks for again and again is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from vae.errors import ConfigError
from vae.ui.detail import keep_detail, kept_pictures
from vae.ui.surface import grain_of, without_grain

if TYPE_CHECKING:
    from torch import Tensor

    from vae.borrowing import Borrowing
    from vae.change import Change
    from vae.infer import Latents, World
    from vae.ui.state import BorrowState, PictureState

    Start = tuple[int | None, tuple[float, ...] | None, tuple[float, ...] | None]

_SEEDS_KEPT = 64
_BORROWINGS_KEPT = 64


@lru_cache(maxsize=_SEEDS_KEPT)
def seeded(world: World, seed: int) -> Latents:
    """Return the latents of a seed."""
    import torch

    return world.sample(1, generator=torch.Generator().manual_seed(seed))


def latents_of(world: World, state: PictureState) -> Latents:
    """Return the latents of a state, before any slider has moved them.

    Raises:
        ConfigError: The latents in the request belong to a world of other widths.
    """
    if state.z is None or state.key is None:
        return seeded(world, state.seed or 0)
    check_widths(world, state.z, state.key)
    start = seeded(world, 0)  # lends its type, device and precision
    return start._replace(z=start.z.new_tensor([state.z]), key=start.key.new_tensor([state.key]))


def check_widths(world: World, z: Sequence[float], key: Sequence[float]) -> None:
    """Raise ConfigError where latents are not of a world's widths."""
    found, expected = (len(z), len(key)), (world.latent_dim, world.latent_key_dim)
    if found != expected:
        raise ConfigError(f"expected latents of widths {expected}, found {found}")


def moved_latents_of(world: World, state: PictureState) -> Latents:
    """Return the latents of a state as it is drawn: the start, moved by everything it carries."""
    latents = latents_of(world, state)
    if state.borrow is not None:
        latents = latents._replace(key=latents.key + borrowed_move(world, state))
    moves = without_grain(state)
    latents = world.move(latents, moves) if moves else latents
    for _, row in sorted(state.held.items()):  # one order, or the same sum differs in its last bits
        check_widths(world, latents.z[0].tolist(), row)
        latents = latents._replace(key=latents.key + latents.key.new_tensor([row]))
    for move in state.along:
        check_widths(world, move.z, move.key)
        z, key = latents.z.new_tensor([move.z]), latents.key.new_tensor([move.key])
        latents = latents._replace(z=latents.z + move.at * z, key=latents.key + move.at * key)
    return latents


def borrowed_move(world: World, state: PictureState) -> Tensor:
    """Return how far the borrowed look of a state moves its key, (1, latent_key_dim)."""
    borrow = state.borrow
    assert borrow is not None
    shares = {
        "texture": borrow.texture,
        "palette": borrow.palette,
        "alpha": borrow.transparency if borrow.alpha else 0.0,
    }
    return solved(world, state).at(shares)


def solved(world: World, state: PictureState) -> Borrowing:
    """Return the solution of a state's borrowing; a few pictures are drawn for it, once.

    It hangs neither on the sliders nor on the dials, so that dragging either costs nothing.
    """
    return _solve(world, *_lent(state))


def _lent(state: PictureState) -> tuple[Start, BorrowState]:
    """Return all that the solution of a state's borrowing hangs on, wherever its dials stand."""
    assert state.borrow is not None
    look = replace(state.borrow, texture=0.0, palette=0.0, transparency=0.0, exact=None)
    return (state.seed, state.z, state.key), look


@lru_cache(maxsize=_BORROWINGS_KEPT)
def _solve(world: World, start: Start, lent: BorrowState) -> Borrowing:
    import torch

    from vae.looks import Look

    key = None if lent.key is None else torch.tensor([lent.key])
    look = Look(torch.tensor([lent.u]), lent.alpha, key)
    return world.borrowing(_at(world, start), look, locks=lent.locks)


def _at(world: World, start: Start) -> Latents:
    from vae.ui.state import PictureState

    seed, z, key = start
    return latents_of(world, PictureState(seed=seed, z=z, key=key, moves={}))


def grain_strength(world: World, state: PictureState) -> float:
    """Return how strong the grain of a state is, 0 to 2: by its slider and its borrowed texture."""
    borrow, own = state.borrow, grain_of(state)
    if borrow is None or borrow.rough is None or not borrow.texture:
        return own
    return min(max(own + borrow.texture * (_lent_grain(world, *_lent(state)) - 1), 0.0), 2.0)


@lru_cache(maxsize=_BORROWINGS_KEPT)
def _lent_grain(world: World, start: Start, lent: BorrowState) -> float:
    """Return the share of the grain with which the whole texture is as rough as the reference."""
    import torch

    from vae.grain import matching_grain

    latents = _at(world, start)
    move = _solve(world, start, lent).at({"texture": 1.0, "palette": 0.0, "alpha": 0.0})
    textured = latents._replace(key=latents.key + move)
    wanted = torch.tensor([lent.rough], device=move.device)
    return matching_grain(wanted, lambda share: world.decode(textured, grain=share)).item()


def picture_of(world: World, state: PictureState) -> Tensor:
    """Return the picture of a state: straight (1, C, H, W) in [0, 1]."""
    return pictures_of(world, [state])


def pictures_of(world: World, states: Sequence[PictureState]) -> Tensor:
    """Return the pictures of several states, decoded at once: straight (N, C, H, W) in [0, 1]."""
    return changes_of(world, states)[0]


def changes_of(world: World, states: Sequence[PictureState]) -> tuple[Tensor, list[Change | None]]:
    """Return pictures, and what was changed in those that keep their detail."""
    import torch

    rows = [moved_latents_of(world, state) for state in states]
    z, key = (torch.cat(parts) for parts in zip(*rows, strict=True))
    grain = torch.tensor([grain_strength(world, state) for state in states])
    pictures = world.decode(rows[0]._replace(z=z, key=key), grain=grain)
    changes: list[Change | None] = [None] * len(states)
    for i, state in enumerate(states):
        if state.detail is not None:
            changes[i] = change = keep_detail(world, state.detail, pictures[i : i + 1])
            pictures[i : i + 1] = change.changed
        if state.borrow is not None and state.borrow.exact is not None:
            pictures[i : i + 1] = _recoloured(pictures[i : i + 1], state.borrow.exact)
    return pictures, changes


def _recoloured(picture: Tensor, exact: Sequence[float]) -> Tensor:
    import torch

    from vae.palette_transfer import Palette, transfer

    numbers = torch.tensor([exact], dtype=torch.float64)
    return transfer(picture, Palette(numbers[:, :3], numbers[:, 3:].view(1, 3, 3)))


def forget() -> None:
    """Let go of all that is kept, which holds on to the worlds it was drawn with."""
    for kept in (seeded, _solve, _lent_grain, kept_pictures):
        kept.cache_clear()

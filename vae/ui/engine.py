"""Worlds behind the page: loaded when first drawn with, and all drawn by one single thread.

torch is shared by asking it one thing at a time: its own threads then split each picture, where two
callers at once would only make both late. A world is loaded on a thread beside that one, so that
whoever drags in another goes on; its own requests wait in line meanwhile, and the first picture
appears the moment it can.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from vae.errors import ConfigError, VAEError
from vae.recipe import HASH_DIGITS, world_hash
from vae.ui.detail import keep_detail, kept_pictures
from vae.ui.surface import grain_of, with_grain, without_grain

if TYPE_CHECKING:
    from torch import Tensor

    from vae.borrowing import Borrowing
    from vae.infer import Latents, World
    from vae.slider import Slider
    from vae.ui.state import BorrowState, PictureState

    Start = tuple[int | None, tuple[float, ...] | None, tuple[float, ...] | None]

T = TypeVar("T")
MAX_WAITING = 64
_SEEDS_KEPT = 64
_BORROWINGS_KEPT = 64
_PATIENCE = 1.0  # seconds
_PAUSE = 0.005


class BusyError(VAEError):
    """More requests are waiting than can be answered in good time."""


class Studio:
    """The threads on which worlds are loaded and drawn and uploads decoded, and the lines before.

    One thread draws, whichever world it is asked for: two would fight over the same cores.

    Attributes:
        announce: Called whenever somebody's hand waits for a picture.
    """

    def __init__(self) -> None:
        self.announce: Callable[[], None] = lambda: None
        self._drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="draw")
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read")
        self._waiting = 0
        self._urgent = 0  # of those, how many somebody's hand is waiting for

    def submit(self, job: Callable[..., T], *args: Any) -> Future[T]:
        """Have ``job(*args)`` run on the drawing thread, ahead of whoever comes later."""
        return self._drawing.submit(job, *args)

    async def draw(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(*args)`` on the drawing thread.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        self.announce()
        with self.hurried():
            return await self._queued(self._drawing, job, *args)

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Have those who can wait do so, while a hand is waiting."""
        self._urgent += 1
        try:
            yield
        finally:
            self._urgent -= 1

    async def draw_later(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(*args)`` on the drawing thread once no frame waits for it.

        For pictures that nobody's hand is waiting for. After ``_PATIENCE`` seconds of somebody
        else's dragging they are drawn all the same.
        """
        loop = asyncio.get_running_loop()
        latest = loop.time() + _PATIENCE
        while self._urgent and loop.time() < latest:
            await asyncio.sleep(_PAUSE)
        return await self._queued(self._drawing, job, *args)

    def submit_load(self, job: Callable[[], T]) -> Future[T]:
        """Have ``job()`` run on the loading thread, ahead of whoever comes later."""
        return self._loading.submit(job)

    async def load(self, job: Callable[[], T]) -> T:
        """Run ``job()`` on the thread that loads worlds, beside the drawing.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        return await self._queued(self._loading, job)

    async def read(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(*args)`` on the thread that reads files and uploads, one at a time.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        return await self._queued(self._reading, job, *args)

    def close(self) -> None:
        """Let go of the threads."""
        for pool in (self._drawing, self._loading, self._reading):
            pool.shutdown(wait=False, cancel_futures=True)

    async def _queued(self, pool: ThreadPoolExecutor, job: Callable[..., T], *args: Any) -> T:
        # Counted on the event loop alone, so no lock is needed.
        if self._waiting >= MAX_WAITING:
            raise BusyError("Many people are drawing just now. Please try again in a moment.")
        self._waiting += 1
        try:
            work = partial(job, *args)
            here = copy_context()  # the language that is spoken, among other things
            return await asyncio.get_running_loop().run_in_executor(pool, lambda: here.run(work))
        finally:
            self._waiting -= 1


class Engine:
    """Draws with one world.

    Args:
        load: Returns the world. Called on the loading thread, at ``start`` or before the first
            picture, and again after ``sleep``.
        name: The world's name, known before it is loaded.
        sliders: Its sliders, known before it is loaded, as its table has them.
        weights: The file it is loaded from; None for a world that comes from none.
        studio: Where it is drawn; one of its own where none is given.
    """

    def __init__(
        self,
        load: Callable[[], World],
        name: str,
        sliders: Sequence[Slider],
        weights: Path | None = None,
        studio: Studio | None = None,
    ) -> None:
        self.name = name
        self.weights = weights
        self.sliders = with_grain(sliders)
        ranges = {slider.name: (slider.low, slider.high) for slider in self.sliders}
        self.ranges: Mapping[str, tuple[float, float]] = ranges
        self.studio = studio or Studio()
        self._load = load
        self._world: World | None = None
        self._waking = Lock()

    @cached_property
    def hash(self) -> str:
        """Which weights these are, as recipes and links name them; read when first asked for.

        A world that comes from no file is known by its name.
        """
        if self.weights is None:
            return hashlib.sha256(self.name.encode()).hexdigest()[:HASH_DIGITS]
        return world_hash(self.weights)

    def start(self) -> Future[World]:
        """Begin to load the world; the future carries it, or the reason why not."""
        return self.studio.submit_load(self._started)

    def sleep(self) -> Future[None]:
        """Give the world's memory back; the next picture loads it again."""
        return self.studio.submit(self._forget)

    async def awake(self) -> None:
        """Have the world loaded, without holding up whoever draws in another.

        Raises:
            BusyError: Too many requests are waiting already.
            VAEError: It could not be loaded.
        """
        if self._world is None:
            await self.studio.load(self._wake)

    async def draw(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(world, *args)`` on the drawing thread.

        Raises:
            BusyError: Too many requests are waiting already.
            VAEError: The world could not be loaded, or the job refused its input.
        """
        with self.studio.hurried():
            await self.awake()
            return await self.studio.draw(self._with_world, job, *args)

    async def draw_later(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(world, *args)`` on the drawing thread once no frame waits for it."""
        await self.awake()
        return await self.studio.draw_later(self._with_world, job, *args)

    async def read(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(*args)`` on the thread that decodes uploads, one at a time.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        return await self.studio.read(job, *args)

    def close(self) -> None:
        """Let go of the threads, which ends every world drawn there."""
        self.studio.close()

    def _with_world(self, job: Callable[..., T], *args: Any) -> T:
        import torch

        world = self._wake()  # there already, unless it was put to sleep in the meantime
        with torch.inference_mode():
            return job(world, *args)

    def _started(self) -> World:
        """Load the world, and pay for its first picture before anybody waits for one."""
        world = self._wake()
        self.studio.submit(self._with_world, _warm_up).result()
        return world

    def _wake(self) -> World:
        """Return the world, loaded where it is not there; the threads take turns."""
        with self._waking:
            if self._world is None:
                self._world = self._load()
            return self._world

    def _forget(self) -> None:
        self._world = None
        for kept in (_seeded, _solve, _lent_grain, kept_pictures):
            kept.cache_clear()  # they hold on to the worlds they were asked with


def _warm_up(world: World) -> None:
    world.decode(_seeded(world, 0))  # the first call pays for allocation and threads


@lru_cache(maxsize=_SEEDS_KEPT)
def _seeded(world: World, seed: int) -> Latents:
    import torch

    return world.sample(1, generator=torch.Generator().manual_seed(seed))


def latents_of(world: World, state: PictureState) -> Latents:
    """Return the latents of a state, before any slider has moved them.

    Raises:
        ConfigError: The latents in the request belong to a world of other widths.
    """
    if state.z is None or state.key is None:
        return _seeded(world, state.seed or 0)
    check_widths(world, state.z, state.key)
    start = _seeded(world, 0)  # lends its type, device and precision
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
    import torch

    rows = [moved_latents_of(world, state) for state in states]
    z, key = (torch.cat(parts) for parts in zip(*rows, strict=True))
    grain = torch.tensor([grain_strength(world, state) for state in states])
    pictures = world.decode(rows[0]._replace(z=z, key=key), grain=grain)
    for i, state in enumerate(states):
        if state.detail is not None:
            pictures[i : i + 1] = keep_detail(world, state.detail, pictures[i : i + 1])
        if state.borrow is not None and state.borrow.exact is not None:
            pictures[i : i + 1] = _recoloured(pictures[i : i + 1], state.borrow.exact)
    return pictures


def _recoloured(picture: Tensor, exact: Sequence[float]) -> Tensor:
    import torch

    from vae.palette_transfer import Palette, transfer

    numbers = torch.tensor([exact], dtype=torch.float64)
    return transfer(picture, Palette(numbers[:, :3], numbers[:, 3:].view(1, 3, 3)))

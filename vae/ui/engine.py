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
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from vae.errors import VAEError
from vae.recipe import HASH_DIGITS, world_hash
from vae.ui.drawing import forget, seeded
from vae.ui.surface import with_grain

if TYPE_CHECKING:
    from vae.infer import World
    from vae.slider import Slider

T = TypeVar("T")
MAX_WAITING = 64
_PATIENCE = 1.0  # seconds
_PAUSE = 0.005


class BusyError(VAEError):
    """More requests are waiting than can be answered in good time."""


class Studio:
    """The threads that load worlds, draw, read uploads and write large files, and their lines.

    One thread draws, whichever world it is asked for: two would fight over the same cores.

    Attributes:
        announce: Called whenever somebody's hand waits for a picture.
    """

    def __init__(self) -> None:
        self.announce: Callable[[], None] = lambda: None
        self._drawing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="draw")
        self._loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="load")
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read")
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
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

    async def write(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job()`` on the thread that makes large files, which take seconds.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        return await self._queued(self._writing, job, *args)

    def close(self) -> None:
        """Let go of the threads."""
        for pool in (self._drawing, self._loading, self._reading, self._writing):
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

    async def write(self, job: Callable[..., T], *args: Any) -> T:
        """Run ``job(*args)`` on the thread that makes large files, while others are read.

        Raises:
            BusyError: Too many requests are waiting already.
        """
        return await self.studio.write(job, *args)

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
        forget()


def _warm_up(world: World) -> None:
    world.decode(seeded(world, 0))  # the first call pays for allocation and threads

"""The worlds behind the page: which are there, and the engines of those in use.

A request names its world and the hash of its weights, and is answered by just that engine, so that
any number of visitors may be in any number of worlds. What a request can name is what the list of
worlds holds at that moment: no folder and no path. A shipped world's slider table is plain JSON, so
the page can be built before PyTorch is imported.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError, ConfigError, VAEError
from vae.recipe import world_hash
from vae.shelf import CHECKPOINTS, REQUIRED, WEIGHTS, tend, world_folders
from vae.slider import Slider
from vae.ui.engine import Engine, Studio
from vae.ui.frames import answer
from vae.ui.words import WORLDS

if TYPE_CHECKING:
    from vae.infer import World

KEPT = 3  # worlds in memory besides the one the page opens with
_LONGEST_NAME = 80  # of a slider
_LARGEST = 1e6

Handler = Callable[[Any], Awaitable[dict[str, Any]]]


class NoWorldError(VAEError):
    """There is no world of that name, or not that version of it. The message is the page's."""


class Worlds:
    """Every world the page may show.

    Args:
        start: The world the page opens with; it stays in memory.
        found: Returns the folders of the other worlds that are there now, by name.
        open_folder: Returns the engine of a folder, not yet awake, drawing in the given studio.
    """

    def __init__(
        self,
        start: Engine,
        found: Callable[[], Mapping[str, Path]] = dict,
        open_folder: Callable[[Path, Studio], Engine] | None = None,
    ) -> None:
        self.start = start
        self._found = found
        self._open = open_folder or (lambda folder, studio: open_here(folder, "cpu", studio))
        self._kept: OrderedDict[tuple[str, str], Engine] = OrderedDict()  # the latest last

    def folders(self) -> dict[str, Path | None]:
        """Return the worlds that are there now by name; None where there is no folder."""
        here: dict[str, Path | None] = dict(self._found())
        weights = self.start.weights
        if weights is None or weights.is_file():
            here[self.start.name] = weights.parent if weights else None
        return dict(sorted(here.items()))

    async def of(self, request: Any) -> Engine:
        """Return the engine of the world a request names; the first one where it names none.

        Args:
            request: Decoded JSON or a form with ``world``, a name, and ``hash``, of its weights.

        Raises:
            NoWorldError: There is no such world, or it was trained on since.
            CheckpointError: It cannot be read.
            ConfigError: What should be a name is none.
        """
        name, digits = _named(request)
        if name is None or (name, digits) == (self.start.name, self.start.hash):
            return self.start
        known = self._kept.get((name, digits)) if digits else None
        engine = known or await self.start.read(self._newest, name)
        if digits not in (None, engine.hash):
            raise NoWorldError(WORLDS["changed"].format(name=name[:40]))
        return self._keep(engine)

    async def enter(self, name: Any) -> Engine:
        """Return the engine of a world as it is on the disk now, awake.

        Raises:
            NoWorldError: There is no such world.
            VAEError: It cannot be read or loaded.
            ConfigError: What should be a name is none.
        """
        if not isinstance(name, str):
            raise ConfigError("expected the name of a world")
        engine = self._keep(await self.start.read(self._newest, name))
        await engine.awake()
        return engine

    def _newest(self, name: str) -> Engine:
        """Return the engine of a world as it is on the disk; runs on the reading thread."""
        folders = self.folders()
        if name not in folders:
            raise NoWorldError(WORLDS["gone"].format(name=name[:40]))
        folder = folders[name]
        if folder is None:
            return self.start
        digits = world_hash(folder / WEIGHTS)
        if (name, digits) == (self.start.name, self.start.hash):
            return self.start
        return self._kept.get((name, digits)) or self._open(folder, self.start.studio)

    def _keep(self, engine: Engine) -> Engine:
        """Note that an engine is in use; the one that was not for longest gives its memory back."""
        if engine is self.start:
            return engine
        key = (engine.name, engine.hash)
        engine = self._kept.setdefault(key, engine)
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)[1].sleep()
        return engine

    def close(self) -> None:
        """Let go of the threads."""
        self.start.close()


def _named(request: Any) -> tuple[str | None, str | None]:
    fields = request if isinstance(request, Mapping) else getattr(request, "data", None)
    if not isinstance(fields, Mapping):
        return None, None
    name, digits = fields.get("world"), fields.get("hash")
    if not isinstance(name, str | None) or not isinstance(digits, str | None):
        raise ConfigError("expected the name of a world")
    return name, digits


def for_worlds(worlds: Worlds, make: Callable[[Engine], Handler]) -> Handler:
    """Return the server function of ``make``, answered by the world that each request names."""

    async def handler(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return await make(await worlds.of(data))(data)

        return await answer(work)

    handler.__name__ = make(worlds.start).__name__  # by which the page asks for it
    return handler


def open_worlds(name: str, device: str, folder: Path = CHECKPOINTS) -> Worlds:
    """Return the worlds of the page.

    Args:
        name: The world it opens with: a shipped world's name, a folder, or a hub id.
        device: What draws: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        folder: Where the others are.

    Raises:
        CheckpointError: There is no such world, or its slider table cannot be read.
        ConfigError: The device is not there.
    """
    tend(folder)
    return Worlds(
        open_engine(name, device),
        lambda: find_worlds(folder),
        lambda world, studio: open_here(world, device, studio),
    )


def find_worlds(folder: Path) -> dict[str, Path]:
    """Return the worlds in a folder that are whole, by name."""
    return {
        place.name: place
        for place in world_folders(folder)
        if all((place / name).is_file() for name in REQUIRED)
    }


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
        return open_here(folder, device)
    world = _load(folder or name, device)
    return Engine(lambda: world, world.name, world.sliders, world.path / WEIGHTS)


def open_here(folder: Path, device: str, studio: Studio | None = None) -> Engine:
    """Return an engine for the world in a folder, not yet loaded.

    Raises:
        CheckpointError: Its slider table cannot be read.
    """
    weights = folder / WEIGHTS

    def load() -> World:
        if world_hash(weights) != engine.hash:
            raise NoWorldError(WORLDS["changed"].format(name=folder.name))
        try:
            return _load(folder, device)
        except CheckpointError as error:  # a visitor need not know where the world lies
            raise CheckpointError(str(error).replace(str(folder), folder.name)) from error

    engine = Engine(load, folder.name, read_sliders(folder), weights, studio)
    return engine


def _local_folder(name: str) -> Path | None:
    shipped, folder = CHECKPOINTS / name, Path(name)
    if (shipped / WEIGHTS).is_file():
        return shipped
    return folder.resolve() if (folder / WEIGHTS).is_file() else None


def _load(name: Path | str, device: str) -> World:
    from vae.infer import get_infer_model

    return get_infer_model(name, device=device)


def read_sliders(folder: Path) -> tuple[Slider, ...]:
    """Return a world's sliders, as its table orders them.

    Raises:
        CheckpointError: The table is missing or damaged.
    """
    try:
        rows = json.loads((folder / "sliders.json").read_text(encoding="utf-8"))["sliders"]
        return tuple(_checked(Slider.from_row(row)) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"{folder.name} is not a world: sliders.json cannot be read"
        raise CheckpointError(message) from error


def _checked(slider: Slider) -> Slider:
    """Return a slider whose table came from elsewhere, once the page can trust it."""
    texts = (slider.name, *(name for name, _ in slider.also))
    numbers = [slider.low, slider.high, slider.gain, slider.purity, slider.spearman]
    if slider.held is not None:
        numbers += [slider.held.gain, slider.held.purity, slider.held.spearman]
    if not all(isinstance(text, str) and len(text) <= _LONGEST_NAME for text in texts):
        raise ValueError("a slider's name is no short text")
    if not all(type(number) in (int, float) and abs(number) <= _LARGEST for number in numbers):
        raise ValueError("what was measured about a slider is no number")
    if slider.kind not in ("style", "form") or not slider.low < slider.high:
        raise ValueError("a slider is of no known kind or has no range")
    return slider

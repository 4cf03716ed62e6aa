"""For scripts: the worlds behind the page, called by name with ``gradio_client``.

Five functions: sample, decode, encode, describe, borrow. Pictures travel as base64 text, latents as
lists; no path goes in or comes out, and nothing is written. Everything is checked here, and what is
wrong comes back as a sentence.

Gradio reads the types and the descriptions below, so annotations are not postponed in this module.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from vae.errors import VAEError
from vae.pixels import MAX_SCALE
from vae.ui import script_data as jobs
from vae.ui.engine import Engine
from vae.ui.script_data import MAX_PICTURES, Rows, between, read_pictures, read_rows, whole
from vae.ui.words import explain
from vae.ui.worlds import Worlds

T = TypeVar("T")


async def _answered(work: Awaitable[T]) -> T:
    """Return what is awaited; what went wrong leaves as a sentence that the script can read."""
    try:
        return await work
    except Exception as error:
        refuse(error)


def refuse(error: Exception) -> NoReturn:
    """Raise an error in the form that reaches a script; unforeseen ones are logged instead."""
    import gradio as gr

    sentence = str(error) if isinstance(error, VAEError) else explain(error)
    raise gr.Error(sentence, print_exception=False) from error


def make_functions(worlds: Worlds) -> list[Callable[..., Any]]:
    """Return the five functions, typed and described for whoever calls them."""

    async def of(world: str | None) -> Engine:
        return await worlds.of({"world": world or None})

    async def sample(
        count: int = 1, seed: int = 43, truncation: float = 1.0, world: str | None = None
    ) -> dict[str, list[list[float]]]:
        """Draw latents of new pictures from the density fitted to the world.

        Args:
            count: How many, 1 to 16.
            seed: The same seed and count give the same latents, 0 to 4294967295.
            truncation: Spread, 0 (most typical) to 1 (as trained), at most 2.
            world: Its name in the page's menu; the one the page opens with where none is given.

        Returns:
            {"z": count rows, "key": count rows}: content and style.
        """

        async def work() -> dict[str, Rows]:
            start = whole(seed, "seed", 0, 2**32 - 1)
            rows = whole(count, "count", 1, MAX_PICTURES)
            spread = float(between(truncation, "truncation", 0, 2))
            return await (await of(world)).draw(jobs.sample, rows, start, spread)

        return await _answered(work())

    async def decode(
        latents: dict[str, list[list[float]]],
        moves: dict[str, float] | None = None,
        scale: int = 1,
        world: str | None = None,
    ) -> list[str]:
        """Draw pictures from latents.

        Args:
            latents: {"z": rows, "key": rows}, 1 to 16 rows each, as sample and encode give them.
            moves: Slider name to move in standard deviations of the training set, for all rows.
            scale: Enlargement of the picture, 1 to 4.
            world: Its name in the page's menu; the one the page opens with where none is given.

        Returns:
            One PNG with alpha for each row, as base64 text.
        """

        async def work() -> list[str]:
            engine = await of(world)
            states = read_rows(latents, moves, engine.ranges)
            enlargement = whole(scale, "scale", 1, MAX_SCALE)
            return await engine.read(jobs.write, await engine.draw(jobs.draw, states), enlargement)

        return await _answered(work())

    async def encode(pictures: list[str], world: str | None = None) -> dict[str, list[list[float]]]:
        """Read latents from pictures: the nearest variation of each that this world knows.

        Args:
            pictures: 1 to 16 PNG, JPEG or WebP files as base64 text; a request holds 256 KB.
            world: Its name in the page's menu; the one the page opens with where none is given.

        Returns:
            {"z": rows, "key": rows}, one row for each picture.
        """

        async def work() -> dict[str, Rows]:
            engine = await of(world)
            return await engine.draw(jobs.encode, await engine.read(read_pictures, pictures))

        return await _answered(work())

    async def describe(pictures: list[str], world: str | None = None) -> dict[str, list[float]]:
        """Measure the sixteen attributes of pictures, in natural units, on the world's own square.

        Args:
            pictures: 1 to 16 PNG, JPEG or WebP files as base64 text; a request holds 256 KB.
            world: Its name in the page's menu; the one the page opens with where none is given.

        Returns:
            Attribute name to one number for each picture.
        """

        async def work() -> dict[str, list[float]]:
            engine = await of(world)
            return await engine.draw(jobs.describe, await engine.read(read_pictures, pictures))

        return await _answered(work())

    async def borrow(
        latents: dict[str, list[list[float]]],
        reference: str,
        texture: float = 1.0,
        palette: float = 1.0,
        alpha: float = 1.0,
        world: str | None = None,
    ) -> dict[str, list[list[float]]]:
        """Take on the look of a reference and keep the content.

        Args:
            latents: {"z": rows, "key": rows}, 1 to 16 rows each.
            reference: A PNG, JPEG or WebP file as base64 text; a request holds 256 KB.
            texture: Share of the texture attributes borrowed, 0 to 1.
            palette: Share of the colour attributes, 0 to 1.
            alpha: Share of the transparency attributes, 0 to 1.
            world: Its name in the page's menu; the one the page opens with where none is given.

        Returns:
            {"z": rows, "key": rows}: z as it was, another key.
        """

        async def work() -> dict[str, Rows]:
            engine = await of(world)
            states = read_rows(latents, None, engine.ranges)
            dials = {"texture": texture, "palette": palette, "alpha": alpha}
            shares = {name: float(between(value, name, 0, 1)) for name, value in dials.items()}
            [picture] = await engine.read(read_pictures, [reference])
            return await engine.draw(jobs.borrow, states, picture, shares)

        return await _answered(work())

    return [sample, decode, encode, describe, borrow]


def script_api(worlds: Worlds) -> None:
    """Register the functions; one runs at a time, so that scripts do not crowd out the page."""
    from gradio.events import api

    for function in make_functions(worlds):
        api(
            function,
            api_name=function.__name__,
            api_description=inspect.getdoc(function),
            concurrency_limit=1,
            concurrency_id="scripts",
        )

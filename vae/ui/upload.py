"""Starting from a picture of one's own: bytes in, latents out, nothing kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError, ConfigError, ImageError
from vae.pixels import encode_image, to_pixels
from vae.placement import Placement, as_input
from vae.recipe import Recipe, carries_recipe, read_recipe
from vae.ui.detail import pack
from vae.ui.drawing import moved_latents_of
from vae.ui.engine import Engine
from vae.ui.explore import REACH
from vae.ui.frames import answer, as_text
from vae.ui.panel import label
from vae.ui.security import MAX_UPLOAD_BYTES, open_picture
from vae.ui.state import MAX_SEED, carried, read_state
from vae.ui.surface import GRAIN, own_grain
from vae.ui.words import RECIPE
from vae.ui.worlds import NoWorldError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vae.infer import Latents, World
    from vae.ui.worlds import Worlds

ACCEPT = "image/png,image/jpeg,image/webp"
_DIGITS = 20  # more than any seed has
FINER = 1.25  # pixels of a picture to one of the square, from which it has more to show


def read_latents(world: World, upload: np.ndarray, directions: int | None = None) -> dict[str, Any]:
    """Return the latents of a picture as lists the browser can carry; runs where pictures draw.

    ``varied`` has those of a variation, where ``directions``, a seed, asks for one.

    ``moves`` sets the strength of the grain to the picture's own, ``grain``, where that is not the
    world's.
    ``square`` is the picture as the world saw it, a PNG in base64, for who wants to come nearer;
    ``packed`` the same as a smaller WebP, for who wants its detail kept, or None. ``frame`` says
    where the picture lies on the square, where it has more to show than that, else None.
    """
    placement = Placement.of(upload, world.image_size, world.channels)
    picture = as_input(placement.show(upload), world.channels)
    latents = world.encode(picture)
    pixels = to_pixels(picture)[0]
    place = own_grain(world, picture, latents)
    try:
        packed: str | None = pack(pixels)
    except ImageError:
        packed = None  # nothing but its detail cannot be kept
    varied = {} if directions is None else {"varied": _varied(world, latents, directions)}
    return varied | {
        "z": rounded(latents.z),
        "key": rounded(latents.key),
        "moves": {GRAIN.name: place} if place else {},
        "grain": place,
        "square": as_text(encode_image(pixels, "png")),  # it fits again to the very same
        "packed": packed,
        "frame": _frame(placement, upload, world.channels),
    }


def _varied(world: World, latents: Latents, directions: int) -> dict[str, list[float]]:
    import torch

    generator = torch.Generator().manual_seed(directions)
    varied = world.vary(latents, 1, generator=generator, reach=REACH)
    return {"z": rounded(varied.z), "key": rounded(varied.key)}


def _directions(data: Any) -> int | None:
    """Return the seed of a variation that a form asks for, or None where it asks for none.

    Raises:
        ConfigError: It is no seed.
    """
    fields = getattr(data, "data", None)
    text = fields.get("vary") if isinstance(fields, Mapping) else None
    if text is None:
        return None
    if not str(text).isdecimal() or len(str(text)) > _DIGITS or int(text) > MAX_SEED:
        raise ConfigError(f"expected directions from 0 to {MAX_SEED}")
    return int(text)


def _frame(placement: Placement, upload: np.ndarray, channels: int) -> dict[str, Any] | None:
    """Return a placement as the page needs it: in shares of the sides of picture and square."""
    if placement.scale < FINER and not placement.goes_on(upload):
        return None
    height, width = upload.shape[:2]
    edges = (width, height, width, height)
    source = [edge / whole for edge, whole in zip(placement.source, edges, strict=True)]
    return {
        "width": width,
        "height": height,
        "source": source,
        "target": list(placement.box),
        "on_white": channels < 4,
        "grey": channels == 1,
    }


def rounded(row: Tensor) -> list[float]:
    """Return a row of latents (1, D) as the browser carries it."""
    return [round(value, 5) for value in row[0].float().cpu().tolist()]


def find_recipe(data: Any) -> Recipe | None:
    """Return the recipe in an uploaded file, or None where it carries none.

    Raises:
        ImageError: There is one, but it is damaged or of another version.
    """
    if not isinstance(data, bytes) or len(data) > MAX_UPLOAD_BYTES or not carries_recipe(data):
        return None
    return read_recipe(data)


async def restore(engine: Engine, recipe: Recipe, worlds: Worlds | None = None) -> dict[str, Any]:
    """Return what a recipe describes: ``recipe``, the state, and ``world``, where it is another.

    Args:
        engine: The world of the page.
        recipe: What was found in the file.
        worlds: Where the world of the recipe may be, if it is another.

    Raises:
        ConfigError: The recipe is of a world that is not here, of another version of its world, or
            asks for what the world has not got. The message is a sentence of the page's.
        VAEError: Its world cannot be loaded.
    """
    here = engine.name
    if recipe.world != here:
        if worlds is None or recipe.world not in worlds.folders():
            raise ConfigError(RECIPE["other_world"].format(name=recipe.world[:40], here=here))
        engine = await worlds.enter(recipe.world)
    if recipe.hash != engine.hash:
        raise ConfigError(RECIPE["other_hash"].format(name=engine.name))
    try:
        await engine.draw(moved_latents_of, read_state(recipe.state, engine.ranges))
    except ConfigError as error:
        raise ConfigError(RECIPE["impossible"]) from error
    found = {"recipe": carried(recipe.state)}
    return found if engine.name == here else {**found, "world": engine.name}


def make_start_from(
    engine: Engine, worlds: Worlds | None = None
) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``start_from``: one file as multipart in, a start out.

    ``{"recipe": state}`` for a picture that was made in this very world, with ``world`` where it
    was made in another that is here; ``{"z": …, "key": …, "moves": …, "square": …}`` for any other
    picture, and then ``note`` is a sentence where there was a recipe that could not be used. A form
    with a seed as ``vary`` is answered with a variation of such a picture, ``varied``, as well.

    Only bytes that came within the request itself are read. A path, with or without Gradio's
    ``meta``, is no file here.
    """

    async def start_from(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            files = getattr(data, "files", None)
            contents = files[0][1] if files else None
            note = None
            try:
                recipe = await engine.read(find_recipe, contents)
                if recipe is not None:
                    return await restore(engine, recipe, worlds)
            except (ImageError, ConfigError, NoWorldError, CheckpointError) as error:
                note = RECIPE["pixels"].format(reason=error)
            directions = _directions(data)
            pixels = await engine.read(open_picture, contents)
            start = await engine.draw(read_latents, pixels, directions)
            return {**start, "note": note} if note else start

        return await answer(work)

    return start_from


def upload_panel() -> None:
    """Build the button that opens the file dialog; dropping and pasting work on the page itself."""
    import gradio as gr

    button = gr.Button(label("PANELS", "upload"), elem_id="upload", size="sm", min_width=0)
    button.click(fn=None, js="() => vae43.choosePicture()", queue=False)

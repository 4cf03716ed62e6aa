"""Starting from a picture of one's own: bytes in, latents out, nothing kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError, ConfigError, ImageError
from vae.pixels import encode_image, to_pixels
from vae.recipe import Recipe, carries_recipe, read_recipe
from vae.ui.detail import as_input, pack
from vae.ui.engine import Engine, moved_latents_of
from vae.ui.frames import answer, as_text
from vae.ui.panel import label
from vae.ui.security import MAX_UPLOAD_BYTES, open_picture
from vae.ui.state import carried, read_state
from vae.ui.surface import GRAIN, own_grain
from vae.ui.words import RECIPE
from vae.ui.worlds import NoWorldError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

    from vae.infer import World
    from vae.ui.worlds import Worlds

ACCEPT = "image/png,image/jpeg,image/webp"
_FRAME = 7 / 8  # a cut-out's longer side on its square, as the first world's pictures have it
_VISIBLE = 20  # alpha, of 255, from which a pixel belongs to the cut-out


def fit(pixels: np.ndarray, size: int, channels: int) -> Tensor:
    """Place a picture on the world's square.

    A cut-out is cropped to what is visible and framed as the world's own pictures are, unless it
    is a well-filled square already; an opaque picture is fitted whole, the rest left clear. In
    a world without transparency it fills the square, its longer side cropped to the middle.

    Args:
        pixels: (H, W, 4) straight RGBA bytes.
        size: Side of the square.
        channels: 4 (straight RGBA), 3 (on white), 1 (grey, on white).

    Returns:
        (1, channels, size, size) float32 in [0, 1].

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    from PIL import Image, ImageOps

    image = Image.fromarray(pixels)
    if channels < 4 and pixels[..., 3].min() == 255:
        square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
        return as_input(square, channels)
    return as_input(_on_square(image, size), channels)


def _on_square(image: Image.Image, size: int) -> Image.Image:
    from PIL import Image

    seen = [255 if alpha >= _VISIBLE else 0 for alpha in range(256)]
    box = image.getchannel("A").point(seen).getbbox()
    if box is None:
        raise ImageError("Nothing in this picture is visible: it is fully transparent.")
    longest = max(box[2] - box[0], box[3] - box[1])
    framed = image.width == image.height and longest >= image.width / 2
    side = float(max(image.size))
    if not framed and box != (0, 0, *image.size):
        image, side = image.crop(box), longest / _FRAME
    scale = size / side
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    small = image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    square = Image.new("RGBA", (size, size))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


def read_latents(world: World, upload: np.ndarray) -> dict[str, Any]:
    """Return the latents of a picture as lists the browser can carry; runs where pictures draw.

    ``moves`` sets the strength of the grain to the picture's own, where the world's is more.
    ``square`` is the picture as the world saw it, a PNG in base64, for who wants to come nearer;
    ``packed`` the same as a smaller WebP, for who wants its detail kept, or None.
    """
    picture = fit(upload, world.image_size, world.channels)
    latents = world.encode(picture)
    pixels = to_pixels(picture)[0]
    place = own_grain(world, picture, latents)
    try:
        packed: str | None = pack(pixels)
    except ImageError:
        packed = None  # nothing but its detail cannot be kept
    return {
        "z": rounded(latents.z),
        "key": rounded(latents.key),
        "moves": {GRAIN.name: place} if place else {},
        "square": as_text(encode_image(pixels, "png")),  # it fits again to the very same
        "packed": packed,
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
    picture, and then ``note`` is a sentence where there was a recipe that could not be used.

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
            pixels = await engine.read(open_picture, contents)
            start = await engine.draw(read_latents, pixels)
            return {**start, "note": note} if note else start

        return await answer(work)

    return start_from


def upload_panel() -> None:
    """Build the button that opens the file dialog; dropping and pasting work on the page itself."""
    import gradio as gr

    button = gr.Button(label("PANELS", "upload"), elem_id="upload", size="sm", min_width=0)
    button.click(fn=None, js="() => vae43.choosePicture()", queue=False)

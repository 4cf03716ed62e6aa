"""Saving: a PNG with true alpha at 1× to 4×, without fringes on any ground."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError
from vae.pixels import encode_image, to_pixels
from vae.recipe import Recipe
from vae.ui.drawing import picture_of
from vae.ui.engine import Engine
from vae.ui.frames import answer, as_text
from vae.ui.panel import html_panel
from vae.ui.state import PictureState, carried, read_state
from vae.ui.words import PANELS, RECIPE

if TYPE_CHECKING:
    from vae.infer import World

FACTORS = (1, 2, 3, 4)


def read_factor(data: Any) -> int:
    """Return the asked enlargement.

    Raises:
        ConfigError: It is none of ``FACTORS``.
    """
    factor = data.get("factor") if isinstance(data, Mapping) else None
    if isinstance(factor, bool) or factor not in FACTORS:
        raise ConfigError(f"expected an enlargement of {FACTORS}")
    return int(factor)


def file_name(world_name: str, state: PictureState, factor: int) -> str:
    """Return a file name that says where the picture came from, safe on every system."""
    world = re.sub(r"[^A-Za-z0-9_-]+", "-", world_name).strip("-") or "world"
    start = "picture" if state.seed is None else str(state.seed)
    moved = "-moved" if state.moves or state.along else ""
    return f"{world}-{start}{moved}-{factor}x.png"


def draw_png(
    world: World, state: PictureState, factor: int, text: Mapping[str, str] | None = None
) -> bytes:
    """Return the PNG of a state, with text chunks in it; runs on the drawing thread."""
    return encode_image(to_pixels(picture_of(world, state))[0], "png", scale=factor, text=text)


def recipe_of(engine: Engine, data: Mapping[str, Any], factor: int) -> Recipe | None:
    """Return how a picture was made, or None where that is not to be kept.

    Args:
        engine: The world it was made in.
        data: The request, checked; ``"recipe": true`` asks for it.
        factor: The enlargement.
    """
    if data.get("recipe") is not True:
        return None
    return Recipe(world=engine.name, hash=engine.hash, state=carried(data), factor=factor)


def make_save(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``save``: a state and a factor in, a PNG and its name out.

    ``"recipe": true`` in the request keeps the recipe in the file.
    """

    async def save(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            state, factor = read_state(data, engine.ranges), read_factor(data)
            recipe = recipe_of(engine, data, factor)
            text = recipe.as_text() if recipe else None
            png = await engine.draw(draw_png, state, factor, text)
            return {"png": as_text(png), "name": file_name(engine.name, state, factor)}

        return await answer(work)

    return save


def download_panel(menu: Callable[[], str]) -> None:
    """Build the row of save buttons; the script in the page does the work.

    Args:
        menu: Returns HTML of the other forms that a picture can be saved in.
    """
    import gradio as gr

    with gr.Row(elem_id="save", elem_classes="quiet-row"):
        html_panel(_switch, elem_classes="row-label", elem_id="keep-recipe")
        html_panel(lambda: escape(PANELS["save"]), elem_classes="row-label")
        for factor in FACTORS:
            button = gr.Button(f"{factor}×", size="sm", elem_id=f"save-{factor}x", min_width=44)
            button.click(fn=None, js=f"() => vae43.save({factor})", queue=False)
        html_panel(menu, elem_id="save-more", apply_default_css=False)


def _switch() -> str:
    """Return the switch of the recipe, on until it is switched off."""
    whole = escape(RECIPE["keep"])
    return (
        f'<label title="{whole}"><input type="checkbox" checked aria-label="{whole}">'
        f"{escape(RECIPE['keep_short'])}</label>"
    )

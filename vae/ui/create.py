"""The Create tab: the picture on the left, everything that moves it on the right."""

from __future__ import annotations

from typing import Any

import gradio as gr

from vae.ui.blend import make_blend
from vae.ui.borrow import borrow_panel, make_describe, make_look
from vae.ui.canvas import canvas_panel
from vae.ui.download import download_panel, make_save
from vae.ui.engine import Engine
from vae.ui.explore import make_field, make_variations
from vae.ui.explore_panel import explore_panel
from vae.ui.export import export_menu, make_export
from vae.ui.film import film_panel, make_strip
from vae.ui.frames import make_frame
from vae.ui.memory import memory_panel
from vae.ui.seed import seed_panel
from vae.ui.sliders import sliders_panel
from vae.ui.upload import make_start_from, upload_panel
from vae.ui.words import PANELS


def world_of(engine: Engine) -> dict[str, Any]:
    """Return what the page must know of the world it remembers pictures of."""
    return {"name": engine.name, "hash": engine.hash, "sliders": [s.name for s in engine.sliders]}


def create_tab(engine: Engine) -> None:
    """Build the tab; the panels know nothing of each other, the script in the page joins them."""
    with gr.Row(elem_id="create"):
        with gr.Column(elem_id="picture"):
            canvas_panel(
                [
                    make_frame(engine),
                    make_save(engine),
                    make_export(engine),
                    make_start_from(engine),
                    make_strip(engine),
                    make_look(engine),
                    make_describe(engine),
                    make_variations(engine),
                    make_field(engine),
                    make_blend(engine),
                ],
                world_of(engine),
            )
            download_panel(export_menu())
            memory_panel()
            explore_panel(engine.sliders)
        with gr.Column(elem_id="panels"):
            seed = seed_panel()
            with gr.Row(elem_id="again", elem_classes="quiet-row"):
                upload_panel()
                reset = gr.Button(PANELS["reset_all"], elem_id="reset-all", size="sm", min_width=0)
            borrow_panel()
            film_panel(engine.sliders)
            sliders_panel(engine.sliders, reset, seed)

"""The Create tab: the picture on the left, everything that moves it on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from vae.ui.blend import make_blend
from vae.ui.borrow import borrow_panel, make_describe, make_look
from vae.ui.canvas import canvas_panel
from vae.ui.closer import make_match
from vae.ui.download import download_panel, make_save
from vae.ui.drawings import drawing_functions
from vae.ui.explore import make_field, make_variations
from vae.ui.explore_panel import explore_panel
from vae.ui.export import export_menu, make_export
from vae.ui.film import film_panel, make_strip
from vae.ui.frames import make_frame
from vae.ui.grip import make_grip
from vae.ui.likes import likes_panel, make_direction
from vae.ui.memory import memory_panel
from vae.ui.original import make_save_original
from vae.ui.panel import label
from vae.ui.seed import seed_panel
from vae.ui.sliders import sliders_panel
from vae.ui.upload import make_start_from, upload_panel
from vae.ui.worlds import Worlds, for_worlds
from vae.ui.worlds_menu import make_card, make_open_world, make_worlds, world_of

if TYPE_CHECKING:
    from vae.ui.train_desk import Desk


def create_tab(worlds: Worlds, desk: Desk | None = None) -> None:
    """Build the tab; the panels know nothing of each other, the script in the page joins them.

    Args:
        worlds: Those it can be in.
        desk: Knows what the worlds that were trained here have learned from; None shows none of it.
    """
    makers = [
        *(make_frame, make_save, make_export, make_strip, make_grip, make_look, make_describe),
        *(make_variations, make_field, make_blend, make_match, make_direction),
        make_save_original,
        lambda engine: make_start_from(engine, worlds),
    ]
    functions = [for_worlds(worlds, make) for make in makers]
    functions += [make_worlds(worlds), make_open_world(worlds), make_card(worlds)]
    if desk is not None:
        functions += drawing_functions(desk)
    with gr.Row(elem_id="create"):
        with gr.Column(elem_id="picture"):
            canvas_panel(functions, world_of(worlds.start))
            download_panel(export_menu)
            memory_panel()
            explore_panel()
        with gr.Column(elem_id="panels"):
            seed = seed_panel(worlds.start.name)
            with gr.Row(elem_id="again", elem_classes="quiet-row"):
                upload_panel()
                reset = gr.Button(
                    label("PANELS", "reset_all"), elem_id="reset-all", size="sm", min_width=0
                )
            borrow_panel()
            film_panel()
            likes_panel()
            sliders_panel(reset, seed)

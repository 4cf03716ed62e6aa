"""Where a picture starts: a seed, written or found by surprise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.ui.panel import label
from vae.ui.state import MAX_SEED

if TYPE_CHECKING:
    import gradio as gr

FIRST_SEED = 42


def seed_panel() -> gr.Number:
    """Build the seed and "Surprise me"; neither asks the server."""
    import gradio as gr

    with gr.Row(elem_id="start", elem_classes="quiet-row"):
        seed = gr.Number(
            FIRST_SEED,
            label=label("PANELS", "seed"),
            precision=0,
            minimum=0,
            maximum=MAX_SEED,
            elem_id="seed",
            min_width=96,
        )
        surprise = gr.Button(
            label("PANELS", "surprise"), variant="primary", elem_id="surprise", min_width=120
        )
    seed.change(fn=None, js="(seed) => vae43.seed(seed)", inputs=seed, queue=False)
    surprise.click(fn=None, js="() => vae43.surprise()", outputs=seed, queue=False)
    return seed

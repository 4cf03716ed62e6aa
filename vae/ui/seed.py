"""Where a picture starts: a seed, written or found by surprise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vae.ui.panel import label
from vae.ui.state import MAX_SEED

if TYPE_CHECKING:
    import gradio as gr

FIRST_SEED = 42
FIRST_SEEDS = {"pomona": 26, "emoji": 46, "faces": 18, "paintings": 43}
"""Of shipped worlds whose picture of `FIRST_SEED` is none of their better ones."""


def first_seed(world: str) -> int:
    """Return the seed that a world opens with when it is seen for the first time."""
    return FIRST_SEEDS.get(world, FIRST_SEED)


def seed_panel(world: str) -> gr.Number:
    """Build the seed of a world's first picture and "Surprise me"; neither asks the server."""
    import gradio as gr

    with gr.Row(elem_id="start", elem_classes="quiet-row"):
        seed = gr.Number(
            first_seed(world),
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

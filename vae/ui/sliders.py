"""The sliders: the first eight of each kind in reach, the rest folded away.

They are drawn in the page from rows of plain data (``assets/sliders.js``), so that those of another
world stand there without asking Gradio for new components, and a step of a drag is no event of
Gradio's. Names of sliders come with a world and may come from anywhere: they travel as data, never
in a template, where Gradio would take ``${…}`` for code.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vae.ui.panel import html_panel
from vae.ui.words import PANELS, STYLE_NAMES, held_effect, slider_effect, slider_name

if TYPE_CHECKING:
    import gradio as gr

    from vae.slider import Slider

SHOWN = 8
STEP = 0.05
TILES = 7
"""Small pictures of a filmstrip, and the places where a held slider is solved."""


def slider_range(slider: Slider) -> tuple[float, float]:
    """Return the ends of a slider in s.d., drawn in to whole steps so that 0 is one of them."""
    low = math.ceil(round(slider.low / STEP, 6)) * STEP
    high = math.floor(round(slider.high / STEP, 6)) * STEP
    return round(min(low, -STEP), 2), round(max(high, STEP), 2)


def places(low: float, high: float, count: int = TILES) -> list[float]:
    """Return equal steps from one end of a slider to the other, each one it can stand at."""
    steps = [low + (high - low) * i / (count - 1) for i in range(count)]
    return [round(round(place / STEP) * STEP, 2) + 0.0 for place in steps]


def slider_id(slider: Slider) -> str:
    """Return the id of a slider's block in the page."""
    return "slider-" + re.sub(r"[^A-Za-z0-9_-]+", "-", slider.name)


def slider_rows(sliders: Sequence[Slider]) -> list[dict[str, Any]]:
    """Return what the page knows of each slider, in words where there are words.

    ``holds`` is what was measured while the rest is held; a slider without cannot hold.
    """
    rows = []
    for slider in sliders:
        low, high = slider_range(slider)
        texts = {"label": slider_name(slider), "info": slider_effect(slider)}
        if slider.attribute in STYLE_NAMES:
            texts["holds"] = held_effect(slider)
        row = {"name": slider.name, "id": slider_id(slider), "kind": slider.kind, **texts}
        rows.append({**row, "low": low, "high": high, "places": places(low, high)})
    return rows


def sliders_panel(reset: gr.Button, seed: gr.Number) -> None:
    """Build the panel; the script in the page draws the sliders of the world it is in.

    Args:
        reset: The button that brings them all back to zero.
        seed: Where the picture starts; follows when a state is restored.
    """
    import gradio as gr

    html_panel(
        lambda: '<div class="groups"></div>',
        "vae43.sliders.mount(element, props)",
        apply_default_css=False,
        elem_id="sliders",
        shown=SHOWN,
        step=STEP,
        words=PANELS,
    )
    reset.click(fn=None, js="() => vae43.sliders.reset()", queue=False)
    # The seed is Gradio's own and follows a restored state by Gradio's own way.
    restore = gr.Button(elem_id="restore", elem_classes="unseen")
    restore.click(fn=None, js="() => vae43.followed()", outputs=seed, queue=False)

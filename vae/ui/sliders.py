"""The sliders: the strongest eight of each kind in reach, the rest folded away."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae.ui.words import PANELS, slider_effect, slider_name

if TYPE_CHECKING:
    import gradio as gr

    from vae.slider import Slider

SHOWN = 8
STEP = 0.05


def slider_range(slider: Slider) -> tuple[float, float]:
    """Return the ends of a slider in s.d., drawn in to whole steps so that 0 is one of them."""
    low = math.ceil(round(slider.low / STEP, 6)) * STEP
    high = math.floor(round(slider.high / STEP, 6)) * STEP
    return round(min(low, -STEP), 2), round(max(high, STEP), 2)


def split(sliders: Sequence[Slider], kind: str) -> tuple[list[Slider], list[Slider]]:
    """Return the sliders of a kind as those in reach and those folded away."""
    chosen = [s for s in sliders if s.kind == kind]
    return chosen[:SHOWN], chosen[SHOWN:]


def sliders_panel(sliders: Sequence[Slider], reset: gr.Button, seed: gr.Number) -> None:
    """Build every slider, each with the listener that tells the canvas.

    Args:
        sliders: All sliders of the world, strongest first within each kind.
        reset: The button that brings them all back to zero.
        seed: Where the picture starts; follows with the sliders when a state is restored.
    """
    import gradio as gr

    controls: list[gr.Slider] = []
    order: list[str] = []
    for kind in ("style", "form"):
        shown, folded = split(sliders, kind)
        order += [s.name for s in shown + folded]
        with gr.Column(elem_classes="sliders", elem_id=f"{kind}-sliders", min_width=0):
            gr.HTML(_heading(kind, shown + folded))
            controls += [_control(s) for s in shown]
            if folded:
                label = PANELS["more"].format(count=len(folded))
                with gr.Accordion(label, open=False, elem_id=f"more-{kind}"):
                    controls += [_control(s) for s in folded]
    zeros = json.dumps([0] * len(controls))
    reset.click(fn=None, js=f"() => {zeros}", outputs=controls, queue=False)
    # Folded sliders are not in the document, so a state is restored through Gradio itself.
    restore = gr.Button(elem_id="restore", elem_classes="unseen")
    positions = f"() => vae43.positions({json.dumps(order)})"
    restore.click(fn=None, js=positions, outputs=[seed, *controls], queue=False)


def _heading(kind: str, sliders: Sequence[Slider]) -> str:
    """Return the group's title, with the place of zero on each track that is not symmetric."""
    zeros = ""
    for slider in sliders:
        low, high = slider_range(slider)
        if low + high:
            zeros += f"#{slider_id(slider)} {{ --zero: {-low / (high - low):.1%} !important; }}"
    style = f"<style>{zeros}</style>" if zeros else ""
    return f"{style}<h2>{PANELS[kind]}</h2><p>{PANELS[f'{kind}_note']}</p>"


def slider_id(slider: Slider) -> str:
    """Return the id of a slider's block in the page."""
    return "slider-" + re.sub(r"[^A-Za-z0-9_-]+", "-", slider.name)


def _control(slider: Slider) -> gr.Slider:
    import gradio as gr

    low, high = slider_range(slider)
    control = gr.Slider(
        low,
        high,
        value=0,
        step=STEP,
        label=slider_name(slider),
        info=slider_effect(slider),
        buttons=["reset"],
        elem_id=slider_id(slider),
        min_width=0,
    )
    # One listener each: Gradio copies every input of a listener on every step of a drag.
    names = f"{json.dumps(slider.name)}, {json.dumps(slider_id(slider))}"
    control.change(
        fn=None,
        js=f"(value) => vae43.move({names}, value)",
        inputs=control,
        queue=False,
        trigger_mode="multiple",
    )
    return control

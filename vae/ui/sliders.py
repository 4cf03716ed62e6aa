"""The sliders: the strongest eight of each kind in reach, the rest folded away."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae.ui.words import PANELS, slider_effect, slider_name

if TYPE_CHECKING:
    import gradio as gr

    from vae.infer import Slider

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


def sliders_panel(sliders: Sequence[Slider]) -> None:
    """Build every slider, the reset button, and the listener that tells the canvas."""
    import gradio as gr

    names: list[str] = []
    controls: list[gr.Slider] = []
    for kind in ("style", "form"):
        shown, folded = split(sliders, kind)
        with gr.Group(elem_classes="sliders", elem_id=f"{kind}-sliders"):
            gr.HTML(_heading(kind))
            controls += [_control(s) for s in shown]
            if folded:
                label = PANELS["more"].format(count=len(folded))
                with gr.Accordion(label, open=False, elem_id=f"more-{kind}"):
                    controls += [_control(s) for s in folded]
        names += [s.name for s in shown + folded]
    reset = gr.Button(PANELS["reset_all"], elem_id="reset-all", size="sm")
    zeros = json.dumps([0] * len(controls))
    reset.click(fn=None, js=f"() => {zeros}", outputs=controls, queue=False)
    gr.on(
        [control.change for control in controls],
        fn=None,
        js=f"(...values) => vae43.moves({json.dumps(names)}, values)",
        inputs=controls,
        queue=False,
        trigger_mode="multiple",
    )


def _heading(kind: str) -> str:
    return f"<h2>{PANELS[kind]}</h2><p>{PANELS[f'{kind}_note']}</p>"


def _control(slider: Slider) -> gr.Slider:
    import gradio as gr

    low, high = slider_range(slider)
    return gr.Slider(
        low,
        high,
        value=0,
        step=STEP,
        label=slider_name(slider),
        info=slider_effect(slider),
        buttons=["reset"],
        elem_id=f"slider-{slider.name}",
        min_width=0,
    )

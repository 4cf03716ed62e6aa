"""The stage: the picture, the ground it is shown on, and the calm line of text beneath.

The canvas is plain HTML with a script of ours (``assets/``) behind it. The script asks the server
functions given here; it never touches Gradio's queue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from vae.ui.panel import html_panel
from vae.ui.security import MAX_UPLOAD_BYTES
from vae.ui.seed import FIRST_SEED, FIRST_SEEDS
from vae.ui.upload import ACCEPT
from vae.ui.words import MEMORY, PAGE, WORLDS

BACKGROUNDS = ("checker", "white", "black", "color")


def canvas_panel(server_functions: Sequence[Callable[..., Any]], world: Mapping[str, Any]) -> None:
    """Build the stage.

    Args:
        server_functions: What the page may ask.
        world: ``name``, ``hash`` and ``sliders`` of the world that the page opens with.
    """
    html_panel(
        _template,
        "vae43.mount(element, server, props)",
        server_functions=list(server_functions),
        apply_default_css=False,
        elem_id="stage",
        first_seed=FIRST_SEED,
        first_seeds=FIRST_SEEDS,
        world=dict(world),
        memory_words=MEMORY,
        world_words=WORLDS,
        max_upload_bytes=MAX_UPLOAD_BYTES,
        words=_words,
    )


def _words() -> dict[str, str]:
    megabytes = MAX_UPLOAD_BYTES // 2**20
    return {key: text.replace("{limit}", str(megabytes)) for key, text in PAGE.items()}


def _template() -> str:
    grounds = "".join(_ground(name) for name in BACKGROUNDS)
    return f"""
<div class="mat" data-ground="checker" data-state="waking">
  <div class="sheet">
    <canvas role="img" aria-label="{escape(PAGE["picture"])}" width="512" height="512"></canvas>
  </div>
  <p class="drop" aria-hidden="true">{escape(PAGE["drop"])}</p>
  <p class="message" role="status" aria-live="polite">{escape(PAGE["waking"])}</p>
</div>
<div class="caption">
  <fieldset class="grounds">
    <legend>{escape(PAGE["backgrounds"])}</legend>{grounds}
    <input type="color" class="own" value="#c9b79c" aria-label="{escape(PAGE["color"])}">
  </fieldset>
  <button type="button" class="origin" hidden></button>
  <input type="file" class="file" accept="{ACCEPT}" hidden>
</div>"""


def _ground(name: str) -> str:
    checked = " checked" if name == "checker" else ""
    label = escape(PAGE[name])
    return (
        f'<label class="ground {name}" title="{label}"><input type="radio" name="ground" '
        f'value="{name}" aria-label="{label}"{checked}><span></span></label>'
    )

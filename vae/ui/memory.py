"""What the page remembers: undo and redo, the history strip, before and after, the link.

All of it happens in the browser and stays there; this is the row of controls under the picture.
"""

from __future__ import annotations

from html import escape

from vae.ui.panel import html_panel
from vae.ui.words import MEMORY

_ICONS = {
    "undo": "M9 5 4 10l5 5M4 10h10a6 6 0 0 1 0 12h-3",
    "redo": "m15 5 5 5-5 5m5-5H10a6 6 0 0 0 0 12h3",
}


def memory_panel() -> None:
    """Build the row; the work is done by scripts in ``assets/``."""
    html_panel(_template, "vae43.memory.mount(element)", apply_default_css=False, elem_id="memory")


def _template() -> str:
    words = {key: escape(text) for key, text in MEMORY.items()}
    return f"""
<div class="steps">{_icon("undo")}{_icon("redo")}</div>
<ol class="strip" aria-label="{words["history"]}"></ol>
<div class="looks">
  <button type="button" class="hold" title="{words["hold_note"]}">{words["hold"]}</button>
  <button type="button" class="wiping" aria-pressed="false" title="{words["wipe_note"]}">{
        words["wipe"]
    }</button>
  <button type="button" class="link" title="{words["link_note"]}">{words["link"]}</button>
</div>"""


def _icon(name: str) -> str:
    label = escape(MEMORY[name])
    return (
        f'<button type="button" class="{name}" title="{label}" aria-label="{label}" disabled>'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_ICONS[name]}"/></svg></button>'
    )

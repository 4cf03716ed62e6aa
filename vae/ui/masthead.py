"""The masthead: the title, the world the page is in, the list of keys, and the language."""

from __future__ import annotations

from html import escape

from vae.ui.help import help_dialog
from vae.ui.language import LANGUAGES
from vae.ui.panel import html_panel
from vae.ui.words import APP, EXPLORE, TABS, TITLE
from vae.ui.worlds_menu import worlds_menu


def masthead(name: str) -> None:
    """Build the masthead.

    Args:
        name: The world that the page opens with.
    """

    def template() -> str:
        return f"<h1>{TITLE}</h1>{worlds_menu(name)}{help_dialog()}{language_switch()}"

    html_panel(template, "vae43.language.mount(props)", elem_id="masthead", names=_names)


def _names() -> dict[str, str]:
    """Return the names that stay where they were once given, and so must be translated there."""
    return {**TABS, **{key: EXPLORE[key] for key in ("variation_name", "blend_name")}}


def language_switch() -> str:
    """Return the switch; ``assets/language.js`` shows which language is spoken."""
    buttons = "".join(
        f'<button type="button" lang="{code}" data-language="{code}" aria-pressed="false">'
        f"{escape(name)}</button>"
        for code, name in LANGUAGES.items()
    )
    label = escape(APP["language"])
    return f'<div class="languages" role="group" aria-label="{label}">{buttons}</div>'

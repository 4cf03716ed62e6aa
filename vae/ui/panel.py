"""Pieces of the page that change their language in place.

A panel of plain HTML is written once in every language; the page shows the first and keeps the
others to take the words from (``assets/language.js``). What belongs to Gradio itself, the labels of
its buttons and fields, goes through Gradio's own translations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vae.ui.language import FIRST, Table, answering, in_every
from vae.ui.words import PANELS, TABS

if TYPE_CHECKING:
    import gradio as gr
    from gradio.i18n import I18nData

_ADOPT = "props = vae43.language.adopt(element, props); server = vae43.language.asking(server);"
_LABELS = {"TABS": TABS, "PANELS": PANELS}
"""The tables that Gradio's own components take words from."""


def html_panel(template: Callable[[], str], on_load: str = "", **options: Any) -> gr.HTML:
    """Build a ``gr.HTML`` that speaks every language.

    Args:
        template: Returns its HTML. Only words may hang on the language: the same elements, and
            the same places that hold text.
        on_load: What the script in the page does with ``element``, ``server`` and ``props``.
        options: Those of ``gr.HTML``, and props for the script. A ``Table`` among them, or what a
            function returns, is given in every language, and read in the one that is spoken.
    """
    import gradio as gr

    spoken = {name: in_every(_asked(value)) for name, value in options.items() if _speaks(value)}
    plain = {name: value for name, value in options.items() if name not in spoken}
    plain["server_functions"] = [answering(f) for f in plain.get("server_functions", ())]
    versions = in_every(template)
    return gr.HTML(
        versions[FIRST],
        js_on_load=_ADOPT + on_load,
        **plain,
        spoken=spoken,
        versions=versions,
    )


def _speaks(value: Any) -> bool:
    return isinstance(value, Table) or callable(value)


def _asked(value: Any) -> Callable[[], Any]:
    return value.copy if isinstance(value, Table) else value


def label(table: str, key: str) -> I18nData:
    """Return words for a component of Gradio, which finds them in :func:`translations`.

    Args:
        table: ``"TABS"`` or ``"PANELS"``.
        key: One of its keys.
    """
    from gradio.i18n import I18nData

    if key not in _LABELS[table]:
        raise KeyError(f"{table} has no {key}")
    return I18nData(f"{table}.{key}")


def translations() -> gr.I18n:
    """Return what Gradio translates by: every label in every language."""
    import gradio as gr

    def flat() -> dict[str, str]:
        tables = _LABELS.items()
        return {f"{name}.{key}": words for name, table in tables for key, words in table.items()}

    return gr.I18n(**in_every(flat))

"""The list of keys: a native dialog, opened by "?" or by the small button in the masthead."""

from __future__ import annotations

from html import escape

from vae.ui.words import HELP, KEYS


def help_dialog() -> str:
    """Return the button and the dialog; ``assets/help.js`` opens and closes it."""
    groups = "".join(_group(HELP[name], rows) for name, rows in KEYS.items())
    return (
        f'<button type="button" class="help" title="{escape(HELP["open"])}" '
        f'aria-label="{escape(HELP["open"])}" aria-haspopup="dialog">?</button>'
        f'<dialog class="keys" aria-labelledby="keys-title"><div class="inside">'
        f'<header><h2 id="keys-title">{escape(HELP["title"])}</h2>'
        f'<button type="button" class="close" aria-label="{escape(HELP["close"])}">×</button>'
        f"</header>{groups}</div></dialog>"
    )


def _group(title: str, rows: tuple[tuple[str, str], ...]) -> str:
    lines = "".join(
        f"<div><dt>{_keys(keys)}</dt><dd>{escape(does)}</dd></div>" for keys, does in rows
    )
    return f"<h3>{escape(title)}</h3><dl>{lines}</dl>"


def _keys(keys: str) -> str:
    """Return ``"Ctrl+Z"`` as keys side by side; a space parts one way from another."""
    return " ".join(
        "<span>" + "".join(f"<kbd>{escape(key)}</kbd>" for key in together.split("+")) + "</span>"
        for together in keys.split(" ")
    )

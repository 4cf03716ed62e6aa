"""The look: warm paper, ink, one pigment. Fonts are the visitor's own; nothing is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.themes import Base

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SCRIPTS = (
    "stream.js",
    "store.js",
    "canvas.js",
    "language.js",
    "worlds.js",
    "sliders.js",
    "keep.js",
    "holding.js",
    "tiles.js",
    "closer.js",
    "detail.js",
    "laying.js",
    "original.js",
    "drawings.js",
    "likes.js",
    "film.js",
    "borrow.js",
    "blend.js",
    "explore.js",
    "export.js",
    "help.js",
    "memory.js",
    "history.js",
    "compare.js",
    "chart.js",
    "train.js",
    "gather.js",
    "setup.js",
    "watch.js",
    "own.js",
)
STYLES = (
    "style.css",
    "borrow.css",
    "explore.css",
    "likes.css",
    "export.css",
    "help.css",
    "memory.css",
    "drawings.css",
    "worlds.css",
    "language.css",
    "train.css",
)

_SANS = ("Avenir Next", "Seravek", "Segoe UI", "Inter", "Helvetica Neue", "Liberation Sans")
_MONO = ("SF Mono", "Cascadia Mono", "Liberation Mono", "ui-monospace", "monospace")
_PAPER = {
    "c50": "#faf8f4",
    "c100": "#f3f0ea",
    "c200": "#e5e0d6",
    "c300": "#d2cbbe",
    "c400": "#a59d8f",
    "c500": "#6d665b",
    "c600": "#5e584e",
    "c700": "#433e37",
    "c800": "#2a2723",
    "c900": "#1d1b18",
    "c950": "#141310",
}
_PRUSSIAN = {
    "c50": "#eef3f7",
    "c100": "#d9e4ec",
    "c200": "#b5cad9",
    "c300": "#8badc4",
    "c400": "#5c89a8",
    "c500": "#356a8c",
    "c600": "#235273",
    "c700": "#1b415d",
    "c800": "#173549",
    "c900": "#122939",
    "c950": "#0b1a25",
}


def gallery_theme() -> Base:
    """Return the page's own theme; what a theme cannot say is in ``assets/style.css``."""
    from gradio.themes import Base, Color

    theme = Base(
        primary_hue=Color(name="prussian", **_PRUSSIAN),
        secondary_hue=Color(name="prussian", **_PRUSSIAN),
        neutral_hue=Color(name="paper", **_PAPER),
        font=(*_SANS, "system-ui", "sans-serif"),
        font_mono=_MONO,
        radius_size="sm",
        spacing_size="sm",
        text_size="sm",
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="*neutral_50",
        background_fill_primary_dark="*neutral_950",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_900",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_info_text_color="*neutral_50",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        color_accent="*primary_600",
        input_background_fill="transparent",
        input_background_fill_dark="transparent",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        slider_color="*primary_600",
        slider_color_dark="*primary_300",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_dark="*neutral_200",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_200",
        button_primary_border_color="transparent",
        button_primary_border_color_dark="transparent",
        button_primary_border_color_hover="transparent",
        button_primary_border_color_hover_dark="transparent",
        button_primary_text_color="*neutral_50",
        button_primary_text_color_dark="*neutral_950",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_900",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_secondary_text_color="*neutral_900",
        button_secondary_text_color_dark="*neutral_200",
        button_border_width="1px",
    )


def stylesheet() -> str:
    """Return the page's stylesheet."""
    return "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in STYLES)


def head() -> str:
    """Return what goes into the page's head: our scripts, inline, before Gradio's."""
    code = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return f"<script>\n{code}\n</script>"

"""Every word the page says, in every language, and where errors become the artist's words.

The words themselves are in ``en.py`` and ``zh.py``, those of the Train tab beside them. A table
here speaks the language that is spoken where it is read (``vae.ui.language``); what a module takes
from it when it is imported is English for good.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vae.errors import (
    CheckpointError,
    ConfigError,
    DatasetError,
    ImageError,
    ShapeError,
    TrainingError,
    VAEError,
)
from vae.ui.language import Table
from vae.ui.words import en, en_train, zh, zh_train
from vae.ui.words.sentences import translated

if TYPE_CHECKING:
    from vae.slider import Held, Slider

TITLE = "43.VAE"
SERVING = "The page is open at {url}"  # these two are said in the terminal
NO_TUNNEL = "No public link could be made; the page is open on this machine alone."

APP = Table(en.APP, zh.APP)
TABS = Table(en.TABS, zh.TABS)
PANELS = Table(en.PANELS, zh.PANELS)
PAGE = Table(en.PAGE, zh.PAGE)
FILM = Table(en.FILM, zh.FILM)
WORLDS = Table(en.WORLDS, zh.WORLDS)
RECIPE = Table(en.RECIPE, zh.RECIPE)
EXPORT = Table(en.EXPORT, zh.EXPORT)
MEMORY = Table(en.MEMORY, zh.MEMORY)
EXPLORE = Table(en.EXPLORE, zh.EXPLORE)
LIKES = Table(en.LIKES, zh.LIKES)
HELP = Table(en.HELP, zh.HELP)
KEYS = Table(en.KEYS, zh.KEYS)
STYLE_NAMES = Table(en.STYLE_NAMES, zh.STYLE_NAMES)
FORM_NAMES = Table(en.FORM_NAMES, zh.FORM_NAMES)
SURFACE_NAMES = Table(en.SURFACE_NAMES, zh.SURFACE_NAMES)
EFFECT = Table(en.EFFECT, zh.EFFECT)
EFFECT_GRADES = Table(en.EFFECT_GRADES, zh.EFFECT_GRADES)
BORROW = Table(en.BORROW, zh.BORROW)
BORROW_WORDS = Table(en.BORROW_WORDS, zh.BORROW_WORDS)
TRAIN = Table(en_train.TRAIN, zh_train.TRAIN)
ERRORS = Table(en.ERRORS, zh.ERRORS)

_BY_KIND: tuple[tuple[type[VAEError], str], ...] = (
    (ImageError, "image"),
    (ShapeError, "shape"),
    (CheckpointError, "world"),
    (DatasetError, "world"),
    (TrainingError, "world"),
    (ConfigError, "config"),
    (VAEError, "other"),
)
_NUMBERED = re.compile(r"(.+?)(?: (\d+))?")


def slider_name(slider: Slider) -> str:
    """Return the name an artist reads: translated where it is known, tidied for anything else."""
    if slider.kind == "surface":
        return SURFACE_NAMES[slider.name]
    if slider.name in STYLE_NAMES:
        return STYLE_NAMES[slider.name]
    known = _NUMBERED.fullmatch(slider.name)
    if known and known[1] in FORM_NAMES:
        return FORM_NAMES[known[1]] + (f" {known[2]}" if known[2] else "")
    return slider.name.replace("_", " ").strip().capitalize()


def slider_effect(slider: Slider) -> str:
    """Return what was measured about a slider: how far, how surely, how purely, what else moves."""
    if slider.kind == "surface":
        return EFFECT["grain"]
    if slider.name.startswith("form "):
        return EFFECT["several"]
    text = _measured(slider, slider)
    others = [STYLE_NAMES.get(name, name.replace("_", " ")).lower() for name, _ in slider.also]
    return text + (EFFECT["also"].format(names=_listed(others)) if others else "")


def held_effect(slider: Slider) -> str:
    """Return what was measured about a style slider while the rest is held.

    Where that was not measured it says so, and how pure the slider is without.
    """
    if slider.held is not None:
        return EFFECT["held"] + _measured(slider, slider.held)
    return EFFECT["held_unknown"].format(purity=f"{slider.purity:.0%}")


def _measured(slider: Slider, found: Slider | Held) -> str:
    far, sure = _graded("far", abs(found.gain)), _graded("sure", abs(found.spearman))
    return EFFECT["measured"].format(
        name=slider_name(slider).lower(),
        gain=f"{found.gain:+.2f}",
        far=EFFECT["backwards"] if found.gain < 0 else far,
        sure=sure,
        spearman=f"{abs(found.spearman):.0%}",
        purity=f"{found.purity:.0%}",
    )


def _graded(scale: str, value: float) -> str:
    """Return the word for a number: that of the highest threshold it reaches."""
    return next(word for least, word in EFFECT_GRADES[scale] if value >= least)


def _listed(names: Sequence[str]) -> str:
    """Return names as a list within a sentence, as the language joins them."""
    *first, last = names
    if not first:
        return last
    return EFFECT["and"].format(first=EFFECT["comma"].join(first), last=last)


def explain(error: BaseException) -> str:
    """Return one calm sentence for the artist; unforeseen errors are logged in full.

    Args:
        error: What was raised while serving a request.
    """
    for kind, name in _BY_KIND:
        if isinstance(error, kind):
            return ERRORS[name].format(message=told(error))
    logging.getLogger(__name__).error("unforeseen error on the page", exc_info=error)
    return ERRORS["unforeseen"]


def told(error: BaseException) -> str:
    """Return the sentence of an error in the language that is being spoken, where it is known."""
    return translated(str(error))

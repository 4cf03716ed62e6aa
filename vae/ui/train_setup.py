"""How a run is set up: its name, how far it goes, what it will cost, and the word of the artist."""

from __future__ import annotations

from vae.guard import Caps
from vae.presets import NAMES as PRESETS
from vae.ui.train_gather import say

AUGMENTATIONS = ("none", "flip", "affine")
NUMBERS = {
    "minutes": (0.2, int(Caps().minutes), "any"),
    "batch_size": (2, 256, "1"),
    "lr": (1e-6, 0.1, "any"),
}
"""Numbers under Advanced: the smallest, the largest, the step of the field."""


def setup_html() -> str:
    """Return the right half; ``assets/setup.js`` fills in times and worlds."""
    return f"""
<form class="setup" novalidate>
  <fieldset class="presets"><legend>{say("length")}</legend>
    {"".join(map(_preset, PRESETS))}</fieldset>
  <details class="advanced"><summary>{say("advanced")}</summary><div class="fields">
    <label><span>{say("start")}</span><select name="start"></select></label>
    {"".join(_number(name, *NUMBERS[name]) for name in NUMBERS)}
    <label><span>{say("augment")}</span><select name="augment">
      <option value="">{say("usual")}</option>
      {"".join(map(_augment, AUGMENTATIONS))}</select></label>
    {_number("seed", 0, 2**31 - 1, "1")}
  </div></details>
  <label class="named"><span>{say("name")}</span>
    <input type="text" name="name" maxlength="60" autocomplete="off" spellcheck="false"
      placeholder="{say("name_hint")}"></label>
  <label class="tick consent"><input type="checkbox" name="consent"><span>{say("consent")}
    <em>{say("consent_note")}</em></span></label>
  <p class="cost" role="status"></p>
  <p class="trouble" role="alert"></p>
  <button type="submit" class="primary go">{say("train")}</button>
</form>"""


def _preset(name: str) -> str:
    checked = " checked" if name == PRESETS[0] else ""
    return (
        f'<label><input type="radio" name="preset" value="{name}"{checked}>'
        f'<span><b>{say(name)}</b><em data-preset="{name}"></em></span></label>'
    )


def _number(name: str, low: float, high: float, step: str) -> str:
    return (
        f'<label><span>{say(name)}</span><input type="number" name="{name}" min="{low}" '
        f'max="{high}" step="{step}" placeholder="{say("usual")}" inputmode="decimal"></label>'
    )


def _augment(name: str) -> str:
    return f'<option value="{name}">{say(f"augment_{name}")}</option>'

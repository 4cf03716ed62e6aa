"""Pictures in: the table they are laid out on, what was left out and why, how they are prepared."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from vae.ui.words import TRAIN

ACCEPT = "image/png,image/jpeg,image/webp,.zip"
CROPS = ("none", "fit", "centre")


def say(key: str) -> str:
    """Return a sentence of the Train tab as HTML."""
    return escape(TRAIN[key])


def table_html(bounds: Mapping[str, object]) -> str:
    """Return the left half: an empty table, filled by ``assets/gather.js``.

    Args:
        bounds: What the sentence on how much fits is filled with.
    """
    return f"""
<section class="table" aria-label="{say("drop")}">
  <div class="mat">
    <div class="empty">
      <p class="invite">{say("drop")}</p>
      <p class="kinds">{say("drop_note")}</p>
      <div class="doors"><button type="button" class="pick-files">{say("files")}</button>
        <button type="button" class="pick-folder">{say("folder")}</button></div>
    </div>
    <ol class="contact" aria-label="{say("sheet")}"></ol>
    <p class="drop" aria-hidden="true">{say("drop_more")}</p>
  </div>
  <div class="busy" hidden>
    <progress max="1" value="0" aria-label="{say("progress")}"></progress></div>
  <div class="caption">
    <p class="count" role="status"></p>
    <div class="more" hidden><button type="button" class="pick-files">{say("more_files")}</button>
      <button type="button" class="pick-folder">{say("more_folder")}</button>
      <button type="button" class="start-over">{say("start_over")}</button></div>
  </div>
  <p class="bounds">{escape(TRAIN["bounds"].format(**bounds))}
    <span class="visitors">{escape(TRAIN["visitor_bounds"].format(**bounds))}</span></p>
  <p class="content" hidden></p>
  <details class="out" hidden><summary></summary><ul></ul></details>
  <input type="file" class="files" multiple accept="{ACCEPT}" aria-label="{say("files")}" hidden>
  <input type="file" class="folder" webkitdirectory multiple aria-label="{say("folder")}" hidden>
</section>"""


def prepare_html() -> str:
    """Return how the pictures are prepared, with one of them before and after."""
    crops = "".join(
        f'<label><input type="radio" name="crop" value="{crop}"'
        f"{' checked' if crop == CROPS[0] else ''}><span>{say(crop)}</span></label>"
        for crop in CROPS
    )
    return f"""
<section class="prepare" aria-labelledby="prepare-title">
  <h2 id="prepare-title">{say("prepare")}</h2>
  <fieldset class="choice"><legend>{say("crop")}</legend>{crops}</fieldset>
  <label class="tick paper"><input type="checkbox"><span>{say("paper")}
    <em>{say("paper_note")}</em></span></label>
  <div class="preview" hidden>
    <figure><img class="before" alt=""><figcaption>{say("before")}</figcaption></figure>
    <figure><img class="after" alt=""><figcaption>{say("after")}</figcaption></figure>
  </div>
</section>"""

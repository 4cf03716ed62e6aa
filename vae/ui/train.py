"""The Train tab: drawings in on one side, what becomes of them on the other.

Where the page is shared publicly this tab is not built, so that none of its functions exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from vae.config import MIN_IMAGES
from vae.guard import WAITING_EACH
from vae.ui.panel import html_panel
from vae.ui.train_answer import Function
from vae.ui.train_desk import Desk
from vae.ui.train_gather import prepare_html, say, table_html
from vae.ui.train_pictures import picture_functions
from vae.ui.train_runs import run_functions
from vae.ui.train_setup import setup_html
from vae.ui.train_staging import PIECE_BYTES, SUFFIXES
from vae.ui.train_watch import CURVES, boards_html, run_html
from vae.ui.train_worlds import world_functions, worlds_html
from vae.ui.words import TRAIN


def train_functions(desk: Desk) -> list[Function]:
    """Return everything the tab may ask; what goes wrong is answered with a sentence."""
    return [*picture_functions(desk), *run_functions(desk), *world_functions(desk)]


def train_tab(desk: Desk) -> None:
    """Build the tab; ``assets/train.js`` and its neighbours fill it.

    Args:
        desk: Where pictures are laid out and runs are asked for.
    """
    caps = desk.staging.caps
    bounds = {
        "files": f"{caps.files:,}",
        "each": f"{caps.batch_bytes / 2**30:g}",
        "tables": caps.visitor_batches,
        "all": f"{caps.visitor_bytes / 2**30:g}",
        "runs": WAITING_EACH,
    }
    html_panel(
        partial(_template, bounds),
        "vae43.train.mount(element, server, props)",
        server_functions=train_functions(desk),
        apply_default_css=False,
        elem_id="train",
        words=TRAIN,
        curves=list(CURVES),
        suffixes=[*SUFFIXES, ".zip"],
        least=MIN_IMAGES,
        piece_bytes=PIECE_BYTES,
        caps={"file": caps.file_bytes, "zip": caps.zip_bytes, "files": caps.files},
    )


def _template(bounds: Mapping[str, object]) -> str:
    return f"""
<div class="train" data-view="gather">
  <nav class="runs" aria-label="{say("runs")}" hidden><ul></ul></nav>
  <div class="halves gather">
    <div class="left">{table_html(bounds)}</div>
    <div class="right">
      <section class="intro"><h2>{say("title")}</h2>
        <p>{say("what")}</p><p>{say("promise")}</p></section>
      {prepare_html()}{setup_html()}
    </div>
  </div>
  <div class="halves watch" hidden>
    <div class="left">{boards_html()}</div>
    <div class="right">{run_html()}</div>
  </div>
  {worlds_html()}
</div>"""

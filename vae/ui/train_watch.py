"""A run as it is watched: pictures through time, curves, what the coach says, the controls."""

from __future__ import annotations

from vae.ui.train_gather import say

CURVES = ("total", "reconstruction", "kl_z", "kl_key", "adversarial", "loop")
_ACTS = ("pause", "resume", "retry", "save", "stop")


def boards_html() -> str:
    """Return the left half: five boards of nine pictures, and the scrubber."""
    return f"""
<section class="boards" aria-label="{say("time")}">
  <div class="mat">
    <p class="none">{say("no_pictures")}</p>
    <div class="grid" hidden>
      <h3>{say("drawings")}</h3>
      {_board("original", "originals")}{_board("drawn-before", "at_start")}{_board("drawn-now", "")}
      <h3>{say("inventions")}</h3>
      <span class="blank"></span>{_board("new-before", "at_start")}{_board("new-now", "")}
    </div>
  </div>
  <div class="scrub" hidden>
    <button type="button" class="play" aria-pressed="false">{say("play")}</button>
    <input type="range" min="0" max="0" step="1" value="0" aria-label="{say("time")}">
    <button type="button" class="newest">{say("newest")}</button>
  </div>
  <details class="mirror"><summary>{say("mirror")}</summary>
    <p>{say("mirror_note")}</p><p class="said" role="status"></p><ul></ul></details>
</section>"""


def _board(name: str, caption: str) -> str:
    words = say(caption) if caption else ""
    return (
        f'<figure class="{name}"><canvas role="img" aria-label="" width="192" height="192">'
        f"</canvas><figcaption>{words}</figcaption></figure>"
    )


def run_html() -> str:
    """Return the right half: the state of the run, its controls and its curves."""
    acts = "".join(
        f'<button type="button" data-act="{act}" hidden>{say(act)}</button>' for act in _ACTS
    )
    return f"""
<section class="run">
  <header><h2></h2><p class="state" role="status"></p></header>
  <p class="coach" aria-live="polite"></p>
  <progress max="1" value="0" aria-label="{say("progress")}"></progress>
  <p class="facts"></p><p class="saved" role="status"></p>
  <div class="finished" hidden>
    <button type="button" class="primary open">{say("open")}</button>
    <button type="button" class="download">{say("download")}</button></div>
  <div class="acts">{acts}
    <details class="extend" hidden><summary>{say("extend")}</summary><div></div></details>
    <button type="button" class="forget" hidden>{say("forget")}</button></div>
  <p class="trouble" role="alert"></p>
</section>
<section class="curves" aria-labelledby="curves-title">
  <header><h2 id="curves-title">{say("curves")}</h2>
    <p class="legend"><i class="seen"></i>{say("seen")}
      <i class="held"></i>{say("held_out")}</p></header>
  <div class="charts">{"".join(map(_chart, CURVES))}</div>
  <div class="tools">
    <label class="tick"><input type="checkbox" class="log"><span>{say("log")}</span></label>
    <label class="smooth"><span>{say("smooth")}</span>
      <input type="range" min="0" max="0.95" step="0.05" value="0.6"></label>
    <button type="button" class="csv">{say("csv")}</button>
  </div>
</section>"""


def _chart(name: str) -> str:
    return (
        f'<figure data-curve="{name}"><figcaption><b id="curve-{name}">{say(name)}</b>'
        f'<output></output></figcaption><canvas tabindex="0" role="slider" '
        f'aria-labelledby="curve-{name}" aria-valuemin="0" aria-valuemax="0" aria-valuenow="0">'
        f"</canvas></figure>"
    )

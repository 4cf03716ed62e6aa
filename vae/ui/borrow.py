"""Borrowing a look: a reference beside the picture, and three dials of how much of it is taken.

The page carries a reference as what was measured of it, sixteen numbers and a palette; its pixels
are forgotten at once. The panel itself is drawn from the page's state by ``assets/borrow.js``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from html import escape
from typing import TYPE_CHECKING, Any

from vae.errors import ImageError
from vae.ui.drawing import picture_of, solved
from vae.ui.engine import Engine
from vae.ui.frames import answer
from vae.ui.panel import html_panel
from vae.ui.security import MAX_UPLOAD_BYTES, open_picture
from vae.ui.state import PictureState, read_state
from vae.ui.upload import ACCEPT
from vae.ui.words import BORROW, BORROW_WORDS, STYLE_NAMES

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from vae.infer import World

_NAMES = tuple(STYLE_NAMES)
GROUPS = {"palette": _NAMES[:8], "texture": _NAMES[8:14], "transparency": _NAMES[14:]}
"""The dials and the attributes each one borrows."""

HASH_DIGITS = 16


def measure_look(world: World, pixels: np.ndarray) -> dict[str, Any]:
    """Return what a reference lends: pixels (H, W, 4), straight bytes, in; plain numbers out.

    Raises:
        ImageError: Nothing in the picture is visible.
    """
    import torch
    from PIL import Image

    from vae.data import to_array
    from vae.palette_transfer import palette_of

    array = to_array(Image.fromarray(pixels), size=world.image_size, channels=world.channels)
    if world.channels == 4 and not array[..., 3].any():
        raise ImageError(BORROW["invisible"])
    image = torch.from_numpy(array.transpose(2, 0, 1).copy())[None].float() / 255
    look, palette = world.look(image), palette_of(image)
    exact = {"mean": _row(palette.mean[0]), "cov": _row(palette.covariance[0].flatten())}
    scores = _row(world.scores(look.u)[0])
    known = look.key is not None and not bool(look.key.isnan().any())
    key = _row(look.key[0]) if look.key is not None and known else None
    found = {"u": _row(look.u[0]), "scores": scores, "alpha": look.has_alpha, "exact": exact}
    rough = None if look.roughness is None else _row(look.roughness[0])
    rough = None if rough is None or any(value != value for value in rough) else rough
    return {**found, "key": key, "rough": rough}


def measure_picture(world: World, state: PictureState) -> dict[str, Any]:
    """Return where the picture of a state stands, in standard deviations, and what it misses.

    ``missed`` is how far the world stays from what is borrowed, where all of it is; ``withheld``
    what of the reference is not borrowed because it would make another picture; ``reference`` where
    the reference stands; all three only where a look is borrowed.
    """
    from vae.encodings import measure

    found = {"scores": _row(world.scores(measure(picture_of(world, state)))[0])}
    if state.borrow is None:
        return found
    solution = solved(world, state)
    return {
        **found,
        "reference": _row(solution.wanted[0]),
        "missed": _row(solution.missed[0]),
        "withheld": _row(solution.withheld[0]),
    }


def _row(values: Tensor) -> list[float]:
    return [round(value, 5) for value in values.double().cpu().tolist()]


def make_look(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``look``: one file as multipart in, its measures out.

    ``{"u": [16], "scores": [16], "alpha": bool, "exact": {"mean": [3], "cov": [9]}, "key": what the
    encoder reads or null, "rough": [2] or null, "id": the file's hash}``; only bytes that came with
    the request are read.
    """

    async def look(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            files = getattr(data, "files", None)
            contents = files[0][1] if files else None
            pixels = await engine.read(open_picture, contents)
            found = await engine.draw_later(measure_look, pixels)
            return {**found, "id": hashlib.sha256(contents or b"").hexdigest()[:HASH_DIGITS]}

        return await answer(work)

    return look


def make_describe(engine: Engine) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return the server function ``describe``: a state in, :func:`measure_picture` out."""

    async def describe(data: Any) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            return await engine.draw_later(measure_picture, read_state(data, engine.ranges))

        return await answer(work)

    return describe


def borrow_panel() -> None:
    """Build the panel; what it shows follows the page's state."""
    html_panel(
        _template,
        "vae43.borrow.mount(element, props)",
        apply_default_css=False,
        elem_id="borrow",
        groups={dial: list(names) for dial, names in GROUPS.items()},
        names=STYLE_NAMES,
        more_and_less=BORROW_WORDS,
        max_upload_bytes=MAX_UPLOAD_BYTES,
        words=_words,
    )


def _words() -> dict[str, str]:
    return {**BORROW, "large": BORROW["large"].format(limit=MAX_UPLOAD_BYTES // 2**20)}


def _template() -> str:
    say = {key: escape(text) for key, text in BORROW.items()}
    rows = "".join(_group(dial) for dial in GROUPS)
    dials = "".join(_dial(dial) for dial in ("texture", "palette", "transparency"))
    return f"""
<section aria-labelledby="borrow-title">
  <header><h2 id="borrow-title">{say["title"]}</h2><p>{say["note"]}</p></header>
  <button type="button" class="pick"><b>{say["pick"]}</b><span>{say["drop"]}</span></button>
  <input type="file" class="file" accept="{ACCEPT}" aria-label="{say["pick"]}" hidden>
  <div class="lent" hidden>
    <div class="reference">
      <span class="thumb"></span>
      <p><b class="name"></b><span class="differs"></span></p>
      <button type="button" class="other">{say["other"]}</button>
      <button type="button" class="remove" aria-label="{say["remove"]}"
        title="{say["remove"]}">×</button>
    </div>
    {dials}
    <p class="why" hidden>{say["opaque"]}</p>
    <label class="exact"><input type="checkbox"><span>{say["exact"]}</span></label>
    <p class="reach" role="status"></p>
    <details><summary>{say["chart"]}</summary>
      <p class="key"><i class="own"></i>{say["own"]}<i class="lends"></i>{say["reference"]}</p>
      {rows}
      <p class="scale" aria-hidden="true"><span>−3</span>
        <span>{say["usual"]}</span><span>+3</span></p>
    </details>
  </div>
  <p class="trouble" role="alert"></p>
</section>"""


def _dial(dial: str) -> str:
    label = escape(BORROW[dial])
    return (
        f'<label class="dial" data-dial="{dial}"><span>{label}</span>'
        f'<input type="range" min="0" max="100" step="1" value="0"><output>0 %</output></label>'
    )


def _group(dial: str) -> str:
    rows = "".join(
        f'<li data-attribute="{name}"><span class="attribute">{escape(STYLE_NAMES[name])}</span>'
        f'<span class="axis" role="img"><i class="gap"></i><i class="own"></i>'
        f'<i class="lends"></i></span><button type="button" class="lock" aria-pressed="false" '
        f'aria-label="{escape(BORROW["lock"].format(name=STYLE_NAMES[name]))}"></button></li>'
        for name in GROUPS[dial]
    )
    return f"<h3>{escape(BORROW[dial])}</h3><ul>{rows}</ul>"

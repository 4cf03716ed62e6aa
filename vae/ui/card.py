"""The card of a world as safe HTML: its README.md, with those pictures that lie beside it.

A world may have come from anywhere, so its card may say anything. HTML in it is shown as text, a
link leads only to a web address, and a picture is read only from the world's own folder, checked as
any upload, and drawn anew.

It is shown in the language that is spoken as far as it can be: a card in that language beside it
(``README.zh.md``) comes first, else what the project itself writes into cards is translated. What
somebody wrote stays as it is, and is marked as of another language.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError, ImageError
from vae.ui.language import FIRST, language
from vae.ui.security import MAX_UPLOAD_BYTES, open_picture
from vae.ui.words import FORM_NAMES, STYLE_NAMES
from vae.ui.words.sentences import translated

if TYPE_CHECKING:
    from markdown_it.token import Token

CARD = "README.md"
_IN_OTHERS = {"zh-CN": "README.zh.md"}
_LONGEST = 256 * 2**10  # bytes of a card
_MOST_PICTURES = 8
_WIDEST = 1024  # pixels
_PICTURE = re.compile(r"[\w][\w .-]*\.(?:png|jpe?g|webp)", re.IGNORECASE)
_HAN = re.compile(r"[\u4e00-\u9fff]")
_WORD = re.compile(r"[A-Za-z]{2}")
_MEASURED = re.compile(r"(.+?)( -?[\d.]+)?")  # a slider, and its number
_WEB = re.compile(r"https?://", re.IGNORECASE)


def read_card(folder: Path | None) -> str:
    """Return the card in a world's folder as HTML, or nothing where there is none.

    Raises:
        CheckpointError: It is there and cannot be read.
    """
    if folder is None:
        return ""
    names = (_IN_OTHERS.get(language(), CARD), CARD)
    path = next((folder / name for name in names if (folder / name).is_file()), None)
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST).decode("utf-8", errors="replace")
    except OSError as error:
        raise CheckpointError(f"its card cannot be read: {error.strerror}") from error
    return render(text, folder)


def render(text: str, folder: Path) -> str:
    """Return Markdown as HTML that holds nothing but what Markdown itself can say.

    Args:
        text: The card; what Hugging Face's hub keeps at its head is left out.
        folder: Where its pictures may be.
    """
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    tokens = parser.parse(_without_head(text))
    left = [_MOST_PICTURES]
    for place, token in enumerate(tokens):
        if token.type == "inline" and token.children:
            said = _said(token.content, cell=tokens[place - 1].type in ("td_open", "th_open"))
            if said != token.content:
                token.children = parser.parseInline(said)[0].children or []
            elif spoken := _spoken_in(said):
                _holder(tokens, place).attrSet("lang", spoken)
            token.children = [_safe(child, folder, left) for child in token.children]
        elif token.type == "heading_open" and token.tag == "h1":
            token.attrSet("id", "card-title")
    return parser.renderer.render(tokens, parser.options, {})


def _said(text: str, *, cell: bool) -> str:
    """Return a block of a card in the language that is spoken, where its words are known."""
    if language() == FIRST:
        return text
    plain = " ".join(text.split())
    said = translated(plain, "card")
    if said == plain and cell:
        said = ", ".join(_slider(part) for part in plain.split(", "))
    return text if said == plain else said


def _slider(text: str) -> str:
    found = _MEASURED.fullmatch(text)
    name = found and (STYLE_NAMES.get(found[1]) or FORM_NAMES.get(found[1]))
    return f"{name}{found[2] or ''}" if found and name else text


def _spoken_in(text: str) -> str:
    """Return the code of a block's language where it is not the one spoken; else nothing."""
    code = "zh" if _HAN.search(text) else "en" if _WORD.search(text) else ""
    return "" if language().startswith(code) else code


def _holder(tokens: Sequence[Token], place: int) -> Token:
    """Return the element around a block; a tight list leaves the paragraph out."""
    return next(token for token in reversed(tokens[:place]) if not token.hidden)


def _without_head(text: str) -> str:
    text = text.lstrip("\ufeff")
    return re.sub(r"\A---\r?\n.*?\r?\n---\r?\n", "", text, count=1, flags=re.DOTALL)


def _safe(token: Token, folder: Path, left: list[int]) -> Token:
    """Return an inline token as it may be shown; what leads elsewhere is text."""
    if token.type == "image":
        picture = _picture(folder, str(token.attrGet("src") or "")) if left[0] else ""
        if not picture:
            return _text(token.content)
        left[0] -= 1
        token.attrSet("src", picture)
    elif token.type == "link_open":
        if not _WEB.match(str(token.attrGet("href") or "")):
            token.attrs = {}  # a link that leads nowhere
        else:
            token.attrSet("target", "_blank")
            token.attrSet("rel", "noopener noreferrer nofollow")
    return token


def _text(content: str) -> Any:
    from markdown_it.token import Token

    return Token("text", "", 0, content=content)


def _picture(folder: Path, source: str) -> str:
    """Return a picture in the folder itself as a data address, or nothing where it is none."""
    from urllib.parse import unquote

    from PIL import Image

    name = unquote(source).removeprefix("./")
    path = folder / name
    if not _PICTURE.fullmatch(name) or path.resolve().parent != folder.resolve():
        return ""
    try:
        if path.stat().st_size > MAX_UPLOAD_BYTES:
            return ""
        image = Image.fromarray(open_picture(path.read_bytes()))
    except (OSError, ImageError):
        return ""
    image.thumbnail((_WIDEST, _WIDEST), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=88, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

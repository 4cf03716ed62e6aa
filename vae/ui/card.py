"""The card of a world as safe HTML: its README.md, with those pictures that lie beside it.

A world may have come from anywhere, so its card may say anything. HTML in it is shown as text, a
link leads only to a web address, and a picture is read only from the world's own folder, checked as
any upload, and drawn anew.
"""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import CheckpointError, ImageError
from vae.ui.security import MAX_UPLOAD_BYTES, open_picture

if TYPE_CHECKING:
    from markdown_it.token import Token

CARD = "README.md"
_LONGEST = 256 * 2**10  # bytes of a card
_MOST_PICTURES = 8
_WIDEST = 1024  # pixels
_PICTURE = re.compile(r"[\w][\w .-]*\.(?:png|jpe?g|webp)", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)


def read_card(folder: Path | None) -> str:
    """Return the card in a world's folder as HTML, or nothing where there is none.

    Raises:
        CheckpointError: It is there and cannot be read.
    """
    path = folder / CARD if folder is not None else None
    if path is None or folder is None or not path.is_file():
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
    for token in tokens:
        if token.type == "inline" and token.children:
            token.children = [_safe(child, folder, left) for child in token.children]
        elif token.type == "heading_open" and token.tag == "h1":
            token.attrSet("id", "card-title")
    return parser.renderer.render(tokens, parser.options, {})


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

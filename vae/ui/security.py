"""What stands between the page and the outside: who may ask, how much, and with which pixels.

Three doors are guarded. Requests must come to a name this server goes by and from its own pages
(DNS rebinding, cross-site posts), say how long they are, and be short. Of Gradio's routes only
those the page uses are open: nothing can be uploaded to disk, no path on the server can be named.
Pictures arrive as bytes within one request; they are measured before they are decoded, and only
fresh pixels leave.
"""

from __future__ import annotations

import io
import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vae.errors import ImageError
from vae.pixels import to_rgba
from vae.ui.visitor import visited_by

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_UPLOAD_BYTES = 20 * 2**20
MAX_PIXELS = 24_000_000
MIN_SIDE = 8
FORMATS = ("PNG", "JPEG", "WEBP")

_MAX_BODY = 256 * 2**10
_FORM_OVERHEAD = 128 * 2**10  # boundaries and the fields beside the file: a state at most
_API = "/gradio_api/"
_OPEN_POSTS = frozenset({"/login", _API + "queue/join", _API + "component_server"})
_OPEN_READS = frozenset(
    {
        *("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"),
        *("/pwa_icon", "/logout"),
        *(_API + name for name in ("info", "queue/data", "startup-events", "login_check", "user")),
    }
)
_OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon/", _API + "heartbeat/")
"""Of Gradio's own files, and of what a client that listens is counted by."""


@dataclass(frozen=True, kw_only=True)
class Hosts:
    """The names under which this server may be asked.

    Attributes:
        names: Exact host names, lower case, without port.
        suffixes: Endings such as ``".gradio.live"``.
        any_address: Whether every literal IP address is good (a rebound name never is one).
    """

    names: frozenset[str]
    suffixes: tuple[str, ...] = ()
    any_address: bool = False

    def allow(self, host: str) -> bool:
        """Return whether a ``Host`` header names this server."""
        name = host_name(host)
        if not name:
            return False
        known = name in self.names or name.endswith(self.suffixes)
        return known or (self.any_address and _is_address(name))


def hosts_for(host: str, *, share: bool = False, extra: Iterable[str] = ()) -> Hosts:
    """Return the names for a bind address.

    Args:
        host: The address bound to, as given to ``--host``.
        share: Whether Gradio's tunnel stands in front.
        extra: Further names, for a reverse proxy.
    """
    everywhere = host in ("0.0.0.0", "::", "[::]")
    machine = socket.gethostname().lower()
    names = {"localhost", "127.0.0.1", "::1", *(name.strip().lower() for name in extra)}
    names |= {machine, f"{machine}.local"} if everywhere else {host_name(host)}
    suffixes = (".gradio.live",) if share else ()
    return Hosts(names=frozenset(names - {""}), suffixes=suffixes, any_address=everywhere)


def host_name(host: str) -> str:
    """Return the lower-case name of ``name``, ``name:port``, ``[v6]:port`` or a bare v6."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def refusal(
    method: str, path: str, headers: dict[str, str], hosts: Hosts
) -> tuple[int, str] | None:
    """Return why a request is turned away, as status and sentence, or None where it may pass.

    Args:
        method: HTTP method, upper case.
        path: Path without query, decoded.
        headers: Header values by lower-case name.
        hosts: The names this server goes by.
    """
    host = headers.get("host", "")
    if not hosts.allow(host):
        return 421, "This server does not go by that name."
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return 403, "Requests must come from this page itself."
    if method in ("GET", "HEAD", "OPTIONS"):
        reads = (path.rstrip("/") or "/") in _OPEN_READS or path.startswith(_OPEN_FOLDERS)
        return None if reads else (404, "There is nothing here.")
    if method != "POST" or path.rstrip("/") not in _OPEN_POSTS:
        return 404, "There is nothing here."
    return _body_refusal(path, headers)


def _body_refusal(path: str, headers: dict[str, str]) -> tuple[int, str] | None:
    length = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        return 411, "Please say how long the request is."
    form = headers.get("content-type", "").lower().startswith("multipart/form-data")
    takes_file = form and path.rstrip("/").endswith("/component_server")
    limit = MAX_UPLOAD_BYTES + _FORM_OVERHEAD if takes_file else _MAX_BODY
    return (413, "This is more than the page may send.") if int(length) > limit else None


class Guard:
    """ASGI middleware that applies ``refusal`` and hardens every answer."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1008})
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refused = refusal(scope["method"], scope["path"], headers, self.hosts)
        if refused is None:
            with visited_by((scope.get("client") or [None])[0]):
                return await self.app(scope, receive, _hardened(send))
        from starlette.responses import PlainTextResponse

        status, sentence = refused
        return await PlainTextResponse(sentence, status)(scope, receive, _hardened(send))


def _hardened(send: Send) -> Send:
    async def hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [
                (b"x-content-type-options", b"nosniff"),
                (b"referrer-policy", b"same-origin"),
                (b"content-security-policy", b"frame-ancestors 'self'"),
            ]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return hardened


def open_picture(data: Any) -> np.ndarray:
    """Decode an uploaded picture into fresh pixels, or say what is wrong with it.

    Args:
        data: The file's bytes. Nothing else is taken: no path, no address.

    Returns:
        (H, W, 4) straight RGBA bytes in sRGB, upright; EXIF, text and profiles are left behind.

    Raises:
        ImageError: Too large, too small, of another format, or damaged.
    """
    import numpy as np
    from PIL import ImageOps

    if not isinstance(data, bytes):
        raise ImageError("Please choose a picture file: PNG, JPEG or WebP.")
    if len(data) > MAX_UPLOAD_BYTES:
        raise ImageError(f"This file is larger than {MAX_UPLOAD_BYTES // 2**20} MB.")
    image = _open_checked(data)
    try:
        image.load()
        return np.array(to_rgba(ImageOps.exif_transpose(image)), dtype=np.uint8)
    except MemoryError:
        raise ImageError("This picture needs more memory than there is.") from None
    except Exception as error:  # a decoder fed with foreign bytes may raise anything
        raise ImageError("This picture is damaged or cut short.") from error


def _open_checked(data: bytes) -> Image.Image:
    """Read the header alone and check what it announces."""
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(_too_many_pixels()) from None
    except Exception as error:
        raise ImageError("This is not a PNG, JPEG or WebP picture that can be read.") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(_too_many_pixels())
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"This picture is smaller than {MIN_SIDE} pixels on a side.")
    return image


def _too_many_pixels() -> str:
    return f"This picture has more than {MAX_PIXELS // 1_000_000} million pixels."

"""The page, put together and served."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Any

from vae.allocator import keep_freed_memory
from vae.errors import ConfigError
from vae.ui import words
from vae.ui.language import in_every

if TYPE_CHECKING:
    import gradio as gr

    from vae.ui.options import Options
    from vae.ui.train_desk import Desk
    from vae.ui.worlds import Worlds

_HOUR = 3600
HOSTS_VARIABLE = "VAE_HOSTS"


def prepare_environment() -> None:
    """Set what Gradio reads when it is imported: no calls home, a private cache."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    cache = tempfile.mkdtemp(prefix="vae-page-")
    os.environ["GRADIO_TEMP_DIR"] = cache
    atexit.register(shutil.rmtree, cache, ignore_errors=True)


def build(worlds: Worlds, *, share: bool, desk: Desk | None = None) -> gr.Blocks:
    """Return the page.

    Args:
        worlds: The world to open with, and the others that visitors may go to.
        share: Whether strangers may come. Nothing that trains, deletes or writes files may be
            registered then; the functions for scripts do none of it.
        desk: What the Train tab asks; there is no such tab without it, or where it is shared.
    """
    import gradio as gr

    from vae.ui.api import script_api
    from vae.ui.create import create_tab
    from vae.ui.masthead import masthead
    from vae.ui.panel import label
    from vae.ui.train import train_tab

    desk = None if share else desk
    with gr.Blocks(
        title=words.TITLE, fill_width=True, analytics_enabled=False, delete_cache=(_HOUR, _HOUR)
    ) as page:
        masthead(worlds.start.name)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(label("TABS", "create"), id="create"):
                create_tab(worlds, desk)
            if desk is not None:
                with gr.Tab(label("TABS", "train"), id="train"):
                    train_tab(desk)
        script_api(worlds)
    page.queue(max_size=64, api_open=False)
    return page


def launch_settings(options: Options) -> dict[str, Any]:
    """Return what ``Blocks.launch`` is told."""
    from starlette.middleware import Middleware

    from vae.ui.panel import translations
    from vae.ui.security import MAX_UPLOAD_BYTES, Guard, hosts_for
    from vae.ui.theme import ASSETS, gallery_theme, head, stylesheet

    extra = os.environ.get(HOSTS_VARIABLE, "").split(",")
    hosts = hosts_for(options.host, share=options.share, extra=extra)
    return {
        "server_name": options.host,
        "server_port": options.port,
        "share": options.share,
        "auth": options.admits if options.password else None,
        "auth_message": "<br>".join(in_every(lambda: words.APP["password"]).values()),
        "app_kwargs": {"middleware": [Middleware(Guard, hosts=hosts)]},
        "i18n": translations(),
        "theme": gallery_theme(),
        "css": stylesheet(),
        "head": head(),
        "favicon_path": ASSETS / "favicon.svg",
        "max_file_size": MAX_UPLOAD_BYTES,
        "state_session_capacity": 1000,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "quiet": True,
        "prevent_thread_lock": True,
    }


def check_address(host: str, port: int | None) -> None:
    """Refuse an address that cannot be served, before anything slow begins.

    Raises:
        ConfigError: The port is taken, or the host is not one of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port or 0))
        except OSError as error:
            where = f"{host}:{port}" if port else host
            message = f"cannot serve at {where} ({error.strerror}): choose another --host or --port"
            raise ConfigError(message) from error


def serve(worlds: Worlds, options: Options, desk: Desk | None = None) -> None:
    """Show the page, wake the world behind it, and stay until interrupted.

    Raises:
        ConfigError: The address cannot be served.
        VAEError: The world turned out to be unusable when it was loaded.
    """
    check_address(options.host, options.port)
    prepare_environment()
    keep_freed_memory()
    import gradio  # noqa: F401  the slowest import by far; torch's would only slow it further

    awake = worlds.start.start()
    page = build(worlds, share=options.share, desk=desk)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a stop that still cleans up
    try:
        page.launch(**launch_settings(options))
        if options.share and not page.share_url:
            print(words.NO_TUNNEL, file=sys.stderr)
        print(words.SERVING.format(url=page.share_url or page.local_url), flush=True)
        awake.result()
        if desk is not None and not options.share:
            worlds.start.studio.announce = desk.hand.mark
            desk.start()
        page.block_thread()
    finally:
        page.close(verbose=False)
        worlds.close()
        if desk is not None:
            desk.close()

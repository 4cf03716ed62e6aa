"""Serve the real page with the world of ``fake_world``: ``python serve_fake.py --port 7999``.

``--share`` takes the real path with a tunnel that leads nowhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.fake_world import FakeWorld
from vae.ui.app import prepare_environment, serve
from vae.ui.engine import Engine
from vae.ui.options import parse

TUNNEL_HOST = "0123456789abcdef.gradio.live"

if __name__ == "__main__":
    prepare_environment()
    from gradio import networking

    networking.setup_tunnel = lambda **_: f"https://{TUNNEL_HOST}"
    serve(Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders), parse())

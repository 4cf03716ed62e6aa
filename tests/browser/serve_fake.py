"""Serve the real page with the world of ``fake_world``: ``python serve_fake.py --port 7999``.

``--share`` takes the real path with a tunnel that leads nowhere. The variable ``VAE_FAKES`` names a
folder of more worlds (``fake_world.write_fake``).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.fake_world import fake_worlds
from vae.ui.app import prepare_environment, serve
from vae.ui.options import parse

TUNNEL_HOST = "0123456789abcdef.gradio.live"
FAKES = "VAE_FAKES"

if __name__ == "__main__":
    prepare_environment()
    from gradio import networking

    networking.setup_tunnel = lambda **_: f"https://{TUNNEL_HOST}"
    folder = os.environ.get(FAKES)
    serve(fake_worlds(Path(folder) if folder else None), parse())

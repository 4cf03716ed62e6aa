"""Serve the real page with the world of ``fake_world``: ``python serve_fake.py --port 7999``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.browser.fake_world import FakeWorld
from vae.ui.app import serve
from vae.ui.engine import Engine
from vae.ui.options import parse

if __name__ == "__main__":
    serve(Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders), parse())

"""Serve the real page with worlds and runs of one's own: ``VAE_WORLDS``, ``VAE_RUNS`` name them.

The first world by name is the one the page opens with.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vae.ui.app import prepare_environment, serve
from vae.ui.options import parse
from vae.ui.train_desk import open_desk
from vae.ui.worlds import find_worlds, open_worlds

WORLDS = "VAE_WORLDS"

if __name__ == "__main__":
    prepare_environment()
    options = parse()
    folder = Path(os.environ[WORLDS])
    first = min(find_worlds(folder).values())
    desk = open_desk(folder, options.classifier, options.refuse)
    serve(open_worlds(str(first), options.device, folder), options, desk)

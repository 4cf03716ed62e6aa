"""Open the page: ``python app.py``, then drag a slider."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vae.errors import VAEError
from vae.ui.options import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until it is stopped; return the exit code."""
    try:
        options = parse(arguments)
        # Late, so that a mistyped option is answered at once.
        from vae.ui.app import serve
        from vae.ui.train_desk import open_desk
        from vae.ui.worlds import CHECKPOINTS, open_worlds

        desk = open_desk(CHECKPOINTS, options.classifier, options.refuse)
        worlds = open_worlds(options.world, options.device)
        serve(worlds, options, desk)
    except VAEError as error:
        print(f"app.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

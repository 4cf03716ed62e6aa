"""``python -m vae.evaluation --world W --data FOLDER``: the same as ``python -m vae evaluate``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from vae.allocator import keep_freed_memory
from vae.evaluation import command
from vae.evaluation.exit_status import in_one_line


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation", description="Measure a world on images it has not seen."
    )
    command.add_arguments(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; an error is one line on stderr and exit code 1."""
    options = make_parser().parse_args(arguments)
    keep_freed_memory()
    return in_one_line(lambda: command.run(options))


if __name__ == "__main__":
    sys.exit(main())

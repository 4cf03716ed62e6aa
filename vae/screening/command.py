"""``python -m vae screen``: options, a progress bar, and a table of what was refused."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections import Counter
from pathlib import Path

from vae.errors import DatasetError
from vae.screening.manifest import CONSENT, CROPS, Manifest, ScreeningSettings
from vae.screening.run import screen

_MOST_ROWS = 40
_NAME = 36


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("sources", type=Path, nargs="+", help="images, folders, ZIPs")
    parser.add_argument("--out", type=Path, required=True, help="new folder to write")
    parser.add_argument("--paper", action="store_true", help="remove the paper behind the work")
    parser.add_argument("--crop", choices=CROPS, default="none", help="the square to keep")
    parser.add_argument("--max-images", type=int, default=2000, help="keep at most so many")
    parser.add_argument("--classifier", type=Path, help="folder of a local image classifier")
    parser.add_argument(
        "--refuse", metavar="LABEL", action="append", default=[], help="label of the classifier"
    )
    parser.add_argument("--consent", action="store_true", help=f"say: {CONSENT}")


def run(options: argparse.Namespace) -> None:
    """Screen, write the folder, and say what was refused.

    Raises:
        DatasetError: Too few images were kept; the folder is there all the same.
    """
    from tqdm import tqdm

    settings = ScreeningSettings(
        max_images=options.max_images,
        min_images=min(ScreeningSettings.min_images, options.max_images),
        paper=options.paper,
        crop=options.crop,
        classifier=options.classifier,
        classifier_labels=tuple(options.refuse),
    )
    with tqdm(unit="file", desc="screening", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        manifest = screen(options.sources, options.out, settings=settings, progress=progress)
    if options.consent:
        manifest = manifest.with_consent(who="command line")
    print(report(manifest, width=shutil.get_terminal_size((100, 24)).columns))
    if manifest.problem is not None:
        raise DatasetError(manifest.problem)


def report(manifest: Manifest, *, width: int = 100) -> str:
    """Return what was refused and why, as a table, and the sums."""
    rows = [(v.name, " ".join(v.reasons)) for v in manifest.refused]
    lines = [line for row in rows[:_MOST_ROWS] for line in _wrapped(*row, width=width)]
    if len(rows) > _MOST_ROWS:
        lines.append(f"… and {len(rows) - _MOST_ROWS} more, in {manifest.folder / 'manifest.json'}")
    counts = Counter(code for v in manifest.refused for code in v.codes).most_common()
    sums = ", ".join(f"{code} {count}" for code, count in counts)
    lines += [
        f"kept {len(manifest.kept)} of {len(manifest.verdicts)}" + (f" ({sums})" if sums else ""),
        f"content: {manifest.content_screening}",
        f"consent: {'none yet; --consent gives it' if manifest.consent is None else CONSENT}",
        *manifest.notes,
        f"train with: python -m vae train --data {manifest.folder}",
    ]
    return "\n".join(lines)


def _wrapped(name: str, reason: str, *, width: int) -> list[str]:
    """Return a row as lines of at most `width`, the reason in a column of its own."""
    name = name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
    gap = " " * (_NAME + 2)
    return textwrap.wrap(
        reason,
        max(width, _NAME + 22),
        initial_indent=f"{name:<{_NAME}}  ",
        subsequent_indent=gap,
        break_on_hyphens=False,
    )

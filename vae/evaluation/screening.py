"""How well screening tells good files from bad: ``python -m vae.evaluation.screening``.

A corpus is made by code (see `vae.evaluation.corpus`) and screened as an artist's folder would be.
The table counts, for each class, how many were kept and with what words the others were refused.
Exit code 1: a bad one was let in, one was refused without a reason, or too few good ones were kept.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vae.evaluation.corpus import make_corpus
from vae.screening import Manifest, ScreeningSettings, screen

KEPT_AT_LEAST = 0.99
"""Share of the good ones that must be kept."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One class of the corpus.

    Attributes:
        label: Its name; good ones begin with ``"good"``.
        files: How many there are.
        kept: How many of them were kept.
        codes: How often each code was given.
        wordless: How many were refused without a reason.
        names: Those on which screening was wrong.
    """

    label: str
    files: int
    kept: int
    codes: Counter[str]
    wordless: int
    names: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether these should be kept."""
        return self.label.startswith("good")


def compare(manifest: Manifest, labels: Mapping[str, str]) -> list[Row]:
    """Set what was decided against what the files are, one row a class."""
    by_name = {v.name: v for v in manifest.verdicts}
    rows = []
    for label in dict.fromkeys(labels.values()):
        verdicts = [by_name[name] for name, found in labels.items() if found == label]
        good = label.startswith("good")
        rows.append(
            Row(
                label=label,
                files=len(verdicts),
                kept=sum(v.kept for v in verdicts),
                codes=Counter(code for v in verdicts for code in v.codes),
                wordless=sum(not v.kept and not all(v.reasons or ("",)) for v in verdicts),
                names=tuple(v.name for v in verdicts if v.kept != good),
            )
        )
    return rows


def format_table(rows: Sequence[Row]) -> str:
    """Return the table as Markdown, with its sums below."""
    lines = ["| class | files | kept | refused as |", "|---|---|---|---|"]
    for row in rows:
        codes = ", ".join(f"{code} {count}" for code, count in row.codes.most_common())
        lines.append(f"| {row.label} | {row.files} | {row.kept} | {codes} |")
    good, bad = [r for r in rows if r.good], [r for r in rows if not r.good]
    kept, files = sum(r.kept for r in good), sum(r.files for r in good)
    lines += [
        "",
        f"good kept: {kept} of {files} ({100 * kept / max(files, 1):.1f} %)",
        f"bad let in: {sum(r.kept for r in bad)} of {sum(r.files for r in bad)}",
        f"refused without a reason: {sum(r.wordless for r in rows)}",
    ]
    wrong = [name for row in rows for name in row.names]
    return "\n".join([*lines, *(f"wrong: {name}" for name in wrong)])


def holds(rows: Sequence[Row]) -> bool:
    """Whether no bad one was let in, nothing refused without a word, and the good ones kept."""
    good = [row for row in rows if row.good]
    kept, files = sum(row.kept for row in good), sum(row.files for row in good)
    clean = not any(row.kept for row in rows if not row.good)
    return clean and not any(row.wordless for row in rows) and kept >= KEPT_AT_LEAST * files


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the corpus, screen it, and print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m vae.evaluation.screening")
    parser.add_argument("--good", type=int, default=150)
    parser.add_argument("--bad", type=int, default=150, help="in ten classes")
    parser.add_argument("--side", type=int, default=320, help="of the pictures, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="leave the corpus and what came of it here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        home = options.keep or Path(temporary)
        labels = make_corpus(
            home / "corpus",
            num_good=options.good,
            num_bad=options.bad,
            side=options.side,
            seed=options.seed,
        )
        began = time.perf_counter()
        manifest = screen([home / "corpus"], home / "screened", settings=ScreeningSettings())
        seconds = time.perf_counter() - began
        rows = compare(manifest, labels)
        print(format_table(rows))
        print(f"{len(labels) / seconds:.1f} files a second")
    return 0 if holds(rows) else 1


if __name__ == "__main__":
    sys.exit(main())

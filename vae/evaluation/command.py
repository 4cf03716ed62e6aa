"""``python -m vae evaluate --world W --data D``: every number of a world in one table.

The same as ``python -m vae.evaluation``. What is measured, and what each number is worth, is told
in the README.md of this folder, which ``--explain`` prints.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.data import ImageSet
    from vae.evaluation.rows import Options, Row
    from vae.infer import World

PARTS = (
    "reconstruction",
    "swd",
    "distribution",
    "sliders",
    "held",
    "kept",
    "style",
    "identifiability",
    "speed",
)
EXPLANATION = Path(__file__).with_name("README.md")


class Explain(argparse.Action):
    """An option that prints the page of definitions and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print and exit."""
        print(EXPLANATION.read_text(encoding="utf-8"), end="")
        parser.exit()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument("--world", required=True, help="a name, a folder, or a hub id")
    parser.add_argument("--data", type=Path, required=True, help="folder it was trained on")
    parser.add_argument(
        "--part", choices=(*PARTS, "all"), nargs="+", default=["all"], help="what to measure"
    )
    parser.add_argument("--num-images", type=int, help="most validation images of any part")
    parser.add_argument("--steps", type=int, default=9, help="places along a slider")
    parser.add_argument("--seed", type=int, default=0, help="of samples, places, projections")
    parser.add_argument("--workers", type=int, default=2, help="processes that measure")
    parser.add_argument("--threads", type=int, default=2, help="threads when speed is measured")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
    parser.add_argument(
        "--siblings",
        nargs="+",
        default=[],
        metavar="WORLD",
        help="the same training from other seeds, for identifiability",
    )
    parser.add_argument(
        "--update", action="store_true", help="write the slider numbers into the world's table"
    )
    parser.add_argument("--json", type=Path, help="file to write the numbers to as well")
    parser.add_argument(
        "--out", type=Path, help="folder to write numbers.json, table.txt and figures to"
    )
    parser.add_argument(
        "--explain", action=Explain, nargs=0, help="print definitions, sources and caveats"
    )


def run(options: argparse.Namespace) -> None:
    """Measure the parts asked for, print one table, and write the numbers where told to.

    Numbers are written after every part, so that a long evaluation that is stopped keeps what it
    had.

    Raises:
        ConfigError: An option is out of range.
        VAEError: The world or the folder cannot be read.
    """
    from vae.data import load_split
    from vae.evaluation.rows import Options, format_table
    from vae.infer import get_infer_model
    from vae.utils import write_atomic

    check(options)
    world = get_infer_model(options.world, device=options.device)
    train, validation = load_split(options.data, size=world.image_size, channels=world.channels)
    settings = Options(
        num_images=options.num_images,
        seed=options.seed,
        workers=options.workers,
        threads=options.threads,
        steps=options.steps,
        siblings=tuple(options.siblings),
    )
    files = [path for path in (options.json, _inside(options.out, "numbers.json")) if path]

    def keep(rows: Sequence[Row], times: Mapping[str, Mapping[str, float]]) -> None:
        for path in files:
            write_numbers(path, world, options, rows, times)

    rows = measure(parts_of(options), world, (train, validation), settings, keep)
    print(format_table(rows))
    if options.out is not None:
        from vae.evaluation.figures import write_figures

        write_atomic(options.out / "table.txt", (format_table(rows) + "\n").encode())
        write_figures(options.out, world, validation, rows, seed=options.seed)
    if options.update:
        found = {part: [r.details for r in rows if r.part == part and r.details] for part in PARTS}
        update_sliders(world, found["sliders"], found["held"])


def parts_of(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the parts asked for; all are those there is something to measure in."""
    if "all" not in options.part:
        return tuple(dict.fromkeys(options.part))
    return tuple(name for name in PARTS if name != "identifiability" or options.siblings)


def check(options: argparse.Namespace) -> None:
    """Raise ConfigError where an option cannot be meant."""
    from vae.errors import ConfigError

    least = {"num_images": 1, "steps": 3, "workers": 0, "threads": 1}
    for name, low in least.items():
        value = getattr(options, name)
        if value is not None and value < low:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag} must be {low} or more, found {value}")
    if "identifiability" in options.part and not options.siblings:
        raise ConfigError(
            "identifiability compares trainings: name others of the same data with --siblings, or "
            "train some with python -m vae.evaluation.identifiability"
        )


def measure(
    parts: Iterable[str],
    world: World,
    sets: tuple[ImageSet, ImageSet],
    settings: Options,
    keep: Callable[[Sequence[Row], Mapping[str, Mapping[str, float]]], None],
) -> list[Row]:
    """Return the rows of some parts, one after the other.

    Args:
        parts: Their names.
        world: The world to judge.
        sets: Training and validation pictures.
        settings: How to evaluate.
        keep: Called after every part with all rows so far, and the seconds of every part: by
            the clock, and of processors (this one's and those of its workers).
    """
    from vae.evaluation.report import PARTS as MEASURE

    rows: list[Row] = []
    times: dict[str, dict[str, float]] = {}
    for name in parts:
        print(f"measuring {name} …", file=sys.stderr)
        begun, busy = time.perf_counter(), sum(os.times()[:4])
        rows += MEASURE[name](world, *sets, settings)
        times[name] = {
            "clock": round(time.perf_counter() - begun, 1),
            "processor": round(sum(os.times()[:4]) - busy, 1),
        }
        keep(rows, times)
    return rows


def write_numbers(
    path: Path,
    world: World,
    options: argparse.Namespace,
    rows: Sequence[Row],
    times: Mapping[str, Mapping[str, float]],
) -> None:
    """Write the rows as JSON, with what was measured, when, and the seconds of every part."""
    from vae.evaluation.rows import as_json
    from vae.utils import log_timestamp, write_atomic

    content = {
        "world": world.name,
        "data": options.data.name,
        "measured": log_timestamp(),
        "seed": options.seed,
        "seconds": times,
        "rows": as_json(rows),
    }
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())


def _inside(folder: Path | None, name: str) -> Path | None:
    return None if folder is None else folder / name


def update_sliders(
    world: World, scores: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Put what was measured here into the world's ``sliders.json``: gain, purity, side effects.

    Args:
        world: Whose table it is.
        scores: Of the style sliders; those not among them stay as they are.
        held: The same while the rest is held.
    """
    from dataclasses import replace

    from vae.slider import Held, strongest
    from vae.sliders import SliderTable

    by_name = {score["name"]: score for score in scores}
    by_held = {score["name"]: score for score in held}
    rows = list(world.sliders)
    for index, slider in enumerate(rows):
        if score := by_name.get(slider.name):
            also = strongest(score.get("leakage", {}), slider.attribute)
            slider = replace(slider, **_numbers(score), also=also)
        if score := by_held.get(slider.name):
            slider = replace(slider, held=Held(**_numbers(score)))
        rows[index] = slider
    SliderTable(tuple(rows), world.table.directions).save(world.path / "sliders.json")


def _numbers(score: Mapping[str, Any]) -> dict[str, float]:
    return {name: round(score[name], 4) for name in ("gain", "purity", "spearman")}

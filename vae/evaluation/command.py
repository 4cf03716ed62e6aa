"""``python -m vae evaluate --world W --data D``: every number of a world in one table.

The same as ``python -m vae.evaluation``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vae.evaluation.rows import Row
    from vae.infer import World

PARTS = ("reconstruction", "swd", "distribution", "sliders", "style", "speed")


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
        "--update", action="store_true", help="write the slider numbers into the world's table"
    )
    parser.add_argument("--json", type=Path, help="file to write the numbers to as well")


def run(options: argparse.Namespace) -> None:
    """Measure the parts asked for, print one table, and write the numbers where told to.

    The file of numbers is written after every part, so that a long evaluation that is stopped
    keeps what it had.

    Raises:
        VAEError: The world or the folder cannot be read.
    """
    from vae.data import load_split
    from vae.evaluation.report import PARTS as MEASURE
    from vae.evaluation.rows import Options, format_table
    from vae.infer import get_infer_model

    world = get_infer_model(options.world, device=options.device)
    train, validation = load_split(options.data, size=world.image_size, channels=world.channels)
    settings = Options(
        num_images=options.num_images,
        seed=options.seed,
        workers=options.workers,
        threads=options.threads,
        steps=options.steps,
    )
    rows: list[Row] = []
    seconds: dict[str, float] = {}
    for name in PARTS if "all" in options.part else dict.fromkeys(options.part):
        print(f"measuring {name} …", file=sys.stderr)
        begun = time.perf_counter()
        rows += MEASURE[name](world, train, validation, settings)
        seconds[name] = round(time.perf_counter() - begun, 1)
        if options.json is not None:
            write_numbers(options.json, world, options, rows, seconds)
    print(format_table(rows))
    if options.update:
        update_sliders(
            world, [row.details for row in rows if row.part == "sliders" and row.details]
        )


def write_numbers(
    path: Path,
    world: World,
    options: argparse.Namespace,
    rows: Sequence[Row],
    seconds: Mapping[str, float],
) -> None:
    """Write the rows as JSON, with what was measured, when, and the seconds of every part."""
    from vae.evaluation.rows import as_json
    from vae.utils import log_timestamp, write_atomic

    content = {
        "world": world.name,
        "data": options.data.name,
        "measured": log_timestamp(),
        "seed": options.seed,
        "seconds": dict(seconds),
        "rows": as_json(rows),
    }
    write_atomic(path, (json.dumps(content, indent=1) + "\n").encode())


def update_sliders(world: World, scores: Sequence[Mapping[str, Any]]) -> None:
    """Put what was measured here into the world's ``sliders.json``: gain, purity, side effects."""
    from dataclasses import replace

    from vae.slider import strongest
    from vae.sliders import SliderTable

    by_name = {score["name"]: score for score in scores}
    rows = list(world.sliders)
    for index, slider in enumerate(rows):
        if score := by_name.get(slider.name):
            numbers = {k: round(score[k], 4) for k in ("gain", "purity", "spearman")}
            also = strongest(score.get("leakage", {}), slider.attribute)
            rows[index] = replace(slider, **numbers, also=also)
    SliderTable(tuple(rows), world.table.directions).save(world.path / "sliders.json")

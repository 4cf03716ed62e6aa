"""``python -m vae.evaluation --world W --data FOLDER``: every number of a world in one table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.allocator import keep_freed_memory
from vae.errors import VAEError

if TYPE_CHECKING:
    from vae.infer import World


def make_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        prog="python -m vae.evaluation", description="Measure a world on images it has not seen."
    )
    parser.add_argument("--world", required=True, help="a name, a folder, or a hub id")
    parser.add_argument("--data", type=Path, required=True, help="folder it was trained on")
    parser.add_argument(
        "--part",
        choices=("reconstruction", "swd", "sliders", "speed", "all"),
        default="all",
        help="what to measure",
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
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate; an error is one line on stderr and exit code 1."""
    options = make_parser().parse_args(arguments)
    keep_freed_memory()
    try:
        evaluate(options)
    except VAEError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def evaluate(options: argparse.Namespace) -> None:
    """Measure the parts asked for, print one table, and write the numbers where told to."""
    from vae.data import load_split
    from vae.evaluation.report import PARTS, Options, Row, as_json, format_table
    from vae.infer import get_infer_model
    from vae.utils import log_timestamp, write_atomic

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
    for name in PARTS if options.part == "all" else (options.part,):
        print(f"measuring {name} …", file=sys.stderr)
        rows += PARTS[name](world, train, validation, settings)
    print(format_table(rows))
    if options.update:
        update_sliders(
            world, [row.details for row in rows if row.part == "sliders" and row.details]
        )
    if options.json is not None:
        facts = {"world": world.name, "data": options.data.name, "measured": log_timestamp()}
        content = facts | {"seed": options.seed, "rows": as_json(rows)}
        write_atomic(options.json, (json.dumps(content, indent=1) + "\n").encode())


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


if __name__ == "__main__":
    sys.exit(main())

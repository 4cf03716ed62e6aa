"""``python -m vae edit``: the same change laid on many pictures, each at its own size.

What was found by hand on the page is in the recipe of a saved picture: ``--recipe`` takes the
places of its sliders. How strong the grain is belongs to each picture, and is left as it is there.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from vae.errors import ConfigError, ImageError
from vae.recipe import Recipe, read_recipe

GRAIN = "grain strength"  # of a recipe: each picture keeps its own
_PARTS = {"borrow": "the borrowed look", "along": "moves along own directions"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``edit``."""
    parser.add_argument("images", type=Path, nargs="+", help="PNG, JPEG, WebP files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the changed pictures")
    parser.add_argument("--world", help="default: the recipe's, else pomona")
    parser.add_argument(
        "--set",
        metavar="SLIDER=PLACE",
        action="append",
        default=[],
        help="where a slider stands, in standard deviations, such as warmth=1.5",
    )
    parser.add_argument("--recipe", type=Path, help="a picture saved on the page, for its sliders")
    parser.add_argument("--borrow", type=Path, help="a picture whose look is borrowed first")
    for name in ("texture", "palette", "alpha"):
        parser.add_argument(f"--{name}", type=float, help="share of it, 0 to 1 (default 1)")


def run(options: argparse.Namespace) -> None:
    """Change every picture and write it; what cannot be read is told, and the others are done.

    Raises:
        ConfigError: An option asks for what is not there, or a file would be written over.
        ImageError: None, or not all, of the pictures could be changed.
    """
    from vae.data import read_image, read_picture
    from vae.editing import KINDS, edit, encode_as
    from vae.infer import get_infer_model
    from vae.placement import as_input
    from vae.utils import write_atomic

    recipe = _recipe(options.recipe)
    moves = {**_moves(recipe), **dict(_place(text) for text in options.set)}
    shares = {name: getattr(options, name) for name in ("texture", "palette", "alpha")}
    shares = {name: value for name, value in shares.items() if value is not None}
    if shares and options.borrow is None:
        raise ConfigError(f"--{next(iter(shares))} says how much of --borrow; give a picture there")
    if not moves and options.borrow is None:
        raise ConfigError("nothing to change: give --set SLIDER=PLACE, --recipe or --borrow")
    _check_names(options.images, options.out)
    world = get_infer_model(options.world or (recipe.world if recipe else "pomona"))
    reference = None
    if options.borrow is not None:
        from PIL import Image

        size, channels = world.image_size, world.channels
        pixels = read_image(options.borrow, size=size, channels=4)
        reference = as_input(Image.fromarray(pixels), channels)
    failed = []
    for path in options.images:
        try:
            changed = edit(world, read_picture(path), moves, reference=reference, **shares)
        except ImageError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            failed.append(path.name)
            continue
        kind = path.suffix.lower().lstrip(".").replace("jpeg", "jpg")
        data, kind = encode_as(changed, kind if kind in KINDS else "png")
        options.out.mkdir(parents=True, exist_ok=True)
        print(write_atomic(options.out / f"{path.stem}.{kind}", data))
    if failed:
        raise ImageError(f"{len(failed)} of {len(options.images)} pictures were not changed")


def _recipe(path: Path | None) -> Recipe | None:
    if path is None:
        return None
    recipe = read_recipe(path.read_bytes())
    for name, words in _PARTS.items():
        if recipe.state.get(name):
            print(f"{path.name}: {words} in the recipe cannot be had here", file=sys.stderr)
    return recipe


def _moves(recipe: Recipe | None) -> dict[str, float]:
    """Return the places of a recipe's sliders; what stands there came from a file."""
    moves = recipe.state.get("moves") if recipe else {}
    if not isinstance(moves, dict):
        raise ImageError("The recipe in this file is damaged.")
    return dict(_place(f"{name}={at}") for name, at in moves.items() if name != GRAIN)


def _place(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        place = float(value)
    except ValueError:
        place = math.nan
    if not name or not math.isfinite(place):
        raise ConfigError(f"expected a slider and its place, such as warmth=1.5, found {text!r}")
    return name, place


def _check_names(images: list[Path], out: Path) -> None:
    """Raise ConfigError where two files would get one name, or one would be written over."""
    stems = [path.stem for path in images]
    for stem in stems:
        if stems.count(stem) > 1:
            raise ConfigError(f"two of the pictures are called {stem}; edit them one after another")
    for path in images:
        if path.resolve().parent == out.resolve():
            raise ConfigError(f"{path.name} lies in --out itself; choose another folder")

"""The command line: ``python -m vae screen | train | resume | edit | evaluate | …``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from vae import editing_command as editing
from vae.allocator import keep_freed_memory
from vae.errors import VAEError
from vae.evaluation import command as evaluation
from vae.protocols import NAMES
from vae.screening import command as screening
from vae.screening import verified_images
from vae.slider import Slider


def make_parser() -> argparse.ArgumentParser:
    """Describe every command and option."""
    parser = argparse.ArgumentParser(prog="python -m vae", description="43.VAE from the shell.")
    commands = parser.add_subparsers(dest="command", required=True)
    screening.add_arguments(
        commands.add_parser("screen", help="look through images before training on them")
    )
    train = commands.add_parser("train", help="train a world on a folder of images")
    train.add_argument("--data", type=Path, required=True, help="folder of PNG, JPEG, WebP images")
    train.add_argument("--out", type=Path, required=True, help="folder of the new world")
    train.add_argument("--world", help="world to start from: a name, a folder, or a hub id")
    train.add_argument(
        "--protocol", choices=NAMES, help="default: finetune with --world, else pretrain"
    )
    train.add_argument("--resume", action="store_true", help="go on with the run in --out")
    length = train.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="optimiser steps")
    length.add_argument("--minutes", type=float, help="wall time")
    train.add_argument("--size", type=int, default=128, help="side of a new world's pictures")
    train.add_argument("--channels", type=int, default=4, help="1, 3 or 4, of a new world")
    train.add_argument("--latent-dim", type=int, default=32, help="content latents of a new world")
    train.add_argument("--key-dim", type=int, default=28, help="key latents of a new world")
    train.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="change a protocol's setting",
    )
    resume = commands.add_parser("resume", help="go on with a run of the page, here and now")
    resume.add_argument("run", help="its id, its folder, or the name of its world")
    export = commands.add_parser("export", help="write a world as one ZIP")
    export.add_argument("world", help="a name or a folder")
    export.add_argument("--out", type=Path, required=True, help="ZIP file to write")
    imported = commands.add_parser("import", help="unpack a world's ZIP beside the others")
    imported.add_argument("zip", type=Path)
    sample = commands.add_parser("sample", help="draw a sheet of random pictures")
    sample.add_argument("--world", default="pomona")
    sample.add_argument("--out", type=Path, required=True, help="PNG file to write")
    sample.add_argument("--num", type=int, default=16)
    sample.add_argument("--seed", type=int, default=0)
    sample.add_argument("--truncation", type=float, default=1.0)
    encode = commands.add_parser("encode", help="encode images to latents and metadata, as JSON")
    encode.add_argument("images", type=Path, nargs="+")
    encode.add_argument("--world", default="pomona")
    encode.add_argument("--out", type=Path, help="JSON file to write; else it is printed")
    editing.add_arguments(
        commands.add_parser("edit", help="change pictures of any size along a world's sliders")
    )
    evaluation.add_arguments(
        commands.add_parser("evaluate", help="measure a world on images it has not seen")
    )
    measure = commands.add_parser("measure", help="find and measure a world's sliders anew")
    measure.add_argument("--world", required=True, help="a name or a folder")
    measure.add_argument("--data", type=Path, required=True, help="images it was trained on")
    measure.add_argument("--num-images", type=int, default=24, help="how many of them are moved")
    measure.add_argument(
        "--refine", action="store_true", help="take some minutes for sliders that do less besides"
    )
    info = commands.add_parser("info", help="say what a world is")
    info.add_argument("--world", default="pomona")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error is one line on stderr and exit code 1."""
    options = make_parser().parse_args(arguments)
    keep_freed_memory()
    try:
        {
            "screen": screening.run,
            "train": train,
            "resume": resume,
            "export": export,
            "import": import_,
            "sample": sample,
            "encode": encode,
            "edit": editing.run,
            "evaluate": evaluation.run,
            "measure": measure,
            "info": info,
        }[options.command](options)
    except VAEError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        hint = {"train": "go on with --resume", "resume": "resume goes on from the last state"}
        hint = hint.get(options.command, "nothing was written")
        print(f"stopped; {hint}", file=sys.stderr)
        return 130
    return 0


def train(options: argparse.Namespace) -> None:
    """Train a world, showing progress, and write it."""
    from vae.run import train_world

    train_world(
        data=verified_images(options.data),
        out=options.out,
        start=options.world,
        protocol=options.protocol,
        resume=options.resume,
        steps=options.steps,
        minutes=options.minutes,
        changes=dict(_setting(text) for text in options.set),
        size=options.size,
        channels=options.channels,
        latent_dim=options.latent_dim,
        latent_key_dim=options.key_dim,
    )


def resume(options: argparse.Namespace) -> None:
    """Go on with a run of the page in this process, with a progress bar."""
    from tqdm import tqdm

    from vae.errors import TrainingError
    from vae.infer import CHECKPOINTS
    from vae.jobs import runs_folder
    from vae.ledger import find_run
    from vae.worker import BUSY, work

    ledger = find_run(runs_folder(), options.run)
    if ledger.control().ask in ("pause", "leave"):
        ledger.ask(ask="run")
    with tqdm(
        total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
    ) as bar:

        def watch(progress: float, words: str) -> None:
            bar.n = round(100 * progress)
            bar.set_postfix_str(words)

        code = work(ledger, CHECKPOINTS, watch=watch)
    status = ledger.status()
    if code == BUSY:
        raise TrainingError("another process is at work on this run")
    if status.state == "failed":
        raise TrainingError(status.message.rstrip("."))
    print(CHECKPOINTS / status.world if status.world else status.state)


def export(options: argparse.Namespace) -> None:
    """Write a world as one ZIP."""
    from vae.archive import export_world
    from vae.utils import write_atomic

    print(write_atomic(options.out, export_world(_folder_of(options.world))))


def measure(options: argparse.Namespace) -> None:
    """Find a world's sliders anew, write them beside its weights, and print them."""
    from vae.config import whole
    from vae.run import measure_world

    count = whole("--num-images", options.num_images, 2, 2000)
    folder = _folder_of(options.world)
    data = verified_images(options.data)
    _print_sliders(measure_world(folder, data, num_pictures=count, refine=options.refine).sliders)


def _folder_of(world: str) -> Path:
    from vae.infer import CHECKPOINTS
    from vae.shelf import tend

    tend(CHECKPOINTS)
    shipped = CHECKPOINTS / world
    return shipped if shipped.is_dir() else Path(world).resolve()


def import_(options: argparse.Namespace) -> None:
    """Unpack a world's ZIP beside the others, after checking all of it."""
    from vae.archive import import_world
    from vae.infer import CHECKPOINTS

    print(import_world(options.zip, CHECKPOINTS))


def _setting(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    words = {"True": True, "False": False, "None": None}  # as Python spells them
    try:
        return name, words[value] if value in words else json.loads(value)
    except json.JSONDecodeError:
        return name, value


def sample(options: argparse.Namespace) -> None:
    """Draw random pictures as one sheet."""
    import torch

    from vae.infer import get_infer_model
    from vae.renderer import Renderer

    world = get_infer_model(options.world)
    generator = torch.Generator().manual_seed(options.seed)
    latents = world.sample(options.num, generator=generator, truncation=options.truncation)
    renderer = Renderer(world)
    renderer.save(renderer.grid(latents), options.out)
    print(options.out)


def encode(options: argparse.Namespace) -> None:
    """Encode pictures and write their latents and metadata as JSON."""
    import torch

    from vae.data import read_image
    from vae.infer import get_infer_model
    from vae.utils import write_atomic

    world = get_infer_model(options.world)
    arrays = [
        read_image(path, size=world.image_size, channels=world.channels) for path in options.images
    ]
    x = torch.stack([torch.from_numpy(a.copy()).permute(2, 0, 1) for a in arrays]).float() / 255
    latents, described = world.encode(x), world.describe(x)
    rows = [
        {
            "file": str(path),
            "z": latents.z[i].tolist(),
            "key": latents.key[i].tolist(),
            "metadata": {name: float(values[i]) for name, values in described.items()},
        }
        for i, path in enumerate(options.images)
    ]
    text = json.dumps({"world": world.name, "images": rows}, indent=1)
    if options.out is None:
        print(text)
    else:
        write_atomic(options.out, (text + "\n").encode())
        print(options.out)


def info(options: argparse.Namespace) -> None:
    """Print a world's sizes and sliders."""
    from vae.infer import get_infer_model

    world = get_infer_model(options.world)
    parameters = sum(p.numel() for p in world.model.parameters())
    print(
        f"{world.name}: {world.channels} channels, {world.image_size}x{world.image_size}, ", end=""
    )
    print(
        f"{world.latent_dim} + {world.latent_key_dim} latents, {parameters / 1e6:.2f} M parameters"
    )
    _print_sliders(world.sliders)


def _print_sliders(sliders: Iterable[Slider]) -> None:
    print(f"{'slider':<24}{'kind':<8}{'gain':>7}{'purity':>8}{'Spearman':>10}")
    for s in sliders:
        print(f"{s.name:<24}{s.kind:<8}{s.gain:>7.2f}{s.purity:>8.2f}{s.spearman:>10.2f}")


if __name__ == "__main__":
    sys.exit(main())

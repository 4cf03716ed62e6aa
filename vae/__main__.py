"""The command line: ``python -m vae screen | train | resume | edit | evaluate | …``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from vae import editing_command as editing
from vae import training_command as training
from vae.allocator import keep_freed_memory
from vae.errors import VAEError
from vae.evaluation import command as evaluation
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
    training.add_train_arguments(
        commands.add_parser("train", help="train a world on a folder of images")
    )
    training.add_resume_arguments(
        commands.add_parser("resume", help="go on with a run of the page, here and now")
    )
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
    measure.add_argument(
        "--density", action="store_true", help="fit anew what its samples are drawn from, too"
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
            "train": training.train,
            "resume": training.resume,
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
        hint = {"train": _go_on(options), "resume": "resume goes on from the last state"}
        hint = hint.get(options.command, "nothing was written")
        print(f"stopped; {hint}", file=sys.stderr)
        return 130
    return 0


def _go_on(options: argparse.Namespace) -> str:
    preset = getattr(options, "preset", None)
    return f"python -m vae resume {options.name!r} goes on" if preset else "go on with --resume"


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
    table = measure_world(
        folder, data, num_pictures=count, refine=options.refine, density=options.density
    )
    _print_sliders(table.sliders)


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


def sample(options: argparse.Namespace) -> None:
    """Draw random pictures as one sheet."""
    import torch

    from vae.config import whole
    from vae.infer import get_infer_model
    from vae.renderer import Renderer

    num = whole("--num", options.num, 1, 1024)
    seed = whole("--seed", options.seed, 0, 2**63 - 1)
    world = get_infer_model(options.world)
    generator = torch.Generator().manual_seed(seed)
    latents = world.sample(num, generator=generator, truncation=options.truncation)
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

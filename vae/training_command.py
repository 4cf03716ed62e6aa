"""``python -m vae train`` and ``resume``: training from the shell, with a progress bar.

``train --preset`` is the very run of the page, queue, checks and all (`vae.jobs`); its world stands
in the page's menu, with its drawings. ``train --out`` is the bare loop (`vae.run`): any folder, any
protocol, one machine or several.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.errors import ConfigError, TrainingError
from vae.presets import NAMES as PRESETS
from vae.presets import get_preset
from vae.protocols import NAMES
from vae.screening import Manifest, verified_images

if TYPE_CHECKING:
    from vae.ledger import Ledger

_BARE = ("protocol", "resume", "size", "channels", "latent_dim", "key_dim")


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``train``."""
    parser.add_argument("--data", type=Path, required=True, help="folder of PNG, JPEG, WebP images")
    goal = parser.add_mutually_exclusive_group(required=True)
    goal.add_argument("--out", type=Path, help="folder of the new world")
    goal.add_argument(
        "--preset", choices=PRESETS, help="train as the page does, on a folder of `screen`"
    )
    parser.add_argument("--name", default="My world", help="of the world, with --preset")
    parser.add_argument(
        "--world",
        help="world to start from: a name, a folder, or a hub id; --preset without it: the shipped "
        "world that draws the pictures nearest",
    )
    parser.add_argument(
        "--protocol", choices=NAMES, help="default: finetune with --world, else pretrain"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="optimiser steps")
    length.add_argument("--minutes", type=float, help="of training; making the world comes on top")
    parser.add_argument("--size", type=int, help="side of the pictures: 128, or that of --world")
    parser.add_argument("--channels", type=int, default=4, help="1, 3 or 4, of a new world")
    parser.add_argument(
        "--latent-dim", type=int, help="content latents: 32, or those of --world, or more or fewer"
    )
    parser.add_argument("--key-dim", type=int, default=28, help="key latents of a new world")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="change a protocol's setting; with --preset also replay, and tensorboard=true",
    )
    parser.set_defaults(bare={name: parser.get_default(name) for name in _BARE})


def add_resume_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``resume``."""
    parser.add_argument("run", help="its id, its folder, or the name of its world")


def train(options: argparse.Namespace) -> None:
    """Train a world, showing progress, and write it."""
    changes = dict(setting(text) for text in options.set)
    if options.preset:
        _train_as_the_page(options, changes)
        return
    from vae.run import train_world

    train_world(
        data=verified_images(options.data),
        out=options.out,
        start=options.world,
        protocol=options.protocol,
        resume=options.resume,
        steps=options.steps,
        minutes=options.minutes,
        changes=changes,
        size=options.size,
        channels=options.channels,
        latent_dim=options.latent_dim,
        latent_key_dim=options.key_dim,
    )


def resume(options: argparse.Namespace) -> None:
    """Go on with a run of the page in this process."""
    from vae.jobs import runs_folder
    from vae.ledger import find_run

    ledger = find_run(runs_folder(), options.run)
    if ledger.control().ask in ("pause", "leave"):
        ledger.ask(ask="run")
    _work(ledger)


def setting(text: str) -> tuple[str, object]:
    """Return name and value of ``NAME=VALUE``; values are JSON, Python's words, or text."""
    name, _, value = text.partition("=")
    words = {"True": True, "False": False, "None": None}
    try:
        return name, words[value] if value in words else json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _train_as_the_page(options: argparse.Namespace, changes: dict[str, Any]) -> None:
    from vae.infer import CHECKPOINTS
    from vae.jobs import Jobs, runs_folder
    from vae.ledger import Ledger, TrainRequest

    for name, default in options.bare.items():
        if getattr(options, name) != default:
            raise ConfigError(f"--{name.replace('_', '-')} goes with --out, not with --preset")
    lengths = {"steps": options.steps, "minutes": options.minutes}
    changes |= {name: value for name, value in lengths.items() if value is not None}
    start = options.world
    if start and not get_preset(options.preset).needs_world:
        raise ConfigError(f"--preset {options.preset} starts from nothing, not from a world")
    if start is None and get_preset(options.preset).needs_world:
        start = _nearest(options.data)
    jobs = Jobs(runs_folder(), CHECKPOINTS, run=False)
    before = [status for status in jobs.list() if status.place >= 0]
    request = TrainRequest(
        name=options.name,
        start=start,
        manifest=options.data,
        preset=options.preset,
        changes=changes,
    )
    run = jobs.submit(request, jobs.grant())
    if before:
        print(
            f"waits behind {before[0].name}: the page starts it in its turn, or "
            f"python -m vae resume {run}"
        )
        return
    _work(Ledger(jobs.folder / run))


def _nearest(data: Path) -> str:
    """Return the world that draws the screened pictures nearest, and say so."""
    from vae.infer import CHECKPOINTS, list_worlds
    from vae.starting import nearest_world

    worlds = [CHECKPOINTS / world for world in list_worlds(CHECKPOINTS)]
    name = nearest_world(Manifest.load(data).pictures, worlds).name
    print(f"from the world {name}, which draws these pictures nearest", file=sys.stderr)
    return name


def _work(ledger: Ledger) -> None:
    """Be the worker of a run, with a progress bar, and print where its world is."""
    from tqdm import tqdm

    from vae.infer import CHECKPOINTS
    from vae.worker import BUSY, work

    with tqdm(
        total=100, unit="%", bar_format="{l_bar}{bar}| {elapsed}<{remaining} {postfix}"
    ) as bar:

        def watch(progress: float, words: str) -> None:
            bar.n = round(100 * progress)
            bar.set_postfix_str(words)

        code = work(ledger, CHECKPOINTS, watch=watch)
    status = ledger.status()
    if code == BUSY:
        raise TrainingError("another process is at work on this run: watch it on the page")
    if status.state == "failed":
        raise TrainingError(status.message.rstrip("."))
    if status.message:
        print(status.message, file=sys.stderr)
    print(CHECKPOINTS / status.world if status.world else status.state)

"""A whole training run: folder in, world out, with progress, records and resume."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from tqdm import tqdm

from vae.checkpoint import read_tensors
from vae.config import ModelConfig, from_dict
from vae.data import ImageSet, load_split
from vae.distributions import LatentDensity
from vae.errors import CheckpointError, ConfigError, TrainingError
from vae.finish import encode_set, finish_model, make_card, write_world
from vae.infer import get_infer_model
from vae.ledger import STATE_FILE
from vae.lock import alone
from vae.model import (
    IvAE,
    bring_up,
    build_model,
    load_model,
    resized,
    restore_model,
    save_model,
)
from vae.protocols import Protocol, get_protocol
from vae.sliders import SliderTable, build_slider_table
from vae.tracker import Tracker
from vae.trainer import Event, Trainer
from vae.widening import SETTINGS as WIDENED
from vae.widening import narrowed, widened

RECORDS, LOCK = "run.jsonl", "lock"
CLEARLY = 0.1
"""Decibels by which the last step's weights must be nearer than averaged ones to be taken."""
LATENT_DIM = 32
"""Content latents of a world from nothing."""
SIZE = 128
"""Side of its pictures."""


def train_world(
    *,
    data: Path,
    out: Path,
    start: str | None = None,
    protocol: str | None = None,
    resume: bool = False,
    steps: int | None = None,
    minutes: float | None = None,
    changes: Mapping[str, Any] | None = None,
    size: int | None = None,
    channels: int = 4,
    latent_dim: int | None = None,
    latent_key_dim: int = 28,
    report: Callable[[Event], None] | None = None,
) -> Path:
    """Train a world and write it; nothing is written before the input is known to be good.

    Args:
        data: Folder of images.
        out: Folder of the new world; its ``training.safetensors`` allows ``resume``.
        start: World to start from; its channels and key are kept.
        protocol: Name of a protocol; ``'finetune'`` with ``start``, else ``'pretrain'``.
        resume: Go on with the run in ``out``: its own model, protocol and position.
        steps: Length in optimiser steps.
        minutes: Length in training steps; measuring and making the world come on top.
        changes: Other settings of the protocol.
        size: Side of the pictures; if not given that of ``start``, or :data:`SIZE`. The same
            weights draw any size.
        channels: Channels of a new world.
        latent_dim: Content latents; if not given those of ``start``, which may be given more or
            fewer (`vae.widening`), or :data:`LATENT_DIM`.
        latent_key_dim: Key latents of a new world.
        report: Called with every event, on the main process.

    Returns:
        ``out``.

    Raises:
        VAEError: Anything is wrong with the input, the world, the checkpoint or the disk.
    """
    saved, model = saved_run(out) if resume else (None, None)
    if not resume and ((out / "model.safetensors").exists() or (out / STATE_FILE).exists()):
        raise TrainingError(f"{out} already holds a world or a run; add --resume or choose another")
    settings = _settings(saved, start, protocol, steps, minutes, dict(changes or {}))
    accelerator = Accelerator()
    torch.manual_seed(settings.seed)
    if model is None:
        model = _starting_model(
            start, size=size, channels=channels, latent_dim=latent_dim,
            latent_key_dim=latent_key_dim,
        )  # fmt: skip
        bring_up(model, settings.takes_up)
    assert model.config is not None
    images = load_split(data, size=model.config.image_size, channels=model.config.channels)
    if not resume and latent_dim is not None and latent_dim != model.latent_dim:
        if latent_dim < model.latent_dim:
            model = narrowed(model, latent_dim, images[0].images)
        else:
            model = widened(model, latent_dim, images[0].images)
            settings = settings.changed(**(WIDENED | dict(changes or {})))
    quiet = not accelerator.is_main_process
    for sentence in images[0].refused:
        tqdm.write(f"left out: {sentence}", file=sys.stderr)
    settings = fitting(settings, images[0], accelerator.num_processes)
    with nullcontext() if quiet else _by_itself(out):
        trainer = Trainer(model, *images, settings, folder=out, accelerator=accelerator)
        tracker = Tracker(out / RECORDS)
        if resume:
            trainer.load()
            _refuse_no_more(trainer, out, steps, minutes)
            if not quiet:
                tracker.resume(trainer.step)
        last = _follow(trainer, tracker, quiet=quiet, report=report)
        if not quiet:
            origin = "the run it resumed" if resume else start or "nothing"
            _write(trainer, images[0], out, last, data=data, origin=origin)
    return out


@contextmanager
def _by_itself(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder: each would write over what the other has learned."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"could not write {out}: {error.strerror}") from error
    with alone(out / LOCK) as got:
        if not got:
            raise TrainingError(
                f"another run is at work in {out}; wait for its end or choose another folder"
            )
        try:
            yield
        finally:
            with suppress(OSError):
                (out / LOCK).unlink()
                out.rmdir()  # where it is empty: nothing came of the run


def _refuse_no_more(trainer: Trainer, out: Path, steps: int | None, minutes: float | None) -> None:
    """Refuse a length that a finished run has already had: it would be a long way to nothing."""
    if trainer.progress < 1 or not (out / "model.safetensors").exists():
        return
    had = f"{trainer.step} steps" if steps else f"{trainer.elapsed / 60:.1f} minutes"
    if steps is not None or minutes is not None:
        raise TrainingError(
            f"the run in {out} has had {had}; its length counts from its beginning: give more"
        )


def saved_run(folder: Path) -> tuple[Protocol, IvAE]:
    """Return the protocol and the model, as far as it was trained, of the run in ``folder``.

    Raises:
        CheckpointError: There is no such run, or its file is damaged.
    """
    flat, header = read_tensors(folder / STATE_FILE)
    if "protocol" not in header:
        raise CheckpointError(f"{STATE_FILE} in {folder} is not of a training run")
    state = {k.removeprefix("model/"): v for k, v in flat.items() if k.startswith("model/")}
    model = restore_model(state, header, STATE_FILE)
    return from_dict(Protocol, header["protocol"]), model


def _settings(
    saved: Protocol | None,
    start: str | None,
    protocol: str | None,
    steps: int | None,
    minutes: float | None,
    changes: dict[str, Any],
) -> Protocol:
    if steps is not None or minutes is not None:
        changes |= {"steps": steps, "minutes": minutes}
    if saved is not None:
        if protocol not in (None, saved.name):
            raise ConfigError(f"the run to resume is of the protocol {saved.name}, not {protocol}")
        return saved.changed(**changes)
    name = protocol or ("finetune" if start else "pretrain")
    if name == "finetune" and not start:
        raise ConfigError("finetune starts from a world; name one with --world")
    settings = get_protocol(name, **changes)
    if settings.starts_from_world and not start:
        raise ConfigError(f"the {name} protocol starts from a trained world; name it with --world")
    return settings


def _starting_model(
    start: str | None,
    *,
    size: int | None,
    channels: int,
    latent_dim: int | None,
    latent_key_dim: int,
) -> IvAE:
    if start is not None:
        model = get_infer_model(start).model
        return model if size is None else resized(model, size)
    config = ModelConfig(
        image_size=size or SIZE,
        channels=channels,
        latent_dim=latent_dim or LATENT_DIM,
        latent_key_dim=latent_key_dim,
    )
    return build_model(config)


def fitting(protocol: Protocol, training: ImageSet, processes: int = 1) -> Protocol:
    """Return a protocol whose batch fits a small set and is a multiple of the processes.

    Raises:
        TrainingError: There are fewer than 2 pictures.
    """
    if len(training) < 2:
        raise TrainingError(f"at least 2 training images are needed, found {len(training)}")
    size = min(protocol.batch_size, max(2, len(training)))
    size = max(processes, size // processes * processes)
    if size == protocol.batch_size:
        return protocol
    return protocol.changed(batch_size=size)


def _follow(
    trainer: Trainer, tracker: Tracker, *, quiet: bool, report: Callable[[Event], None] | None
) -> Event:
    """Run to the end, showing progress and keeping records on the main process."""
    event = Event("end", trainer.step, {})
    begun = round(100 * trainer.progress)  # where a run is taken up, so that what remains is right
    with tqdm(total=100, initial=begun, unit="%", disable=quiet, bar_format=_BAR) as bar:
        for event in trainer.run():
            if quiet:
                continue
            bar.n = round(100 * trainer.progress)
            if event.kind == "step":
                loss, rate = event.values["total"], event.values["images_per_second"]
                bar.set_postfix_str(f"step {event.step}, loss {loss:.4f}, {rate:.0f} images/s")
            if event.kind in ("step", "test", "end"):
                tracker.append({"kind": event.kind, "step": event.step, **event.values})
            if report is not None:
                report(event)
    return event


def measure_world(
    folder: Path,
    data: Path,
    *,
    num_pictures: int = 24,
    refine: bool = False,
    density: bool = False,
) -> SliderTable:
    """Find a world's sliders anew on its training images, and write its ``sliders.json``.

    What `vae.evaluation` had measured of the old ones goes with them.

    Args:
        folder: Of the world; its table may be missing or damaged.
        data: The folder it was trained on; the part that was held out then is now too.
        num_pictures: Pictures that are moved.
        refine: Take the time for purer directions, see
            :func:`vae.directions.style_directions`.
        density: Fit anew what its draws come from, too, and write it with the weights.

    Returns:
        The table written.

    Raises:
        VAEError: The folder is no world, the images are no match, the disk refuses.
    """
    model = load_model(folder).eval()
    assert model.config is not None  # of a world on disk
    training, _ = load_split(data, size=model.config.image_size, channels=model.config.channels)
    latents = encode_set(model, training)
    if density:
        model.density = LatentDensity.fit(latents)
    with tqdm(total=100, unit="%", bar_format=_BAR) as bar:

        def show(done: int, of: int) -> None:
            bar.n = round(100 * done / of)
            bar.refresh()

        table = build_slider_table(
            model, latents, num_pictures=num_pictures, refine=refine, progress=show
        )
    try:
        table.save(folder / "sliders.json")
        if density:
            save_model(folder, model)
    except OSError as error:
        raise CheckpointError(f"could not write {folder}: {error.strerror}") from error
    return table


def _nearer(trainer: Trainer, psnr: float) -> tuple[IvAE, str, float]:
    """Return the averaged weights, or those of the last step where they are clearly nearer.

    An average of weights that still move fast fits no picture: where the encoder's locations
    wandered, a world of emoji lost two decibels to that.

    Args:
        trainer: At the end of its run.
        psnr: Of the averaged weights on the validation set, in dB.

    Returns:
        The model, what its weights are, and its PSNR.
    """
    if not trainer.protocol.rests_encoder:  # in the game and after it the encoder rests
        last = trainer.test(trainer.model.eval())["psnr"]
        if last > psnr + CLEARLY:
            return trainer.model, "of the last step", last
    return trainer.averaged_model(), "averaged", psnr


_BAR = "{l_bar}{bar}| {elapsed}<{remaining} {postfix}"


def _write(
    trainer: Trainer, training: ImageSet, out: Path, last: Event, *, data: Path, origin: str
) -> None:
    model, which, psnr = _nearer(trainer, last.values["psnr"])
    table = finish_model(model, training, calm=not trainer.protocol.starts_from_world)
    facts = {
        "training images": len(training),
        "folder": data.name,
        "started from": origin,
        "protocol": trainer.protocol.name,
        "steps": trainer.step,
        "minutes of training": f"{trainer.elapsed / 60:.1f}",
        "weights": which,
        "held-out PSNR, premultiplied": f"{psnr:.2f} dB",
    }
    write_world(out, model, table, make_card(out.name, facts, table))

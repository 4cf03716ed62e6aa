"""After a run: the weights it kept become a world, with a card, beside the mirror of memory."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vae.archive import OWN_FILE, install
from vae.data import ImageSet
from vae.diary import card_lines, training_json
from vae.distributions import Latents
from vae.finish import finish_model, make_card, write_world
from vae.ledger import KEPT, PICTURES
from vae.mirror import Mirror, look
from vae.model import IvAE
from vae.pixels import to_bytes, to_pixels
from vae.sheets import Sheets
from vae.shortage import cause_of, is_memory
from vae.sliders import SliderTable
from vae.tracker import Record
from vae.trainer import Trainer
from vae.utils import write_atomic

if TYPE_CHECKING:
    from vae.protocols import Protocol
    from vae.screening import Manifest

SLIDER_PICTURES, FEW_PICTURES = 8, 2
"""Pictures that sliders are measured on, and where there is no memory for them."""
MIRROR_SAMPLES = 64
DEATHS = 2
"""After how many deaths of the process at it something is done in a small way, or left out."""
NO_MIRROR = "whether it copies could not be told"
NO_SHEET = "its nine pictures could not be drawn"
FEW = f"its sliders were measured on {FEW_PICTURES} pictures alone"
DIED = "the process died of it, perhaps for want of memory"


def write_new_world(
    trainer: Trainer,
    images: ImageSet,
    manifest: Manifest,
    records: Sequence[Record],
    settings: Sequence[Mapping[str, Any]],
    *,
    facts: Mapping[str, object],
    run: str,
    stage: Path,
    target: Path,
    small: bool = False,
) -> tuple[IvAE, list[str]]:
    """Fit the density, measure the sliders, and put the world in place.

    Everything is written into ``stage`` first; ``target`` is then the old world or the new one,
    never some of both.

    Args:
        trainer: At the end of its run.
        images: What it was trained on.
        manifest: Their hashes and the consent.
        records: Of the run.
        settings: Of its protocols.
        facts: For the card.
        run: The run's id.
        stage: A folder of the run.
        target: The new world's folder.
        small: Take as little memory as can be from the start.

    Returns:
        Its model, and a sentence on what had to be done in a small way, if anything.

    Raises:
        CheckpointError, OSError: The disk refuses; a world that was there before is as it was.
    """
    model = trainer.kept_model()
    calm = not trainer.protocol.starts_from_world
    table, lacks = _measured(model, images, small=small, calm=calm)
    card = make_card(target.name, facts, table, more=card_lines(manifest, records))
    write_world(stage, model, table, card)
    write_atomic(stage / OWN_FILE, training_json(manifest, facts, settings, records, run=run))
    install(stage, target)
    shutil.rmtree(stage, ignore_errors=True)
    return model, lacks


def _measured(
    model: IvAE, images: ImageSet, *, small: bool, calm: bool
) -> tuple[SliderTable, list[str]]:
    """Finish a model; where memory does not suffice, with fewer pictures, and say so."""
    cause = DIED
    if not small:
        try:
            return finish_model(model, images, num_pictures=SLIDER_PICTURES, calm=calm), []
        except (MemoryError, RuntimeError) as error:
            if not is_memory(error):
                raise
            cause = cause_of(error)
        gc.collect()
    few = FEW_PICTURES
    table = finish_model(model, images, num_pictures=few, at_once=few, calm=calm)
    return table, [lacking(FEW, cause)]


def show_world(model: IvAE, images: ImageSet, sheets: Sheets, run: Path) -> list[str]:
    """Hold the mirror to a world that is in place, and draw its sheet, into the run's folder.

    Neither is worth a world: returns a sentence on each that memory or the disk refused.
    """
    forget_shown(run)
    errands: dict[str, Callable[[], object]] = {
        NO_MIRROR: lambda: hold_mirror(model, images).save(run),
        NO_SHEET: lambda: sheets.write(model, run / PICTURES, KEPT),
    }
    lacks = []
    for lack, errand in errands.items():
        try:
            errand()
        except (MemoryError, RuntimeError, OSError) as error:
            cause = cause_of(error)
            if cause is None:
                raise
            lacks.append(lacking(lack, cause))
    return lacks


def forget_shown(run: Path) -> None:
    """Remove the mirror and the sheet of a run's earlier world: they are not of the new one."""
    Mirror.remove(run)
    (run / PICTURES / f"{KEPT}.webp").unlink(missing_ok=True)


def left_out() -> list[str]:
    """Return the sentences on what comes after a world and was not tried once more."""
    return [lacking(lack, DIED) for lack in (NO_MIRROR, NO_SHEET)]


def lacking(lack: str, cause: str | None) -> str:
    """Return the sentence on what a world had to do without."""
    return f"The world is whole, but {lack}: {cause}."


def kept_step(trainer: Trainer) -> int:
    """Return the step whose weights become the world."""
    return trainer.step if trainer.kept.step is None else trainer.kept.step


def facts_of(
    trainer: Trainer,
    tests: Sequence[Record],
    *,
    num_images: tuple[int, int],
    start: str | None,
    preset: str,
    protocols: Sequence[Protocol],
) -> dict[str, object]:
    """Return the card's facts of a run.

    Args:
        trainer: At the end of it.
        tests: Its records of held-out pictures, the first from before any step.
        num_images: Training and held-out pictures.
        start: The world it started from, if any.
        preset: Its name.
        protocols: Its stages.
    """
    kept = kept_step(trainer)
    before = tests[0]["reconstruction"]
    after = [r["reconstruction"] for r in tests if r["step"] <= kept][-1]
    return {
        "training images": num_images[0],
        "held-out images": num_images[1],
        "started from": start or "nothing",
        "preset": preset,
        "protocols": ", ".join(p.name for p in protocols),
        "steps": trainer.step,
        "weights of step": kept,
        "minutes of training": f"{trainer.elapsed / 60:.1f}",
        "device": trainer.device.type,
        "held-out reconstruction loss": f"{before:.4f} → {after:.4f} "
        f"({100 * (after / before - 1):+.0f} %)",
    }


def hold_mirror(model: IvAE, images: ImageSet) -> Mirror:
    """Draw samples of a finished model and hold them against its training pictures."""
    assert model.density is not None
    generator = torch.Generator().manual_seed(43)
    drawn = model.density.sample(MIRROR_SAMPLES, generator=generator).split(16)
    split = (model.latent_dim, model.latent_key_dim)
    with torch.inference_mode():
        samples = [
            to_bytes(to_pixels(model.decode(Latents(*d.split(split, 1)), size=images.size)))
            for d in drawn
        ]
    known = [
        to_bytes(to_pixels(images.floats(slice(i, i + 64)))) for i in range(0, len(images), 64)
    ]
    return look(np.concatenate(samples), np.concatenate(known))

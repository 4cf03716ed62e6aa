"""From trained weights to a world: exact statistics, fitted density, measured sliders, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from vae.data import ImageSet
from vae.decoder import Decoder
from vae.distributions import LatentDensity
from vae.errors import CheckpointError
from vae.grain import AMOUNTS, matching_grain, roughness
from vae.model import IvAE, save_model
from vae.parallel import parallel_map
from vae.sliders import SliderTable, build_slider_table
from vae.utils import log_timestamp, write_atomic


@torch.no_grad()
def encode_set(model: IvAE, images: ImageSet, *, flip: bool = False, at_once: int = 64) -> Tensor:
    """Posterior means of a whole set, (N, latent_dim + latent_key_dim), in evaluation mode.

    Args:
        model: Its training mode is left as it was.
        images: Of a size and channels the model takes.
        flip: Encode the mirrored pictures.
        at_once: Pictures in memory at a time.
    """
    was_training = model.training
    device = next(model.parameters()).device
    model.eval()
    rows = []
    for i in range(0, len(images), at_once):
        x = images.floats(slice(i, i + at_once)).to(device)
        rows.append(model.posterior(x.flip(-1) if flip else x).mean.joined())
    model.train(was_training)
    return torch.cat(rows)


@torch.no_grad()
def calm_grain(model: IvAE, training: ImageSet, latents: Tensor, *, most: int = 24) -> float:
    """Weaken a model's grain until its pictures are no rougher than those it learned from.

    A fine-tune is too short to unlearn the grain of the world it started from: drawings of flat
    colour would come out speckled.

    Args:
        model: In evaluation mode; the amounts of its noise are changed in place.
        training: The pictures it was trained on.
        latents: What they were read as, joined.
        most: Pictures that are looked at, spread over the set.

    Returns:
        The share of the grain that is left, 0 to 1.
    """
    rows = range(0, len(training), -(-len(training) // most))
    # Amounts, and not the noise itself: where grain is at its limit, half of them is no half of it.
    weaker = {a: _weaken(deepcopy(model.output_encoder), a) for a in AMOUNTS}

    def left_at(i: int) -> Tensor:
        picture = training.floats(slice(i, i + 1)).to(latents.device)
        joined = latents[i : i + 1].split((model.latent_dim, model.latent_key_dim), 1)
        return matching_grain(
            roughness(picture), lambda a: weaker[a](*joined, size=picture.shape[-1])
        )

    share = float(torch.cat(parallel_map(left_at, rows)).median())
    _weaken(model.output_encoder, share)
    return share


def _weaken(decoder: Decoder, share: float) -> Decoder:
    """Leave a share of a decoder's noise and grain, in place."""
    for layer in (decoder.noise_scale, decoder.grain):
        for parameter in layer.parameters():
            parameter.mul_(share)
    return decoder


@torch.no_grad()
def finish_model(
    model: IvAE,
    training: ImageSet,
    *,
    seed: int = 0,
    num_pictures: int = 24,
    at_once: int = 64,
    calm: bool = False,
) -> SliderTable:
    """Fit the density to the training set's latents, find the sliders and measure them.

    The encoder's running location statistics stay: the decoder has learned with them, and exact
    ones, a tenth of a deviation away, cost a decibel.

    Args:
        model: Changed in place, and left in evaluation mode.
        training: The pictures it was trained on.
        seed: Of the density's fit.
        num_pictures: Pictures that the sliders are measured on, which is most of the time.
        at_once: Pictures that are encoded at a time.
        calm: Whether its grain came with the world it started from, see :func:`calm_grain`.

    Returns:
        The slider table.
    """
    model.eval()
    latents = encode_set(model, training, at_once=at_once)
    if calm:
        calm_grain(model, training, latents)
    model.density = LatentDensity.fit(latents, seed=seed).to(latents.device)
    return build_slider_table(model, latents, num_pictures=num_pictures)


def write_world(folder: Path, model: IvAE, table: SliderTable, card: str) -> None:
    """Write a world's four files into ``folder``, each atomically, the weights last.

    Raises:
        CheckpointError: The disk refuses.
    """
    try:
        table.save(folder / "sliders.json")
        write_atomic(folder / "README.md", card.encode())
    except OSError as error:
        raise CheckpointError(f"could not write {folder}: {error.strerror}") from error
    save_model(folder, model)


def make_card(
    name: str, facts: Mapping[str, object], table: SliderTable, *, more: Sequence[str] = ()
) -> str:
    """Write a plain model card in Markdown.

    Args:
        name: The world's name.
        facts: Rows of the table of facts.
        table: The measured sliders.
        more: Lines to end with.
    """
    lines = [
        f"# {name}",
        "",
        "A world of 43.VAE: load it with `vae.infer.get_infer_model`.",
        "",
        "| fact | value |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in facts.items()),
        f"| finished | {log_timestamp()} |",
        "",
        "| slider | kind | gain | purity | Spearman |",
        "|---|---|---|---|---|",
        *(
            f"| {s.name} | {s.kind} | {s.gain:.2f} | {s.purity:.2f} | {s.spearman:.2f} |"
            for s in table.sliders
        ),
        "",
        "Gain, purity and rank correlation as measured by the model's own measurers on training",
        "pictures. A small global latent makes variations; it does not copy.",
        "",
        *more,
    ]
    return "\n".join(lines)

"""The figures of an evaluation: a world at a glance, its outlines, its sharpness, its sliders."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vae.data import ImageSet
from vae.evaluation.rows import Row, decode_all, encode_all, pick
from vae.pixels import lay_on, to_pixels
from vae.plots import (
    FAINT,
    INK,
    PAPER,
    TIME_COLOURS,
    new_figure,
    plot_latent_trajectories,
    quiet_axes,
)
from vae.scene_diagnostics import plot_diagnostics
from vae.utils import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vae.infer import World

BACKGROUNDS = ("black", "white", "checker")
COLOURS = {"samples": "#c8603a", "reconstructions": "#2f6f8f"}
NUM_SHOWN, NUM_GLANCE, NUM_PATHS = 8, 64, 8
PLACES = np.linspace(-2.0, 2.0, 9)


def write_figures(
    folder: Path, world: World, validation: ImageSet, rows: Sequence[Row], *, seed: int = 0
) -> list[Path]:
    """Write every figure there is something to show in, and return their paths.

    Args:
        folder: Made where it is not there.
        world: The world.
        validation: Pictures it has not seen.
        rows: What was measured; sharpness and leakage are drawn from them.
        seed: Of what is drawn at random.
    """
    return [
        write_atomic(folder / f"{name}.png", _png(figure))
        for name, figure in make_figures(world, validation, rows, seed=seed)
    ]


def make_figures(
    world: World, validation: ImageSet, rows: Sequence[Row], *, seed: int = 0
) -> Iterator[tuple[str, Figure]]:
    """Yield (name, figure), see :func:`write_figures`."""
    shown = pick(validation.images, NUM_GLANCE)
    if len(shown) >= 4:
        generator = torch.Generator().manual_seed(seed)
        yield "diagnostics", plot_diagnostics(world, shown.float() / 255.0, generator=generator)
    yield "backgrounds", plot_backgrounds(world, pick(validation.images, NUM_SHOWN))
    if names := [slider.name for slider in world.sliders if slider.kind == "style"]:
        yield "slider-paths", plot_slider_paths(world, validation.images[:1], names)
    if levels := [row.details for row in rows if row.part == "swd" and "ratio" in row.details]:
        yield "sharpness", plot_sharpness(levels)
    if scores := [row.details for row in rows if row.part == "sliders" and row.details]:
        yield "leakage", plot_leakage(scores)


def plot_backgrounds(world: World, images: torch.Tensor) -> Figure:
    """Draw straight uint8 images and what comes back, on black, white and checker."""
    back = decode_all(world, encode_all(world, images))
    figure = new_figure(1.2 * len(images) + 1.6, 8.0)
    rows = [
        (f"{what}\non {background}", [lay_on(picture, background) for picture in pictures])
        for background in BACKGROUNDS
        for what, pictures in (("original", _pixels(images)), ("comes back", _pixels(back)))
    ]
    for ax, (name, strip) in zip(figure.subplots(len(rows), 1), rows, strict=True):
        ax.imshow(np.concatenate(strip, axis=1), interpolation="antialiased")
        ax.set_ylabel(name, color=INK, rotation=0, ha="right", va="center", fontsize=9)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    return figure


def plot_slider_paths(world: World, image: torch.Tensor, names: Sequence[str]) -> Figure:
    """Draw where one picture goes along the sliders that carry it furthest, read back.

    Args:
        world: The world.
        image: Straight uint8 (1, C, S, S).
        names: Of sliders; at most `NUM_PATHS` are drawn.
    """
    start = encode_all(world, image)
    steps = []
    for place in PLACES.tolist():
        ends = [world.move(start, {name: place}) for name in names]
        moved = start._replace(
            z=torch.cat([one.z for one in ends]), key=torch.cat([one.key for one in ends])
        )
        steps.append(encode_all(world, decode_all(world, moved)).joined())
    paths = torch.stack(steps)  # (places, sliders, latents)
    far = (paths[-1] - paths[0]).norm(dim=1).argsort(descending=True)[:NUM_PATHS].tolist()
    return plot_latent_trajectories(
        paths[:, far],
        names=[names[i].replace("_", " ") for i in map(int, far)],
        times=PLACES.tolist(),
        time_label="slider, standard deviations",
        title=f"{world.name}: one picture along the {len(far)} style sliders that move it most",
    )


def plot_sharpness(levels: Sequence[dict[str, Any]]) -> Figure:
    """Draw the sliced Wasserstein distance over its floor, level by level.

    Args:
        levels: The details of rows of the part ``swd``: ratio, level, set, alpha.
    """
    figure = new_figure(6.4, 4.0)
    ax = figure.subplots()
    sizes = sorted({row["level"] for row in levels}, reverse=True)
    for name, colour in COLOURS.items():
        for alpha, style in ((True, "-"), (False, "--")):
            own = {
                r["level"]: r["ratio"] for r in levels if (r["set"], r["alpha"]) == (name, alpha)
            }
            if own:
                label = name if alpha else f"{name}, without alpha"
                values = [own[size] for size in sizes]
                ax.plot(range(len(sizes)), values, style, color=colour, marker="o", label=label)
    ax.axhline(1.0, color=FAINT, linewidth=0.8)
    ax.set_xticks(range(len(sizes)), [f"{size}²" for size in sizes])
    ax.set_ylim(bottom=0)
    ax.set_ylabel("distance ÷ real to real", color=INK)
    ax.set_title("Sharpness; 1 is as near as real to real", loc="left", color=INK, fontsize=11)
    ax.legend(frameon=False, fontsize=8, labelcolor=INK)
    quiet_axes(ax)
    return figure


def plot_leakage(scores: Sequence[dict[str, Any]]) -> Figure:
    """Draw the mean absolute change of every attribute along every slider, by independent code.

    Args:
        scores: The details of rows of the part ``sliders``: name, attribute, leakage, purity.
    """
    attributes = list(scores[0]["leakage"])
    ordered = sorted(scores, key=lambda score: attributes.index(score["attribute"]))
    table = np.array([[score["leakage"][name] for name in attributes] for score in ordered])
    figure = new_figure(9.0, 0.35 * len(ordered) + 3.0)
    ax = figure.subplots()
    image = ax.imshow(table, cmap=TIME_COLOURS, vmin=0.0, vmax=1.0, aspect="auto")
    ax.set_xticks(range(len(attributes)), [name.replace("_", " ") for name in attributes])
    labels = [f"{s['name'].replace('_', ' ')} · {s['purity']:.2f}" for s in ordered]
    ax.set_yticks(range(len(ordered)), labels)
    ax.tick_params(length=0, labelsize=8, labelcolor=INK)
    for label in ax.get_xticklabels():
        label.set(rotation=60, ha="right", rotation_mode="anchor")
    for row, column in np.argwhere(table >= 0.1):
        value = table[row, column]
        shade = INK if value > 0.6 else PAPER
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=6.5, color=shade)
    ax.spines[:].set_visible(False)
    title = "Slider ↓ (purity) moves attribute →, mean absolute s.d. per s.d."
    ax.set_title(title, loc="left", color=INK, fontsize=10)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01, extend="max")
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def _pixels(images: torch.Tensor) -> np.ndarray:
    """Return straight uint8 images as pixels (N, H, W, 4) in [0, 1]."""
    return to_pixels(images.float() / 255.0)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()

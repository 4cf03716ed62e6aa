"""One figure that tells how a world is: what comes back, what it draws, what its sliders do.

Everything here is measured with the world's own measurers, on the images given; the strict
numbers, by independent code, are those of `vae.evaluation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from vae.errors import ShapeError
from vae.pixels import lay_on, to_pixels
from vae.plots import FAINT, INK, PAPER, new_figure, quiet_axes
from vae.renderer import Renderer

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from torch import Tensor

    from vae.infer import Latents, World

ACCENT, WARM = "#2f6f8f", "#c8603a"
ALIVE = 0.1  # share of the liveliest latent's deviation; below it a latent carries nothing
SLIDER_PLACES = (-1.0, 1.0)


def plot_diagnostics(
    world: World,
    images: Tensor,
    *,
    num_shown: int = 10,
    num_moved: int = 16,
    generator: torch.Generator | None = None,
    title: str | None = None,
) -> Figure:
    """Draw one figure on a world: five answers on one sheet.

    Pictures as they are, as they come back, and drawn at random; every attribute of the data
    against that of the reconstructions; how much each latent is used (deviation of its posterior
    mean over the images); and what each style slider moves, in standard deviations of the data
    per standard deviation of travel: a perfect table is a diagonal.

    Args:
        world: A loaded world.
        images: (N, C, H, W) straight images in [0, 1] of the world's size, at least 4; the more,
            the surer. They should be images that the world has not seen.
        num_shown: Pictures in a row.
        num_moved: Images that are moved along the sliders.
        generator: Draws the random pictures; default a fixed seed.
        title: Written above; default the world's name.

    Returns:
        The figure, about 16 by 11 inches.

    Raises:
        ShapeError: There are too few images, or they are not of the world's size and channels.
    """
    _check_images(world, images)
    import torch

    rng = generator or torch.Generator().manual_seed(0)
    with torch.inference_mode():
        latents = world.encode(images)
        pictures = Renderer(world).pictures(latents)
        back = world.describe(_as_images(pictures, world.channels))
        sampled = Renderer(world).pictures(world.sample(num_shown, generator=rng))
        moved = slider_effects(world, _first(latents, num_moved), _arrays(world.describe(images)))
    figure = new_figure(16.0, 11.0)
    figure.suptitle(title or f"{world.name}: a world at a glance", color=INK, fontsize=16)
    top, bottom = _parts(figure, 2, 1, height_ratios=(4, 7))
    left, right = _parts(bottom, 1, 2)
    upper, lower = _parts(right, 2, 1, height_ratios=(2, 5))
    rows = (to_pixels(images[:num_shown]), pictures[:num_shown], sampled)
    _draw_pictures(top, dict(zip(("original", "comes back", "at random"), rows, strict=True)))
    _draw_metadata(left, _arrays(world.describe(images)), _arrays(back))
    _draw_use(upper, latents)
    _draw_effects(lower, *moved)
    return figure


def slider_effects(
    world: World, latents: Latents, measured: Mapping[str, np.ndarray]
) -> tuple[list[str], list[str], np.ndarray]:
    """Return slider names, attribute names and the effects (sliders, attributes).

    An effect is the mean change of an attribute, in its standard deviations over `measured`, per
    standard deviation of slider travel, from one below to one above each picture's own place.
    Attributes that do not vary are 0.
    """
    attributes = list(measured)
    sliders = [one for one in world.sliders if one.kind == "style"]
    sliders.sort(key=lambda one: attributes.index(one.attribute or attributes[0]))
    deviation = np.array([values.std() for values in measured.values()])
    alive = deviation > 1e-4 * (1e-3 + np.array([np.abs(v).mean() for v in measured.values()]))
    effects = np.zeros((len(sliders), len(attributes)))
    for row, slider in enumerate(sliders):
        ends = []
        for place in SLIDER_PLACES:
            pictures = Renderer(world).pictures(world.move(latents, {slider.name: place}))
            table = _arrays(world.describe(_as_images(pictures, world.channels)))
            ends.append(np.array([table[name].mean() for name in attributes]))
        change = (ends[1] - ends[0]) / (SLIDER_PLACES[1] - SLIDER_PLACES[0])
        effects[row] = np.where(alive, change / np.where(alive, deviation, 1.0), 0.0)
    return [one.name for one in sliders], attributes, effects


def _check_images(world: World, images: Tensor) -> None:
    shape = (world.channels, world.image_size, world.image_size)
    if images.ndim != 4 or tuple(images.shape[1:]) != shape or len(images) < 4:
        raise ShapeError(
            f"expected at least 4 images of shape {shape} for the world {world.name}, found "
            f"{tuple(images.shape)}"
        )


def _parts(figure: Figure | SubFigure, rows: int, columns: int, **ratios: Any) -> list[SubFigure]:
    """Split a figure into parts, as one list."""
    return list(figure.subfigures(rows, columns, squeeze=False, **ratios).flat)


def _first(latents: Latents, num: int) -> Latents:
    return latents._replace(z=latents.z[:num], key=latents.key[:num])


def _arrays(table: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: values.double().cpu().numpy() for name, values in table.items()}


def _as_images(pictures: np.ndarray, channels: int) -> Tensor:
    """Return pixels (N, H, W, 4) as the straight images (N, C, H, W) of a world."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(pictures[..., :channels].transpose(0, 3, 1, 2)))


def _draw_pictures(figure: SubFigure, rows: Mapping[str, np.ndarray]) -> None:
    """Draw rows of pictures on a checker, each under its name."""
    for ax, (name, pictures) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
        strip = np.concatenate([lay_on(picture, "checker") for picture in pictures], axis=1)
        ax.imshow(strip, interpolation="antialiased")
        ax.set_ylabel(name, color=INK, rotation=0, ha="right", va="center", fontsize=11)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)


def _draw_metadata(
    figure: SubFigure, real: Mapping[str, np.ndarray], back: Mapping[str, np.ndarray]
) -> None:
    """Draw sixteen small scatters: an attribute of the image against that of what comes back."""
    figure.suptitle("Metadata: data → and reconstruction ↑, r in the corner", color=INK)
    axes = figure.subplots(4, 4).ravel()
    for ax in axes[len(real) :]:
        ax.set_axis_off()
    for ax, name in zip(axes, real, strict=False):
        x, y = real[name], back[name]
        low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
        pad = 0.06 * (high - low) + 1e-6
        span = (low - pad, high + pad)
        ax.plot(span, span, color=FAINT, linewidth=0.8, zorder=1)
        ax.scatter(x, y, s=7, color=ACCENT, alpha=0.6, linewidths=0, zorder=2)
        ax.set(xlim=span, ylim=span, xticks=[], yticks=[])
        ax.set_title(name.replace("_", " "), fontsize=8.5, color=INK, pad=3)
        ax.text(0.06, 0.84, _correlation(x, y), transform=ax.transAxes, fontsize=8, color=INK)
        quiet_axes(ax)


def _correlation(x: np.ndarray, y: np.ndarray) -> str:
    """Return Pearson's r as text; a dash where one side does not vary."""
    if min(float(x.std()), float(y.std())) < 1e-9:
        return "–"
    return f"{np.corrcoef(x, y)[0, 1]:.2f}"


def _draw_use(figure: SubFigure, latents: Latents) -> None:
    """Draw how far each latent's posterior mean spreads over the images, widest first."""
    parts = {"z: what and where": (latents.z, ACCENT), "key: style": (latents.key, WARM)}
    for ax, (name, (values, colour)) in zip(figure.subplots(1, 2), parts.items(), strict=True):
        spread = np.sort(values.double().cpu().numpy().std(axis=0))[::-1]
        alive = int((spread > ALIVE * max(float(spread[0]), 1e-9)).sum())
        ax.bar(np.arange(len(spread)), spread, color=colour, width=0.8)
        ax.set_title(f"{name} · {alive} of {len(spread)} in use", fontsize=10, color=INK)
        ax.set_ylabel("deviation of the mean", fontsize=8, color=INK)
        ax.set_xticks([])
        quiet_axes(ax)


def _draw_effects(
    figure: SubFigure, sliders: list[str], attributes: list[str], effects: np.ndarray
) -> None:
    """Draw what every slider moves; blue is up, red is down, the diagonal is the promise."""
    ax: Axes = figure.subplots()
    if not sliders:
        ax.text(0.5, 0.5, "no style sliders", ha="center", color=FAINT)
        ax.set_axis_off()
        return
    picture = ax.imshow(effects, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    ax.set_xticks(range(len(attributes)), [name.replace("_", " ") for name in attributes])
    ax.set_yticks(range(len(sliders)), [name.replace("_", " ") for name in sliders])
    ax.tick_params(axis="x", labelrotation=60, labelsize=8, length=0, labelcolor=INK)
    ax.tick_params(axis="y", labelsize=8, length=0, labelcolor=INK)
    for label in ax.get_xticklabels():
        label.set(ha="right", rotation_mode="anchor")
    ax.spines[:].set_visible(False)
    ax.set_title("Slider ↓ moves attribute →, s.d. per s.d.", fontsize=10, color=INK)
    for row, column in np.argwhere(np.abs(effects) >= 0.25):
        value = effects[row, column]
        shade = PAPER if abs(value) > 0.6 else INK
        ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=6.5, color=shade)
    figure.colorbar(picture, ax=ax, fraction=0.03, pad=0.01, extend="both").outline.set_visible(  # type: ignore[operator]
        False
    )

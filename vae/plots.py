"""Figures of latent space, fit for a talk; they need no display and touch no global state.

Matplotlib is imported when a figure is made. Every figure has an Agg canvas of its own, so any
thread of a server may draw, and ``figure.savefig(…)`` just works.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vae.errors import ShapeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, PAPER = "#22252b", "#9aa1ad", "#ffffff"
TIME_COLOURS = "viridis"
THUMBNAIL = 0.55  # inches


def plot_latent_trajectories(
    trajectories: Any,
    *,
    names: Sequence[str] | None = None,
    times: Sequence[float] | None = None,
    time_label: str = "training step",
    density: Any = None,
    images: np.ndarray | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw how chosen images move in latent space, over training or along a slider.

    Points are projected to two dimensions by a PCA of the last step (of all steps where the last
    has fewer than three points). A hollow ring marks each start, a filled dot each finish, and
    colour is time. Below, in a figure of its own, how far the images still are from where they
    end: a run that has settled ends flat.

    Args:
        trajectories: (T, N, D) array or tensor, T at least 2: step, image, latent.
        names: N labels, written at the finishes.
        times: T increasing numbers, such as training steps or slider places; default 0 … T-1.
        time_label: What they are.
        density: (M, D) draws from the world's fitted density, shown as soft ground; optional.
        images: (N, H, W, 4) pictures to put at the finishes; optional.
        title: Written above.
        ax: Draw here instead of in a new figure.

    Returns:
        The figure, new or that of `ax`.

    Raises:
        ShapeError: Shapes or lengths do not fit together.
    """
    paths = _as_array(trajectories)
    when = _check_paths(paths, names, times, images)
    centre, basis, explained = principal_plane(paths)
    flat = (paths - centre) @ basis  # (T, N, 2)
    figure, ax, below = _panels(ax)
    if density is not None:
        _draw_ground(ax, (_as_array(density) - centre) @ basis)
    colours = _draw_paths(ax, flat, when)
    _draw_finishes(ax, flat[-1], names, images)
    _label_plane(ax, explained, title)
    bar = figure.colorbar(colours, ax=ax, fraction=0.035, pad=0.02)
    bar.set_label(time_label, color=INK)
    bar.ax.tick_params(colors=FAINT, labelcolor=INK, labelsize=8)
    bar.outline.set_visible(False)  # type: ignore[operator]
    if below is not None:
        _draw_distance(below, paths, when, time_label)
    return figure


def principal_plane(paths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return centre (D,), basis (D, 2) and the two shares of variance, fitted on the last step.

    The sign of each axis is fixed (its largest weight is positive), so that two figures of one
    run agree. A direction that does not exist, as with D = 1, is a column of zeros.
    """
    points = paths[-1] if paths.shape[1] >= 3 else paths.reshape(-1, paths.shape[-1])
    centre = points.mean(axis=0)
    _, sizes, directions = np.linalg.svd(points - centre, full_matrices=False)
    basis = np.zeros((paths.shape[-1], 2))
    shares = np.zeros(2)
    total = max(float((sizes**2).sum()), 1e-12)
    for i in range(min(2, len(sizes))):
        direction = directions[i]
        basis[:, i] = direction * np.sign(direction[np.abs(direction).argmax()] or 1.0)
        shares[i] = sizes[i] ** 2 / total
    return centre, basis, shares


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with a canvas of its own; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def quiet_axes(ax: Axes) -> None:
    """Take away what is not data: box, heavy ticks, strong labels."""
    ax.set_facecolor(PAPER)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(FAINT)
    ax.tick_params(colors=FAINT, labelcolor=INK, labelsize=8, length=3)


def _as_array(values: Any) -> np.ndarray:
    """Return an array or a tensor (of any device, with or without gradient) as float64."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    return np.asarray(values, dtype=np.float64)


def _check_paths(
    paths: np.ndarray,
    names: Sequence[str] | None,
    times: Sequence[float] | None,
    images: np.ndarray | None,
) -> np.ndarray:
    """Return the times (T,), having checked that all lengths agree."""
    if paths.ndim != 3 or paths.shape[0] < 2 or 0 in paths.shape or not np.isfinite(paths).all():
        raise ShapeError(
            "expected finite trajectories (steps, images, latents) of at least two steps, found "
            f"{paths.shape}"
        )
    num_steps, num_images, _ = paths.shape
    given = {"names": names, "times": times, "images": images}
    expected = {"names": num_images, "times": num_steps, "images": num_images}
    for word, values in given.items():
        if values is not None and len(values) != expected[word]:
            raise ShapeError(f"expected {expected[word]} {word}, found {len(values)}")
    return np.arange(num_steps, dtype=float) if times is None else np.asarray(times, dtype=float)


def _panels(ax: Axes | None) -> tuple[Figure, Axes, Axes | None]:
    """Return figure, main axes and, in a new figure, the axes below."""
    if ax is not None:
        figure = ax.get_figure(root=True)
        assert figure is not None  # axes live in a figure
        return figure, ax, None
    figure = new_figure(8.0, 7.4)
    main, below = figure.subplots(2, 1, height_ratios=(5, 1))
    return figure, main, below


def _draw_ground(ax: Axes, points: np.ndarray) -> None:
    """Draw where the world's own latents lie, as a soft cloud."""
    ax.scatter(
        points[:, 0], points[:, 1], s=90, color=FAINT, alpha=0.06, linewidths=0, zorder=0,
        rasterized=True,
    )  # fmt: skip


def _draw_paths(ax: Axes, flat: np.ndarray, when: np.ndarray) -> Any:
    """Draw all paths with time as colour; return what a colour bar needs."""
    from matplotlib.collections import LineCollection

    pieces = np.stack([flat[:-1], flat[1:]], axis=2)  # (T-1, N, 2 ends, 2)
    middles = np.repeat((when[:-1] + when[1:]) / 2, flat.shape[1])
    lines = LineCollection(
        list(pieces.reshape(-1, 2, 2)), array=middles, cmap=TIME_COLOURS, linewidths=1.8,
        alpha=0.9, capstyle="round", zorder=2,
    )  # fmt: skip
    lines.set_clim(float(when.min()), float(when.max()))
    ax.add_collection(lines)
    ends = {"s": 30, "edgecolors": INK, "zorder": 3}
    ax.scatter(*flat[0].T, facecolors=PAPER, linewidths=1.1, label="start", **ends)
    ax.scatter(*flat[-1].T, facecolors=INK, linewidths=0, label="finish", **ends)
    ax.legend(loc="best", frameon=False, fontsize=8, labelcolor=INK)
    return lines


def _draw_finishes(
    ax: Axes, finishes: np.ndarray, names: Sequence[str] | None, images: np.ndarray | None
) -> None:
    """Put pictures and names where the paths end."""
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    for index, at in enumerate(finishes):
        if images is not None:
            zoom = THUMBNAIL * 72 / images.shape[1]
            box = OffsetImage(images[index], zoom=zoom, interpolation="antialiased")
            ax.add_artist(AnnotationBbox(box, tuple(at), frameon=False, zorder=4))
        if names is not None:
            drop = -8 if images is None else -THUMBNAIL * 36
            ax.annotate(
                names[index], tuple(at), xytext=(0, drop), textcoords="offset points",
                ha="center", va="top", fontsize=8, color=INK, zorder=5,
            )  # fmt: skip


def _label_plane(ax: Axes, explained: np.ndarray, title: str | None) -> None:
    quiet_axes(ax)
    ax.margins(0.08)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel(f"first principal direction · {explained[0]:.0%} of the spread", color=INK)
    ax.set_ylabel(f"second · {explained[1]:.0%}", color=INK)
    if title:
        ax.set_title(title, loc="left", color=INK, fontsize=13)


def _draw_distance(ax: Axes, paths: np.ndarray, when: np.ndarray, time_label: str) -> None:
    """Draw how far each image still is from its finish, and the mean of all."""
    distance = np.linalg.norm(paths - paths[-1], axis=-1)  # (T, N)
    ax.plot(when, distance, color=FAINT, linewidth=0.7, alpha=0.6)
    ax.plot(when, distance.mean(axis=1), color=INK, linewidth=2)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(time_label, color=INK)
    ax.set_ylabel("way to go", color=INK)
    quiet_axes(ax)

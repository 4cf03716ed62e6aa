"""Trajectories are projected, marked and labelled as they are, without a display."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox

from vae.errors import ShapeError
from vae.plots import new_figure, plot_latent_trajectories, principal_plane

ROOT = Path(__file__).resolve().parents[2]


def spiral(steps: int = 12, num: int = 5, dim: int = 8) -> np.ndarray:
    finishes = np.random.default_rng(0).standard_normal((num, dim))
    return np.linspace(0, 1, steps)[:, None, None] ** 0.5 * finishes


def collections(figure: Figure) -> dict[str, np.ndarray]:
    main = figure.axes[0]
    marks = {c.get_label(): c.get_offsets().data for c in main.collections if c.get_label()}
    return {name: np.asarray(points) for name, points in marks.items()}


def test_a_figure_can_be_saved_and_shows_every_part():
    paths = spiral()
    figure = plot_latent_trajectories(
        paths,
        names=[f"apple {i}" for i in range(5)],
        times=np.arange(12) * 100,
        density=np.random.default_rng(1).standard_normal((50, 8)),
        images=np.full((5, 16, 16, 4), 128, dtype=np.uint8),
        title="Apples finding their place",
    )
    main, below, bar = figure.axes
    assert main.get_title(loc="left") == "Apples finding their place"
    assert bar.get_ylabel() == below.get_xlabel() == "training step"
    assert sum(isinstance(a, AnnotationBbox) for a in main.artists) == 5
    assert {text.get_text() for text in main.texts} == {f"apple {i}" for i in range(5)}
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")


def test_starts_and_finishes_are_where_the_projection_puts_them():
    paths = spiral()
    centre, basis, _ = principal_plane(paths)
    marks = collections(plot_latent_trajectories(paths))
    np.testing.assert_allclose(marks["start"], (paths[0] - centre) @ basis)
    np.testing.assert_allclose(marks["finish"], (paths[-1] - centre) @ basis)


def test_every_step_is_a_coloured_piece():
    figure = plot_latent_trajectories(spiral(12, 5), times=np.arange(12) * 10.0)
    (lines,) = (c for c in figure.axes[0].collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == 11 * 5
    assert lines.get_clim() == (0.0, 110.0)
    values = lines.get_array()
    assert values is not None
    assert values[:5].tolist() == [5.0] * 5


def test_the_plane_is_that_of_the_last_step_by_scikit_learn():
    from sklearn.decomposition import PCA

    paths = np.random.default_rng(2).standard_normal((4, 30, 6))
    _, basis, shares = principal_plane(paths)
    pca = PCA(2).fit(paths[-1])
    np.testing.assert_allclose(np.abs(basis.T @ pca.components_.T), np.eye(2), atol=1e-6)
    assert pca.explained_variance_ratio_ == pytest.approx(shares)


def test_the_way_to_go_ends_at_zero():
    figure = plot_latent_trajectories(spiral())
    mean = figure.axes[1].lines[-1].get_ydata()
    assert mean[-1] == 0
    assert (np.diff(np.asarray(mean)) < 0).all()


@pytest.mark.parametrize("shape", [(2, 1, 4), (9, 2, 4), (5, 3, 1), (2, 4, 2)])
def test_few_points_and_few_latents_still_have_a_plane(shape):
    paths = np.random.default_rng(3).standard_normal(shape)
    plot_latent_trajectories(paths).canvas.draw()


def test_a_slider_path_of_a_tensor_with_gradient_is_taken():
    walk = torch.linspace(-2, 2, 9)[:, None, None] * torch.ones(1, 1, 3)
    figure = plot_latent_trajectories(
        walk.requires_grad_(), times=np.linspace(-2, 2, 9).tolist(), time_label="warmth"
    )
    assert figure.axes[-1].get_ylabel() == "warmth"
    assert figure.axes[0].get_xlabel().startswith("first principal direction · 100%")


def test_it_draws_into_given_axes():
    figure = new_figure(4, 4)
    ax = figure.subplots()
    assert plot_latent_trajectories(spiral(), ax=ax) is figure
    assert ax.collections


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 8), {}, "of at least two steps"),
        ((1, 5, 8), {}, "of at least two steps"),
        ((3, 5, 8), {"names": ["one"]}, "5 names, found 1"),
        ((3, 5, 8), {"times": [0, 1]}, "3 times, found 2"),
        ((3, 5, 8), {"images": np.zeros((4, 8, 8, 4))}, "5 images, found 4"),
    ],
)
def test_what_does_not_fit_is_refused(shape, options, message):
    with pytest.raises(ShapeError, match=message):
        plot_latent_trajectories(np.zeros(shape), **options)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ShapeError, match="finite"):
        plot_latent_trajectories(np.full((2, 3, 4), np.nan))


def test_matplotlib_is_imported_late_and_its_global_state_is_left_alone():
    code = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1]); import vae.plots; "
        "assert 'matplotlib' not in sys.modules; "
        "vae.plots.plot_latent_trajectories(np.random.rand(3, 4, 5)).canvas.draw(); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(ROOT)], check=True)

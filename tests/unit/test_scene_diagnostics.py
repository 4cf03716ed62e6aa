"""The one figure on a world shows what a made-up world is known to do."""

import io
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from vae.errors import ShapeError
from vae.scene_diagnostics import plot_diagnostics, slider_effects

NAMES = ("lightness", "redness", "warmth")
SIDE = 16


class Latents(NamedTuple):
    z: torch.Tensor
    key: torch.Tensor


class KnownWorld:
    """Channel c of a picture is key c; moving redness moves warmth half as much the other way."""

    name, image_size, channels = "known", SIDE, 3
    sliders = (
        SimpleNamespace(name="form 1", kind="form", attribute=None),
        *(SimpleNamespace(name=n, kind="style", attribute=n) for n in reversed(NAMES)),
    )

    def encode(self, images: torch.Tensor) -> Latents:
        key = images.mean(dim=(2, 3))
        return Latents(torch.zeros(len(images), 5), torch.cat([key, 0 * key], dim=1))

    def decode(self, latents: Latents) -> torch.Tensor:
        return latents.key[:, :3, None, None].expand(-1, -1, SIDE, SIDE)

    def sample(self, n: int, *, generator: torch.Generator) -> Latents:
        return Latents(torch.zeros(n, 5), torch.rand(n, 6, generator=generator))

    def describe(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: images[:, i].mean(dim=(1, 2)) for i, name in enumerate(NAMES)}

    def move(self, latents: Latents, by: dict[str, float]) -> Latents:
        step = {"lightness": (1, 0, 0), "redness": (0, 1, -0.5), "warmth": (0, 0, 1)}
        key = latents.key.clone()
        for name, amount in by.items():
            key[:, :3] += 0.05 * amount * torch.tensor(step[name])
        return latents._replace(key=key)


@pytest.fixture
def images():
    """Flat pictures whose channels have a deviation of 0.1."""
    levels = 0.5 + 0.1 * torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return levels.repeat(2, 1)[:, :, None, None].expand(-1, -1, SIDE, SIDE)


def axes_by_title(figure):
    return {ax.get_title(): ax for ax in figure.axes}


def test_effects_are_deviations_of_the_data_per_deviation_of_travel(images):
    world = KnownWorld()
    measured = {name: values.numpy() for name, values in world.describe(images).items()}
    names, attributes, effects = slider_effects(
        world,  # type: ignore[arg-type]
        world.encode(images),  # type: ignore[arg-type]
        measured,
    )
    assert names == attributes == list(NAMES)
    np.testing.assert_allclose(effects, [[0.5, 0, 0], [0, 0.5, -0.25], [0, 0, 0.5]], atol=1e-5)


def test_attributes_that_do_not_vary_have_no_effect(images):
    world = KnownWorld()
    flat = {name: np.full(8, 0.5) for name in NAMES}
    _, _, effects = slider_effects(world, world.encode(images), flat)  # type: ignore[arg-type]
    assert not effects.any()


def test_the_figure_shows_all_five_answers_and_can_be_saved(images):
    figure = plot_diagnostics(KnownWorld(), images, num_shown=4)  # type: ignore[arg-type]
    axes = axes_by_title(figure)
    assert {"lightness", "redness", "warmth"} <= set(axes)
    assert axes["redness"].texts[0].get_text() == "1.00"
    assert "z: what and where · 0 of 5 in use" in axes
    assert "key: style · 3 of 6 in use" in axes
    (table,) = axes["Slider ↓ moves attribute →, s.d. per s.d."].images
    assert np.asarray(table.get_array()).shape == (3, 3)
    rows = [ax.get_ylabel() for ax in figure.axes[:3]]
    assert rows == ["original", "comes back", "at random"]
    original, back = (np.asarray(ax.images[0].get_array()) for ax in figure.axes[:2])
    assert original.shape == (SIDE, 4 * SIDE, 4)
    np.testing.assert_allclose(original, back, atol=1e-6)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=40)
    assert len(buffer.getvalue()) > 5000


def test_a_world_without_style_sliders_says_so(images):
    world = KnownWorld()
    world.sliders = world.sliders[:1]
    figure = plot_diagnostics(world, images)  # type: ignore[arg-type]
    assert "no style sliders" in [text.get_text() for ax in figure.axes for text in ax.texts]


def test_the_same_seed_draws_the_same_pictures(images):
    first, second = (
        plot_diagnostics(KnownWorld(), images, title="Known")  # type: ignore[arg-type]
        for _ in range(2)
    )
    for one, other in zip(first.axes[2].images, second.axes[2].images, strict=True):
        np.testing.assert_array_equal(one.get_array(), other.get_array())
    assert first.get_suptitle() == "Known"


@pytest.mark.parametrize(
    "shape", [(3, 3, SIDE, SIDE), (8, 4, SIDE, SIDE), (8, 3, 8, 8), (3, 16, 16)]
)
def test_images_of_another_world_are_refused(shape):
    with pytest.raises(ShapeError, match="for the world known"):
        plot_diagnostics(KnownWorld(), torch.zeros(shape))  # type: ignore[arg-type]

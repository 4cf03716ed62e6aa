"""Style on made-up pictures whose answer is known."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from tests.conftest import draw_art
from vae.errors import ShapeError
from vae.evaluation.colour_transfer import (
    lalphabeta_to_rgb,
    reinhard,
    rgb_to_lalphabeta,
)
from vae.evaluation.measures import measure_batch
from vae.evaluation.sliders import Reference, fit_reference
from vae.evaluation.style import (
    WAYS,
    attribute_errors,
    colours_of,
    measure_style,
    palette_distances,
    report_style,
)


def flat(*rgba: int, side: int = 8) -> np.ndarray:
    return np.broadcast_to(np.array(rgba, np.uint8), (1, side, side, 4)).copy()


def art(num: int, first: int = 0, side: int = 32) -> np.ndarray:
    return np.stack([draw_art(first + i, side) for i in range(num)])


# ---------------------------------------------------------------- colour transfer


def test_lalphabeta_and_back_is_the_same_colour_and_grey_has_no_hue():
    rgb = np.random.default_rng(0).uniform(0.01, 1, (50, 3))
    assert lalphabeta_to_rgb(rgb_to_lalphabeta(rgb)) == pytest.approx(rgb, abs=1e-9)
    grey = rgb_to_lalphabeta(np.full((5, 3), np.linspace(0.1, 1, 5)[:, None]))
    assert np.abs(grey[:, 1:]).max() < 2e-3  # the paper's matrix is rounded
    assert np.all(np.diff(grey[:, 0]) > 0)


def test_a_picture_lent_its_own_colours_stays():
    pictures = art(3)
    change = np.abs(reinhard(pictures, pictures).astype(int) - pictures)
    assert change[pictures[..., 3] > 0].max() <= 3  # of 255: nothing is darker than 1/255


def test_moments_become_those_of_the_reference_and_alpha_stays():
    """Mild colours, so that nothing is clipped: the moments are reached exactly."""
    rng = np.random.default_rng(1)
    picture, reference = (
        np.concatenate([rng.uniform(low, high, (16, 16, 3)), rng.uniform(size=(16, 16, 1))], -1)
        for low, high in ((0.4, 0.6), (0.3, 0.5))
    )
    made = reinhard(picture[None], reference[None])[0]
    assert np.array_equal(made[..., 3], np.rint(255 * picture[..., 3]))
    found, wanted = (
        (np.average(c, axis=0, weights=w), np.average(c**2, axis=0, weights=w))
        for c, w in (
            (rgb_to_lalphabeta(some[..., :3] / scale).reshape(-1, 3), some[..., 3].ravel())
            for some, scale in ((made, 255), (reference, 1))
        )
    )
    assert np.array(found) == pytest.approx(np.array(wanted), abs=2e-3)


def test_nothing_to_see_stays_as_it_is():
    clear, red = flat(9, 9, 9, 0), flat(200, 30, 30, 255)
    assert np.array_equal(reinhard(clear, red), clear)
    assert np.array_equal(reinhard(red, clear), red)
    with pytest.raises(ShapeError, match="as many references"):
        reinhard(red, red[..., :3])


# ---------------------------------------------------------------- palettes


def test_the_distance_of_two_flat_colours_is_their_delta_e():
    one, two = flat(200, 30, 30, 255), flat(30, 30, 200, 128)
    first, second = rgb2lab(np.stack([one[0, 0, 0, :3], two[0, 0, 0, :3]]))
    truth = np.linalg.norm(first - second)
    assert palette_distances(one, two) == pytest.approx([truth])
    assert palette_distances(one, one) == pytest.approx([0.0])


def test_where_colours_are_does_not_matter_and_how_much_there_is_does():
    half = flat(255, 255, 255, 255)
    half[:, :4] = (0, 0, 0, 255)
    assert palette_distances(half, half[:, ::-1]) == pytest.approx([0.0], abs=1e-9)
    quarter = flat(255, 255, 255, 255)
    quarter[:, :2] = (0, 0, 0, 255)  # a quarter of the area has to go from L* 0 to 100
    assert palette_distances(half, quarter) == pytest.approx([25.0], abs=0.5)


def test_what_is_not_seen_has_no_colour():
    picture = flat(255, 0, 0, 0)
    picture[0, 0, 0] = (0, 0, 0, 255)
    assert np.abs(colours_of(picture)).max() < 1e-6
    assert np.abs(colours_of(flat(255, 0, 0, 0))).max() == 0


# ---------------------------------------------------------------- the three ways


def test_errors_by_hand_are_to_the_clipped_reference():
    names = ("lightness", "warmth", "fineness")
    errors = attribute_errors(np.zeros((1, 3)), np.array([[1.0, -4.0, 0.5]]), names)
    assert errors["all"] == pytest.approx([(1 + 2.5 + 0.5) / 3])
    assert errors["palette"] == pytest.approx([1.75])
    assert errors["texture"] == pytest.approx([0.5])
    assert "alpha" not in errors


class Latents(NamedTuple):
    z: torch.Tensor
    key: torch.Tensor


class CopyingWorld:
    """Content is a picture's alpha, style its colour: borrowing is exact where `share` is 1."""

    image_size, channels = 32, 4

    def __init__(self, share: float):
        self.share = share

    def encode(self, images: torch.Tensor) -> Latents:
        return Latents(images[:, 3:].flatten(1), images[:, :3].flatten(1))

    def decode(self, latents: Latents, *, grain: float = 1.0) -> torch.Tensor:
        shape = (len(latents.z), -1, 32, 32)
        return torch.cat([latents.key.view(shape), latents.z.view(shape)], dim=1)

    def borrow(self, latents: Latents, references: torch.Tensor) -> Latents:
        return latents._replace(
            key=torch.lerp(latents.key, self.encode(references).key, self.share)
        )


@pytest.fixture(scope="module")
def scale() -> Reference:
    return Reference.fit(measure_batch(art(40)))


def ways(share: float, scale: Reference):
    """Opaque pictures, so that taking on all colours is to become the reference."""
    own, other = (torch.from_numpy(art(6, first)).permute(0, 3, 1, 2).clone() for first in (0, 20))
    own[:, 3], other[:, 3] = 255, 255
    world = CopyingWorld(share)
    latents = world.encode(own.float() / 255)
    found = measure_style(world, latents, other, scale)  # type: ignore[arg-type]
    assert tuple(found) == WAYS
    return found


def test_a_world_that_becomes_the_reference_has_no_error_and_wins(scale):
    found = ways(1.0, scale)
    assert found["borrowed"].errors["palette"].max() == pytest.approx(0.0, abs=0.6)
    assert found["borrowed"].palette.max() < 1e-6
    assert found["colour transfer"].palette.mean() < found["nothing borrowed"].palette.mean()
    assert found["borrowed"].palette.mean() < found["colour transfer"].palette.mean()
    for score in found.values():
        assert score.content == pytest.approx(np.ones(6))  # alpha never changed


def test_a_world_that_borrows_nothing_is_where_it_started(scale):
    found = ways(0.0, scale)
    for what, error in found["nothing borrowed"].errors.items():
        assert np.array_equal(error, found["borrowed"].errors[what])
    assert np.array_equal(found["nothing borrowed"].palette, found["borrowed"].palette)


def test_rows_say_how_often_the_world_is_the_better():
    pictures = torch.from_numpy(art(12)).permute(0, 3, 1, 2)
    images = SimpleNamespace(images=pictures)
    options = SimpleNamespace(cap=lambda usual: 8, workers=0)
    rows = {row.what: row for row in report_style(CopyingWorld(1.0), images, images, options)}  # type: ignore[arg-type]
    assert {name.split(":")[0] for name in rows} == {
        *(f"error, {what} attributes" for what in ("all", "palette", "texture", "alpha")),
        "palette distance",
        "content kept",
    }
    best = rows["palette distance: borrowed"]
    assert best.details["won"] > 0.5
    assert best.remark.startswith("better than colour transfer on ")
    assert rows["palette distance: nothing borrowed"].remark == "8 pairs"
    assert "content kept: nothing borrowed" not in rows


def test_the_reference_of_a_folder_is_of_its_training_pictures(scale):
    fitted = fit_reference(torch.from_numpy(art(40)).permute(0, 3, 1, 2))
    assert fitted.names == scale.names
    assert fitted.deviations == pytest.approx(scale.deviations)

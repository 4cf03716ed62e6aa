"""A world: encode, decode, sample, move, borrow, describe, and clear refusals."""

import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import vae
from tests.conftest import draw_art, draw_fruit, to_images
from vae.borrowing import RANGE
from vae.encodings import ATTRIBUTES, GROUPS, measure
from vae.errors import CheckpointError, ConfigError, ShapeError
from vae.infer import World, get_infer_model, list_worlds
from vae.looks import look_of
from vae.packed import computes_bf16


@pytest.fixture(scope="module")
def world(tiny_world) -> World:
    return get_infer_model(tiny_world)


@pytest.fixture
def images() -> torch.Tensor:
    return to_images([draw_fruit(seed, 32) for seed in range(4)])


def test_a_world_says_what_it_is(world, tiny_world):
    assert (world.image_size, world.channels) == (32, 4)
    assert (world.latent_dim, world.latent_key_dim) == (4, 18)
    assert world.name == "tiny"
    assert world.path == tiny_world
    assert not world.model.training
    assert not any(p.requires_grad for p in world.model.parameters())
    assert world.device == torch.device("cpu")


def test_signatures_are_those_of_the_design():
    expected = {
        World.sample: {"generator": None, "truncation": 1.0},
        World.borrow: {"texture": 1.0, "palette": 1.0, "alpha": 1.0},
        get_infer_model: {"device": "cpu"},
    }
    for method, wanted in expected.items():
        parameters = inspect.signature(method).parameters
        assert {n: parameters[n].default for n in wanted} == wanted


def test_encode_and_decode_give_means_and_pictures(world, images):
    latents = world.encode(images)
    assert (latents.z.shape, latents.key.shape) == ((4, 4), (4, 18))
    assert torch.equal(latents.z, world.encode(images).z)
    made = world.decode(latents)
    assert made.shape == images.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert world.decode(latents, size=64).shape[-1] == 64


def test_a_picture_can_be_drawn_without_its_grain(world, images):
    latents = world.encode(images)
    still = world.decode(latents, grain=False)
    assert still.shape == images.shape
    assert not torch.equal(still, world.decode(latents))
    noise = torch.zeros(1, 1, *images.shape[2:])
    with torch.no_grad():
        expected = world.model.decode(latents, size=images.shape[-1], noise=noise).clamp(0, 1)
    assert torch.allclose(still, expected, atol=1e-6)
    one = vae.distributions.Latents(latents.z[:1], latents.key[:1])
    near = 1e-2 if computes_bf16() else 1e-5  # one picture alone goes the packed way
    assert torch.allclose(world.decode(one, grain=False), still[:1], atol=near)


def test_samples_repeat_with_their_generator(world):
    one, two = (world.sample(3, generator=torch.Generator().manual_seed(2)) for _ in range(2))
    other = world.sample(3, generator=torch.Generator().manual_seed(3))
    assert torch.equal(one.joined(), two.joined())
    assert not torch.equal(one.joined(), other.joined())
    typical = world.sample(3, truncation=0.0).joined()
    nearest = torch.cdist(typical, world.density.anchors).min(1).values
    assert torch.allclose(nearest, torch.zeros(3), atol=1e-4)


@pytest.mark.parametrize(("n", "truncation"), [(0, 1.0), (1, -0.1), (1, 3.0), (1, float("nan"))])
def test_impossible_samples_are_refused(world, n, truncation):
    with pytest.raises(ConfigError, match="n of at least 1 and truncation from 0 to 2"):
        world.sample(n, truncation=truncation)


def test_describe_gives_natural_units_by_name(world, images):
    table = world.describe(images)
    assert tuple(table) == ATTRIBUTES
    assert torch.allclose(torch.stack(list(table.values()), 1), measure(images))
    assert world.describe(torch.rand(2, 3, 50, 50))["coverage"].tolist() == [1.0, 1.0]


def test_style_moves_the_key_and_form_the_content(world, images):
    latents = world.encode(images)
    kinds = {s.kind for s in world.sliders}
    assert kinds == {"style", "form"}
    for slider in world.sliders:
        moved = world.move(latents, {slider.name: 1.0})
        assert torch.equal(moved.z, latents.z) is (slider.kind == "style")
        assert torch.equal(moved.key, latents.key) is (slider.kind == "form")


def test_moves_are_relative_and_add_up(world, images):
    latents = world.encode(images)
    a, b = world.sliders[0].name, world.sliders[-1].name
    both = world.move(latents, {a: 1.0, b: -0.5}).joined()
    apart = world.move(world.move(latents, {b: -0.5}), {a: 1.0}).joined()
    back = world.move(world.move(latents, {a: 1.0}), {a: -1.0}).joined()
    assert torch.allclose(both, apart, atol=1e-5)
    assert torch.allclose(back, latents.joined(), atol=1e-5)
    assert torch.equal(world.move(latents, {}).joined(), latents.joined())
    each = world.move(latents, {a: torch.tensor([0.0, 1.0, 0.0, 0.0])}).joined()
    changed = (each - latents.joined()).abs().sum(1) > 0
    assert changed.tolist() == [False, True, False, False]


def test_an_unknown_slider_is_refused_with_the_known_ones(world, images):
    with pytest.raises(ConfigError, match=r"no slider 'sparkle'; it has .*form"):
        world.move(world.encode(images), {"sparkle": 1.0})


def test_borrowing_keeps_the_content_and_each_dial_its_own_part(world):
    latents = world.sample(4, generator=torch.Generator().manual_seed(3))
    reference = to_images([draw_art(9)])
    whole = world.borrow(latents, reference)
    assert torch.equal(whole.z, latents.z)
    assert not torch.equal(whole.key, latents.key)
    still = world.borrow(latents, reference, texture=0, palette=0, alpha=0)
    assert torch.allclose(still.key, latents.key, atol=1e-6)
    for dial, names in GROUPS.items():
        dials = {name: float(name == dial) for name in GROUPS}
        part = world.borrow(latents, reference, **dials).key - latents.key
        if not {s.attribute for s in world.sliders} & set(names):
            assert part.abs().sum() == 0  # no slider, nothing to move it with
        half = world.borrow(latents, reference, **{n: v / 2 for n, v in dials.items()}).key
        assert torch.allclose(latents.key + part / 2, half, atol=1e-4)


def test_borrowing_never_ends_farther_from_what_was_asked(world, images):
    latents = world.encode(images)
    found = world.borrowing(latents, look_of(to_images([draw_art(9)]), world.image_size))
    aim = torch.where(found.borrowed[-1], found.wanted.clamp(-RANGE, RANGE), found.before)
    before, after = ((aim - x).square().sum(1) for x in (found.before, found.reached[:, -1]))
    assert (after <= before + 1e-4).all()


def test_an_opaque_reference_lends_no_transparency(world, images):
    latents = world.encode(images)
    rgb = to_images([draw_art(9)])[:, :3]
    lent = world.borrow(latents, rgb, texture=0, palette=0, alpha=1)
    assert torch.allclose(lent.key, latents.key, atol=1e-6)


@pytest.mark.parametrize("dial", ["texture", "palette", "alpha"])
def test_a_dial_beyond_its_range_is_refused(world, images, dial):
    with pytest.raises(ConfigError, match=f"{dial} must be from 0 to 1, found 1.5"):
        world.borrow(world.encode(images), images[:1], **{dial: 1.5})


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 4, 64, 64), (4, 32, 32), (0, 4, 32, 32)])
def test_pictures_that_do_not_fit_the_world_are_refused(world, shape):
    with pytest.raises(ShapeError, match=r"tiny takes images of shape \(N, 4, 32, 32\)"):
        world.encode(torch.zeros(shape))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01, 255.0])
def test_pictures_that_are_not_finite_or_leave_the_range_are_refused(world, images, value):
    images[2, 1, 5, 7] = value
    for call in (world.encode, lambda x: world.grain_of(x, world.sample(4))):
        with pytest.raises(ShapeError, match=r"tiny takes images in \[0, 1\], found values from"):
            call(images)


def test_a_filters_rounding_is_let_in(world, images):
    images[0, 0, 0, 0], images[1, 3, 0, 0] = -5e-4, 1 + 5e-4
    assert world.encode(images).joined().isfinite().all()


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), torch.tensor([0, 1, 0, np.nan])])
def test_a_move_that_is_not_finite_is_refused(world, images, amount):
    name = world.sliders[0].name
    with pytest.raises(ConfigError, match=f"{name} cannot move by .*; give a finite number"):
        world.move(world.encode(images), {name: amount})


def test_an_unknown_world_is_refused_with_the_shipped_ones():
    with pytest.raises(CheckpointError, match="no world called atlantis; shipped worlds: "):
        get_infer_model("atlantis")
    with pytest.raises(CheckpointError, match="no such world or cannot be reached"):
        get_infer_model("nobody/atlantis", local_files_only=True)


@pytest.mark.parametrize("device", ["cuda:7", "abacus"])
def test_a_device_that_is_not_there_is_refused(tiny_world, device):
    with pytest.raises(ConfigError, match=f"the device '{device}' is not available here"):
        get_infer_model(tiny_world, device=device)


def test_worlds_are_listed_by_name(tiny_world, tmp_path):
    assert list_worlds(tiny_world.parent) == ["tiny"]
    assert list_worlds(tmp_path) == []


def test_sliders_of_another_model_are_refused(tiny_world, tmp_path):
    copy = Path(shutil.copytree(tiny_world, tmp_path / "copy"))
    content = json.loads((copy / "sliders.json").read_text())
    for row in content["sliders"]:
        row["direction"] = row["direction"][:-1]
    (copy / "sliders.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="expected directions of 22 numbers"):
        get_infer_model(copy)


def test_the_model_card_names_every_slider(tiny_world, world):
    card = (tiny_world / "README.md").read_text(encoding="utf-8")
    assert all(f"| {s.name} | {s.kind} |" in card for s in world.sliders)


def test_a_world_without_a_slider_table_gets_one_measured(tiny_world, tmp_path):
    copy = Path(shutil.copytree(tiny_world, tmp_path / "copy"))
    (copy / "sliders.json").unlink()
    world = get_infer_model(copy)
    assert {s.kind for s in world.sliders} == {"style", "form"}
    assert not (copy / "sliders.json").exists()


def test_form_sliders_give_more_of_what_they_are_named_for(world):
    assert all(s.gain >= 0 for s in world.sliders if s.kind == "form")


def test_the_order_in_which_sliders_are_named_changes_not_a_bit():
    world = get_infer_model("pomona")
    latents = world.sample(16, generator=torch.Generator().manual_seed(0))
    names = [slider.name for slider in world.sliders]
    amounts = {name: 0.37 * i - 2.1 for i, name in enumerate(names)}
    backwards = dict(reversed(amounts.items()))
    assert torch.equal(
        world.move(latents, amounts).joined(), world.move(latents, backwards).joined()
    )

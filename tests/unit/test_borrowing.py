"""Borrowing reaches what it can, keeps the rest, and says what it missed."""

import pytest
import torch

from tests.conftest import draw_art, draw_fruit, to_images
from vae import borrowing, palette_transfer
from vae.borrowing import DIALS, RANGE, solve
from vae.encodings import ATTRIBUTES, GROUPS, measure
from vae.errors import ConfigError, ShapeError
from vae.evaluation.borrowing import format_rows, score
from vae.infer import get_infer_model
from vae.looks import Look, look_of
from vae.palette_transfer import Palette, lab_to_rgb, palette_of, transfer, transport
from vae.sliders import SliderTable


@pytest.fixture(scope="module")
def world():
    return get_infer_model("pomona")


@pytest.fixture(scope="module")
def latents(world):
    return world.sample(6, generator=torch.Generator().manual_seed(3), truncation=0.8)


@pytest.fixture(scope="module")
def look(world):
    """What another picture of the world's own density measures: all of it can be reached."""
    other = world.sample(1, generator=torch.Generator().manual_seed(8), truncation=0.8)
    return look_of(world.decode(other), world.image_size)


@pytest.fixture(scope="module")
def found(world, latents, look):
    return world.borrowing(latents, look)


def columns(*groups):
    return [ATTRIBUTES.index(name) for group in groups for name in GROUPS[group]]


def standing(world, latents, move):
    pictures = world.decode(latents._replace(key=latents.key + move))
    return world.scores(measure(pictures))


@pytest.mark.parametrize("dial", DIALS)
def test_each_dial_reaches_its_own_attributes_and_leaves_the_others(world, latents, found, dial):
    shares = {name: float(name == dial) for name in DIALS}
    after = standing(world, latents, found.at(shares))
    own = columns(dial)
    others = columns(*(name for name in GROUPS if name != dial))
    aim = found.wanted.clamp(-RANGE, RANGE) - found.withheld
    error_before = (found.before - aim)[:, own].abs().mean()
    error_after = (after - aim)[:, own].abs().mean()
    assert error_after < 0.5 * error_before
    assert (after - found.before)[:, others].abs().mean() < 0.3 * error_before


@pytest.mark.parametrize("dial", DIALS)
def test_a_dial_moves_something_just_where_there_is_a_slider(world, latents, look, found, dial):
    """In a trained world: one of a few steps may find nothing that makes it better."""
    shares = {name: float(name == dial) for name in DIALS}
    rows = zip(world.sliders, world.directions, strict=True)
    kept = [(s, d) for s, d in rows if s.attribute not in GROUPS[dial]]
    chosen, directions = zip(*kept, strict=True)
    without = solve(world.model, SliderTable(chosen, torch.stack(directions)), latents, look)
    assert found.at(shares).abs().sum() > 0.1
    assert without.at(shares).abs().sum() <= 0.1


def test_all_dials_together_reach_all_of_it_and_say_what_they_missed(world, latents, found):
    after = standing(world, latents, found.at(dict.fromkeys(DIALS, 1.0)))
    assert torch.allclose(after, found.reached[:, -1], atol=1e-3)
    assert torch.allclose(found.missed, after - found.wanted + found.withheld, atol=1e-3)
    assert found.missed.abs().mean() < 0.5 * (found.before - found.wanted).abs().mean()


def test_dials_at_zero_change_nothing_and_between_the_ends_the_way_is_straight(found):
    assert found.at(dict.fromkeys(DIALS, 0.0)).abs().max() == 0
    for dial in DIALS:
        low, middle, high = (
            found.at({**dict.fromkeys(DIALS, 1.0), dial: share}) for share in (0.0, 0.5, 1.0)
        )
        assert torch.allclose(middle, (low + high) / 2, atol=1e-5)


def test_a_lock_keeps_its_attribute_where_it_was(world, latents, look, found):
    index = ATTRIBUTES.index("lightness")
    locked = world.borrowing(latents, look, locks=["lightness"])
    assert not locked.borrowed[:, index].any()
    assert locked.missed[:, index].abs().max() == 0
    moved = (locked.reached[:, -1] - locked.before)[:, index].abs()
    way = (found.wanted - found.before)[:, index].abs()
    assert (moved < 0.35).all()
    assert way.max() > 0.5  # there was somewhere to go
    with pytest.raises(ConfigError, match="expected attributes to lock"):
        world.borrowing(latents, look, locks=["charm"])


def test_out_of_reach_is_said_and_not_chased(world, latents, look):
    far = look.u.clone()
    far[:, ATTRIBUTES.index("redness")] = -90.0
    green = world.borrowing(latents, Look(far, look.has_alpha))
    assert (green.missed[:, ATTRIBUTES.index("redness")] > 1).all()
    assert torch.isfinite(green.moves).all()
    density = world.density.means[:, world.latent_dim :]
    assert green.moves.abs().max() < 20 * density.std()


def content(world, latents, found):
    """How alike z is, as the encoder reads it from the pictures before and after."""
    moved = latents._replace(key=latents.key + found.moves[:, -1])
    before, after = (world.encode(world.decode(at)).z for at in (latents, moved))
    return float(torch.nn.functional.cosine_similarity(before, after).mean())


def test_size_is_content_and_goes_part_of_the_way(world, latents, look, monkeypatch):
    coverage = ATTRIBUTES.index("coverage")
    others = [i for i in range(len(ATTRIBUTES)) if i != coverage]
    large = look.u.clone()
    large[:, coverage] = 0.95
    found = world.borrowing(latents, Look(large, True))
    way = found.wanted.clamp(-RANGE, RANGE) - found.before
    assert torch.allclose(found.withheld[:, coverage], way[:, coverage] - 0.8, atol=1e-4)
    assert found.withheld[:, others].abs().max() == 0
    went = (found.reached[:, -1] - found.before)[:, coverage]
    assert (went < 1.2).all()
    kept = content(world, latents, found)
    monkeypatch.setattr(borrowing, "_CONTENT", {})
    assert kept > content(world, latents, world.borrowing(latents, Look(large, True))) + 0.05
    monkeypatch.undo()
    locked = world.borrowing(latents, Look(large, True), locks=["coverage"])
    assert locked.withheld.abs().max() == 0


def test_the_encoder_reads_references_it_knows_and_no_others(world):
    known = world.decode(world.sample(2, generator=torch.Generator().manual_seed(5)))
    strange = torch.rand(1, 4, 60, 90)
    strange[:, 3] = 1
    look = world.look(known)
    assert torch.allclose(look.key, world.encode(known).key, atol=1e-5)
    assert torch.equal(look.u, look_of(known, world.image_size).u)
    assert world.look(strange).key.isnan().all()
    assert world.look(strange[:, :3]).key is None


def test_what_the_encoder_reads_brings_it_nearer(world, latents):
    """Over several references: one alone may be reached either way."""
    draw = torch.Generator().manual_seed(11)
    pictures = world.sample(8, generator=draw, truncation=0.8)
    references = world.decode(world.sample(8, generator=draw, truncation=0.8))
    look = world.look(references)
    read, unread = (
        world.borrowing(pictures, found).missed.abs().mean()
        for found in (look, Look(look.u, look.has_alpha))
    )
    assert read < unread
    strange = Look(look.u, look.has_alpha, torch.full_like(look.key, torch.nan))
    assert torch.isfinite(world.borrowing(pictures, strange).moves).all()


def test_the_keys_stay_near_the_world(world, latents, look, found):
    drawn = world.sample(400, generator=torch.Generator().manual_seed(1)).key
    keys = (latents.key[:, None] + found.moves).flatten(0, 1)
    spread = drawn.std(0)
    assert ((keys - drawn.mean(0)).abs() / spread).max() < 4.5


def test_an_opaque_reference_has_two_dials(world, latents):
    picture = torch.rand(1, 4, 60, 90)
    picture[:, 3] = 1
    look = look_of(picture, world.image_size)
    assert not look.has_alpha
    found = world.borrowing(latents._replace(z=latents.z[:1], key=latents.key[:1]), look)
    assert found.dials == ("texture", "palette")
    assert found.moves.shape[1] == 4
    still = found.at({"texture": 0.0, "palette": 0.0, "alpha": 1.0})
    assert still.abs().max() == 0


def test_looks_are_measured_on_the_worlds_own_side():
    large = to_images([draw_fruit(4, 128)])
    same = look_of(large, 128)
    assert torch.equal(same.u, measure(large))
    small = look_of(torch.nn.functional.interpolate(large, scale_factor=2.0), 128)
    difference = (small.u - same.u).abs()[0, [0, 1, 2, 14]]
    assert (difference < torch.tensor([1.0, 1.0, 1.0, 0.02])).all()
    wide = torch.cat((large[:, :3], torch.zeros_like(large[:, :3])), 3)
    assert look_of(wide, 64).u.shape == (1, 16)
    with pytest.raises(ShapeError, match="a reference of shape"):
        look_of(torch.rand(3, 8, 8), 16)


def test_as_many_references_as_pictures_or_one(world, latents, look):
    three = Look(look.u.expand(3, -1), look.has_alpha)
    with pytest.raises(ShapeError, match="expected 1 reference or 6, found 3"):
        world.borrowing(latents, three)


# ---------------------------------------------------------------- the palette after the model


def test_transport_of_diagonal_covariances_is_the_ratio_of_deviations(monkeypatch):
    monkeypatch.setattr(palette_transfer, "NOISE", 0.0)
    a = torch.diag(torch.tensor([4.0, 9.0, 1.0], dtype=torch.float64))[None]
    b = torch.diag(torch.tensor([16.0, 1.0, 25.0], dtype=torch.float64))[None]
    expected = torch.diag(torch.tensor([2.0, 1 / 3, 5.0], dtype=torch.float64))[None]
    assert torch.allclose(transport(a, b), expected)


def test_transport_maps_one_covariance_to_the_other_by_a_symmetric_map(monkeypatch):
    monkeypatch.setattr(palette_transfer, "NOISE", 0.0)
    root = torch.randn(2, 5, 3, 3, dtype=torch.float64)
    a, b = root @ root.mT + 0.1 * torch.eye(3, dtype=torch.float64)
    matrix = transport(a, b)
    assert torch.allclose(matrix @ a @ matrix.mT, b, atol=1e-8)
    assert torch.allclose(matrix, matrix.mT, atol=1e-8)
    assert (torch.linalg.eigvalsh(matrix) > 0).all()


def test_a_transferred_picture_has_the_palette_and_keeps_its_alpha():
    picture = to_images([draw_art(1, 48)])
    picture[:, :3] = 0.35 + 0.3 * picture[:, :3]  # room for no colour to be clipped
    goal = Palette(
        torch.tensor([[55.0, 5.0, 12.0]]), torch.diag(torch.tensor([60.0, 20.0, 15.0]))[None]
    )
    made = palette_of(transfer(picture, goal))
    assert torch.allclose(made.mean, goal.mean.double(), atol=0.3)
    assert torch.allclose(made.covariance, goal.covariance.double(), atol=4)
    assert torch.equal(transfer(picture, goal)[:, 3], picture[:, 3])


def test_its_own_palette_changes_nothing_and_grey_stays_grey():
    picture = to_images([draw_art(2, 48)])
    seen = picture[:, 3:] > 0
    change = (transfer(picture, palette_of(picture)) - picture).abs() * seen
    assert change.max() < 2e-3
    grey = torch.rand(1, 1, 8, 8)
    assert transfer(grey, palette_of(grey)) is grey


def test_lab_and_back_is_the_same_colour():
    rgb = torch.rand(4, 3, 9, 9, dtype=torch.float64)
    from vae.encodings import rgb_to_lab

    assert torch.allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=2e-3)


# ---------------------------------------------------------------- the evaluation


def test_a_score_by_hand():
    before = torch.tensor([[0.0, 0.0, 1.0]]).numpy()
    wanted = torch.tensor([[4.0, 1.0, 9.0]]).numpy()
    after = torch.tensor([[2.5, 0.5, 1.2]]).numpy()
    borrowed = torch.tensor([True, True, False]).numpy()
    row = score("palette", before, after, wanted, borrowed)
    assert (row.before, row.after, row.reach) == pytest.approx((1.75, 0.25, 1.0))
    assert row.drift == pytest.approx(0.2)
    assert row.left == pytest.approx(1 / 7)
    assert "| palette | 1.75 → 0.25 | 14% | 1.00 | 0.20 | 11% |" in format_rows([row])

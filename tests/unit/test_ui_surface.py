"""The strength of the grain: a slider of the page like any other, and no direction of a world."""

import asyncio

import numpy as np
import pytest
import torch

from tests.browser.fake_world import STYLES, FakeWorld
from vae.grain import amounts_of, roughness
from vae.ui.blend import make_blend
from vae.ui.drawing import grain_strength, moved_latents_of, picture_of, pictures_of
from vae.ui.engine import Engine
from vae.ui.film import make_strip
from vae.ui.script_data import draw, read_rows
from vae.ui.state import read_state
from vae.ui.surface import GRAIN, grain_of, with_grain
from vae.ui.upload import read_latents


@pytest.fixture(scope="module")
def engine():
    engine = Engine(FakeWorld, "fake", FakeWorld.sliders)
    yield engine
    engine.close()


def state(engine, **moves):
    return read_state({"seed": 5, "moves": moves}, engine.ranges)


def test_every_world_has_it_last_and_once():
    own = with_grain([*FakeWorld.sliders, GRAIN])
    assert own == (*FakeWorld.sliders, GRAIN)


def test_it_moves_the_grain_and_not_the_latents(engine):
    world, still = FakeWorld(), state(engine)
    none = state(engine, **{GRAIN.name: -1.0, "lightness": 0.5})
    assert (grain_of(still), grain_of(none)) == (1, 0)
    moved = moved_latents_of(world, none)
    wanted = world.move(moved_latents_of(world, still), {"lightness": 0.5})
    assert torch.equal(moved.joined(), wanted.joined())
    assert torch.equal(picture_of(world, none), world.decode(moved, grain=0.0))


def test_pictures_drawn_together_have_each_their_own(engine):
    world = FakeWorld()
    states = [state(engine, **{GRAIN.name: at}) for at in (-1.0, 0.0, 1.0)]
    together = pictures_of(world, states)
    for one, picture in zip(states, together, strict=True):
        assert torch.equal(picture_of(world, one)[0], picture)
    assert not torch.equal(together[0], together[2])


def test_what_asks_for_too_much_gets_the_most(engine):
    assert grain_of(state(engine, **{GRAIN.name: 9})) == 2
    assert grain_of(state(engine, **{GRAIN.name: -9})) == 0


def test_it_has_a_filmstrip(engine):
    answer = asyncio.run(make_strip(engine)({"seed": 5, "moves": {}, "slider": GRAIN.name}))
    assert answer["places"] == [-1.0, -0.65, -0.35, 0.0, 0.35, 0.65, 1.0]


def test_scripts_have_it_too(engine):
    world = FakeWorld()
    latents = world.sample(2, generator=torch.Generator().manual_seed(1))
    rows = {"z": latents.z.tolist(), "key": latents.key.tolist()}
    drawn = [draw(world, read_rows(rows, {GRAIN.name: at}, engine.ranges)) for at in (-1.0, 0.0)]
    assert not np.array_equal(*drawn)
    assert np.array_equal(drawn[1], draw(world, read_rows(rows, None, engine.ranges)))


class Smoother(FakeWorld):
    """Finds that a picture has a third of its grain."""

    def grain_of(self, images, latents):
        return torch.full((len(images),), 1 / 3)


def test_a_picture_of_ones_own_sets_it_to_what_was_measured():
    pixels = np.full((64, 64, 4), 255, np.uint8)
    assert read_latents(Smoother(), pixels)["moves"] == {GRAIN.name: -0.65}
    assert read_latents(FakeWorld(), pixels)["moves"] == {}


def test_a_corner_of_the_pad_keeps_it(engine):
    corners = [
        {"seed": 1, "moves": {GRAIN.name: -0.5, "lightness": 1}},
        {"seed": 2, "moves": {}},
    ]
    starts = asyncio.run(make_blend(engine)({"corners": corners}))["starts"]
    assert [start["moves"] for start in starts] == [{GRAIN.name: -0.5}, {}]


class Speckled(FakeWorld):
    """A world whose grain can be measured: as strong everywhere."""

    def decode(self, latents, *, grain=1.0):
        size, num = self.image_size, len(latents.z)
        noise = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(7))
        grey = 0.5 + 0.1 * amounts_of(grain, num) * noise.expand(num, 3, size, size)
        return torch.cat((grey.clamp(0, 1), torch.ones(num, 1, size, size)), 1)


def borrowing(texture: float, rough: tuple[float, float] | None, **more):
    u = [0.5] * len(STYLES)
    borrow = {"u": u, "alpha": True, "texture": texture, "rough": rough and list(rough)}
    return {"seed": 5, "moves": {}, "borrow": borrow, **more}


@pytest.mark.parametrize(
    ("texture", "rough", "at", "wanted"),
    [
        (1.0, (0.0, 0.0), 0.0, 0.0),  # a flat reference takes all of it
        (0.5, (0.0, 0.0), 0.0, 0.5),  # half of the texture half of it
        (0.0, (0.0, 0.0), 0.0, 1.0),  # without texture nothing is borrowed
        (1.0, (9.0, 9.0), 0.0, 1.0),  # rougher than the world: all there is
        (1.0, (0.0, 0.0), 0.5, 0.5),  # and the hand has the last word
        (1.0, None, 0.0, 1.0),  # a look of before this was measured
    ],
)
def test_a_borrowed_texture_takes_the_grain_of_its_reference(engine, texture, rough, at, wanted):
    data = borrowing(texture, rough, moves={GRAIN.name: at})
    assert grain_strength(Speckled(), read_state(data, engine.ranges)) == pytest.approx(wanted)


def test_half_as_rough_a_reference_takes_half(engine):
    world = Speckled()
    start = read_state({"seed": 5, "moves": {GRAIN.name: -0.5}}, engine.ranges)
    found = roughness(picture_of(world, start))[0].tolist()
    state = read_state(borrowing(1.0, tuple(found)), engine.ranges)
    assert grain_strength(world, state) == pytest.approx(0.5, abs=0.03)

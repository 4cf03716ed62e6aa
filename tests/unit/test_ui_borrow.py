"""What a reference is measured as, and where a picture stands, without a browser."""

import asyncio
import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.browser.fake_world import STYLES, FakeWorld
from vae import encodings
from vae.ui.borrow import GROUPS, make_describe, make_look
from vae.ui.frames import make_frame
from vae.ui.state import read_state
from vae.ui.worlds import open_engine


def ask(make, engine, data):
    return asyncio.run(make(engine)(data))


def file(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return SimpleNamespace(data={}, files=[("mine.png", buffer.getvalue())])


def disc(color, size=96):
    y, x = np.mgrid[:size, :size]
    return np.where(np.hypot(x - size / 2, y - size / 2)[..., None] < 0.4 * size, [*color, 255], 0)


def lent(look, **dials):
    borrow = {name: look[name] for name in ("u", "alpha", "exact", "key")}
    return {**borrow, "locks": [], **dials}


def test_a_look_is_plain_numbers_and_the_files_hash(engine):
    look = ask(make_look, engine, file(disc((20, 160, 150))))
    assert set(look) == {"u", "scores", "alpha", "exact", "key", "rough", "id"}
    assert (len(look["u"]), len(look["scores"])) == (16, 16)
    assert (len(look["exact"]["mean"]), len(look["exact"]["cov"])) == (3, 9)
    assert look["alpha"] is True
    assert len(look["id"]) == 16
    assert look == ask(make_look, engine, file(disc((20, 160, 150))))
    red = ask(make_look, engine, file(disc((200, 30, 30))))
    redness = STYLES.index("redness")
    assert red["u"][redness] > look["u"][redness]
    assert red["id"] != look["id"]


def test_an_opaque_look_has_no_transparency(engine):
    assert ask(make_look, engine, file(np.full((50, 80, 3), 120)))["alpha"] is False


@pytest.mark.parametrize("data", [None, {}, SimpleNamespace(data={}, files=[("a", b"no picture")])])
def test_what_is_no_picture_is_refused(engine, data):
    assert "error" in ask(make_look, engine, data)


def test_an_invisible_look_is_explained(engine):
    assert "transparent" in ask(make_look, engine, file(np.zeros((40, 40, 4))))["error"]


def test_a_picture_is_described_alone_and_with_a_reference(engine):
    alone = ask(make_describe, engine, {"seed": 5, "moves": {}})
    assert set(alone) == {"scores"}
    look = ask(make_look, engine, file(disc((20, 160, 150))))
    borrow = lent(look, texture=1, palette=1, transparency=1)
    found = ask(make_describe, engine, {"seed": 5, "moves": {}, "borrow": borrow})
    assert set(found) == {"scores", "reference", "missed", "withheld"}
    assert all(len(row) == 16 for row in found.values())
    assert found["reference"] == pytest.approx(look["scores"], abs=1e-3)
    lightness = STYLES.index("lightness")
    before, there = alone["scores"][lightness], look["scores"][lightness]
    assert abs(found["scores"][lightness] - there) < abs(before - there)


def test_a_bad_state_is_answered_with_a_sentence(engine):
    assert "a whole seed" in ask(make_describe, engine, {"seed": "x"})["error"]
    assert "borrowed look" in ask(make_describe, engine, {"seed": 1, "borrow": 3})["error"]


@pytest.mark.parametrize("key", ["x", [1.0, None], [float("nan")], 3])
def test_a_key_that_is_none_is_refused(engine, key):
    borrow = {"u": [0.0] * 16, "alpha": True, "key": key}
    answer = ask(make_describe, engine, {"seed": 1, "moves": {}, "borrow": borrow})
    assert "expected" in answer["error"]


def test_the_encoders_key_is_carried_where_the_world_knows_the_reference():
    """With the shipped world: its own picture is known, a plain sheet of paper is not."""
    engine = open_engine("pomona", "cpu")
    frame = ask(make_frame, engine, {"seed": 40, "moves": {}, "still": True})
    picture = SimpleNamespace(data={}, files=[("a.webp", base64.b64decode(frame["webp"]))])
    known = ask(make_look, engine, picture)
    strange = ask(make_look, engine, file(np.full((90, 90, 3), 230)))
    engine.close()
    assert len(known["key"]) > 16
    assert strange["key"] is None
    state = read_state({"seed": 1, "moves": {}, "borrow": lent(known, palette=1)}, {})
    assert state.borrow is not None
    assert state.borrow.key == tuple(known["key"])


def test_the_groups_are_those_of_the_library():
    library = {name: set(group) for name, group in encodings.GROUPS.items()}
    assert set(GROUPS["palette"]) == library["palette"]
    assert set(GROUPS["texture"]) == library["texture"]
    assert set(GROUPS["transparency"]) == library["alpha"]
    assert FakeWorld.latent_key_dim == sum(map(len, GROUPS.values()))

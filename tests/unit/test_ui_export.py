"""Saving in other forms, without a browser."""

import asyncio
import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.browser.fake_world import FakeWorld
from tests.unit.test_ui_panels import expected
from vae.ui.engine import Engine
from vae.ui.export import PALETTES, export_menu, make_export
from vae.ui.upload import make_start_from


@pytest.fixture
def export():
    engine = Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders)
    function = make_export(engine)
    yield lambda **data: asyncio.run(function({"seed": 5, "moves": {}, **data}))
    engine.close()


def test_a_webp_of_the_asked_size_is_exact(export):
    answer = export(factor=1)
    assert (answer["name"], answer["type"]) == ("fake-5-1x.webp", "image/webp")
    image = Image.open(io.BytesIO(base64.b64decode(answer["file"])))
    seen = expected(5)[..., 3:] > 0
    assert np.array_equal(np.asarray(image) * seen, expected(5) * seen)
    large = Image.open(io.BytesIO(base64.b64decode(export(factor=3)["file"])))
    assert (large.mode, large.size) == ("RGBA", (384, 384))


def test_a_webp_keeps_its_recipe_where_it_is_asked_to_and_brings_the_picture_back(engine):
    state = {"seed": 5, "moves": {"warmth": 0.35}}

    def saved(**more):
        answer = asyncio.run(make_export(engine)({**state, "factor": 2, **more}))
        return base64.b64decode(answer["file"])

    file = saved(recipe=True)
    dropped = SimpleNamespace(data={}, files=[("a.webp", file)])
    assert asyncio.run(make_start_from(engine)(dropped)) == {"recipe": state}
    plain = saved()
    assert "square" in asyncio.run(
        make_start_from(engine)(SimpleNamespace(data={}, files=[("a.webp", plain)]))
    )
    with Image.open(io.BytesIO(plain)) as image:
        assert image.info.keys() <= {"loop", "background", "timestamp", "duration"}


@pytest.mark.parametrize("kind", PALETTES)
def test_a_palette_of_every_form_has_its_name_and_bytes(export, kind):
    answer = export(palette=kind, moves={"warmth": 1.0})
    assert answer["name"] == f"fake-5-moved-palette.{kind}"
    starts = {"gpl": b"GIMP Palette", "ase": b"ASEF", "css": b":root {", "png": b"\x89PNG"}
    assert base64.b64decode(answer["file"]).startswith(starts[kind])


@pytest.mark.parametrize("asked", [{}, {"factor": 9}, {"palette": "aco"}, {"palette": ["gpl"]}])
def test_what_is_not_offered_is_refused(export, asked):
    assert "expected" in export(**asked)["error"]


def test_every_choice_of_the_menu_has_a_label():
    menu = export_menu()
    assert menu.count("<button") == 8 == menu.count("<button type") == menu.count("data-")
    assert menu.count("aria-label=") == 9

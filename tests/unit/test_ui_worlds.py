"""The registry of worlds and what the menu asks, without a browser."""

import asyncio
import base64
import io
import json
import threading
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.browser.fake_world import FakeWorld, OtherWorld, fake_worlds, open_fake, write_fake
from vae.errors import CheckpointError, ConfigError
from vae.recipe import Recipe, read_recipe, world_hash
from vae.ui import worlds as registry
from vae.ui.download import make_save
from vae.ui.engine import Engine
from vae.ui.frames import make_frame
from vae.ui.surface import GRAIN
from vae.ui.upload import make_start_from
from vae.ui.worlds import (
    KEPT,
    NoWorldError,
    Worlds,
    find_worlds,
    for_worlds,
    open_engine,
    open_here,
    open_worlds,
    read_sliders,
)
from vae.ui.worlds_menu import describe_world, make_open_world, make_worlds, world_of

STATE = {"seed": 5, "moves": {}}


@pytest.fixture
def folder(tmp_path):
    write_fake(tmp_path / "other")
    return tmp_path


@pytest.fixture
def worlds(folder):
    worlds = fake_worlds(folder)
    yield worlds
    worlds.close()


def run(work):
    return asyncio.run(work)


def size_of(answer):
    return Image.open(io.BytesIO(base64.b64decode(answer["webp"]))).size


# ---------------------------------------------------------------- which world answers


def test_each_request_is_answered_by_the_world_it_names(worlds):
    frame = for_worlds(worlds, make_frame)
    assert frame.__name__ == "frame"
    assert size_of(run(frame(STATE))) == (128, 128)
    assert size_of(run(frame({**STATE, "world": "other"}))) == (96, 96)
    digits = world_hash(worlds.folders()["other"] / "model.safetensors")
    assert size_of(run(frame({**STATE, "world": "other", "hash": digits}))) == (96, 96)
    first = {"world": "fake", "hash": worlds.start.hash}
    assert size_of(run(frame({**STATE, **first, "seq": 3}))) == (128, 128)


def test_a_form_names_its_world_as_an_object_does(worlds):
    form = SimpleNamespace(data={"world": "other"}, files=[])
    assert run(worlds.of(form)).name == "other"
    assert run(worlds.of(SimpleNamespace(data=None))) is worlds.start
    assert run(worlds.of("nonsense")) is worlds.start


@pytest.mark.parametrize(
    "name", ["nowhere", "../other", "other/", "/etc", "", ".", "..", "other/README.md", "x" * 999]
)  # fmt: skip
def test_only_names_in_the_list_are_worlds(worlds, name, folder, monkeypatch):
    monkeypatch.setattr(registry, "world_hash", None)  # nothing is read, or this would be called
    monkeypatch.chdir(folder)
    for ask in (worlds.of({"world": name}), worlds.enter(name)):
        with pytest.raises(NoWorldError, match="not here any more") as caught:
            run(ask)
        assert len(str(caught.value)) < 100


@pytest.mark.parametrize(
    "fields", [{"world": 3}, {"world": ["other"]}, {"world": "other", "hash": 1}]
)
def test_a_name_that_is_no_text_is_refused(worlds, fields):
    with pytest.raises(ConfigError, match="name of a world"):
        run(worlds.of(fields))
    with pytest.raises(ConfigError):
        run(worlds.enter(None))


def test_all_worlds_draw_on_one_thread(worlds):
    threads = set()

    async def both():
        other = await worlds.enter("other")
        jobs = [
            engine.draw(lambda _: threads.add(threading.get_ident()))
            for engine in (worlds.start, other) * 4
        ]
        await asyncio.gather(*jobs)

    run(both())
    assert len(threads) == 1


def test_a_drag_goes_on_while_another_world_loads(folder):
    begun, release = threading.Event(), threading.Event()
    loads = []

    def open_slowly(folder, studio):
        def load():
            loads.append(threading.current_thread().name)
            begun.set()
            assert release.wait(60)
            return OtherWorld()

        return Engine(load, folder.name, OtherWorld.sliders, folder / "model.safetensors", studio)

    start = Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders)
    worlds = Worlds(start, lambda: find_worlds(folder), open_slowly)
    frame = for_worlds(worlds, make_frame)

    async def dragged():
        await frame(STATE)
        entering = asyncio.create_task(worlds.enter("other"))
        await asyncio.to_thread(begun.wait, 60)
        waiting = asyncio.create_task(frame({**STATE, "world": "other"}))
        answers = [await frame({**STATE, "seq": seq}) for seq in range(3)]
        assert await start.read(lambda: "a file is read, too")
        assert not entering.done()
        assert not waiting.done()
        release.set()
        await entering
        return answers, await waiting

    answers, waited = run(dragged())
    assert [size_of(answer) for answer in answers] == [(128, 128)] * 3
    assert size_of(waited) == (96, 96)
    assert [name[:4] for name in loads] == ["load"]
    worlds.close()


def test_a_world_trained_anew_is_another_until_it_is_entered_again(worlds, folder):
    frame = for_worlds(worlds, make_frame)
    old = run(worlds.enter("other"))
    request = {**STATE, "world": "other", "hash": old.hash}
    write_fake(folder / "other", weights=b"newer weights")
    assert size_of(run(frame(request))) == (96, 96)  # the page goes on with the one it has
    new = run(worlds.enter("other"))
    assert new.hash != old.hash
    assert size_of(run(frame(request))) == (96, 96)
    run(old.draw(lambda _: None))
    other = Worlds(worlds.start, lambda: find_worlds(folder), open_fake)  # as after a restart
    answer = run(for_worlds(other, make_frame)(request))
    assert "trained on since" in answer["error"]


def test_weights_that_changed_before_they_were_loaded_are_not_passed_off_as_the_old(
    tiny_world, tmp_path
):
    for name in ("model.safetensors", "config.json", "sliders.json"):
        (tmp_path / name).write_bytes((tiny_world / name).read_bytes())
    engine = open_here(tmp_path, "cpu")
    assert engine.hash
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(NoWorldError, match="trained on since"):
        engine.start().result()
    engine.close()


def test_only_a_few_worlds_stay_in_memory(folder, monkeypatch):
    for number in range(KEPT + 2):
        write_fake(folder / f"w{number}", weights=str(number).encode())
    worlds = fake_worlds(folder)

    async def tour():
        await worlds.start.draw(lambda _: None)
        engines = [await worlds.enter(f"w{number}") for number in range(KEPT + 2)]
        await worlds.enter(f"w{KEPT - 1}")
        await worlds.start.draw(lambda _: None)  # behind the falling asleep
        return engines

    engines = run(tour())
    assert [e._world is not None for e in engines] == [False, False] + [True] * KEPT
    assert worlds.start._world is not None
    frame = for_worlds(worlds, make_frame)
    assert size_of(run(frame({**STATE, "world": "w0", "hash": engines[0].hash}))) == (96, 96)
    worlds.close()


# ---------------------------------------------------------------- the menu


def test_the_list_is_made_anew_each_time(worlds, folder):
    listed = make_worlds(worlds)
    about = "96², in colour"
    names = lambda: [row["name"] for row in run(listed({}))["worlds"]]  # noqa: E731
    assert run(listed({}))["worlds"][1] == {"name": "other", "about": about}
    assert names() == ["fake", "other"]
    write_fake(folder / "a new one")
    write_fake(folder / ".unfinished")
    (write_fake(folder / "half") / "sliders.json").unlink()
    (folder / "notes.txt").write_text("no world")
    assert names() == ["a new one", "fake", "other"]
    for file in (folder / "other").iterdir():
        file.unlink()
    assert names() == ["a new one", "fake"]


@pytest.mark.parametrize("config", ["{", "[]", '{"model": {"channels": 7, "image_size": 8}}'])
def test_a_config_that_cannot_be_read_is_not_described(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    assert describe_world(tmp_path) == ""
    assert describe_world(None) == ""


def test_a_world_is_opened_awake_with_its_own_sliders(worlds):
    found = run(make_open_world(worlds)({"to": "other", "world": "fake"}))
    assert found == json.loads(json.dumps(world_of(run(worlds.enter("other")))))
    assert [row["name"] for row in found["sliders"]["en"]] == [
        *(s.name for s in OtherWorld.sliders),
        GRAIN.name,
    ]
    assert run(make_open_world(worlds)({"to": "fake"}))["hash"] == worlds.start.hash


def test_a_world_that_went_or_is_damaged_says_so(worlds, folder):
    opened = make_open_world(worlds)
    assert run(opened({"to": "nowhere"})) == {
        "error": "The world nowhere is not here any more.",
        "gone": True,
    }
    write_fake(folder / "broken", weights=b"damaged")
    answer = run(opened({"to": "broken"}))
    assert "gone" not in answer
    assert "cannot be used" in answer["error"]
    assert str(folder) not in answer["error"]
    assert size_of(run(for_worlds(worlds, make_frame)(STATE))) == (128, 128)
    write_fake(folder / "broken")
    assert run(opened({"to": "broken"}))["name"] == "broken"
    assert "error" in run(opened("x"))


# ---------------------------------------------------------------- recipes of another world


def dropped(worlds, png):
    make = lambda engine: make_start_from(engine, worlds)  # noqa: E731
    return run(for_worlds(worlds, make)(SimpleNamespace(data={}, files=[("a.png", png)])))


def saved(worlds, **state):
    answer = run(for_worlds(worlds, make_save)({**state, "factor": 1, "recipe": True}))
    return base64.b64decode(answer["png"])


def test_a_recipe_of_another_world_that_is_here_leads_there(worlds, folder):
    state = {"seed": 4, "moves": {"size": 0.5}}
    png = saved(worlds, **state, world="other")
    assert read_recipe(png).world == "other"
    assert dropped(worlds, png) == {"recipe": state, "world": "other"}
    write_fake(folder / "other", weights=b"newer")
    assert "another version of the world other" in dropped(worlds, png)["note"]
    write_fake(folder / "other", weights=b"damaged")
    answer = dropped(worlds, png)
    assert "damaged" in answer["note"]
    assert "starts from the pixels" in answer["note"]
    for file in (folder / "other").iterdir():
        file.unlink()
    assert "made in the world other, and this is fake" in dropped(worlds, png)["note"]


def test_a_recipe_cannot_name_a_path(worlds):
    png = saved(worlds, seed=1, moves={})
    recipe = read_recipe(png)
    other = Recipe(world="../other", hash=recipe.hash, state=recipe.state)
    from vae.pixels import encode_image, to_pixels
    from vae.ui.drawing import picture_of
    from vae.ui.state import PictureState

    pixels = to_pixels(picture_of(FakeWorld(), PictureState(seed=1, moves={})))[0]
    answer = dropped(worlds, encode_image(pixels, "png", text=other.as_text()))
    assert "made in the world ../other" in answer["note"]


# ---------------------------------------------------------------- real folders


def test_worlds_are_found_beside_the_one_the_page_opens_with(tiny_world, tmp_path):
    worlds = open_worlds(str(tiny_world), "cpu", tmp_path)
    assert list(worlds.folders()) == ["tiny"]
    (tmp_path / "twin").symlink_to(tiny_world)
    assert list(worlds.folders()) == ["tiny", "twin"]
    twin = run(worlds.enter("twin"))
    assert (twin.name, twin.hash) == ("twin", worlds.start.hash)
    assert twin is not worlds.start
    assert describe_world(tiny_world) == "32², with transparency"
    worlds.close()


def test_a_world_opened_by_its_folder_is_the_first_even_if_it_vanishes(tiny_world):
    engine = open_engine(str(tiny_world), "cpu")
    worlds = Worlds(Engine(lambda: None, "tiny", [], tiny_world / "gone.safetensors"))  # type: ignore[arg-type]
    with pytest.raises(CheckpointError):
        worlds.start.hash  # noqa: B018
    assert worlds.folders() == {}
    worlds.close()
    engine.close()


GOOD = {"name": "warmth", "kind": "style", "attribute": "warmth", "low": -2, "high": 2.0}
GOOD |= {"gain": 1.0, "purity": 0.5, "spearman": 0.9, "effects": {"redness": 0.4}}


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"name": "x" * 200},
        {"low": "-2"},
        {"high": float("nan")},
        {"high": float("inf")},
        {"low": 3.0},
        {"kind": "<b>"},
        {"effects": {"x" * 200: 0.5}},
        {"effects": 3},
        {"gain": None},
        {"purity": True},
    ],
)
def test_a_slider_table_from_elsewhere_is_checked(tmp_path, change):
    path = tmp_path / "sliders.json"
    path.write_text(json.dumps({"sliders": [GOOD]}))
    assert read_sliders(tmp_path)[0].name == "warmth"
    path.write_text(json.dumps({"sliders": [GOOD | change]}))
    with pytest.raises(CheckpointError, match="is not a world") as caught:
        read_sliders(tmp_path)
    assert str(tmp_path) not in str(caught.value)

import asyncio
import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app import main
from tests.browser.fake_world import FakeWorld, fake_worlds
from vae.errors import ConfigError
from vae.ui import app as page_app
from vae.ui.options import Options, parse
from vae.ui.surface import GRAIN
from vae.ui.train_desk import open_desk

# Importing Gradio pulls in packages that warn about each other's age; they are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

SCRIPT_FUNCTIONS = ["borrow", "decode", "describe", "encode", "sample"]
SERVER_FUNCTIONS = {
    "frame",
    "save",
    "start_from",
    "export",
    "strip",
    "grip",
    "variations",
    "field",
    "blend",
    "look",
    "describe",
    "worlds",
    "open_world",
    "card",
    "match",
    "save_original",
    "direction",
}


@pytest.fixture(scope="module")
def built():
    worlds = fake_worlds()

    async def pages():  # within a loop, or Gradio makes some of its own and never closes them
        return {share: page_app.build(worlds, share=share) for share in (False, True)}

    yield asyncio.run(pages())
    worlds.close()


def config_of(page):
    return page.get_config_file()


@pytest.mark.parametrize("share", [False, True])
def test_no_event_reaches_the_server_but_the_known_functions(built, share):
    """Nothing that trains, deletes or writes can be called, because nothing is registered."""
    page = built[share]
    assert sorted(fn.api_name for fn in page.fns.values() if fn.fn) == SCRIPT_FUNCTIONS
    found = {
        getattr(fn, "__name__", str(fn))
        for block in page.blocks.values()
        for fn in getattr(block, "server_fns", [])
    }
    assert found == SERVER_FUNCTIONS


def test_no_component_takes_files(built):
    kinds = {c["type"] for c in config_of(built[True])["components"]}
    assert not kinds & {"file", "image", "gallery", "uploadbutton", "imageeditor", "fileexplorer"}


def test_the_page_knows_every_slider_of_the_world_it_opens_with(built):
    components = config_of(built[False])["components"]
    [stage] = [c["props"] for c in components if c["props"].get("elem_id") == "stage"]
    world = stage["props"]["world"]
    assert (world["name"], len(world["hash"])) == ("fake", 12)
    for rows in world["sliders"].values():
        assert [row["name"] for row in rows] == [*(s.name for s in FakeWorld.sliders), GRAIN.name]
        assert all(row["label"] and row["info"] for row in rows)


def test_no_word_of_a_world_stands_in_a_template(built):
    """Gradio takes what is between ${ and } there for code, and a world may come from anywhere."""
    templates = [
        c["props"].get("html_template") or "" for c in config_of(built[False])["components"]
    ]
    assert not any("Lobes" in template or "slider-" in template for template in templates)


def test_the_launch_is_private_and_quiet():
    settings = page_app.launch_settings(Options(host="127.0.0.1", port=7999))
    assert settings["run_history"] is False
    assert settings["enable_monitoring"] is False
    assert settings["footer_links"] == []
    assert settings["auth"] is None
    assert "googleapis" not in settings["css"] + settings["head"]
    assert settings["theme"]._stylesheets == []


# ---------------------------------------------------------------- options


def test_defaults_and_every_option():
    assert parse([]) == Options()
    line = "--host 0.0.0.0 --port 8000 --share --password hush --world me/w --device cuda:1"
    assert parse(line.split()) == Options(
        host="0.0.0.0", port=8000, share=True, password="hush", world="me/w", device="cuda:1"
    )
    checked = parse(["--classifier", "models/watchful", "--refuse", "nsfw", "--refuse", "gore"])
    assert checked == Options(classifier=Path("models/watchful"), refuse=("nsfw", "gore"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--password", "password"),
        ("--password= ", "expected some text"),
        ("--port 99999", "expected a port from 1 to 65535, found 99999"),
        ("--port x", "invalid int value"),
        ("--device abacus", "found 'abacus'"),
        ("--nonsense", "unrecognized"),
        ("--refuse nsfw", "expected --classifier FOLDER beside --refuse"),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(line, says):
    with pytest.raises(ConfigError) as caught:
        parse(line.split(" ", 1) if "= " not in line else [line])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (None, "is no folder of an image-classification model"),
        ("nonsense", "is no usable image-classification model"),
        ('{"id2label": {"0": "cat", "1": "dog"}}', "name the labels that refuse a picture"),
        ('{"id2label": {"0": "safe", "1": "nsfw"}}', "needs the library transformers: install it"),
    ],
)
def test_a_classifier_that_cannot_be_used_is_said_at_the_start(
    labels, says, tmp_path, monkeypatch, capsys
):
    if "needs" in says:
        monkeypatch.setitem(sys.modules, "transformers", None)
    else:
        monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))
    if labels is not None:
        (tmp_path / "config.json").write_text(labels)
    assert main(["--classifier", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_classifier_that_can_be_used_is_the_desks(fake_transformers, tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_RUNS", str(tmp_path / "runs"))
    desk = open_desk(tmp_path, fake_transformers, ["nsfw"])
    assert desk._content == {"classifier": fake_transformers, "classifier_labels": ("nsfw",)}
    desk.close()


def test_any_name_comes_in_with_the_right_password():
    options = Options(password="ünseen")
    assert options.admits("anyone", "ünseen")
    assert not options.admits("anyone", "unseen")
    assert not Options().admits("anyone", "x")


def test_a_taken_port_and_a_foreign_host_are_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"127.0.0.1:{port}"):
            page_app.check_address("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"203\.0\.113\.7"):
        page_app.check_address("203.0.113.7", None)

"""Where the Train tab is built, and where it is not."""

import asyncio
import re

import pytest

from tests.browser.fake_world import fake_worlds
from tests.unit.test_ui_app import SCRIPT_FUNCTIONS, SERVER_FUNCTIONS
from vae.ui import app as page_app
from vae.ui.drawings import drawing_functions
from vae.ui.theme import ASSETS, SCRIPTS
from vae.ui.train import train_functions
from vae.ui.train_desk import Desk
from vae.ui.words import TRAIN

# Importing Gradio pulls in packages that warn about each other's age; they are not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

PARTS = ("train", "gather", "setup", "watch", "own")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")

    def no_jobs():
        raise AssertionError("the runs were opened")

    desk = Desk(folder / "runs", folder / "worlds", make_jobs=no_jobs)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def pages(desk):
    worlds = fake_worlds()

    async def build():
        return {s: page_app.build(worlds, share=s, desk=desk) for s in (False, True)}

    yield asyncio.run(build())
    worlds.close()


def functions_of(page):
    return {
        getattr(fn, "__name__", str(fn))
        for block in page.blocks.values()
        for fn in getattr(block, "server_fns", [])
    }


def test_at_home_the_tab_is_there_with_its_functions_and_no_event(pages, desk):
    own = {f.__name__ for f in (*train_functions(desk), *drawing_functions(desk))}
    assert functions_of(pages[False]) >= own
    assert sorted(fn.api_name for fn in pages[False].fns.values() if fn.fn) == SCRIPT_FUNCTIONS
    ids = {c["props"].get("elem_id") for c in pages[False].get_config_file()["components"]}
    assert "train" in ids


def test_where_the_page_is_shared_nothing_of_it_is_registered(pages, desk):
    own = {f.__name__ for f in (*train_functions(desk), *drawing_functions(desk))}
    assert not own & functions_of(pages[True])
    assert functions_of(pages[True]) >= SERVER_FUNCTIONS
    config = pages[True].get_config_file()
    assert "train" not in {c["props"].get("elem_id") for c in config["components"]}
    assert "train" not in {c["props"].get("id") for c in config["components"]}


def test_no_two_functions_share_a_name(desk):
    names = [f.__name__ for f in (*train_functions(desk), *drawing_functions(desk))]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", PARTS)
def test_scripts_say_only_words_that_exist(name):
    text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
    assert set(re.findall(r"\bwords\.([a-z_]+)\b", text)) <= set(TRAIN)


def test_scripts_ask_only_what_is_answered(desk):
    assert {f"{name}.js" for name in (*PARTS, "chart")} <= set(SCRIPTS)
    asked = set()
    for name in PARTS:
        text = (ASSETS / f"{name}.js").read_text(encoding="utf-8")
        asked |= set(re.findall(r'(?:\bask|\.send)\("(\w+)"', text))
    assert asked == {function.__name__ for function in train_functions(desk)}

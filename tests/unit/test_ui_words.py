"""Two languages: the same words in both, each request in its own, every panel in one shape."""

import ast
import asyncio
import json
import re
import string
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.browser.fake_world import fake_worlds, slider
from vae import errors
from vae.ui import words
from vae.ui.language import FIRST, LANGUAGES, Table, answering, in_every, language, speaking
from vae.ui.words import en, en_train, zh, zh_train
from vae.ui.words.zh_sentences import SENTENCES

UI = Path(words.__file__).parents[1]
CHINESE = "zh-CN"
TABLES = sorted(name for name in vars(words) if isinstance(getattr(words, name), Table))
FIRST_TABLES, SECOND_TABLES = (
    {name: table for module in modules for name, table in vars(module).items() if name.isupper()}
    for modules in ((en, en_train), (zh, zh_train))
)
SAME = {"WebP", "KL", "{n} GB", "{n} MB", "CSV"}
"""What is the same in every language: names, and nothing else."""


def leaves(value, path=()):
    """All texts in a table, each with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, tuple):
        for i, part in enumerate(value):
            yield from leaves(part, (*path, i))


def places(text):
    return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def is_english(text):
    return not re.search(r"[\u4e00-\u9fff]", text)


# ---------------------------------------------------------------- the tables


@pytest.mark.parametrize("name", TABLES)
def test_every_language_has_the_same_keys_and_places(name):
    first, second = (dict(leaves(tables[name])) for tables in (FIRST_TABLES, SECOND_TABLES))
    assert list(first) == list(second)
    assert {path: places(text) for path, text in first.items()} == {
        path: places(text) for path, text in second.items()
    }
    assert all(text.strip() for text in (*first.values(), *second.values()))


def test_every_table_of_a_language_is_joined():
    assert set(FIRST_TABLES) == set(SECOND_TABLES) == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_left_in_english(name):
    texts = dict(leaves(SECOND_TABLES[name]))
    keys = {path for path in texts if name == "KEYS" and path[-1] == 0}
    left = {
        path: text
        for path, text in texts.items()
        if is_english(re.sub(r"\{\w+\}", "", text))
        and re.search(r"[A-Za-z]{2}", re.sub(r"\{\w+\}", "", text))
        and text not in SAME
        and path not in keys
    }
    assert left == {}


def test_the_keys_of_the_list_are_the_same():
    for group, rows in en.KEYS.items():
        assert [keys for keys, _ in rows] == [keys for keys, _ in zh.KEYS[group]]


def test_a_table_that_lacks_a_word_is_refused():
    with pytest.raises(ValueError, match="'b'"):
        Table({"a": "x", "b": "y"}, {"a": "z"})


def test_a_table_reads_in_the_language_that_is_spoken():
    table = Table({"a": "one", "b": "two"}, {"a": "一", "b": "二"})
    assert (table["a"], table.get("b"), table.get("c", 0), list(table)) == (
        "one",
        "two",
        0,
        ["a", "b"],
    )
    with speaking(CHINESE):
        assert {**table} == table.copy() == dict(table.items()) == {"a": "一", "b": "二"}
        assert (list(table.values()), "a" in table, len(table)) == (["一", "二"], True, 2)
    assert language() == FIRST
    assert in_every(lambda: table["a"]) == {"en": "one", CHINESE: "一"}


# ---------------------------------------------------------------- one request, one language


def test_visitors_who_speak_at_once_do_not_hear_each_other():
    @answering
    async def greet(data):
        heard = []
        for _ in range(5):
            heard.append(words.PANELS["seed"])
            await asyncio.sleep(0)
        return heard

    async def both():
        asked = [{"language": CHINESE}, {}, {"language": "en"}, {"language": CHINESE}]
        return await asyncio.gather(*[greet(data) for data in asked])

    first, second = "Seed", "种子"
    assert asyncio.run(both()) == [[word] * 5 for word in (second, first, first, second)]
    assert language() == FIRST


@pytest.mark.parametrize("code", ["xx", "zh", None, 3, ["en"], {"en": 1}])
def test_an_unknown_language_is_answered_in_the_first(code):
    answered = answering(lambda data: language())
    assert answered({"language": code}) == FIRST
    assert answered("nonsense") == answered(None) == FIRST


def test_a_file_names_its_language_in_a_field():
    answered = answering(lambda data: language())
    assert answered(SimpleNamespace(data={"language": CHINESE}, files=[])) == CHINESE


# ---------------------------------------------------------------- sentences


def test_what_was_measured_is_said_in_chinese():
    also = (("colorfulness", 0.5), ("coverage", 0.2), ("fineness", 0.2))
    with speaking(CHINESE):
        text = words.slider_effect(slider("warmth", "style", gain=-0.5, also=also))
        single = words.slider_effect(slider("warmth", "style", also=also[:1]))
    assert "冷暖变化 -0.50，方向相反" in text
    assert text.endswith("鲜艳度、覆盖面积和细腻度。")
    assert single.endswith("是鲜艳度。")
    assert "several" not in text


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("position across", "Position across", "左右位置"),
        ("position across 5", "Position across 5", "左右位置 5"),
        ("form 8", "Form 8", "形态 8"),
        ("sadness", "Sadness", "Sadness"),
    ],
)
def test_form_sliders_have_names(name, first, second):
    said = in_every(lambda: words.slider_name(slider(name, "form")))
    assert said == {"en": first, CHINESE: second}


def test_all_words_of_form_have_names():
    from vae.sliders import SHAPE_WORDS

    assert set(words.FORM_NAMES) == {*SHAPE_WORDS.values(), "form"}


def raised(path):
    """Texts of all errors a module raises, a value in braces for each that is filled in."""
    named = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node.value
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
            continue
        if getattr(node.exc.func, "id", "") in (
            "ValueError",
            "TypeError",
            "KeyError",
            "RangeError",
        ):
            continue
        text = template(node.exc.args[0], named) if node.exc.args else None
        if text is not None:
            yield text


def template(node, named):
    if isinstance(node, ast.Name):
        return template(named[node.id], named) if node.id in named else None
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(filled(part) for part in node.values)
    return None


def filled(part):
    if isinstance(part, ast.Constant):
        return part.value
    either = part.value  # one of two words, or a value
    return either.body.value if isinstance(either, ast.IfExp) else "7"


HEARD = [
    *(UI / name for name in ("security.py", "upload.py", "state.py", "engine.py", "download.py")),
    *(UI / name for name in ("borrow.py", "blend.py", "explore.py", "export.py", "film.py")),
    *(UI / name for name in ("worlds.py", "worlds_menu.py", "card.py", "likes.py", "grip.py")),
    *(UI.parent / name for name in ("checkpoint.py", "palette.py", "session.py", "reporter.py")),
    *(UI.parent / name for name in ("jobs.py", "guard.py", "child.py", "archive.py", "ledger.py")),
    UI.parent / "screening" / "guard.py",
]
"""Modules whose errors reach the page. Those of scripts stay English, and so do the terminal's."""


@pytest.mark.parametrize("path", HEARD, ids=lambda path: path.name)
def test_every_error_of_the_page_is_translated(path):
    left = []
    for text in raised(path):
        with speaking(CHINESE):
            said = words.told(errors.VAEError(text))
        left += [text] if is_english(said) else []
    assert left == []


def advised(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Advice":
            yield template(node.args[1], {})


def test_verdicts_advice_and_warnings_are_translated():
    from vae.mirror import _warning
    from vae.screening.reasons import REASONS

    said = [re.sub(r"\{\w+\}", "7", reason) for reason in REASONS.values()]
    said += [text for text in advised(UI.parent / "coach.py") if text]
    said += [_warning(copies, images) for copies in (0.5, 0.9) for images in (30, 300)]
    assert len(said) > len(REASONS) + 10
    with speaking(CHINESE):
        assert [text for text in said if is_english(words.told(errors.VAEError(text)))] == []


def test_translated_sentences_carry_their_values():
    for sentence, translated in SENTENCES.items():
        assert places(sentence) == places(translated)
    with speaking(CHINESE):
        said = words.explain(errors.ImageError("This file is larger than 20 MB."))
        known = words.explain(errors.ConfigError("expected a slider of this world, found 'x'"))
        unknown = words.explain(errors.ImageError("expected this, found that"))
    assert (said, "没有滑块 'x'" in known) == ("这个文件超过 20 MB。", True)
    assert unknown == "expected this, found that"


def test_a_sentence_is_known_with_a_capital_a_full_stop_and_another_within():
    with speaking(CHINESE):
        full = words.told(errors.VAEError("This run is at work; stop it first."))
        within = words.told(
            errors.VAEError("Could not write x: full. Training goes on, and tries again.")
        )
        assert full == "这次训练正在进行，请先停止。"
        assert within == "无法写出 x（full）。训练继续进行，稍后再试。"
    assert words.told(errors.VAEError("this run is at work")) == "this run is at work"


def test_a_sentence_already_in_chinese_stays():
    with speaking(CHINESE):
        sentence = words.RECIPE["impossible"]
        assert words.told(errors.ConfigError(sentence)) == sentence


# ---------------------------------------------------------------- panels


class Shape(HTMLParser):
    """The elements of a piece of HTML, and where between them there is text."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_data(self, data):
        self.found.append("text" if data.strip() else "space")


@pytest.fixture(scope="module")
def components():
    from vae.ui import app

    worlds = fake_worlds()

    async def page():  # within a loop, or Gradio makes one of its own and never closes it
        return app.build(worlds, share=False)

    yield asyncio.run(page()).get_config_file()["components"]
    worlds.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_every_panel_has_one_shape_in_all_languages(components):
    panels = [{**c["props"], **c["props"]["props"]} for c in components if c["type"] == "html"]
    assert len(panels) >= 8
    for panel in panels:
        assert set(panel["versions"]) == set(LANGUAGES), panel["elem_id"]
        shapes = [Shape(html).found for html in panel["versions"].values()]
        assert shapes[0] == shapes[1], panel["elem_id"]
        assert panel["value"] == panel["versions"][FIRST]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_every_label_of_gradios_own_is_one_it_can_find(components):
    from vae.ui.panel import label, translations

    known = translations().translations
    assert set(known) == set(LANGUAGES)
    assert known[CHINESE]["PANELS.seed"] == "种子"
    with pytest.raises(KeyError, match="nothing"):
        label("PANELS", "nothing")
    texts = [str(props.get(name)) for props in own(components) for name in ("label", "value")]
    keys = [
        json.loads(text.removeprefix("__i18n__"))["key"] for text in texts if "__i18n__" in text
    ]
    assert {"TABS.create", "PANELS.seed", "PANELS.surprise", "PANELS.reset_all"} <= set(keys)
    assert set(keys) <= set(known[FIRST])


def own(components):
    return [c["props"] for c in components if c["type"] in ("button", "number", "tabitem")]

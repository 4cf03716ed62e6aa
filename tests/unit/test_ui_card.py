"""The card of a world as HTML: what it shows, and what it never does."""

import asyncio
import base64
import io
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.browser.fake_world import fake_worlds, write_fake
from vae.finish import make_card as make_model_card
from vae.slider import Slider
from vae.sliders import SliderTable
from vae.ui.card import read_card, render
from vae.ui.language import answering, speaking
from vae.ui.words.zh_card import PHRASES
from vae.ui.worlds_menu import make_card

TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "blockquote", "pre", "code", "hr"),
    *("br", "em", "strong", "s", "a", "img", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "href",
    "title",
    "target",
    "rel",
    "src",
    "alt",
    "id",
    "class",
    "style",
    "start",
    "lang",
}


class Reader(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def picture(side=40):
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), 200, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_markdown_is_shown_as_what_it_means(tmp_path):
    text = (
        "# Pears\n\nSome *soft* fruit, `code`.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    html = render(text, tmp_path)
    assert '<h1 id="card-title">Pears</h1>' in html
    assert "<em>soft</em>" in html
    assert html.count("<li>") == 2
    assert "<td>2</td>" in html


def test_what_the_hub_keeps_at_the_head_is_left_out(tmp_path):
    html = render("---\nlicense: apache-2.0\ntags:\n- art\n---\n# Pears\n", tmp_path)
    assert "license" not in html
    assert "Pears" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[x](javascript:alert(1))",
        "[x](data:text/html,alert)",
        "[x](  JaVaScRiPt:alert(1))",
        "![x](javascript:alert(1))",
        "![x](https://example.org/track.png)",
        "![x](data:image/svg+xml,<svg onload=alert(1)>)",
        "<javascript:alert(1)>",
        "```html\n<b onclick=alert(1)>\n```",
        '[x](https://a.example "\\" onclick=alert(1) \\"")',
        "[x]: javascript:alert(1)\n[x]",
        "${alert(1)} {{alert(1)}}",
    ],
)
def test_a_hostile_card_is_only_text(tmp_path, text):
    found = Reader(render(text, tmp_path))
    assert set(found.tags) <= TAGS
    assert "img" not in found.tags
    assert {name for name, _ in found.attributes} <= ATTRIBUTES
    for name, value in found.attributes:
        assert name not in ("href", "src") or re.match("https?://", value)


@given(st.text(alphabet=st.sampled_from(list("<>[]()!`*_#|-\"'&:/\\ \nabjs=")), max_size=80))
def test_no_text_becomes_anything_but_the_known_tags(text):
    found = Reader(render(text, __import__("pathlib").Path("nowhere")))
    assert set(found.tags) <= TAGS
    assert {name for name, _ in found.attributes} <= ATTRIBUTES


def test_links_lead_away_in_a_window_of_their_own_and_nowhere_else(tmp_path):
    html = render(
        "[a](https://example.org/x) [b](../secret) [c](#top) <https://a.example>", tmp_path
    )
    assert html.count('rel="noopener noreferrer nofollow"') == 2
    assert "secret" not in html
    assert html.count("href=") == 2


def test_pictures_beside_the_card_are_drawn_anew_and_small(tmp_path):
    (tmp_path / "samples.png").write_bytes(picture(1500))
    (tmp_path / "two words.png").write_bytes(picture())
    html = render("![64 samples](samples.png) ![](./two%20words.png)", tmp_path)
    sources = re.findall(r'src="data:image/webp;base64,([^"]+)"', html)
    assert 'alt="64 samples"' in html
    sides = [Image.open(io.BytesIO(base64.b64decode(source))).size for source in sources]
    assert sides == [(1024, 1024), (40, 40)]


def test_no_other_file_can_be_shown(tmp_path):
    folder = tmp_path / "world"
    (folder / "inside").mkdir(parents=True)
    for path in (tmp_path / "secret.png", folder / "inside" / "deep.png", folder / ".hidden.png"):
        path.write_bytes(picture())
    (folder / "linked.png").symlink_to(tmp_path / "secret.png")
    (folder / "text.png").write_text("no picture")
    (folder / "vector.svg").write_text("<svg/>")
    (folder / "large.png").write_bytes(picture())
    os.truncate(folder / "large.png", 30 * 2**20)
    names = ["../secret.png", "%2e%2e/secret.png", str(tmp_path / "secret.png"), "inside/deep.png"]
    names += [".hidden.png", "linked.png", "text.png", "vector.svg", "large.png", "gone.png"]
    names += ["file:///etc/passwd", "a\\..\\secret.png", "x.png/../../secret.png"]
    html = render(" ".join(f"![kept]({name})" for name in names), folder)
    assert "<img" not in html
    assert html.count("kept") >= len(names) - 1


def test_only_some_pictures_are_shown(tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    assert render("![](a.png) " * 20, tmp_path).count("<img") == 8


def test_the_card_is_asked_for_by_name(tmp_path):
    write_fake(tmp_path / "other", card="# Other\n\nAnother <b>world</b>.")
    write_fake(tmp_path / "bare")
    worlds = fake_worlds(tmp_path)
    card = lambda name: asyncio.run(make_card(worlds)({"of": name, "world": "fake"}))  # noqa: E731
    assert "&lt;b&gt;world" in card("other")["html"]
    for name in ("bare", "fake"):
        assert card(name) == {"html": "<p>This world came without a card.</p>"}
    for name in ("../other", "nowhere", None, 3, ["other"]):
        assert "not here any more" in card(name)["error"]
    worlds.close()


def test_a_card_is_read_to_a_cap_and_in_any_bytes(tmp_path):
    (tmp_path / "README.md").write_bytes(b"# \xff\xfe caf\xc3\xa9\n" + b"word " * 200_000)
    html = read_card(tmp_path)
    assert "café" in html
    assert len(html) < 400_000
    assert read_card(None) == ""


def test_what_the_project_writes_is_translated_and_what_others_wrote_is_marked(tmp_path):
    slider = Slider(
        name="position across 6", kind="form", attribute=None, low=-2.5, high=2.5,
        gain=0.5, purity=0.3, spearman=0.9,
    )  # fmt: skip
    table = SliderTable((slider,), torch.zeros(1, 4))
    (tmp_path / "README.md").write_text(
        make_model_card("mine", {"training images": 30, "steps": 12}, table)
        + "\n## Numbers\n\n| part | what |\n|---|---|\n| swd | 128² real to real |\n"
        + "| warmth | redness_spread 0.40, odd thing 0.2 |\n\nMy *own* words.\n\n- A thing\n"
    )
    english = read_card(tmp_path)
    with speaking("zh-CN"):
        html = read_card(tmp_path)
    for said in ("数据一览", "训练图片", "步数", "完成时间", "左右位置 6", "128² 真实图片之间"):
        assert said in html
        assert said not in english
    assert "<td>红绿跨度 0.40, odd thing 0.2</td>" in html
    assert "<code>vae.infer.get_infer_model</code> 载入" in html
    assert "不是复制" in html
    assert '<p lang="en">My <em>own</em> words.</p>' in html
    assert '<li lang="en">A thing</li>' in html
    assert "lang=" not in english
    with speaking("zh-CN"):
        assert "<script" not in render("| <script>x |\n|---|\n", tmp_path)
        assert ">5,394 张图片<" in render("## 5,394 images.\n", tmp_path).replace("。", "")
        assert "My images" in render("## My images\n", tmp_path)  # not "My 张图片"


def test_a_card_in_the_language_that_is_spoken_comes_first(tmp_path):
    (tmp_path / "README.md").write_text("# Fruit\n\n你好")
    (tmp_path / "README.zh.md").write_text("# 水果")
    assert '<p lang="zh">你好</p>' in read_card(tmp_path)
    with speaking("zh-CN"):
        assert ">水果</h1>" in read_card(tmp_path)


def test_phrases_carry_their_values():
    for phrase, said in PHRASES.items():
        assert set(re.findall(r"\{\w+\}", phrase)) == set(re.findall(r"\{\w+\}", said))


def test_the_card_answers_in_the_language_of_its_request(tmp_path):
    write_fake(tmp_path / "other", card="# Other\n\n## Numbers\n")
    worlds = fake_worlds(tmp_path)
    card = answering(make_card(worlds))
    said = asyncio.run(card({"of": "other", "language": "zh-CN"}))["html"]
    assert "<h2>数据一览</h2>" in said
    worlds.close()

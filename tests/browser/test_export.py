"""Saving in every form, in the browser: bytes that came through a download."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import after, drag
from tests.unit.test_palette import read_ase
from tests.unit.test_ui_panels import expected
from vae.evaluation.fringe import composite
from vae.ui.seed import FIRST_SEED

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def saved(page, choice: str) -> tuple[str, bytes]:
    page.click("details.export > summary")
    with page.expect_download() as caught:
        page.click(f"details.export button{choice}")
    assert page.locator("details.export[open]").count() == 0
    return caught.value.suggested_filename, caught.value.path().read_bytes()


def test_a_webp_loses_nothing_and_keeps_its_alpha(visit, fake_url):
    page = visit(fake_url)
    after(page, lambda: drag(page, "warmth", 1))
    for factor in (1, 3):
        name, data = saved(page, f'[data-factor="{factor}"]')
        assert name == f"fake-{FIRST_SEED}-moved-{factor}x.webp"
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.mode) == ("WEBP", "RGBA")
            assert image.size == (128 * factor, 128 * factor)
            if factor == 1:
                shown = composite(np.asarray(image) / 255, 1.0)
                wanted = composite(expected(FIRST_SEED, warmth=1.0) / 255, 1.0)
                assert np.abs(shown - wanted).max() <= 1.5 / 255


def test_the_palette_comes_in_four_forms_of_the_same_colours(visit, fake_url):
    page = visit(fake_url)
    files = {kind: saved(page, f'[data-palette="{kind}"]') for kind in ("gpl", "ase", "css", "png")}
    assert {kind: name for kind, (name, _) in files.items()} == {
        kind: f"fake-{FIRST_SEED}-palette.{kind}" for kind in files
    }
    lines = files["gpl"][1].decode().splitlines()[4:]
    colors = [tuple(int(v) for v in line.split("\t")[0].split()) for line in lines]
    assert 5 <= len(colors) <= 8
    _, from_ase = read_ase(files["ase"][1])
    assert [tuple(round(255 * v) for v in values) for _, values in from_ase] == colors
    css = files["css"][1].decode()
    assert all("#{:02x}{:02x}{:02x};".format(*color) in css for color in colors)
    swatch = np.asarray(Image.open(io.BytesIO(files["png"][1])))
    assert [tuple(swatch[10, 160 * i + 80]) for i in range(len(colors))] == colors


def test_the_menu_opens_by_keyboard_and_closes_by_escape_and_outside(visit, fake_url):
    page = visit(fake_url)
    menu = page.locator("details.export .choices")
    page.locator("details.export > summary").focus()
    page.keyboard.press("Enter")
    assert menu.is_visible()
    page.keyboard.press("Escape")
    assert not menu.is_visible()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    page.click("#masthead h1", force=True)
    assert not menu.is_visible()

"""``python -m vae evaluate``: files, figures, the page of definitions, bad input."""

import importlib
import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_fruit
from vae.__main__ import main
from vae.evaluation.__main__ import make_parser
from vae.evaluation.command import EXPLANATION, PARTS, parts_of
from vae.evaluation.figures import plot_leakage, plot_sharpness
from vae.evaluation.report import PARTS as MEASURE

PAGE = EXPLANATION.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("fruit")
    for i in range(80):
        Image.fromarray(draw_fruit(i, 32)).save(path / f"{i:02d}.png")
    return path


def evaluate(world, folder, *more: str) -> list[str]:
    return ["evaluate", "--world", str(world), "--data", str(folder), "--workers", "0", *more]


def test_everything_goes_into_one_folder(tiny_world, folder, tmp_path, capsys):
    out = tmp_path / "out"
    parts = ["swd", "distribution", "sliders", "style", "identifiability"]
    command = evaluate(tiny_world, folder, "--steps", "3", "--num-images", "8", "--out", str(out))
    assert main([*command, "--siblings", str(tiny_world), "--part", *parts]) == 0
    table = capsys.readouterr().out
    names = {"diagnostics", "backgrounds", "slider-paths", "sharpness", "leakage"}
    files = {path.name for path in out.iterdir()}
    assert files == {"numbers.json", "table.txt", *(f"{name}.png" for name in names)}
    assert (out / "table.txt").read_text(encoding="utf-8") == table
    content = json.loads((out / "numbers.json").read_text(encoding="utf-8"))
    assert list(content["seconds"]) == parts
    assert {row["part"] for row in content["rows"]} == set(parts)
    values = {row["what"]: row["value"] for row in content["rows"]}
    assert values["MCC, named keys"] == pytest.approx(1.0, abs=1e-6)
    assert np.isfinite(list(values.values())).all()
    for name in names:
        with Image.open(out / f"{name}.png") as picture:
            assert picture.format == "PNG"
            assert np.asarray(picture.convert("L")).std() > 5


def test_without_siblings_there_is_nothing_to_identify(folder, capsys):
    options = make_parser().parse_args(["--world", "pomona", "--data", str(folder)])
    assert parts_of(options) == tuple(part for part in PARTS if part != "identifiability")
    assert main(evaluate("pomona", folder, "--part", "identifiability")) == 1
    assert "name others of the same data with --siblings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--num-images", "0", "--num-images must be 1 or more, found 0"),
        ("--steps", "2", "--steps must be 3 or more, found 2"),
        ("--workers", "-1", "--workers must be 0 or more, found -1"),
    ],
)
def test_a_number_that_cannot_be_meant_is_one_line(folder, option, value, words, capsys):
    assert main(["evaluate", "--world", "pomona", "--data", str(folder), option, value]) == 1
    assert capsys.readouterr().err == f"error: {words}\n"


def test_the_page_is_printed_without_a_world(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "--explain"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == PAGE


def test_the_page_and_the_command_name_the_same_parts():
    assert tuple(MEASURE) == PARTS
    assert re.findall(r"^## `(\w+)`", PAGE, re.MULTILINE) == list(PARTS)


def test_modules_that_the_page_names_are_there():
    for name in set(re.findall(r"python -m (vae[\w.]*)", PAGE)):
        assert importlib.import_module(name)
    for name in re.findall(r"`(\w+\.py)`", PAGE):
        assert EXPLANATION.with_name(name).is_file()


def test_sharpness_and_leakage_are_drawn_from_their_rows():
    levels = [
        {"ratio": 1.0 + size / 64, "level": size, "set": "samples", "alpha": True}
        for size in (32, 64, 16)
    ]
    (ax,) = plot_sharpness(levels).axes
    assert [label.get_text() for label in ax.get_xticklabels()] == ["64²", "32²", "16²"]
    assert ax.lines[0].get_ydata().tolist() == pytest.approx([2.0, 1.5, 1.25])  # type: ignore[union-attr]
    score = {"name": "b", "attribute": "b", "purity": 0.5, "leakage": {"a": 0.25, "b": 1.0}}
    first = score | {"name": "a", "attribute": "a", "leakage": {"a": 1.0, "b": 0.0}}
    ax = plot_leakage([score, first]).axes[0]
    assert ax.images[0].get_array().tolist() == [[1.0, 0.0], [0.25, 1.0]]  # type: ignore[union-attr]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a · 0.50", "b · 0.50"]

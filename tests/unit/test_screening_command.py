"""``python -m vae screen``: a table, a screened folder, one line where it cannot be."""

import pytest
from PIL import Image

from tests.conftest import draw_art
from vae.__main__ import main
from vae.screening import CONSENT, Manifest
from vae.screening.command import report


@pytest.fixture
def drawings(tmp_path):
    folder = tmp_path / "drawings"
    folder.mkdir()
    for i in range(11):
        Image.fromarray(draw_art(i, 80)).save(folder / f"{i:02d}.png")
    (folder / "a-very-long-name-of-a-file-that-is-no-picture-at-all.txt").write_text("x")
    Image.new("RGB", (100, 100), "white").save(folder / "blank.png")
    return folder


def test_a_folder_is_screened_and_the_verdicts_are_told(drawings, tmp_path, capsys):
    out = tmp_path / "screened"
    assert main(["screen", str(drawings), "--out", str(out), "--consent"]) == 0
    told = capsys.readouterr()
    assert told.err == ""  # no bar where no one looks
    lines = told.out.splitlines()
    assert lines[0].startswith("a-very-long-name-of-a-file-that-is-…  This is not a PNG, JPEG or")
    assert lines[1].startswith("blank.png ")
    assert "kept 11 of 13 (format 1, blank 1)" in lines
    assert "content: not screened for content" in lines
    assert f"consent: {CONSENT}" in lines
    manifest = Manifest.load(out)
    manifest.verify()
    assert manifest.consent is not None
    assert (manifest.consent.sentence, manifest.consent.who) == (CONSENT, "command line")


def test_paper_and_crop_are_applied(drawings, tmp_path):
    sheet = Image.new("RGB", (200, 160), (244, 240, 230))
    sheet.paste((40, 90, 160), (30, 40, 90, 80))
    sheet.save(drawings / "sheet.png")
    out = tmp_path / "screened"
    options = ["--paper", "--crop", "fit", "--max-images", "500"]
    assert (
        main(["screen", str(drawings / "sheet.png"), str(drawings), "--out", str(out), *options])
        == 0
    )
    manifest = Manifest.load(out)
    assert manifest.consent is None
    assert (manifest.settings.crop, manifest.settings.paper) == ("fit", True)
    with Image.open(manifest.images / str(manifest.kept[0].clean)) as image:
        assert image.width == image.height == 69
        assert image.getchannel("A").getextrema() == (0, 255)


def test_errors_are_one_line(drawings, tmp_path, capsys):
    for arguments, sentence in (
        ([tmp_path / "none", "--out", tmp_path / "out"], "there is no file or folder"),
        ([drawings, "--out", drawings], "is not empty; choose another folder"),
        ([drawings, "--out", tmp_path / "out", "--max-images", "0"], "min_images"),
        ([drawings, "--out", tmp_path / "out", "--classifier", tmp_path], ""),
    ):
        code = main(["screen", *map(str, arguments)])
        error = capsys.readouterr().err.strip()
        if sentence:
            assert code == 1
            assert sentence in error
            assert error.startswith("error: ")
            assert len(error.splitlines()) == 1


def test_too_few_images_are_an_error_but_the_verdicts_are_there(drawings, tmp_path, capsys):
    out = tmp_path / "screened"
    assert main(["screen", str(drawings / "03.png"), "--out", str(out)]) == 1
    told = capsys.readouterr()
    assert told.err == (
        "error: At least 10 images are needed, and 1 image was kept. Please add some more.\n"
    )
    assert "kept 1 of 1" in told.out
    assert "--consent gives it" in report(Manifest.load(out))


def test_a_screened_folder_that_was_changed_is_not_trained_on(drawings, tmp_path, capsys):
    out = tmp_path / "screened"
    assert main(["screen", str(drawings), "--out", str(out)]) == 0
    (out / "images" / "0002.png").write_bytes(b"x")
    capsys.readouterr()
    assert (
        main(["train", "--data", str(out), "--out", str(tmp_path / "world"), "--steps", "1"]) == 1
    )
    assert "was changed after the screening" in capsys.readouterr().err
    assert not (tmp_path / "world").exists()

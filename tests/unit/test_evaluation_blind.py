"""The blind look: what is mixed, what is on the sheet, and how a guess is scored."""

import numpy as np
import pytest
from PIL import Image

from vae.errors import ConfigError
from vae.evaluation.blind import COLUMNS, LABEL, TILE, draw_sheet, main, mixture, score


def test_half_are_samples_and_a_seed_mixes_alike():
    mixed = mixture(32, 5)
    assert mixed.sum() == 32
    assert len(mixed) == 64
    assert (mixed == mixture(32, 5)).all()
    assert (mixed != mixture(32, 6)).any()


def test_a_guess_is_scored():
    mixed = np.array([True, True, False, False])
    assert score(mixed, [1, 2]) == (1.0, 0.0, 1.0, pytest.approx(1 / 16))
    assert score(mixed, [3, 4])[:3] == (0.0, 1.0, 0.0)
    assert score(mixed, []) == (0.0, 0.0, 0.5, pytest.approx(11 / 16))
    for number in (0, 5):
        with pytest.raises(ConfigError, match=f"1 to 4, not {number}"):
            score(mixed, [1, number])


def test_every_picture_is_in_its_place_on_white():
    pictures = np.zeros((COLUMNS + 1, 32, 32, 4), np.float32)
    pictures[-1] = (0, 0, 1, 1)
    sheet = np.asarray(draw_sheet(pictures))
    assert sheet.shape == (2 * (TILE + LABEL), COLUMNS * TILE, 3)
    assert (sheet[LABEL:TILE] == 255).all()  # clear pictures leave the ground
    second = sheet[TILE + 2 * LABEL :]
    assert (second[:, :TILE] == (0, 0, 255)).all()
    assert (second[:, TILE:] == 255).all()
    assert (sheet[:LABEL, :TILE] < 128).any()  # its number


def test_sheet_and_answer_from_the_shell(tiny_world, fruit_folder, tmp_path, capsys):
    out = tmp_path / "sheet.png"
    ask = ["--world", str(tiny_world), "--data", str(fruit_folder)]
    assert main([*ask, "--num", "2", "--out", str(out)]) == 0
    with Image.open(out) as sheet:
        assert sheet.size == (COLUMNS * TILE, TILE + LABEL)
    answer = [str(n + 1) for n in np.flatnonzero(mixture(2, 43))]
    assert main([*ask, "--num", "2", "--guess", *answer]) == 0
    told = capsys.readouterr().out
    assert "right 100% of 4" in told
    assert "samples were " + " ".join(answer) in told
    for arguments, says in (
        (["--num", "500", "--out", str(out)], "ask for fewer with --num"),
        (["--num", "0", "--out", str(out)], "--num must be at least 1"),
        (["--num", "2", "--guess", "9"], "1 to 4, not 9"),
    ):
        assert main([*ask, *arguments]) == 1
        assert says in capsys.readouterr().err

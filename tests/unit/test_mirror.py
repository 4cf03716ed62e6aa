"""The memorisation mirror: copies score 1, strangers 0, and the warning says what to do."""

import numpy as np

from tests.conftest import draw_art
from vae.mirror import Mirror, look


def pictures(seeds):
    return np.stack([draw_art(seed, 64) for seed in seeds])


def test_copies_and_their_mirror_images_score_one_and_name_the_right_picture():
    training = pictures(range(20))
    found = look(np.concatenate([training[:5], training[5:9, :, ::-1]]), training)
    assert [number for *_, number in found.rows] == [1.0] * 9
    assert found.score == 1.0
    assert found.copies == 1.0
    assert found.warning.startswith("Almost all samples are close to copies")
    assert "more images" in found.warning
    same = look(training[7:8], training)
    assert same.rows[0][0] == same.rows[0][1]


def test_strangers_are_no_copies():
    found = look(pictures(range(100, 120)), pictures(range(20)))
    assert found.copies < 0.2
    assert found.warning == ""
    assert found.score is not None
    assert found.score < 0.4
    assert len(found.rows) == 9


def test_the_number_falls_with_the_distance():
    training = pictures(range(12)).astype(float)
    other = pictures([50]).astype(float)
    numbers = [
        look(np.rint(training[:1] * (1 - t) + other * t).astype(np.uint8),
             training.astype(np.uint8)).rows[0][2]
        for t in (0.0, 0.1, 0.3)
    ]  # fmt: skip
    assert numbers[0] == 1.0
    assert numbers[0] > numbers[1] > numbers[2]


def test_identical_training_pictures_do_no_harm():
    training = np.repeat(pictures([1]), 4, 0)
    assert np.isfinite(look(pictures([2]), training).rows[0][2])


def test_it_comes_back_from_its_folder_and_nothing_is_empty(tmp_path):
    found = look(pictures(range(3)), pictures(range(5)))
    found.save(tmp_path)
    assert Mirror.load(tmp_path) == found
    empty = Mirror.load(tmp_path / "none")
    assert (empty.rows, empty.score, empty.warning) == ((), None, "")

"""The benchmark of kills finds torn files and strays of every kind, and its verdict is strict."""

from argparse import Namespace

import pytest

from tests.benchmarks.kills import verdict
from tests.conftest import draw_art, snapshot
from tests.jobs_support import left_behind, unreadable
from vae.checkpoint import write_tensors
from vae.pixels import encode_image
from vae.tracker import Tracker

CLEAN = {"within": 10, "torn_files": 0, "same": True, "left": []}


def told(**changes):
    options = Namespace(kills=40, in_save=10)
    return verdict(options=options, **(CLEAN | changes))


def test_the_verdict_counts_the_kills_within_a_save():
    line, failed = told()
    assert line == (
        "40 kills, 10 within a save (at least 10 wanted); 0 unreadable files; losses the same; "
        "stray files: none"
    )
    assert not failed
    assert not told(within=12)[1]
    for less in ({"within": 9}, {"torn_files": 1}, {"same": False}, {"left": ["runs/.x.part"]}):
        assert told(**less)[1], less
    assert "stray files: ['.x.part']" in told(left=["runs/.x.part"])[0]


@pytest.fixture
def run(tmp_path):
    """One file of each kind that a run or a world has."""
    folder = tmp_path / "run"
    write_tensors(folder / "training.safetensors", {}, {"step": 1})
    tracker = Tracker(folder / "run.jsonl")
    tracker.append({"step": 1, "total": 2.0})
    tracker.close()
    for name, data in {
        "status.json": b'{"state": "done"}',
        "pictures/0.webp": encode_image(draw_art(0, 32)),
        "mirror/0-sample.png": encode_image(draw_art(0, 32), "png"),
        "README.md": b"# A world",
        "worker.log": b"",
        "lock": b"",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def test_whole_files_of_every_kind_are_readable(run):
    before = snapshot(run)
    assert unreadable(run) == []
    assert snapshot(run) == before


@pytest.mark.parametrize(
    "name",
    [
        *("training.safetensors", "run.jsonl", "status.json", "README.md"),
        *("pictures/0.webp", "mirror/0-sample.png"),
    ],
)
def test_a_torn_file_of_any_kind_is_found(run, name):
    data = (run / name).read_bytes()
    torn = {"run.jsonl": b"{\n", "README.md": b""}.get(name, data[: len(data) // 2])
    (run / name).write_bytes(torn)
    assert [bad.split(": ")[0] for bad in unreadable(run)] == [name]


def test_a_file_that_nobody_knows_is_told(run):
    (run / "strange.bin").write_bytes(b"x")
    (run / ".status.json.0a.part").write_bytes(b"{")  # not a file yet
    assert [bad.split(": ")[0] for bad in unreadable(run)] == ["strange.bin"]


def test_strays_of_every_kind_are_found(tmp_path):
    (tmp_path / "runs" / ".new-one" / "data").mkdir(parents=True)
    (tmp_path / "worlds" / ".import-two").mkdir(parents=True)
    (tmp_path / "worlds" / ".deleted-three").mkdir()
    (tmp_path / "worlds" / "mine").mkdir()
    (tmp_path / "worlds" / "mine" / ".model.safetensors.0a.part").write_bytes(b"")
    (tmp_path / "runs" / ".key").write_bytes(b"")
    names = [path.rsplit("/", 1)[-1] for path in left_behind(tmp_path)]
    assert sorted(names) == [
        ".deleted-three", ".import-two", ".model.safetensors.0a.part", ".new-one",
    ]  # fmt: skip

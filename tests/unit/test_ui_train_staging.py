"""Where uploads wait, without a browser."""

import os
import time

import pytest

from vae.errors import DatasetError
from vae.ui import train_staging
from vae.ui.train_staging import PIECE_BYTES, Caps, Staging, clean_name
from vae.ui.visitor import visited_by

BATCH, PART = "0" * 32, "a" * 32


@pytest.fixture
def staging(tmp_path):
    return Staging(tmp_path / "in", Caps(files=3, file_bytes=100, zip_bytes=300, batch_bytes=400))


def put(staging, name="a.png", data=b"x" * 10, *, batch=BATCH, part=PART, offset=0, size=None):
    return staging.put(batch, part, name, data, offset=offset, size=size or len(data))


def test_a_file_appears_once_it_is_whole(staging):
    assert put(staging, data=b"one ", size=7) == 4
    assert staging.files(BATCH) == []
    assert put(staging, data=b"two", offset=4, size=7) == 7
    [path] = staging.files(BATCH)
    assert (path.name, path.read_bytes()) == ("a.png", b"one two")


def test_files_of_one_name_stand_side_by_side(staging):
    for number in range(3):
        put(staging, data=bytes([number]) * 5)
    assert [p.name for p in staging.files(BATCH)] == ["a 2.png", "a 3.png", "a.png"]


@pytest.mark.parametrize("offset", [3, 5, 20])
def test_a_piece_that_does_not_follow_is_refused(staging, offset):
    put(staging, data=b"1234", size=30)
    with pytest.raises(DatasetError, match="pieces that do not fit"):
        put(staging, data=b"x", offset=offset, size=30)


def test_sending_again_begins_the_file_again(staging):
    put(staging, data=b"broken", size=20)
    put(staging, data=b"whole")
    assert staging.files(BATCH)[0].read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": "a.gif"}, "not a PNG"),
        ({"name": "a"}, "not a PNG"),
        ({"data": b"x" * 101}, "larger than"),
        ({"data": b""}, "empty"),
        ({"data": b"xx", "size": 1}, "do not fit"),
        ({"offset": -1}, "do not fit"),
        ({"batch": "../../etc"}, "no longer here"),
        ({"batch": "0" * 31 + "/"}, "no longer here"),
        ({"batch": None}, "no longer here"),
        ({"part": "x"}, "no longer here"),
    ],
)
def test_what_cannot_be_used_gets_its_sentence_and_leaves_nothing(staging, changes, says):
    with pytest.raises(DatasetError, match=says):
        put(staging, **changes)
    assert not staging.folder.exists()


def test_a_piece_has_its_own_bound(tmp_path):
    with pytest.raises(DatasetError, match="do not fit"):
        put(Staging(tmp_path), "a.zip", b"x" * (PIECE_BYTES + 1))


def test_the_table_holds_so_many_files_and_bytes(staging):
    for number in range(3):
        put(staging, f"{number}.png", b"x" * 99)
    with pytest.raises(DatasetError, match="3 files"):
        put(staging, "more.png")
    put(staging, "a.zip", b"x" * 150, batch="1" * 32)
    with pytest.raises(DatasetError, match="do not fit on the table"):
        put(staging, "b.zip", b"x" * 260, batch="1" * 32)


def test_begun_files_count_too(staging):
    put(staging, "a.zip", b"x" * 200, size=300)
    with pytest.raises(DatasetError, match="do not fit on the table"):
        put(staging, "b.zip", b"x", part="b" * 32, size=250)


def test_batches_are_counted_and_swept_when_stale(tmp_path):
    staging = Staging(tmp_path, Caps(batches=2, stale=60))
    for number in range(2):
        put(staging, batch=f"{number:032x}")
    with pytest.raises(DatasetError, match="Too many people"):
        put(staging, batch="f" * 32)
    old = time.time() - 100
    os.utime(staging.path("0" * 32), (old, old))
    put(staging, batch="f" * 32)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{1:032x}", "f" * 32]


def test_at_this_machine_the_oldest_idle_table_makes_room_and_no_visitor_moves_it(tmp_path):
    staging = Staging(tmp_path, Caps(batches=3, idle=60))
    with visited_by("192.0.2.7"):
        put(staging, batch="a" * 32)
    for number in range(2):
        put(staging, batch=f"{number:032x}")
    for name, age in (("a" * 32, 300), ("0" * 32, 200), (f"{1:032x}", 100)):
        then = time.time() - age
        os.utime(staging.path(name), (then, then))
    with visited_by("192.0.2.8"), pytest.raises(DatasetError, match="Too many people"):
        put(staging, batch="e" * 32)
    put(staging, batch="f" * 32)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{1:032x}", "a" * 32, "f" * 32]
    put(staging, batch="d" * 32)
    with pytest.raises(DatasetError, match="Too many people"):
        put(staging, batch="c" * 32)  # all that is left is a visitor's, or fresh


def test_the_owner_of_a_batch_is_there_as_a_whole_or_not_at_all(staging, monkeypatch):
    def dies(*_, **__):
        raise KeyboardInterrupt

    with visited_by("192.0.2.7"):
        monkeypatch.setattr("os.fsync", dies)  # before anything is sure to be on the disk
        with pytest.raises(KeyboardInterrupt):
            put(staging)
        assert not (staging.path(BATCH) / "visitor").exists()
        monkeypatch.undo()
        put(staging)
        assert len((staging.path(BATCH) / "visitor").read_text()) == 16


def test_removing_a_batch_leaves_the_others(staging):
    put(staging)
    put(staging, batch="1" * 32)
    staging.remove(BATCH)
    staging.remove(BATCH)
    assert staging.files(BATCH) == []
    assert len(staging.files("1" * 32)) == 1


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("a.png", "a.png"),
        ("holiday/beach.JPG", "beach.JPG"),
        ("..\\..\\evil.png", "evil.png"),
        ("/etc/passwd.png", "passwd.png"),
        ("..png", "drawing.png"),
        ("画 画.webp", "画 画.webp"),
        ("a\x00b\n.png", "a_b_.png"),
        ("con:?.png", "con__.png"),
        ("x" * 300 + ".png", "x" * 80 + ".png"),
        ("画" * 100 + ".png", "画" * 26 + ".png"),
    ],
)
def test_names_lead_nowhere(given, name):
    assert clean_name(given) == name


def test_suffixes_are_those_the_page_offers():
    assert train_staging.SUFFIXES == (".png", ".jpg", ".jpeg", ".webp")

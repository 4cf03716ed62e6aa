"""Timestamps sort and round-trip; a write is whole or did not happen."""

import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from vae.utils import log_timestamp, parse_timestamp, write_atomic


def test_timestamp_is_utc_to_the_millisecond():
    moment = datetime(2026, 1, 2, 3, 4, 5, 6_999, tzinfo=timezone(timedelta(hours=2)))
    assert log_timestamp(moment) == "2026-01-02T01-04-05-006Z"


def test_naive_moments_are_taken_as_utc():
    assert log_timestamp(datetime(2026, 1, 2)) == "2026-01-02T00-00-00-000Z"


def test_timestamps_sort_as_text_and_parse_back():
    start = datetime(2025, 12, 31, 23, 59, 59, 998_000, tzinfo=UTC)
    moments = [start + timedelta(milliseconds=step) for step in (0, 1, 2, 1500, 10**8)]
    texts = [log_timestamp(moment) for moment in moments]
    assert texts == sorted(texts)
    assert [parse_timestamp(text) for text in texts] == moments


def test_now_is_now_and_fits_in_a_file_name():
    text = log_timestamp()
    assert abs((parse_timestamp(text) - datetime.now(UTC)).total_seconds()) < 5
    assert Path(text).suffix == ""
    assert not set(text) & set(':/\\ *?"<>|')


def test_foreign_text_is_no_timestamp():
    with pytest.raises(ValueError, match="does not match"):
        parse_timestamp("yesterday")


def test_write_makes_folders_and_replaces_whole(tmp_path):
    path = tmp_path / "a" / "b" / "file.bin"
    assert write_atomic(path, b"long old content") == path
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_new_files_follow_the_umask_and_replaced_ones_keep_their_mode(tmp_path):
    path = tmp_path / "file"
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    write_atomic(path, b"1")
    assert path.stat().st_mode == plain.stat().st_mode
    path.chmod(0o640)
    write_atomic(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_on_the_way_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, fail)
    with pytest.raises(OSError, match="no space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_very_long_names_still_have_room_for_the_file_beside(tmp_path):
    path = tmp_path / ("n" * 250)
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"

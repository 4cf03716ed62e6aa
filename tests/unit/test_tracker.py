"""Run records survive a second process, a crash, a resume, and numbers JSON does not know."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from vae.errors import ConfigError, TrainingError
from vae.tracker import Tracker, column

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from vae.tracker import Tracker
total = int(sys.argv[3])
with Tracker(sys.argv[2]) as tracker:
    for step in range(total):
        while len(sys.argv) > 5 and step == total // 2 and not Path(sys.argv[5]).exists():
            time.sleep(0.001)  # the second half waits for who has read the first
        tracker.append({"step": step, "loss": 1 / (step + 1), "note": "ü" * 50})
        if len(sys.argv) > 4:
            time.sleep(float(sys.argv[4]))
"""


def start_writer(path: Path, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(ROOT), str(path), *map(str, arguments)]
    )


@pytest.fixture
def tracker(tmp_path):
    with Tracker(tmp_path / "runs" / "run.jsonl") as one:
        yield one


def test_a_reader_may_come_before_the_writer(tracker):
    assert tracker.read() == []
    assert tracker.read_from(40) == ([], 0)
    assert not tracker.path.exists()


def test_records_come_back_as_they_were(tracker):
    records = [
        {"step": 0, "loss": 0.5, "phase": "pretrain", "rates": [0.1, 0.2], "done": False},
        {"step": 1, "loss": 1e-30, "keys": {"warmth": {"gain": 0.9}}, "best": None},
    ]
    for record in records:
        tracker.append(record)
    assert tracker.read() == records


def test_numbers_of_numpy_and_torch_are_taken_as_values(tracker):
    tracker.append({"step": np.int64(3), "a": np.float32(0.5), "b": torch.tensor(2.0)})
    assert tracker.read() == [{"step": 3, "a": 0.5, "b": 2.0}]


def test_numbers_that_json_lacks_come_back_and_the_file_stays_json(tracker):
    tracker.append({"step": 1, "loss": math.nan, "kl": [math.inf, -math.inf]})
    json.loads(tracker.path.read_text(), parse_constant=lambda _: pytest.fail("not JSON"))
    (record,) = tracker.read()
    assert math.isnan(record["loss"])
    assert record["kl"] == [math.inf, -math.inf]


def test_a_second_process_is_read_while_it_writes(tmp_path):
    reader, total = Tracker(tmp_path / "run.jsonl"), 3000
    go_on = tmp_path / "go on"
    process = start_writer(reader.path, total, 0, go_on)
    seen: list[int] = []
    offset, deadline = 0, time.monotonic() + 60
    while len(seen) < total and time.monotonic() < deadline:
        records, offset = reader.read_from(offset)
        seen += [record["step"] for record in records]
        if len(seen) == total // 2:
            assert process.poll() is None  # it writes on after this
            go_on.touch()
    assert process.wait(30) == 0
    assert seen == list(range(total))


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_killed_writer_leaves_whole_lines(tmp_path):
    reader = Tracker(tmp_path / "run.jsonl")
    process = start_writer(reader.path, 10**6, 0.0005)
    while len(reader.read()) < 20:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    steps = [record["step"] for record in reader.read()]
    assert steps == list(range(len(steps)))
    assert reader.resume(10) == 11


def test_a_torn_last_line_waits_until_it_is_whole(tracker):
    tracker.append({"step": 0})
    line = b'{"step":1,"loss":0.25}\n'
    with tracker.path.open("ab") as file:
        file.write(line[:9])
    records, offset = tracker.read_from(0)
    assert [record["step"] for record in records] == [0]
    with tracker.path.open("ab") as file:
        file.write(line[9:])
    assert tracker.read_from(offset) == ([{"step": 1, "loss": 0.25}], tracker.path.stat().st_size)


@pytest.mark.parametrize("length", [1, 70_000])
def test_a_line_torn_by_a_crash_is_cut_off_before_the_next(tmp_path, length):
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"step":0}\n' + b'{"step":1,"note":"' + b"x" * length)
    with Tracker(path, sync=True) as tracker:
        tracker.append({"step": 1})
        assert [record["step"] for record in tracker.read()] == [0, 1]
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(b'{"st')
    with Tracker(torn) as tracker:
        tracker.append({"step": 7})
    assert torn.read_bytes() == b'{"step":7}\n'


def test_resume_drops_what_came_after_the_checkpoint(tracker):
    for step in range(10):
        tracker.append({"step": step, "loss": math.nan if step == 2 else 1.0})
    _, end = tracker.read_from(0)
    assert tracker.resume(5) == 6
    tracker.append({"step": 6, "loss": 2.0})
    records, offset = tracker.read_from(end)
    assert [record["step"] for record in records] == [0, 1, 2, 3, 4, 5, 6]
    assert records[-1]["loss"] == 2.0
    assert offset < end


def test_a_reader_notices_a_resumed_file_even_when_it_has_grown_longer_again(tmp_path):
    reader, writer = Tracker(tmp_path / "run.jsonl"), Tracker(tmp_path / "run.jsonl")
    for step in range(10):
        writer.append({"step": step})
    _, offset = reader.read_from(0)
    writer.resume(4)
    for step in range(5, 30):
        writer.append({"step": step, "again": True})
    records, _ = reader.read_from(offset)
    assert [record["step"] for record in records] == list(range(30))
    writer.close()


def test_resume_at_the_last_step_keeps_the_very_file(tracker):
    tracker.append({"step": 1})
    before = tracker.path.stat().st_ino
    assert tracker.resume(1) == 1
    assert tracker.path.stat().st_ino == before


def test_resume_of_nothing_is_nothing(tracker):
    assert tracker.resume(3) == 0
    assert not tracker.path.exists()


def test_closing_twice_is_harmless_and_appending_opens_again(tracker):
    tracker.append({"step": 0})
    tracker.close()
    tracker.close()
    tracker.append({"step": 1})
    assert len(tracker.read()) == 2


def test_a_curve_skips_records_without_the_key():
    records = [{"step": 1, "loss": 2}, {"step": 2, "psnr": 20.0}, {"step": 3, "loss": 1.0}]
    assert column(records, "loss") == ([1, 3], [2.0, 1.0])


@pytest.mark.parametrize("record", [{}, {"step": 1.5}, {"step": "1"}, {"step": True}])
def test_a_record_needs_an_integer_step(tracker, record):
    with pytest.raises(TrainingError, match="integer 'step'"):
        tracker.append(record)
    assert not tracker.path.exists()


def test_values_without_a_place_in_json_are_named(tracker):
    with pytest.raises(TrainingError, match="object"):
        tracker.append({"step": 1, "model": object()})


@pytest.mark.parametrize(("line", "message"), [("nonsense", "not JSON"), ("[1]", "with a step")])
def test_foreign_files_are_refused_in_one_sentence(tmp_path, line, message):
    path = tmp_path / "run.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(TrainingError, match=message):
        Tracker(path).read()


def test_a_thousand_records_open_the_file_once_and_never_wait_for_the_disk(tracker, monkeypatch):
    opened, waited = [], []
    really = Tracker._open
    monkeypatch.setattr(Tracker, "_open", lambda one: opened.append(1) or really(one))
    monkeypatch.setattr(os, "fsync", waited.append)
    for step in range(1000):
        tracker.append({"step": step, "loss": 0.5, "kl": 12.0, "psnr": 21.0})
    assert (len(opened), waited) == (1, [])
    assert len(tracker.read()) == 1000


def test_event_files_are_an_option(tmp_path, monkeypatch):
    written = []

    class Writer:
        def __init__(self, folder):
            written.append(folder)

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def flush(self):
            written.append("flushed")

    fake = types.ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    with Tracker(tmp_path / "run.jsonl", tensorboard=tmp_path / "events") as tracker:
        tracker.append({"step": 3, "kind": "test", "loss": 0.5, "note": "x", "good": True})
    assert written == [str(tmp_path / "events"), ("loss/test", 0.5, 3), "flushed"]


def test_without_the_package_the_option_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="pip install tensorboard"):
        Tracker(tmp_path / "run.jsonl", tensorboard=tmp_path / "events")


def test_a_full_disk_costs_a_record_and_tears_no_line(tracker, monkeypatch):
    tracker.append({"step": 0})
    with monkeypatch.context() as patch:

        def half(file, data):
            written = bytes(data)[:4]
            real(file, written)
            raise OSError(28, "No space left on device")

        real = os.write
        patch.setattr("vae.tracker.os.write", half)
        with pytest.raises(OSError, match="No space left"):
            tracker.append({"step": 1})
    tracker.append({"step": 2})
    assert [record["step"] for record in tracker.read()] == [0, 2]

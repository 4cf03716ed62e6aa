"""What is known of runs where the disk refuses, a folder vanishes, or others are at work."""

import errno
import os
import shutil
import threading

import pytest

from tests.jobs_support import request, submitted
from vae.board import VANISHED
from vae.errors import TrainingError
from vae.guard import Caps
from vae.ledger import BUSY, Control, Ledger, Status, planned_minutes


def refuse(monkeypatch):
    """Let no status be written."""

    def full(self, status, *, sync=True):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Ledger, "write_status", full)


def test_a_run_that_dies_on_a_full_disk_keeps_its_place_and_is_written_later(
    jobs, data, monkeypatch
):
    dead, waits = submitted(jobs, request(data)), submitted(jobs, request(data, name="Next"))
    dead.write_status(dead.status().changed(state="training", step=3, saved=3))
    with monkeypatch.context() as patch:
        refuse(patch)
        jobs._after(dead.id, -9)
        found = {s.id: (s.state, s.place) for s in jobs.list()}
        assert found == {dead.id: ("queued", 1), waits.id: ("queued", 2)}
        assert jobs.status(dead.id).message.endswith("It goes on from step 3.")
    assert dead.status().state == "training"  # so the disk says
    monkeypatch.setattr("vae.jobs.spawn", lambda *_: _Busy())
    jobs._tick()
    assert dead.status().state == "preparing"  # its turn came
    assert jobs.status(waits.id).place == 1


class _Busy:
    """A child process that is at work for ever."""

    returncode = None

    def poll(self):
        return None


def test_what_the_disk_refused_is_written_when_it_takes_it(jobs, data, monkeypatch):
    led = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        refuse(patch)
        jobs.pause(led.id)
        assert jobs.status(led.id).state == "paused"
    assert led.status().state == "queued"
    jobs._tick()
    assert led.status().state == "paused"


def test_a_folder_that_vanished_under_its_worker_can_be_asked_and_removed(jobs, data):
    led = submitted(jobs, request(data))
    jobs._children[led.id] = _Busy()
    shutil.rmtree(led.folder)
    for ask in (jobs.status, jobs.pause, jobs.stop, jobs.save):
        status = ask(led.id)
        assert (status.state, status.message) == ("failed", VANISHED)
    del jobs._children[led.id]
    jobs._after(led.id, 0)
    assert [s.message for s in jobs.list()] == [VANISHED]
    jobs.forget(led.id, confirm=True)
    assert jobs.list() == ()
    with pytest.raises(TrainingError, match="no such run"):
        jobs.status(led.id)


def test_a_run_without_its_request_is_told_and_its_weights_stay(jobs, data):
    led = submitted(jobs, request(data))
    (led.folder / "training.safetensors").write_bytes(b"weights")
    (led.folder / "job.json").unlink()
    jobs._after(led.id, -9)
    assert jobs.list()[0].state == "failed"
    assert (led.folder / "training.safetensors").read_bytes() == b"weights"


def test_a_worker_that_found_another_at_its_run_says_nothing_of_it(jobs, data):
    led = submitted(jobs, request(data))
    led.write_status(led.status().changed(state="training"))
    jobs._after(led.id, BUSY)
    assert jobs.status(led.id).state == "training"
    with led.at_work() as alone:
        assert alone
        jobs._after(led.id, None)
    assert (jobs.status(led.id).state, jobs.status(led.id).restarts) == ("training", 0)


def test_extensions_that_were_not_heard_yet_count(jobs, data):
    led = submitted(jobs, request(data, steps=None, minutes=200.0))
    jobs._children[led.id] = _Busy()
    jobs.extend(led.id, 30)
    with pytest.raises(TrainingError, match="may take 10 minutes more, not 30"):
        jobs.extend(led.id, 30)
    jobs.extend(led.id, 10)
    assert led.control().minutes == 40
    assert led.status().minutes == 200  # its worker tells


def test_runs_counted_in_steps_are_extended_within_the_grant_too(jobs, data):
    led = submitted(jobs, request(data))
    jobs.extend(led.id, 200)
    with pytest.raises(TrainingError, match="may take 40 minutes more, not 60"):
        jobs.extend(led.id, 60)


@pytest.mark.parametrize(
    ("minutes", "extended", "asked", "planned"),
    [(20, 0, 0, 20), (20, 0, 5, 25), (25, 5, 5, 25), (25, 5, 12, 32), (0, 5, 5, 5), (0, 0, 7, 7)],
)
def test_planned_minutes(minutes, extended, asked, planned):
    status = Status(id="a", minutes=minutes, extended=extended)
    assert planned_minutes(status, Control(minutes=asked)) == planned


def test_no_grant_is_larger_than_the_servers_own(jobs):
    grant = jobs.grant(Caps(minutes=1e6, images=50))
    assert (grant.minutes, grant.images) == (jobs.caps.minutes, 50)


def test_a_grant_is_spent_though_its_run_is_gone(jobs, data):
    grant = jobs.grant()
    jobs.forget(jobs.submit(request(data), grant), confirm=True)
    with pytest.raises(TrainingError, match="was used before"):
        jobs.submit(request(data), grant)


def test_runs_are_seen_and_controlled_while_pictures_are_copied(jobs, data, monkeypatch):
    led = submitted(jobs, request(data))
    entered, leave = threading.Event(), threading.Event()

    def slow(*_, **__):
        entered.set()
        assert leave.wait(20)
        return "nothing"

    monkeypatch.setattr("vae.jobs.submit_run", slow)
    one = threading.Thread(target=jobs.submit, args=(request(data), jobs.grant()))
    one.start()
    assert entered.wait(20)
    assert jobs.pause(led.id).state == "paused"
    assert [s.state for s in jobs.list()] == ["paused"]
    leave.set()
    one.join(20)

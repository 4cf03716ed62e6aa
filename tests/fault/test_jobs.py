"""The queue with real child processes: killed, restarted, queued, stopped; nothing is ever torn."""

import os
import signal
import time

import pytest
import torch

from tests.jobs_support import (
    left_behind,
    losses,
    request,
    screened,
    submitted,
    wait_for,
    wait_until,
    worlds_with,
)
from vae.checkpoint import read_tensors
from vae.child import threads
from vae.errors import ConfigError, DatasetError, TrainingError
from vae.infer import get_infer_model
from vae.jobs import Jobs
from vae.ledger import Ledger, TrainRequest, find_run
from vae.rehearsal import rehearse
from vae.worker import work

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="kill -9"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return screened(tmp_path_factory.mktemp("data"))


@pytest.fixture
def home(tmp_path, tiny_world):
    worlds_with(tiny_world, tmp_path / "worlds")
    return tmp_path


@pytest.fixture
def jobs(home):
    one = Jobs(home / "runs", home / "worlds")
    yield one
    for status in one.list():
        one.stop(status.id)
    one.close(wait=60)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def test_a_run_in_a_child_is_the_run_in_this_process(jobs, home, data, tmp_path, tiny_world):
    wanted = request(data, precision="fp32")  # bf16 rounds by more than sums differ
    id = jobs.submit(wanted, jobs.grant())  # noqa: A001
    status = wait_for(jobs, id, "done", "failed")
    assert status.state == "done", status.message
    assert status.pid is None
    worlds = worlds_with(tiny_world, tmp_path / "other-worlds")
    other = Jobs(tmp_path / "other", worlds, run=False)
    here = submitted(other, wanted)
    torch.set_num_threads(2 if threads() == 1 else 1)
    assert work(here, worlds) == 0
    assert [s for s, _ in losses(home / "runs" / id)] == [s for s, _ in losses(here.folder)]
    for (_, a), (_, b) in zip(losses(home / "runs" / id), losses(here.folder), strict=True):
        assert a == pytest.approx(b, rel=1e-3)  # another number of threads sums in another order
    records, place = jobs.records(id)
    assert records
    assert jobs.records(id, place) == ([], place)
    assert len(jobs.mirror(id).rows) == 9
    assert jobs.pictures(id)[0][0] == 0
    assert find_run(jobs.folder, "Mine").id == id
    assert get_infer_model(home / "worlds" / "Mine").sliders


def test_a_killed_worker_goes_on_by_itself_with_the_same_losses(jobs, home, data):
    whole = jobs.submit(request(data, name="Whole", steps=14), jobs.grant())
    wait_for(jobs, whole, "done")
    id = jobs.submit(request(data, name="Broken", steps=14), jobs.grant())  # noqa: A001
    for at in (2, 6, 9):
        status = wait_until(jobs, id, lambda s, at=at: s.step >= at and s.pid is not None)
        kill(status.pid)
        wait_until(jobs, id, lambda s, pid=status.pid: s.pid != pid)
        read_tensors(home / "runs" / id / "training.safetensors")
    status = wait_for(jobs, id, "done", "failed")
    assert status.state == "done", status.message
    assert losses(home / "runs" / id) == losses(home / "runs" / whole)
    assert left_behind(home) == []


def test_a_worker_that_dies_again_and_again_is_given_up_with_a_sentence(home, data, monkeypatch):
    monkeypatch.setattr("vae.child._command", lambda *_: ["/bin/sh", "-c", "kill -9 $$"])
    jobs = Jobs(home / "runs", home / "worlds")
    id = jobs.submit(request(data), jobs.grant())  # noqa: A001
    status = wait_for(jobs, id, "failed")
    assert "killed from outside, perhaps for want of memory. It did so 4 times" in status.message
    monkeypatch.undo()
    jobs.resume(id)
    assert wait_for(jobs, id, "done", "failed").state == "done"
    jobs.close()


def test_one_works_and_the_others_see_their_place(jobs, data):
    ids = [jobs.submit(request(data, name=f"World {n}", steps=4), jobs.grant()) for n in range(3)]
    assert [s.place for s in jobs.list()] in ([0, 1, 2], [1, 2, 3])
    wait_until(jobs, ids[0], lambda s: s.place == 0)
    assert [jobs.status(i).place for i in ids] == [0, 1, 2]
    assert jobs.pause(ids[1]).state == "paused"
    assert jobs.status(ids[2]).place == 1
    wait_for(jobs, ids[2], "done")
    assert jobs.status(ids[1]).state == "paused"
    jobs.resume(ids[1])
    wait_for(jobs, ids[1], "done")
    assert [jobs.status(i).world for i in ids] == ["World-0", "World-1", "World-2"]


def test_pausing_frees_the_place_and_stopping_keeps(jobs, home, data):
    id = jobs.submit(request(data, steps=4000), jobs.grant())  # noqa: A001
    wait_until(jobs, id, lambda s: s.step >= 2)
    jobs.pause(id)
    paused = wait_for(jobs, id, "paused")
    assert paused.saved == paused.step
    other = jobs.submit(request(data, name="Other", steps=2), jobs.grant())
    wait_for(jobs, other, "done")
    jobs.resume(id)
    wait_until(jobs, id, lambda s: s.step > paused.step)
    jobs.stop(id)
    status = wait_for(jobs, id, "stopped")
    assert status.world == "Mine"
    assert get_infer_model(home / "worlds" / "Mine").sliders


def test_another_server_finds_the_run_again(home, data):
    first = Jobs(home / "runs", home / "worlds")
    id = first.submit(request(data, steps=30), first.grant())  # noqa: A001
    before = wait_until(first, id, lambda s: s.step >= 2)
    first._gone.set()  # as killed: it asks nothing of its child and forgets it
    second = Jobs(home / "runs", home / "worlds")
    status = wait_until(second, id, lambda s: s.step > before.step)
    assert status.pid == before.pid  # adopted, not started anew
    assert status.place == 0
    kill(status.pid)
    first._children[id].wait()
    assert wait_for(second, id, "done", "failed").state == "done"
    assert [s for s, _ in losses(home / "runs" / id)] == list(range(1, 31))
    second.close()


def test_a_server_that_closes_lets_the_run_rest_and_the_next_goes_on(home, data):
    first = Jobs(home / "runs", home / "worlds")
    id = first.submit(request(data, steps=30), first.grant())  # noqa: A001
    wait_until(first, id, lambda s: s.step >= 2)
    first.close(wait=120)
    resting = Ledger(home / "runs" / id).status()
    assert resting.state == "queued"
    assert resting.saved == resting.step < 30
    second = Jobs(home / "runs", home / "worlds")
    assert wait_for(second, id, "done", "failed").state == "done"
    assert [s for s, _ in losses(home / "runs" / id)] == list(range(1, 31))
    second.close()


def test_what_a_killed_server_left_half_submitted_is_swept(home, data):
    jobs = Jobs(home / "runs", home / "worlds", run=False)
    led = submitted(jobs, request(data))
    (home / "runs" / ".new-half" / "data").mkdir(parents=True)
    (led.folder / ".status.json.aa.part").write_bytes(b"{")
    (home / "runs" / "a-world").mkdir()  # somebody's own folder is no run and stays
    again = Jobs(home / "runs", home / "worlds", run=False)
    assert [s.id for s in again.list()] == [led.id]
    assert sorted(p.name for p in (home / "runs").iterdir()) == [".key", led.id, "a-world"]
    assert left_behind(home) == []


def test_a_vanished_folder_is_told(home, data):
    jobs = Jobs(home / "runs", home / "worlds")
    id = jobs.submit(request(data, steps=4000), jobs.grant())  # noqa: A001
    wait_until(jobs, id, lambda s: s.step >= 1)
    (home / "runs" / id).rename(home / "taken")  # at once: what is still written finds no folder
    until = time.monotonic() + 120
    while "folder of this run is gone" not in (jobs.list()[0].message if jobs.list() else ""):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert jobs.status(id).state == "failed"
    assert not (home / "runs" / id).exists()
    jobs.close()


def test_what_cannot_be_is_refused_before_anything_is_written(home, data, tmp_path):
    jobs = Jobs(home / "runs", home / "worlds", run=False)
    grant = jobs.grant()
    bad = {
        "no world called atlantis": TrainRequest(name="x", start="atlantis", manifest=data),
        "no world called ../tiny": TrainRequest(name="x", start="../tiny", manifest=data),
        "preset must be one of": TrainRequest(name="x", start="tiny", manifest=data, preset="z"),
        "does not know speed": request(data, speed=3),
        "replay must be a number from 0 to 0.5": request(data, replay=3),
        "at most 240 minutes are allowed, not 500": request(data, steps=None, minutes=500.0),
        "is not a screened folder": request(tmp_path),
    }
    for says, wanted in bad.items():
        with pytest.raises((ConfigError, TrainingError, DatasetError), match=says):
            jobs.submit(wanted, grant)
    assert jobs.list() == ()
    jobs.submit(request(data), grant)
    with pytest.raises(TrainingError, match="was used before"):
        jobs.submit(request(data), grant)
    for odd in ("..", "", ".key", "nothing", "../runs"):
        with pytest.raises(TrainingError, match="no such run"):
            jobs.status(odd)


def test_extension_stays_within_the_grant(home, data):
    jobs = Jobs(home / "runs", home / "worlds", run=False)
    id = jobs.submit(request(data, steps=None, minutes=200.0), jobs.grant())  # noqa: A001
    with pytest.raises(TrainingError, match="may take 40 minutes more, not 60"):
        jobs.extend(id, 60)
    assert jobs.extend(id, 40).minutes == 240


def test_an_estimate_takes_real_steps_and_says_the_caps(home, data, monkeypatch):
    monkeypatch.setattr("vae.child.ESTIMATE_SECONDS", 400)
    jobs = Jobs(home / "runs", home / "worlds", run=False)
    told = jobs.estimate(request(data))
    assert told.seconds > 0
    assert told.images_per_second > 0
    assert told.memory_bytes > 1e8
    assert told.device == "cpu"
    assert told.num_images == 12
    assert "up to 2,000 images" in told.notes[0]
    assert not (home / "runs").exists()
    later = rehearse(request(data, steps=None, epochs=500), home / "worlds")
    sooner = rehearse(request(data, steps=None, epochs=50), home / "worlds")
    assert later["seconds"] > sooner["seconds"]
    judged = rehearse(request(data, preset="proper", adversarial=True), home / "worlds")
    assert judged["memory_bytes"] >= sooner["memory_bytes"]
    (data / "images" / "0003.png").rename(data / "images" / "0003.txt")
    try:
        with pytest.raises(DatasetError, match="missing"):
            jobs.estimate(request(data))
    finally:
        (data / "images" / "0003.txt").rename(data / "images" / "0003.png")


def test_a_run_is_removed_only_when_that_is_confirmed(home, data):
    jobs = Jobs(home / "runs", home / "worlds", run=False)
    led = submitted(jobs, request(data))
    with pytest.raises(ConfigError, match="cannot be undone"):
        jobs.forget(led.id)
    jobs.forget(led.id, confirm=True)
    assert jobs.list() == ()
    assert not led.folder.exists()

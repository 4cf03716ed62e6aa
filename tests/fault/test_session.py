"""A run in this process, on a tiny world: everything it writes, and every way it can go wrong."""

import errno
import itertools
import json
import math
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.conftest import snapshot
from tests.jobs_support import (
    EXACT,
    left_behind,
    losses,
    request,
    submitted,
    unreadable,
    worlds_with,
)
from vae import checkpoint, keeping, tracker, utils
from vae import session as session_module
from vae.checkpoint import read_tensors
from vae.guard import Caps
from vae.infer import get_infer_model
from vae.jobs import Jobs
from vae.ledger import Ledger, TrainRequest
from vae.presets import get_preset
from vae.tracker import Tracker
from vae.trainer import Trainer
from vae.worker import explain, work


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, tiny_world, data):
    """The losses of a run that nothing disturbs, and its folder."""
    home = tmp_path_factory.mktemp("unbroken")
    jobs = Jobs(home / "runs", worlds_with(tiny_world, home / "worlds"), run=False)
    ledger = submitted(jobs, request(data))
    assert work(ledger, jobs.worlds) == 0
    jobs.close()
    return losses(ledger.folder), ledger, jobs.worlds


def test_a_run_becomes_a_world_with_curves_sheets_mirror_and_card(unbroken):
    curve, ledger, worlds = unbroken
    status = ledger.status()
    assert (status.state, status.world, status.step, status.progress) == ("done", "Mine", 8, 1.0)
    assert status.num_images == 12
    assert status.saved == 8
    assert [step for step, _ in curve] == list(range(1, 9))
    records = Tracker(ledger.folder / "run.jsonl").read()
    tests = [r for r in records if r["kind"] == "test"]
    trained = [r for r in records if r["kind"] == "step"]
    assert [t["step"] for t in tests] == list(range(9))
    extra = {"grad_norm", "lr", "balance", "seconds", "images_per_second"}
    assert tests[0].keys() == trained[0].keys() - extra | {"pictures"}  # the same names
    assert tests[0]["reconstruction"] == pytest.approx(tests[0]["pictures"][0], rel=0.2)
    sheets = ledger.pictures()
    assert sheets[0][0] == 0
    assert status.kept_step == 8
    with Image.open(ledger.kept_picture()) as sheet:
        assert sheet.size == (576, 192)
        assert sheet.mode == "RGBA"
    world = get_infer_model(worlds / "Mine")
    assert len(world.sliders) > 3
    card = (worlds / "Mine" / "README.md").read_text()
    for says in ("held-out reconstruction loss", "Consent (", "## Curve", "12 images"):
        assert says in card
    told = json.loads((worlds / "Mine" / "training.json").read_text())
    assert len(told["images"]) == 12
    assert told["consent"]["sentence"]
    assert told["stages"][0]["name"] == "finetune"
    assert "drawings" not in json.dumps(told)  # no names of the artist's files
    assert len(session_module.Reporter(ledger).tracker.read()) == len(records)
    assert left_behind(ledger.folder) == left_behind(worlds) == []


def test_a_run_looks_for_a_hand_after_every_step_and_hears_a_wish_meanwhile(
    jobs, data, monkeypatch
):
    ledger = submitted(jobs, request(data))
    heard = []

    class Patient:
        def __init__(self, runs):
            assert runs == jobs.folder

        def give_way(self, wanted):
            heard.append(wanted())
            if len(heard) == 3:
                ledger.ask(ask="pause")
                time.sleep(0.2)  # a hand stays on the slider
                heard.append(wanted())

    monkeypatch.setattr(session_module, "Courtesy", Patient)
    assert work(ledger, jobs.worlds) == 0
    assert heard == [False, False, False, True]
    assert ledger.status().state == "paused"
    assert ledger.status().step == 3


def test_who_looks_on_sees_a_sheet_drawn_tile_by_tile_and_changes_nothing(
    jobs, data, unbroken, monkeypatch
):
    monkeypatch.setattr(session_module, "TILE_COST", 0.0)
    ledger = submitted(jobs, request(data))
    stamps = []

    def watch(progress, words):
        if live := jobs.live_picture(ledger.id):
            stamps.append(live.stat().st_ino)
            with Image.open(live) as sheet:
                assert sheet.size == (576, 192)

    jobs.live_picture(ledger.id)
    assert work(ledger, jobs.worlds, watch=watch) == 0
    assert len(set(stamps)) > 3
    assert losses(ledger.folder) == unbroken[0]
    assert jobs.live_picture(ledger.id) is None
    assert not (ledger.folder / "pictures" / "live.webp").exists()


def test_nothing_is_drawn_for_nobody(jobs, data):
    ledger = submitted(jobs, request(data))
    seen = []
    folder = ledger.folder / "pictures"
    assert (
        work(ledger, jobs.worlds, watch=lambda *_: seen.append((folder / "live.webp").exists()))
        == 0
    )
    assert seen
    assert not any(seen)


def test_held_out_measures_do_not_change_the_run(jobs, data, unbroken, monkeypatch):
    ledger = submitted(jobs, request(data))
    monkeypatch.setattr(session_module, "MEASURES", 1)
    monkeypatch.setattr(session_module, "SHEET_COST", 1e9)
    assert work(ledger, jobs.worlds) == 0
    assert losses(ledger.folder) == unbroken[0]


def test_pause_and_resume_give_the_same_losses(jobs, data, unbroken):
    ledger = submitted(jobs, request(data))
    for at in (3, 5):
        calls = pause_at(ledger, at)
        assert work(ledger, jobs.worlds, watch=calls) == 0
        status = ledger.status()
        assert (status.state, status.step, status.saved) == ("paused", at, at)
        ledger.ask(ask="run")
    assert work(ledger, jobs.worlds) == 0
    assert losses(ledger.folder) == unbroken[0]
    mine = get_infer_model(jobs.worlds / "Mine").model.state_dict()
    theirs = get_infer_model(unbroken[2] / "Mine").model.state_dict()
    assert all(torch.equal(t, theirs[n]) for n, t in mine.items())


def pause_at(ledger, step, ask="pause"):
    """Ask for something once a step is done (the watcher is called before the wishes are heard)."""

    def watch(progress, words):
        if words.startswith(f"step {step},"):
            ledger.ask(ask=ask)

    return watch


@pytest.fixture(autouse=True)
def _hear_at_once(monkeypatch):
    monkeypatch.setattr("vae.reporter.HEAR_EVERY", 0.0)


def test_stop_and_keep_makes_a_world_of_what_there_is(jobs, data):
    ledger = submitted(jobs, request(data))
    assert work(ledger, jobs.worlds, watch=pause_at(ledger, 4, "stop")) == 0
    status = ledger.status()
    assert (status.state, status.step, status.world) == ("stopped", 4, "Mine")
    assert get_infer_model(jobs.worlds / "Mine").sliders


def test_a_server_that_goes_leaves_the_run_in_the_queue(jobs, data):
    ledger = submitted(jobs, request(data))
    assert work(ledger, jobs.worlds, watch=pause_at(ledger, 2, "leave")) == 0
    assert ledger.status().state == "queued"
    assert jobs.list()[0].place == 1


def test_save_now_and_extend_are_done_once(jobs, data):
    ledger = submitted(jobs, request(data, save_every=1e6, cosine=True))
    ledger.ask(saves=1, minutes=0.0005)
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.saves == 1
    steps = status.step
    assert steps > 8
    rates = [r["lr"] for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "step"]
    assert rates[-1] < 0.1 * max(rates)  # it still comes down at its end
    jumps = [b / a for a, b in itertools.pairwise(rates)]
    assert max(jumps) < 3


def test_a_run_that_has_ended_can_be_extended(jobs, data):
    ledger = submitted(jobs, request(data))
    assert work(ledger, jobs.worlds) == 0
    assert jobs.extend(ledger.id, 0.001).state == "queued"
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.state == "done"
    assert status.step > 8
    assert [s for s, _ in losses(ledger.folder)] == list(range(1, status.step + 1))
    assert "| steps | 8 |" not in (jobs.worlds / "Mine" / "README.md").read_text()
    assert sorted(p.name for p in jobs.worlds.iterdir()) == ["Mine", "tiny"]


def test_a_world_of_the_same_name_that_another_made_stays(jobs, data):
    ledger = submitted(jobs, request(data, steps=2))
    shutil.copytree(jobs.worlds / "tiny", jobs.worlds / "Mine")  # came meanwhile, by a ZIP say
    (jobs.worlds / "Mine" / "training.json").write_text('{"imported": true}')
    before = snapshot(jobs.worlds / "Mine")
    for _ in range(2):
        assert work(ledger, jobs.worlds) == 0
        assert ledger.status().world == "Mine-2"
        jobs.extend(ledger.id, 0.0001)
    assert snapshot(jobs.worlds / "Mine") == before


@pytest.mark.parametrize("step", [1, 2, 4, 5, 7])
def test_a_loss_that_is_not_finite_goes_back_to_the_last_good_state(
    jobs, data, step, monkeypatch, unbroken
):
    ledger = submitted(jobs, request(data))
    spoil_at(monkeypatch, {step})
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.step) == ("done", 8)
    curve = losses(ledger.folder)
    assert [s for s, _ in curve] == list(range(1, 9))
    assert curve[: step - 1] == unbroken[0][: step - 1]
    coach = [r for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "coach"]
    assert any(r["code"] == "rolled_back" for r in coach)
    assert all(
        torch.isfinite(t).all()
        for n, t in get_infer_model(jobs.worlds / "Mine").model.state_dict().items()
        if n != "density.floor"
    )


def test_after_three_rollbacks_it_says_so_and_the_good_state_can_be_kept(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        spoil_at(patch, {5}, always=True)
        assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.state == "failed"
    assert "not finite 4 times, the last time at step 5; the state of step 4 is kept" in (
        status.message
    )
    assert jobs.stop(ledger.id).state == "queued"
    assert work(ledger, jobs.worlds) == 0
    assert (ledger.status().state, ledger.status().step) == ("stopped", 4)


def spoil_at(monkeypatch, steps, *, always=False):
    """Break the weights just before some steps, once each or whenever they come."""
    real, left = Trainer.train_step, set(steps)

    def spoiled(self):
        if self.step + 1 in left:
            if not always:
                left.discard(self.step + 1)
            with torch.no_grad():
                self.model.output_encoder.head_weight.fill_(math.nan)
        return real(self)

    monkeypatch.setattr(Trainer, "train_step", spoiled)


def fill_disk(monkeypatch, name):
    """A disk that is full for files of some name."""
    real = os.fsync
    kept = checkpoint.write_atomic

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(path, data, **more):
        with monkeypatch.context() as patch:  # the bytes are written, and the disk says no
            patch.setattr(os, "fsync", full if name in Path(path).name else real)
            return kept(path, data, **more)

    monkeypatch.setattr(checkpoint, "write_atomic", write)


def refuse_while_training(monkeypatch, steps, *, names=None):
    """Refuse writes from one of some steps on until the next one; return what was refused.

    Half of the bytes are written, and then the disk is full: for every file, or for some names.
    """
    now, refused = {"step": 0}, []
    real_step, real_new, real_line = Trainer.train_step, utils._write_new, tracker._write_all

    def step(self):
        now["step"] = self.step + 1
        return real_step(self)

    def refuses(name):
        if now["step"] not in steps or (names and name not in names):
            return False
        refused.append((now["step"], name))
        return True

    def write_new(path, data, *, sync):
        if refuses(path.name.lstrip(".").rsplit(".", 2)[0]):
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_new(path, data, sync=sync)

    def write_line(file, data):
        if refuses("run.jsonl"):
            os.write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real_line(file, data)

    monkeypatch.setattr(Trainer, "train_step", step)
    monkeypatch.setattr(utils, "_write_new", write_new)
    monkeypatch.setattr(tracker, "_write_all", write_line)
    return refused


def same_weights(first, second):
    mine, theirs = (get_infer_model(path).model.state_dict() for path in (first, second))
    return all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())


def test_a_disk_that_is_full_for_a_while_costs_only_saves_and_reports(
    jobs, data, monkeypatch, unbroken
):
    curve, _, worlds = unbroken
    ledger = submitted(jobs, request(data))
    refused = refuse_while_training(monkeypatch, {3, 4, 5})
    saved = []

    def watch(progress, words):
        _, header = read_tensors(ledger.folder / "training.safetensors")
        saved.append(header["step"])

    assert work(ledger, jobs.worlds, watch=watch) == 0
    status = ledger.status()
    assert (status.state, status.step, status.saved) == ("done", 8, 8)
    assert status.message == ""  # that is over
    assert {step for step, name in refused if name == "training.safetensors"} == {3, 4, 5}
    assert "run.jsonl" in {name for _, name in refused}
    assert saved == [0, 1, 2, 2, 2, 2, 6, 7]  # as each step is told, before its own save
    assert losses(ledger.folder) == [row for row in curve if row[0] not in (3, 4, 5)]
    assert same_weights(jobs.worlds / "Mine", worlds / "Mine")
    assert unreadable(ledger.folder) == unreadable(jobs.worlds) == []
    assert left_behind(ledger.folder) == left_behind(jobs.worlds) == []


@pytest.mark.parametrize(("ask", "state"), [("pause", "done"), ("stop", "stopped")])
def test_on_a_full_disk_a_stop_is_kept_and_a_pause_loses_nothing(
    jobs, data, monkeypatch, ask, state
):
    ledger = submitted(jobs, request(data, save_every=1e6))
    real, tries = Trainer.save, []

    def save(self):
        if 0 < self.step < 8:
            tries.append(self.step)
            with monkeypatch.context() as patch:
                fill_disk(patch, "training")
                real(self)
        else:
            real(self)

    monkeypatch.setattr(Trainer, "save", save)
    assert work(ledger, jobs.worlds, watch=pause_at(ledger, 3, ask)) == 0
    status = ledger.status()
    assert status.state == state, status.message
    assert status.world == "Mine"
    assert status.step == (3 if ask == "stop" else 8)
    assert tries == [3]  # not again at every step


def test_a_run_that_died_before_it_was_measured_is_measured_from_its_start(
    jobs, data, monkeypatch, unbroken
):
    ledger = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "held_out", lambda self: (_ for _ in ()).throw(MemoryError))
        assert work(ledger, jobs.worlds) == 0
    assert ledger.status().state == "failed"
    assert (ledger.folder / "training.safetensors").exists()
    assert jobs.resume(ledger.id).state == "queued"
    assert work(ledger, jobs.worlds) == 0
    tests = [r for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "test"]
    assert [t["step"] for t in tests] == list(range(9))
    assert losses(ledger.folder) == unbroken[0]


def test_a_rollback_does_not_extend_a_run_twice(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data, steps=None, minutes=0.05, save_every=1e6))
    ledger.ask(minutes=0.05)
    spoil_at(monkeypatch, {3})
    assert work(ledger, jobs.worlds, watch=pause_at(ledger, 6)) == 0
    status = ledger.status()
    assert status.state == "paused"
    assert status.minutes == pytest.approx(0.1)
    assert status.extended == pytest.approx(0.05)


def test_the_minutes_of_a_grant_end_a_run(jobs, data):
    folder = jobs.submit(request(data, steps=None, epochs=100_000), jobs.grant(Caps(minutes=0.01)))
    ledger = Ledger(jobs.folder / folder)
    ledger.ask(minutes=5.0)  # past the page, by hand
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.message) == ("done", "It ended at the limit of 0.01 minutes.")


def test_a_judge_that_is_not_finite_takes_no_good_states_place(data):
    from vae.trainer import NotFiniteError

    trainer = Trainer.__new__(Trainer)
    trainer.step = 3
    good = {"total": 1.0, "grad_norm": 1.0}
    trainer._check(good)
    trainer._check(good | {"judge": 0.5})
    with pytest.raises(NotFiniteError):
        trainer._check(good | {"judge": math.nan})


def test_a_disk_that_is_full_at_the_end_keeps_the_world_that_was_there(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    assert work(ledger, jobs.worlds) == 0
    before = snapshot(jobs.worlds)
    jobs.extend(ledger.id, 0.0002)
    with monkeypatch.context() as patch:
        fill_disk(patch, "model")
        assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.state == "failed"
    assert "No space left on device" in status.message
    assert snapshot(jobs.worlds) == before
    assert left_behind(ledger.folder) == left_behind(jobs.worlds) == []
    assert jobs.resume(ledger.id).state == "queued"
    assert work(ledger, jobs.worlds) == 0
    assert ledger.status().state == "done"


def test_a_report_that_cannot_be_written_is_dropped_and_said_again_later(
    jobs, data, monkeypatch, unbroken
):
    curve, _, worlds = unbroken
    ledger = submitted(jobs, request(data))
    monkeypatch.setattr("vae.reporter.REPORT_EVERY", 0.0)
    refused = refuse_while_training(monkeypatch, {3, 4, 5}, names=("status.json", "run.jsonl"))
    told = []
    watch = lambda progress, words: told.append(ledger.status().step)  # noqa: E731
    assert work(ledger, jobs.worlds, watch=watch) == 0
    assert {(step, name) for step in (3, 4, 5) for name in ("status.json", "run.jsonl")} == {
        *refused
    }
    assert told == [1, 2, 2, 2, 2, 6, 7, 8]
    status = ledger.status()
    assert (status.state, status.step, status.saved, status.message) == ("done", 8, 8, "")
    assert losses(ledger.folder) == [row for row in curve if row[0] not in (3, 4, 5)]
    assert same_weights(jobs.worlds / "Mine", worlds / "Mine")
    assert unreadable(ledger.folder) == left_behind(ledger.folder) == []


def test_pictures_that_cannot_be_written_do_not_end_a_run(jobs, data, monkeypatch, unbroken):
    ledger = submitted(jobs, request(data))

    def full(path, data, **_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("vae.sheets.write_atomic", full)
    monkeypatch.setattr("vae.mirror.write_atomic", full)
    assert work(ledger, jobs.worlds) == 0
    assert ledger.status().state == "done"
    assert ledger.pictures() == []
    assert losses(ledger.folder) == unbroken[0]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    ],
)
def test_want_of_memory_is_a_sentence_and_keeps_the_last_state(jobs, data, error, monkeypatch):
    ledger = submitted(jobs, request(data))
    real = Trainer.train_step

    def hungry(self):
        if self.step == 4:
            raise error
        return real(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_step", hungry)
        assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.saved) == ("failed", 4)
    assert status.message.startswith("There was not enough memory.")
    assert jobs.resume(ledger.id).state == "queued"
    assert work(ledger, jobs.worlds) == 0
    assert (ledger.status().state, ledger.status().step) == ("done", 8)


def test_pictures_that_vanish_or_change_are_named(jobs, data):
    ledger = submitted(jobs, request(data))
    picture = next((ledger.folder / "data" / "images").iterdir())
    picture.unlink()
    assert work(ledger, jobs.worlds) == 0
    assert f"{picture.name} (" in ledger.status().message
    assert "is missing" in ledger.status().message
    assert ledger.status().state == "failed"


def test_a_run_whose_folder_vanishes_stops_and_does_not_come_back(jobs, data):
    ledger = submitted(jobs, request(data))

    def watch(progress, words):
        if words.startswith("step 3,"):
            shutil.rmtree(ledger.folder)

    before = snapshot(jobs.worlds)
    work(ledger, jobs.worlds, watch=watch)
    assert not ledger.exists
    assert not (ledger.folder / "training.safetensors").exists()
    assert snapshot(jobs.worlds) == before


def test_a_forged_grant_trains_nothing(jobs, data):
    ledger = submitted(jobs, request(data))
    job = ledger.job()
    job["grant"]["minutes"] = 1e6
    ledger.write_job(job)
    assert work(ledger, jobs.worlds) == 0
    assert ledger.status().state == "failed"
    assert "not allowed by the server" in ledger.status().message
    assert losses(ledger.folder) == []


def test_a_taste_of_few_pictures_ends_when_it_has_seen_them_often_enough(jobs, data, monkeypatch):
    short = {name: value for name, value in EXACT.items() if name != "steps"}
    wanted = TrainRequest(name="Mine", start="tiny", manifest=data, changes=short)
    taste = replace(get_preset("taste"), passes=2.0)
    monkeypatch.setattr(session_module, "get_preset", lambda _: taste)
    ledger = submitted(jobs, wanted)
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.step) == ("done", 6)  # 11 pictures twice, by four
    assert status.saved == 6  # more time would go on from there
    assert "seen each picture often enough" in status.message
    assert status.world == "Mine"
    jobs.extend(ledger.id, 0.002)  # who wants more gets more
    assert work(ledger, jobs.worlds) == 0
    assert ledger.status().step > 6
    assert ledger.status().message == ""


def test_caps_end_a_run_and_it_is_kept(jobs, data):
    wanted = request(data, steps=6)
    ledger = jobs.folder / jobs.submit(wanted, jobs.grant(Caps(steps=6, disk=10)))
    run = Ledger(ledger)
    assert work(run, jobs.worlds) == 0
    status = run.status()
    assert status.state == "done"
    assert "limit of 0.0 GB of disk" in status.message
    assert status.step < 6
    assert status.world == "Mine"


def test_overfitting_stops_early_and_keeps_the_best(jobs, data, monkeypatch):
    values = iter([1.0, 0.9, 0.5, 0.6, 0.9, 1.0, 1.1, *[1.2] * 20])
    real = Trainer.held_out

    def made_up(self):
        value = next(values)
        return real(self) | {"reconstruction": value, "pictures": [value, 0.9 * value]}

    monkeypatch.setattr(Trainer, "held_out", made_up)
    monkeypatch.setattr(keeping, "LEAST_STEPS", 0)
    monkeypatch.setattr(keeping, "WINDOW", 1)
    ledger = submitted(jobs, request(data, steps=12))
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.state == "done"
    assert status.kept_step == 2
    assert status.step == 6  # half of the run
    assert status.message == (
        "Overfitting since step 2: it stopped early, and the weights of that step are kept."
    )
    card = (jobs.worlds / "Mine" / "README.md").read_text()
    assert "| weights of step | 2 |" in card
    assert "1.0000 → 0.5000 (-50 %)" in card


def test_a_proper_run_goes_on_against_the_judge(jobs, data, monkeypatch):
    ledger = submitted(
        jobs, request(data, preset="proper", adversarial=True, replay=0.25, steps=10)
    )
    assert work(ledger, jobs.worlds, watch=pause_at(ledger, 8)) == 0
    assert ledger.status().state == "paused"
    ledger.ask(ask="run")
    assert work(ledger, jobs.worlds) == 0
    assert ledger.status().state == "done", ledger.status().message
    records = [r for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "step"]
    judged = [r["step"] for r in records if "judge" in r]
    assert judged == list(range(7, 7 + len(judged)))
    assert judged
    assert [r["step"] for r in records] == list(range(1, judged[-1] + 1))
    tests = [r for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "test"]
    assert "judge" in tests[-1]


def test_the_judge_comes_once_the_pictures_were_seen_often_enough(jobs, data, monkeypatch):
    short = {name: value for name, value in EXACT.items() if name != "steps"}
    changes = short | {"adversarial": True, "replay": 0.0}
    proper = replace(get_preset("proper"), judge_after=2.0, minutes=0.1)
    monkeypatch.setattr(session_module, "get_preset", lambda _: proper)
    wanted = TrainRequest(
        name="Mine", start="tiny", manifest=data, preset="proper", changes=changes
    )
    ledger = submitted(jobs, wanted)
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.message) == ("done", "")
    steps = [r for r in Tracker(ledger.folder / "run.jsonl").read() if r["kind"] == "step"]
    assert next(r["step"] for r in steps if "judge" in r) == 7  # 11 pictures twice, by four
    assert steps[-1]["seconds"] >= 6  # what the first stage left is the judge's


def test_replay_survives_the_deletion_of_the_start_world(jobs, data, tmp_path, tiny_world):
    wanted = request(data, replay=0.25)
    one, two = submitted(jobs, wanted), submitted(jobs, wanted)
    assert work(one, jobs.worlds) == 0
    assert work(two, jobs.worlds, watch=pause_at(two, 3)) == 0
    shutil.rmtree(jobs.worlds / "tiny")
    two.ask(ask="run")
    assert work(two, jobs.worlds) == 0, two.status().message
    assert losses(two.folder) == losses(one.folder)
    assert two.status().world == "Mine-2"


def test_errors_become_sentences():
    assert explain(OSError(28, "No space left on device")) == (
        "The disk refused (No space left on device); the last saved state is kept."
    )
    assert "unforeseen" in explain(ZeroDivisionError())

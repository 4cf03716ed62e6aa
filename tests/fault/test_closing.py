"""What can go wrong once a run has learned: its world is whole, and the run says what it lacks."""

import errno
import os

import pytest
import torch

from tests.jobs_support import left_behind, request, submitted
from vae import closing
from vae.infer import get_infer_model
from vae.ui.language import speaking
from vae.ui.train_answer import spoken
from vae.worker import work

NO_MEMORY = "there was not enough memory"


def refusing(monkeypatch, name, error, *, when=lambda options: True):
    """Let a function of the closing raise, at least where its options say so."""
    real = getattr(closing, name)

    def refused(*arguments, **options):
        if when(options):
            raise error
        return real(*arguments, **options)

    monkeypatch.setattr(closing, name, refused)


def done(jobs, ledger, *, state="done"):
    """Whatever it lacks, the run is done and its world loads and draws; returns its message."""
    assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.world, status.step) == (state, "Mine", 8), status.message
    world = get_infer_model(jobs.worlds / "Mine")
    assert len(world.sliders) > 3
    assert torch.isfinite(world.decode(world.sample(1))).all()
    assert left_behind(ledger.folder) == left_behind(jobs.worlds) == []
    return status.message


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    ],
)
def test_no_memory_for_the_mirror_is_a_warning(jobs, data, error, monkeypatch):
    ledger = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        refusing(patch, "hold_mirror", error)
        said = done(jobs, ledger)
    assert said == f"The world is whole, but whether it copies could not be told: {NO_MEMORY}."
    assert jobs.mirror(ledger.id).score is None
    assert ledger.kept_picture() is not None
    with speaking("zh-CN"):
        assert spoken(said) == "世界完好，但看不出它是否在复制：内存不足。"


def test_no_memory_for_the_sliders_measures_them_on_fewer_pictures(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    many = lambda options: options["num_pictures"] > closing.FEW_PICTURES  # noqa: E731
    with monkeypatch.context() as patch:
        refusing(patch, "finish_model", MemoryError(), when=many)
        said = done(jobs, ledger)
    assert said == (
        f"The world is whole, but its sliders were measured on 2 pictures alone: {NO_MEMORY}."
    )
    assert len(jobs.mirror(ledger.id).rows) == 9
    with speaking("zh-CN"):
        assert spoken(said) == "世界完好，但它的滑块只用 2 张画面测量：内存不足。"


def test_no_memory_even_for_that_leaves_no_world_and_keeps_what_was_learned(
    jobs, data, monkeypatch
):
    ledger = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        refusing(patch, "finish_model", MemoryError())
        assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert (status.state, status.saved, status.world) == ("failed", 8, "")
    assert status.message.startswith("There was not enough memory.")
    assert not (jobs.worlds / "Mine").exists()
    jobs.resume(ledger.id)
    assert done(jobs, ledger) == ""


def test_a_mirror_of_the_world_before_is_not_shown_for_the_new_one(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    assert done(jobs, ledger) == ""
    assert jobs.mirror(ledger.id).rows
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        refusing(patch, "hold_mirror", MemoryError())
        patch.setattr("vae.sheets.Sheets.write", lambda *_: (_ for _ in ()).throw(full))
        jobs.extend(ledger.id, 0.0001)
        assert work(ledger, jobs.worlds) == 0
    status = ledger.status()
    assert status.state == "done"
    assert status.message == (
        f"The world is whole, but whether it copies could not be told: {NO_MEMORY}. The world is "
        "whole, but its nine pictures could not be drawn: the disk refused (No space left on "
        "device)."
    )
    assert jobs.mirror(ledger.id).rows == ()
    assert ledger.kept_picture() is None
    with speaking("zh-CN"):
        said = spoken(status.message)
    assert said == (
        "世界完好，但看不出它是否在复制：内存不足。世界完好，但它的九张画面没能画出："
        "磁盘拒绝写入（No space left on device）。"
    )


def killed(jobs, ledger):
    """One try that the system kills, as it does for want of memory."""
    with pytest.raises(SystemExit):
        work(ledger, jobs.worlds)
    jobs._after(ledger.id, -9)
    assert ledger.status().state == "queued"


def test_a_process_killed_over_the_mirror_leaves_it_out_the_third_time(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    with monkeypatch.context() as patch:
        refusing(patch, "hold_mirror", SystemExit())
        for _ in range(2):
            killed(jobs, ledger)
        said = done(jobs, ledger)
    assert said.startswith("The world is whole, but whether it copies could not be told: the ")
    assert "want of memory" in said
    with speaking("zh-CN"):
        assert "进程为此中断，可能是内存不足" in spoken(said)
        assert "The world" not in spoken(said)


def test_a_process_killed_over_the_sliders_measures_fewer_the_third_time(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    many = lambda options: options["num_pictures"] > closing.FEW_PICTURES  # noqa: E731
    with monkeypatch.context() as patch:
        refusing(patch, "finish_model", SystemExit(), when=many)
        for _ in range(2):
            killed(jobs, ledger)
            assert not (jobs.worlds / "Mine").exists()
        said = done(jobs, ledger)
    assert "its sliders were measured on 2 pictures alone" in said


def test_a_process_killed_over_and_over_at_its_end_is_given_up(jobs, data, monkeypatch):
    ledger = submitted(jobs, request(data))
    refusing(monkeypatch, "finish_model", SystemExit())
    for _ in range(3):
        killed(jobs, ledger)
    with pytest.raises(SystemExit):
        work(ledger, jobs.worlds)
    jobs._after(ledger.id, -9)
    status = ledger.status()
    assert status.state == "failed"
    assert "It did so 4 times without getting further." in status.message

"""The command line of runs and worlds: resume, export, import."""

import shutil

import pytest

from tests.conftest import snapshot
from tests.jobs_support import request, screened, submitted, worlds_with
from vae.__main__ import main
from vae.infer import get_infer_model
from vae.jobs import Jobs, runs_folder
from vae.ledger import find_run


@pytest.fixture
def home(tmp_path, tiny_world, monkeypatch):
    worlds_with(tiny_world, tmp_path / "worlds")
    monkeypatch.setenv("VAE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr("vae.infer.CHECKPOINTS", tmp_path / "worlds")
    return tmp_path


def test_a_paused_run_is_resumed_from_the_shell(home, capsys):
    jobs = Jobs(runs_folder(), home / "worlds", run=False)
    ledger = submitted(jobs, request(screened(home), steps=3))
    jobs.pause(ledger.id)
    assert main(["resume", "nothing"]) == 1
    assert "no run called nothing; there are: Mine" in capsys.readouterr().err
    assert main(["resume", "Mine"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(home / "worlds" / "Mine")
    assert "100%" in captured.err
    assert ledger.status().state == "done"
    with ledger.at_work():
        assert main(["resume", str(ledger.folder)]) == 1
    assert "another process is at work" in capsys.readouterr().err
    shutil.rmtree(ledger.folder / "data")
    assert main(["resume", ledger.id]) == 1
    assert "is not a screened folder" in capsys.readouterr().err.lower()


def test_a_world_goes_by_zip(home, tiny_world, tmp_path, capsys):
    file = tmp_path / "out" / "tiny.zip"
    assert main(["export", "tiny", "--out", str(file)]) == 0
    assert main(["import", str(file)]) == 0
    assert capsys.readouterr().out.split() == [str(file), "tiny-2"]
    assert get_infer_model(home / "worlds" / "tiny-2").sliders
    assert main(["export", str(home / "worlds" / "tiny-2"), "--out", str(file)]) == 0
    before = snapshot(home)
    capsys.readouterr()
    for arguments, says in (
        (["export", "nothing", "--out", str(file)], "is not a world"),
        (["import", str(home / "gone.zip")], "No such file"),
        (["import", str(tiny_world / "config.json")], "not a ZIP"),
    ):
        assert main(arguments) == 1
        assert says in capsys.readouterr().err
    assert snapshot(home) == before


def test_a_preset_from_the_shell_is_the_run_of_the_page(home, capsys):
    data = screened(home)
    preset = ["train", "--data", str(data), "--preset", "taste", "--world", "tiny"]
    sizes = ["--steps", "3", "--set", "batch_size=4", "--set", "save_every=0"]
    assert main([*preset, "--name", "Mine", *sizes]) == 0
    assert capsys.readouterr().out.strip() == str(home / "worlds" / "Mine")
    jobs = Jobs(runs_folder(), home / "worlds", run=False)
    [status] = jobs.list()
    assert (status.state, status.name, status.world, status.step) == ("done", "Mine", "Mine", 3)
    assert len(jobs.mirror(status.id).rows) == 9
    assert jobs.kept_picture(status.id) is not None
    assert "Consent (" in (home / "worlds" / "Mine" / "README.md").read_text()

    waiting = submitted(jobs, request(data, name="Before"))
    assert main([*preset, "--name", "After", *sizes]) == 0
    out = capsys.readouterr().out
    assert out.startswith("waits behind Before: ")
    assert f"python -m vae resume {jobs.list()[1].id}" in out
    assert [s.name for s in jobs.list()] == ["Before", "After", "Mine"]
    assert waiting.status().step == 0


def test_a_preset_without_a_world_starts_from_the_nearest(home, capsys):
    data = screened(home)
    assert main(["train", "--data", str(data), "--preset", "taste", "--steps", "2"]) == 0
    captured = capsys.readouterr()
    assert "from the world tiny, which draws these pictures nearest" in captured.err
    [status] = Jobs(runs_folder(), home / "worlds", run=False).list()
    assert find_run(runs_folder(), status.id).job()["request"]["start"] == "tiny"
    assert captured.out.strip() == str(home / "worlds" / "My-world")


def test_what_a_preset_cannot_be_given_is_one_line(home, tmp_path, capsys):
    data = screened(home)
    preset = ["train", "--data", str(data), "--preset"]
    for arguments, says in (
        (["taste", "--world", "nowhere"], "no world called nowhere"),
        (["taste", "--size", "64"], "--size goes with --out"),
        (["taste", "--protocol", "grain"], "--protocol goes with --out"),
        (["scratch", "--world", "tiny"], "starts from nothing"),
        (["taste", "--world", "tiny", "--set", "speed=3"], "does not know speed"),
        (["taste", "--world", "tiny", "--minutes", "500"], "at most 240 minutes"),
        (["taste", "--world", "tiny", "--data", str(tmp_path)], "is not a screened folder"),
    ):
        assert main([*preset, *arguments]) == 1
        err = capsys.readouterr().err
        assert err.startswith("error: ")
        assert says in err
    assert not any(runs_folder().glob("*/job.json"))

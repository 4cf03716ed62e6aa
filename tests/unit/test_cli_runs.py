"""The command line of runs and worlds: resume, export, import."""

import shutil

import pytest

from tests.conftest import snapshot
from tests.jobs_support import request, screened, submitted, worlds_with
from vae.__main__ import main
from vae.infer import get_infer_model
from vae.jobs import Jobs, runs_folder


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

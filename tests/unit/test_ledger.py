"""The folder of a run: whole or not there, locked while somebody is at work."""

import subprocess
import sys
from pathlib import Path

from vae.ledger import Control, Ledger, Status, TrainRequest, all_runs
from vae.presets import PRESETS, get_preset, replay_share, stages
from vae.utils import sweep, write_atomic

ROOT = Path(__file__).resolve().parents[2]


def new(folder: Path) -> Ledger:
    ledger = Ledger(folder)
    folder.mkdir(parents=True)
    ledger.write_job({"request": {}, "world": "mine"})
    return ledger


def test_status_and_control_come_back(tmp_path):
    ledger = new(tmp_path / "run")
    assert ledger.status() == Status(id="run")
    assert ledger.control() == Control()
    status = Status(id="run", state="training", step=4, coach={"code": "x", "sentence": "y"})
    ledger.write_status(status)
    assert ledger.status() == status
    assert ledger.ask(ask="pause").ask == "pause"
    assert ledger.ask(saves=2) == Control(ask="pause", saves=2)


def test_damaged_files_are_as_new(tmp_path):
    ledger = new(tmp_path / "run")
    for name in ("status.json", "control.json"):
        for content in (b"", b"{", b"[1]", b'{"step": 3, "unknown": 1}'):
            (ledger.folder / name).write_bytes(content)
            assert ledger.status().state == "queued"
            assert ledger.control().ask == "run"


def test_a_folder_that_is_gone_stays_gone(tmp_path):
    ledger = Ledger(tmp_path / "gone")
    ledger.write_status(Status(id="gone"))
    ledger.ask(ask="stop")
    assert list(tmp_path.iterdir()) == []
    assert all_runs(tmp_path / "none") == []


def test_only_whole_runs_are_listed(tmp_path):
    new(tmp_path / "b")
    new(tmp_path / "a")
    new(tmp_path / ".new-c")
    (tmp_path / "world").mkdir()
    assert [ledger.id for ledger in all_runs(tmp_path)] == ["a", "b"]


def test_pictures_are_in_the_order_of_steps(tmp_path):
    ledger = new(tmp_path / "run")
    (ledger.folder / "pictures").mkdir()
    for name in ("10.webp", "9.webp", "0.webp", ".9.webp.ab.part", "x.webp"):
        (ledger.folder / "pictures" / name).write_bytes(b"x")
    assert [step for step, _ in ledger.pictures()] == [0, 9, 10]
    ledger.sweep()
    assert len(list((ledger.folder / "pictures").iterdir())) == 4


def test_the_lock_goes_with_its_process(tmp_path):
    ledger = new(tmp_path / "run")
    assert not ledger.busy
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\nfrom vae.ledger import Ledger\n"
        f"with Ledger(Path({str(ledger.folder)!r})).at_work() as alone:\n"
        "    print(alone, flush=True)\n    sys.stdin.read()\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"True\n"
        assert ledger.busy
        with ledger.at_work() as alone:
            assert not alone
        child.kill()
        child.wait()
    assert not ledger.busy
    with ledger.at_work() as alone:
        assert alone
        assert ledger.busy
    assert not ledger.busy


def test_a_request_survives_json():
    request = TrainRequest(name="Über", start="pomona", manifest=Path("x"), changes={"lr": 1e-3})
    assert TrainRequest.from_dict(request.to_dict()) == request


def test_sweeping_takes_only_what_was_half_written(tmp_path):
    write_atomic(tmp_path / "a.json", b"{}", sync=False)
    (tmp_path / ".a.json.0011.part").write_bytes(b"{")
    sweep(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_presets_are_protocols_with_a_length():
    assert [p.name for p in PRESETS] == ["taste", "proper", "scratch"]
    few = stages(get_preset("proper"), {}, num_images=30)
    many = stages(get_preset("proper"), {}, num_images=300)
    assert [p.name for p in few] == ["finetune"]
    assert [p.name for p in many] == ["finetune", "adversarial"]
    assert {p.minutes for p in many} == {20.0}
    assert stages(get_preset("scratch"), {}, num_images=300)[0].name == "pretrain"
    exact = stages(get_preset("taste"), {"steps": 5, "replay": 0.2}, num_images=300)[0]
    assert (exact.steps, exact.minutes) == (5, None)
    assert exact.batch_size == 6
    assert stages(get_preset("taste"), {}, num_images=30, device="cuda")[0].batch_size == 16
    assert stages(get_preset("taste"), {"batch_size": 12}, num_images=30)[0].batch_size == 12
    assert few[0].batch_size == 16
    assert replay_share(get_preset("taste"), {"replay": 0.2}) == 0.2
    assert replay_share(get_preset("scratch"), {"replay": 0.2}) == 0.0
    refused = stages(get_preset("proper"), {"adversarial": False}, num_images=300)
    assert [p.name for p in refused] == ["finetune"]

"""What is around the process that trains: the log it says its last words into."""

from vae import child
from vae.child import LOG, LOG_BYTES, OLD_LOG, spawn


def started(monkeypatch, run):
    """Start a worker that only says one line, as often as is asked."""
    monkeypatch.setattr(child, "_command", lambda *_: ["/bin/sh", "-c", "echo one line >&2"])
    run.mkdir(exist_ok=True)
    assert spawn(run, run).wait(60) == 0


def test_a_run_that_starts_over_and_over_goes_on_in_its_log(tmp_path, monkeypatch):
    for _ in range(2):
        started(monkeypatch, tmp_path)
    assert (tmp_path / LOG).read_text() == "one line\n" * 2
    assert not (tmp_path / OLD_LOG).exists()


def test_a_long_log_is_put_aside_and_the_one_before_it_goes(tmp_path, monkeypatch):
    for before in ("old", "new"):
        (tmp_path / LOG).write_text(before + "x" * LOG_BYTES)
        started(monkeypatch, tmp_path)
    assert (tmp_path / LOG).read_text() == "one line\n"
    assert (tmp_path / OLD_LOG).read_text()[:3] == "new"
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * LOG_BYTES

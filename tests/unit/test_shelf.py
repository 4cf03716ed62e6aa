"""Putting a world in the place of another: whatever happens, a world is all old or all new."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import snapshot
from vae import archive, shelf
from vae.archive import OWN_FILE, delete_world, import_world, install, place_for
from vae.errors import ConfigError
from vae.guard import Caps
from vae.infer import list_worlds
from vae.ledger import TrainRequest
from vae.shelf import tend, tray
from vae.submission import check_request
from vae.ui.worlds import find_worlds

ROOT = Path(__file__).resolve().parents[2]
FILES = ("config.json", "sliders.json", "README.md", OWN_FILE, "model.safetensors")


def written(folder, word):
    """A folder whose files all say the same word."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text(f'{{"run": "{word}"}}')
    return folder


def words(folder):
    return {(folder / name).read_text() for name in FILES}


@pytest.fixture
def worlds(tmp_path):
    written(tmp_path / "worlds" / "Mine", "old")
    return tmp_path / "worlds"


@pytest.fixture
def source(tmp_path):
    return written(tmp_path / "stage", "new")


def test_a_new_world_takes_the_place_of_the_old_one_and_leaves_nothing(worlds, source):
    (worlds / "Mine" / "README.zh.md").write_text("of the old one")
    (worlds / "Mine" / "note.txt").write_text("of the artist")
    (worlds / "Mine" / ".x.part").write_text("left behind")
    install(source, worlds / "Mine")
    assert words(worlds / "Mine") == {'{"run": "new"}'}
    assert sorted(p.name for p in (worlds / "Mine").iterdir()) == sorted([*FILES, "note.txt"])
    assert [p.name for p in worlds.iterdir()] == ["Mine"]


@pytest.mark.parametrize("name", FILES)
def test_a_disk_that_is_full_leaves_the_old_world_as_it_was(worlds, source, name, monkeypatch):
    before, real = snapshot(worlds), archive.write_atomic

    def full(path, data, **options):
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, data, **options)

    monkeypatch.setattr(archive, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        install(source, worlds / "Mine")
    assert snapshot(worlds) == before
    assert [p.name for p in worlds.iterdir()] == ["Mine"]


@pytest.mark.parametrize("broken", [1, 2])
def test_a_rename_that_fails_gives_the_old_world_back(worlds, source, broken, monkeypatch):
    before, real, made = snapshot(worlds), Path.rename, []

    def rename(path, target):
        made.append(target)
        if len(made) == broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="Input/output"):
        install(source, worlds / "Mine")
    assert snapshot(worlds) == before
    assert [p.name for p in worlds.iterdir()] == ["Mine"]


KILLED = """
import os, sys
from pathlib import Path
from vae import archive, shelf
moment, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
done = []

def dying(real, at):
    def call(*arguments, **options):
        done.append(at)
        if f"{at} {done.count(at)}" == moment:
            os._exit(9)
        return real(*arguments, **options)
    return call

Path.rename = dying(Path.rename, "rename")
archive.write_atomic = dying(archive.write_atomic, "file")
shelf.write_atomic = dying(shelf.write_atomic, "goal")
shelf.sync_folder = dying(shelf.sync_folder, "sync")
shelf.shutil.rmtree = dying(shelf.shutil.rmtree, "remove")
archive.install(source, target)
"""

MOMENTS = {
    "file 1": "old",
    "file 5": "old",
    "goal 1": "old",
    "rename 1": "old",
    "rename 2": "new",
    "sync 1": "new",
    "remove 1": "new",
    "remove 2": "new",
}
"""When a process is killed, and which world is there after the next look."""


def killed(moment, source, target):
    """Install in a process that dies at a moment, as if it was killed."""
    command = [sys.executable, "-P", "-c", KILLED, moment, str(source), str(target)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, env=environment, check=False).returncode == 9


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_process_leaves_one_whole_world_to_the_next_look(worlds, source, moment):
    killed(moment, source, worlds / "Mine")
    assert list_worlds(worlds) == ["Mine"]
    assert words(worlds / "Mine") == {f'{{"run": "{MOMENTS[moment]}"}}'}
    assert [p.name for p in worlds.iterdir()] == ["Mine"]


def test_a_run_that_was_killed_over_its_world_finds_it(worlds, source):
    killed("rename 2", source, worlds / "Mine")
    assert not (worlds / "Mine").exists()
    assert place_for(worlds, "Mine", "new") == worlds / "Mine"


def test_what_a_living_process_is_at_work_on_stays(worlds):
    with tray(worlds) as place:
        written(place.new, "half")
        tend(worlds)
        assert words(place.new) == {'{"run": "half"}'}
        for found in (list_worlds(worlds), sorted(find_worlds(worlds))):
            assert found == ["Mine"]
    assert [p.name for p in worlds.iterdir()] == ["Mine"]


def test_a_hidden_folder_is_no_world(worlds):
    written(worlds / ".import-0123", "half")
    assert list_worlds(worlds) == sorted(find_worlds(worlds)) == ["Mine"]
    request = TrainRequest(name="x", start=".import-0123", manifest=worlds)
    with pytest.raises(ConfigError, match="there are Mine"):
        check_request(request, worlds, Caps())


def test_what_a_process_left_behind_is_swept_once_it_is_stale(worlds):
    for name in (".import-1", ".deleted-1", f"{shelf.TRAY}1"):
        written(worlds / name, "left")
    tend(worlds)
    assert len(list(worlds.iterdir())) == 4  # perhaps of somebody who is about to begin
    then = time.time() - shelf.STALE - 60
    for path in worlds.iterdir():
        os.utime(path, (then, then))
    (worlds / ".hidden").mkdir()  # somebody else's
    tend(worlds)
    assert sorted(p.name for p in worlds.iterdir()) == [".hidden", "Mine"]


def test_importing_and_deleting_sweep_too_and_leave_no_tray(worlds, tiny_world):
    shutil.copytree(worlds / "Mine", worlds / f"{shelf.TRAY}1" / "new")
    (worlds / f"{shelf.TRAY}1" / "lock").touch()
    name = import_world(archive.export_world(tiny_world), worlds)
    assert sorted(p.name for p in worlds.iterdir()) == ["Mine", name]
    delete_world(name, worlds, confirm=True)
    delete_world("Mine", worlds, confirm=True)
    assert list(worlds.iterdir()) == []

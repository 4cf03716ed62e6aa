"""Files, folders and ZIPs: what is listed, what is read, and what a hostile ZIP can do: nothing."""

import io
import os
import random
import stat
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_art, snapshot
from vae.errors import DatasetError
from vae.screening import ScreeningSettings, screen
from vae.screening import intake as module
from vae.screening.intake import Intake, Refused

SETTINGS = ScreeningSettings()


def read_all(*sources, **changes) -> dict[str, bytes | str]:
    """Name → bytes, or the code it was refused with."""
    found = {}
    with Intake(sources, replace(SETTINGS, **changes)) as intake:
        for item in intake.items:
            try:
                found[item.name] = item.read()
            except Refused as refused:
                found[item.name] = refused.code
    return found


def make_zip(path, entries, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for name, data in entries:
            archive.writestr(name, data)
    return path


def test_files_folders_and_zips_are_listed_in_order(tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.png").write_bytes(b"b")
    (folder / "a.txt").write_bytes(b"a")
    (folder / "sub" / "c.png").write_bytes(b"c")
    for junk in (".DS_Store", "Thumbs.db", ".hidden.png"):
        (folder / junk).write_bytes(b"junk")
    (tmp_path / "single.png").write_bytes(b"s")
    packed = make_zip(tmp_path / "many.dat", [("y/2.png", b"2"), ("1.png", b"1"), ("y/", b"")])
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("__MACOSX/1.png", b"junk")
    make_zip(folder / "inner.zip", [("d.png", b"d")])
    assert list(read_all(folder, tmp_path / "single.png", packed).items()) == [
        ("a.txt", b"a"),
        ("b.png", b"b"),
        ("inner.zip/d.png", b"d"),
        ("sub/c.png", b"c"),
        ("single.png", b"s"),
        ("many.dat/1.png", b"1"),
        ("many.dat/y/2.png", b"2"),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_links_and_devices_are_named_and_never_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key.png").write_bytes(b"secret")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file.png").symlink_to(secret / "key.png")
    (folder / "folder.png").symlink_to(secret)
    (folder / "broken.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.png")
    assert set(read_all(folder).values()) == {"link"}
    assert len(read_all(folder)) == 4
    link = tmp_path / "link"
    link.symlink_to(secret)  # what the user names is the user's own choice
    assert read_all(link) == {"key.png": b"secret"}
    assert read_all(folder / "file.png") == {"file.png": b"secret"}


def test_sizes_are_bounded_one_by_one_and_together(tmp_path):
    for name, size in (("a", 10), ("b", 300), ("c", 80), ("d", 80)):
        (tmp_path / name).write_bytes(bytes(size))
    found = read_all(tmp_path, max_bytes=100, max_total_bytes=120)
    assert found == {"a": bytes(10), "b": "too_many_bytes", "c": bytes(80), "d": "total"}


def test_a_bomb_is_noticed_while_it_unfolds(tmp_path):
    ordinary = random.Random(0).randbytes(3 * 2**20)
    entries = [("bomb.png", bytes(20 * 2**20)), ("good.png", ordinary), ("small.png", bytes(2**20))]
    found = read_all(make_zip(tmp_path / "a.zip", entries))
    assert found["a.zip/bomb.png"] == "archive_ratio"
    assert found["a.zip/good.png"] == ordinary
    assert found["a.zip/small.png"] == bytes(2**20)
    assert read_all(tmp_path / "a.zip", max_bytes=2**20)["a.zip/good.png"] == "too_many_bytes"


def test_an_entry_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a.png", b"x" * 5000)], zipfile.ZIP_STORED)
    data = path.read_bytes()
    assert data.count((5000).to_bytes(4, "little")) == 4
    path.write_bytes(data.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    assert read_all(path) == {"a.zip/a.png": "unreadable"}  # its checksum is another


@pytest.mark.parametrize(
    "name",
    [
        "../up.png",
        "a/../../up.png",
        "/etc/passwd",
        "\\\\host\\share.png",
        "C:\\up.png",
        "C:up.png",
        "..\\up.png",
        "a\x1b[2J.png",
        "x" * 2000,
    ],
)
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    path = make_zip(tmp_path / "a.zip", [(name, b"data")])
    ((shown, code),) = read_all(path).items()
    assert code == "name"
    assert shown.isprintable()
    assert len(shown) < 250


def test_links_locks_and_archives_within_a_zip_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    inner = make_zip(tmp_path / "inner.zip", [("a.png", b"a")]).read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode in (("link", stat.S_IFLNK), ("pipe", stat.S_IFIFO), ("file", stat.S_IFREG)):
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode | 0o644) << 16
            archive.writestr(info, b"/etc/passwd")
        archive.writestr("nested.png", inner)
        archive.writestr("gzip.png", b"\x1f\x8b rest")
        archive.writestr("lzma.png", b"a" * 100, zipfile.ZIP_LZMA)
    assert read_all(path) == {
        "a.zip/file": b"/etc/passwd",
        "a.zip/gzip.png": "archive",
        "a.zip/link": "link",
        "a.zip/lzma.png": "archive_method",
        "a.zip/nested.png": "archive",
        "a.zip/pipe": "link",
    }
    locked = make_zip(tmp_path / "locked.zip", [("a.png", b"data")])
    data = bytearray(locked.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    locked.write_bytes(data)
    assert read_all(locked) == {"locked.zip/a.png": "locked"}


def test_a_broken_zip_is_one_refused_file(tmp_path):
    whole = make_zip(tmp_path / "a.zip", [("a.png", b"x" * 1000), ("b.png", b"y" * 1000)])
    data = whole.read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: len(data) // 2])
    assert read_all(tmp_path / "cut.zip") == {"cut.zip": "unreadable"}
    wrong = bytearray(data)
    wrong[45] ^= 0xFF  # within the first entry
    (tmp_path / "wrong.zip").write_bytes(wrong)
    found = read_all(tmp_path / "wrong.zip")
    assert found["wrong.zip/a.png"] == "unreadable"
    assert found["wrong.zip/b.png"] == b"y" * 1000


def test_an_endless_table_of_contents_is_not_read(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "a.zip", [(f"{i:05d}.png", b"") for i in range(500)])
    monkeypatch.setattr(module, "MAX_DIRECTORY", 10_000)
    assert read_all(path) == {"a.zip": "unreadable"}
    monkeypatch.setattr(module, "MAX_DIRECTORY", 10**6)
    assert len(read_all(path)) == 500
    monkeypatch.setattr(module, "MAX_LISTED", 100)
    with Intake([path], SETTINGS) as intake:
        assert len(intake.items) == 100
        assert intake.notes == ["Only the first 100 files were looked at."]


def test_overlapping_entries_are_bounded_by_what_comes_out(tmp_path):
    """A thousand names for the same data (Fifield 2019) give no more than all files may."""
    path = make_zip(tmp_path / "a.zip", [(f"{i}.png", b"z" * 1000) for i in range(100)])
    found = read_all(path, max_total_bytes=5000)
    assert sum(len(v) for v in found.values() if isinstance(v, bytes)) == 5000
    assert list(found.values()).count("total") == 95


def test_no_file_is_ever_written_outside(tmp_path):
    picture = io.BytesIO()
    Image.fromarray(draw_art(0, 80)).save(picture, "PNG")
    work = tmp_path / "work"
    work.mkdir()
    names = ("../x.png", "/x.png", "..\\x.png", "good.png", "sub/good.png", "CON", "a:b.png")
    make_zip(work / "a.zip", [(name, picture.getvalue()) for name in names])
    before = snapshot(tmp_path)
    manifest = screen([work / "a.zip"], work / "out", settings=ScreeningSettings(workers=1))
    after = {name for name in snapshot(tmp_path) if name not in before}
    thumbs = {f"work/out/thumbs/{v.thumbnail}" for v in manifest.verdicts if v.thumbnail}
    assert after == {"work/out/manifest.json", "work/out/images/0001.png", *thumbs}
    codes = {v.name.removeprefix("a.zip/"): v.codes for v in manifest.verdicts}
    assert codes["../x.png"] == codes["/x.png"] == codes["a:b.png"] == ("name",)
    assert np.sum([v.kept for v in manifest.verdicts]) == 1


def test_a_source_must_exist(tmp_path):
    with pytest.raises(DatasetError, match="there is no file or folder"):
        Intake([tmp_path / "nothing"], SETTINGS)
    with pytest.raises(DatasetError, match="name a file, a folder or a ZIP"):
        Intake([], SETTINGS)


def test_one_file_that_may_not_be_read_is_refused_and_the_others_are_not(tmp_path, monkeypatch):
    folder = tmp_path / "drawings"
    folder.mkdir()
    for i in range(3):
        Image.fromarray(draw_art(i, 80)).save(folder / f"{i}.png")
    real = os.open

    def forbidden(path, *arguments, **options):  # as root every file can be read
        if path == folder / "1.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(module.os, "open", forbidden)
    manifest = screen([folder], tmp_path / "out", settings=ScreeningSettings(workers=1))
    assert [v.kept for v in manifest.verdicts] == [True, False, True]
    assert manifest.verdicts[1].codes == ("unreadable",)
    assert "permissions" in manifest.verdicts[1].reasons[0]

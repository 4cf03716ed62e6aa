"""One ZIP a world: out and in again to the bit; what is odd is refused and leaves nothing."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import torch

from tests.conftest import snapshot
from vae.archive import (
    MAX_BYTES,
    OWN_FILE,
    clean_name,
    delete_world,
    export_world,
    free_name,
    import_world,
    install,
    is_own,
)
from vae.checkpoint import read_tensors, write_tensors
from vae.errors import CheckpointError, ConfigError
from vae.infer import get_infer_model


@pytest.fixture
def worlds(tmp_path):
    folder = tmp_path / "worlds"
    folder.mkdir()
    return folder


def altered(data: bytes, **files: bytes | None) -> bytes:
    """A ZIP with some files replaced, added (by any name) or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            name = Path(entry.filename).name
            if name not in files:
                new.writestr(entry.filename, old.read(entry))
        for name, content in files.items():
            if content is not None:
                new.writestr(name if "/" in name else f"tiny/{name}", content)
    return buffer.getvalue()


def test_a_world_goes_out_and_in_and_draws_the_same(tiny_world, worlds, tmp_path):
    data = export_world(tiny_world)
    assert import_world(data, worlds) == "tiny"
    assert import_world(data, worlds) == "tiny-2"
    file = tmp_path / "renamed.zip"
    file.write_bytes(data)
    assert import_world(file, worlds) == "tiny-3"
    before, after = get_infer_model(tiny_world), get_infer_model(worlds / "tiny-2")
    latents = before.sample(2, generator=torch.Generator().manual_seed(1))
    assert torch.equal(before.decode(latents), after.decode(latents))
    assert is_own(worlds / "tiny")
    assert sorted(p.name for p in worlds.iterdir()) == ["tiny", "tiny-2", "tiny-3"]


def test_a_card_in_another_language_goes_along(tiny_world, worlds):
    data = altered(export_world(tiny_world), **{"README.zh.md": "# 小".encode()})
    again = export_world(worlds / import_world(data, worlds))
    assert (worlds / "tiny" / "README.zh.md").read_text(encoding="utf-8") == "# 小"
    with zipfile.ZipFile(io.BytesIO(again)) as file:
        assert "tiny/README.zh.md" in file.namelist()


def nan_weights(tiny_world: Path, tmp_path: Path) -> bytes:
    tensors, header = read_tensors(tiny_world / "model.safetensors")
    name = next(n for n in tensors if "head" in n)
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    return write_tensors(tmp_path / "nan.safetensors", tensors, header).read_bytes()


def test_odd_zips_are_refused_in_a_sentence_and_leave_nothing(tiny_world, worlds, tmp_path):
    good = export_world(tiny_world)
    config = json.loads((tiny_world / "config.json").read_text())
    config["model"]["encoder_widths"] = [10**9] * 4
    cases = {
        "not a ZIP": b"PK nonsense",
        "no part of a world": altered(good, **{"evil.pkl": b"x"}),
        "'model.bin', which is no part": altered(good, **{"model.bin": b"x"}),
        "'config.json', which is no part": altered(good, **{"../config.json": b"{}"}),
        "which is no part of": altered(good, **{"a/b/config.json": b"{}"}),
        "more than one world": altered(good, **{"README.md": None, "other/README.md": b"x"}),
        "a file twice": altered(good, **{"other/config.json": b"{}"}),
        "it has no sliders.json": altered(good, **{"sliders.json": None}),
        "larger than a world's may be": altered(
            good, **{"config.json": b" " * (MAX_BYTES["config.json"] + 1)}
        ),
        "too wide": altered(good, **{"config.json": json.dumps(config).encode()}),
        "damaged": altered(good, **{"model.safetensors": b"\x80\x04pickled"}),
        "is not finite": altered(good, **{"model.safetensors": nan_weights(tiny_world, tmp_path)}),
        "not of a world": altered(good, **{"sliders.json": b"[]"}),
        "a file in the ZIP is damaged": altered(good, **{"README.md": b"\xff\xfe\xff"}),
    }
    for says, data in cases.items():
        with pytest.raises(CheckpointError, match=says):
            import_world(data, worlds)
        assert list(worlds.iterdir()) == [], says


def test_a_zip_that_lies_about_its_size_is_cut_off(tiny_world, worlds):
    data = bytearray(export_world(tiny_world))
    large = altered(bytes(data), **{"README.md": b"0" * 4_000_000})
    # the central directory says 10 bytes; the stream holds four million
    place = large.rindex(b"PK\x01\x02", 0, large.rindex(b"README.md"))
    lying = bytearray(large)
    lying[place + 24 : place + 28] = (10).to_bytes(4, "little")
    with pytest.raises(CheckpointError):
        import_world(bytes(lying), worlds)
    assert list(worlds.iterdir()) == []


def test_a_damaged_stream_is_a_damaged_zip(tiny_world, worlds):
    good = export_world(tiny_world)
    with zipfile.ZipFile(io.BytesIO(good)) as file:
        entries = file.infolist()
    said = set()
    for entry in entries:
        data = bytearray(good)
        start = entry.header_offset + 30 + len(entry.filename)
        data[start : start + 4] = b"\xff" * 4  # a kind of block that deflate does not know
        with pytest.raises(CheckpointError, match="not a ZIP, or it is damaged") as caught:
            import_world(bytes(data), worlds)
        said.add(type(caught.value.__cause__).__name__)
    assert "error" in said  # of zlib
    assert list(worlds.iterdir()) == []


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_another_kind_is_refused(tiny_world, worlds, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for path in sorted(tiny_world.iterdir()):
            file.write(path, f"tiny/{path.name}")
    data = bytearray(buffer.getvalue())
    data[100:140] = b"\xff" * 40  # and damaged, which every method tells in its own way
    with pytest.raises(CheckpointError, match="packed in a way that is not read"):
        import_world(bytes(data), worlds)
    assert list(worlds.iterdir()) == []


def test_a_refusing_disk_leaves_nothing(tiny_world, worlds, monkeypatch):
    def full(path, data, **_):
        raise OSError(28, "No space left on device", str(path))

    data = export_world(tiny_world)
    monkeypatch.setattr("vae.archive.write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        import_world(data, worlds)
    assert list(worlds.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My World", "My-World"),
        ("  ../../etc/passwd ", "etc-passwd"),
        ("", "world"),
        ("...", "world"),
        ("CON", "world-CON"),
        ("Über 42 Äpfel!", "Über-42-Äpfel"),
        ("我的 世界", "我的-世界"),
        ("a" * 99, "a" * 40),
        ("a\x00b\nc", "a-b-c"),
        (".hidden", "hidden"),
    ],
)
def test_names_become_good_folders(text, name):
    assert clean_name(text) == name


def test_a_name_that_is_taken_gets_a_number(worlds):
    (worlds / "Mine").mkdir()
    assert free_name(worlds, "mine") == "mine-2"  # some disks know no capitals
    assert free_name(worlds, "mine", {"mine-2"}) == "mine-3"
    assert free_name(worlds, "yours") == "yours"


def test_a_shipped_world_is_neither_replaced_nor_deleted(tiny_world, worlds):
    shutil.copytree(tiny_world, worlds / "tiny")
    before = snapshot(worlds)
    with pytest.raises(CheckpointError, match="shipped world and is not replaced"):
        install(tiny_world, worlds / "tiny")
    with pytest.raises(CheckpointError, match="came with the program"):
        delete_world("tiny", worlds, confirm=True)
    assert snapshot(worlds) == before


def test_deleting_asks_first(tiny_world, worlds):
    name = import_world(export_world(tiny_world), worlds)
    with pytest.raises(ConfigError, match="cannot be undone"):
        delete_world(name, worlds)
    for odd in ("..", "nothing", ".", "", "../worlds/tiny"):
        with pytest.raises((CheckpointError, ConfigError)):
            delete_world(odd, worlds)
    assert (worlds / name / OWN_FILE).is_file()
    delete_world(name, worlds, confirm=True)
    assert list(worlds.iterdir()) == []


def test_a_world_that_changes_as_it_is_exported_is_refused(tiny_world, worlds, monkeypatch):
    shutil.copytree(tiny_world, worlds / "tiny")
    real = zipfile.ZipFile.write

    def write(file, path, name):
        real(file, path, name)
        (worlds / "tiny" / "README.md").write_text("meanwhile")

    monkeypatch.setattr(zipfile.ZipFile, "write", write)
    with pytest.raises(CheckpointError, match="tiny is being changed"):
        export_world(worlds / "tiny")


def test_what_is_no_world_is_not_exported(tmp_path):
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        export_world(tmp_path)

"""A world goes out as pieces of one ZIP, and the memory it takes is given back."""

import io
import time
import zipfile

import pytest

from vae.archive import export_world
from vae.errors import CheckpointError
from vae.ui import packing
from vae.ui.packing import Packer


@pytest.fixture
def worlds(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "PIECE_BYTES", 40)
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "sliders.json", "model.safetensors"):
            (tmp_path / name / file).write_text(f"{name}, first")
    return tmp_path


@pytest.fixture
def packer(worlds):
    packer = Packer(worlds)
    yield packer
    packer.clear()


def rest(packer, name, data, digest):
    """The pieces from some on, to the last."""
    size = len(data) + 1
    while len(data) < size:
        piece, size, digest = packer.piece(name, len(data), digest)
        data += piece
    return data


def weights(data, name="mine"):
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return file.read(f"{name}/model.safetensors").decode()


def test_the_pieces_are_those_of_one_zip_which_is_let_go_after_the_last(packer, worlds):
    assert rest(packer, "mine", b"", "") == export_world(worlds / "mine")
    assert packer.held == {}


def test_a_world_that_changes_between_two_pieces_goes_out_as_it_was(packer, worlds):
    first, _, digest = packer.piece("mine", 0)
    (worlds / "mine" / "model.safetensors").write_text("mine, second")
    for name in ("other", "mine"):  # and others come for theirs
        packer.piece(name, 0)
    assert len(packer.held) <= packing.MOST_HELD
    with pytest.raises(CheckpointError, match="This world has changed since"):
        packer.piece("mine", len(first), digest)
    first, _, digest = packer.piece("mine", 0)
    (worlds / "mine" / "model.safetensors").write_text("mine, third")
    assert weights(rest(packer, "mine", first, digest)) == "mine, second"
    assert weights(rest(packer, "mine", b"", "")) == "mine, third"


def test_two_visitors_who_come_for_different_worlds_get_their_own(packer, worlds):
    mine, _, mine_digest = packer.piece("mine", 0)
    other, _, other_digest = packer.piece("other", 0)
    assert weights(rest(packer, "mine", mine, mine_digest)) == "mine, first"
    assert weights(rest(packer, "other", other, other_digest), "other") == "other, first"


def test_what_was_let_go_is_packed_again_where_it_is_the_same(packer, worlds):
    first, _, digest = packer.piece("mine", 0)
    packer.clear()
    assert rest(packer, "mine", first, digest) == export_world(worlds / "mine")


def test_a_visitor_who_does_not_come_back_takes_no_memory(worlds):
    packer = Packer(worlds, seconds=0.05)
    packer.piece("mine", 0)
    deadline = time.monotonic() + 30
    while packer.held:
        assert time.monotonic() < deadline
        time.sleep(0.01)

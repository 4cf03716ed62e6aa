"""Weights on disk: what is damaged, foreign or of another shape is refused in one sentence."""

import ast
import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

import vae
from tests.conftest import snapshot, tiny_model
from vae.checkpoint import (
    CAME_LATER,
    FORMAT,
    flatten_optimizer,
    load_state,
    read_tensors,
    restore_optimizer,
    state_of,
    write_tensors,
)
from vae.errors import CheckpointError
from vae.infer import get_infer_model
from vae.model import load_model


@pytest.fixture
def world(tiny_world, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_world, tmp_path / "copy"))


def rewrite(path: Path, header: dict[str, object], change=None) -> None:
    tensors = safetensors.torch.load_file(path)
    tensors = change(tensors) if change else tensors
    safetensors.torch.save_file(tensors, path, metadata={"vae": json.dumps(header)})


def header_of(path: Path) -> dict[str, object]:
    with safetensors.safe_open(path, "pt") as file:
        return json.loads(file.metadata()["vae"])


def test_tensors_and_header_come_back(tmp_path):
    tensors = {"a": torch.randn(3, 4).t(), "b": torch.arange(5), "c": torch.zeros(0)}
    write_tensors(tmp_path / "deep" / "x.safetensors", tensors, {"step": 3})
    found, header = read_tensors(tmp_path / "deep" / "x.safetensors")
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert header == {"format": FORMAT, "step": 3}
    assert list((tmp_path / "deep").iterdir()) == [tmp_path / "deep" / "x.safetensors"]


@pytest.mark.parametrize("keep", [0, 4, 60, 0.5, 0.999])
def test_a_file_cut_short_says_so_and_nothing_changes(world, keep):
    path = world / "model.safetensors"
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    before = snapshot(world)
    for read in (load_model, get_infer_model):
        with pytest.raises(CheckpointError, match=r"model.safetensors is damaged or cut short"):
            read(world)
    assert snapshot(world) == before


def test_another_format_version_says_which(world):
    path = world / "model.safetensors"
    rewrite(path, header_of(path) | {"format": FORMAT + 1})
    before = snapshot(world)
    with pytest.raises(CheckpointError, match=f"of format {FORMAT + 1}, this version reads format"):
        get_infer_model(world)
    assert snapshot(world) == before


def test_another_format_of_the_config_says_which(world):
    content = json.loads((world / "config.json").read_text()) | {"format": 99}
    (world / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=r"config.json is of format 99"):
        get_infer_model(world)


def test_a_foreign_file_says_so(world):
    safetensors.torch.save_file({"w": torch.zeros(2)}, world / "model.safetensors")
    with pytest.raises(CheckpointError, match="was not written by this project"):
        get_infer_model(world)
    (world / "model.safetensors").write_bytes(b"PK\x03\x04 a pickle, or a zip" * 50)
    with pytest.raises(CheckpointError, match="damaged or cut short"):
        get_infer_model(world)
    write_tensors(world / "model.safetensors", {"w": torch.zeros(2)}, {"step": 1})
    with pytest.raises(CheckpointError, match="does not say which model it holds"):
        get_infer_model(world)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t | {"latent_encoder.stem.bias": torch.zeros(3)}, "stem.bias has shape"),
        (lambda t: {k: v for k, v in t.items() if "stem.bias" not in k}, "lacks .*stem.bias"),
        (lambda t: t | {"extra": torch.zeros(1)}, "has an unknown extra"),
    ],
)
def test_weights_that_do_not_fit_are_named(world, change, says):
    path = world / "model.safetensors"
    rewrite(path, header_of(path), change)
    before = snapshot(world)
    with pytest.raises(CheckpointError, match=says):
        get_infer_model(world)
    assert snapshot(world) == before


def test_what_is_missing_is_named(world, tmp_path):
    with pytest.raises(CheckpointError, match="there is no file"):
        read_tensors(tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match=r"is not a world: it has no model.safetensors"):
        load_model(tmp_path)
    (world / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config.json cannot be read"):
        get_infer_model(world)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (PermissionError(13, "Permission denied"), "x.safetensors may not be read: its perm"),
        (OSError(5, "Input/output error"), r"x.safetensors cannot be read \(Input/output error\)"),
    ],
)
def test_what_cannot_be_read_is_not_called_damaged(tmp_path, error, says, monkeypatch):
    path = write_tensors(tmp_path / "x.safetensors", {"w": torch.zeros(2)}, {})

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CheckpointError, match=says):
        read_tensors(path)


def test_a_folder_is_no_file_of_weights(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot be read \(Is a directory\)"):
        read_tensors(tmp_path)


def test_a_disk_that_refuses_says_so(tmp_path):
    (tmp_path / "folder").write_text("a file where a folder should be")
    before = snapshot(tmp_path)
    with pytest.raises(CheckpointError, match=r"could not write x.safetensors"):
        write_tensors(tmp_path / "folder" / "x.safetensors", {"a": torch.zeros(1)}, {})
    assert snapshot(tmp_path) == before


def test_a_refused_state_leaves_the_model_as_it_was():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
    before = {name: t.clone() for name, t in state_of(model).items()}
    wrong = {name: torch.ones_like(t) for name, t in before.items()}
    wrong["1.bias"] = torch.zeros(5)
    with pytest.raises(CheckpointError, match=r"1.bias has shape \(5,\), expected \(4,\)"):
        load_state(model, wrong, "x")
    assert all(torch.equal(t, before[name]) for name, t in state_of(model).items())


@pytest.mark.parametrize("ends", CAME_LATER)
def test_what_came_later_than_a_file_is_nothing(ends):
    model = tiny_model()
    with torch.no_grad():
        for name, value in state_of(model).items():
            if name.endswith(ends):
                value.fill_(0.5)
    old = {n: v.clone() for n, v in state_of(model).items() if not n.endswith(ends)}
    assert len(state_of(model)) == len(old) + 2
    load_state(model, old, "model.safetensors")
    for name, value in state_of(model).items():
        assert torch.equal(value, old.get(name, torch.zeros_like(value)))
    one = {n: v for n, v in state_of(model).items() if n.endswith(ends[0])}
    with pytest.raises(CheckpointError, match="lacks"):  # a part of it is no older file
        load_state(model, old | one, "model.safetensors")


def test_shared_networks_are_stored_once():
    model = tiny_model()
    names = state_of(model)
    assert not any(n.startswith(("output_encoder.", "output_decoder.")) for n in names)
    assert sum(t.numel() for t in names.values()) < 1.2 * sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("fused", [True, False])
def test_an_optimiser_comes_back_with_its_moments(fused):
    def make() -> tuple[nn.Linear, torch.optim.Adam]:
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        return layer, torch.optim.Adam(layer.parameters(), 0.1, (0.5, 0.9), fused=fused)

    def step(layer: nn.Linear, optimizer: torch.optim.Adam) -> None:
        optimizer.zero_grad()
        layer(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()

    (one, first), (two, second) = make(), make()
    step(one, first)
    tensors, groups = flatten_optimizer(first)
    load_state(two, state_of(one), "layer")
    tensors = {name: t.clone() for name, t in tensors.items()}  # as from a file
    restore_optimizer(second, tensors, json.loads(json.dumps(groups)))
    step(one, first)
    step(two, second)
    assert torch.equal(one.weight, two.weight)


def test_nothing_is_ever_pickled():
    folder = Path(vae.__file__).parent
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {"pickle", "dill", "joblib", "shelve"} & {n.split(".")[0] for n in names}
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                call = f"{node.value.id}.{node.attr}"
                assert call not in ("torch.load", "torch.save", "np.load"), path

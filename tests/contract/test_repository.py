"""What the repository promises of itself: layers, requirements, worlds, no paths of a machine."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import torch
from importlinter.cli import lint_imports

from vae.encodings import ATTRIBUTES
from vae.infer import CHECKPOINTS, get_infer_model, list_worlds

ROOT = Path(__file__).resolve().parents[2]


def test_imports_point_one_way_and_gradio_lives_in_the_page_alone(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0, capsys.readouterr()


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"vae"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_package_that_is_imported_is_required():
    lines = (ROOT / "requirements.txt").read_text().split()
    required = {normal(re.split(r"[<>=!~\[;]", line)[0]) for line in lines}
    homes = packages_distributions()
    come_with = {"starlette": "gradio", "fastapi": "gradio"}
    optional = {"pythae_peers.py": {"pythae"}}  # an extra, asked for in a sentence
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {normal(re.split(r"[=<>]", e)[0]) for e in extras["optional-dependencies"]["peers"]} == {
        "pythae"
    }
    for path in [*(ROOT / "vae").rglob("*.py"), ROOT / "app.py"]:
        for name in imported(path) - optional.get(path.name, set()):
            owners = {normal(owner) for owner in homes.get(name, [])}
            owners.add(normal(come_with.get(name, name)))
            assert owners & required, f"{path.name} imports {name}, which is not required"


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_tracked_file_names_a_path_of_a_machine():
    pattern = re.compile(
        r"(?<![\w.<>-])/(?:work|root|home/(?!someone)\w+|Users/\w+|tmp/\w+|mnt)/", re.ASCII
    )
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data or path == Path(__file__):
            continue
        found = pattern.search(data.decode("utf-8", errors="ignore"))
        assert found is None, f"{path.relative_to(ROOT)} names {found and found.group()}"


def test_no_tracked_file_is_too_large_or_cached():
    for path in tracked():
        assert path.stat().st_size < 16_000_000, path
        assert path.suffix not in {".pyc", ".pt", ".pth", ".pkl", ".ckpt"}, path


SHIPPED = ("emoji", "faces", "paintings", "pomona")


def test_four_worlds_are_shipped():
    assert set(SHIPPED) <= set(list_worlds())


@pytest.mark.parametrize("name", list_worlds())
def test_a_shipped_world_is_whole(name):
    folder = CHECKPOINTS / name
    files = {p.name: p.stat().st_size for p in folder.iterdir() if p.is_file()}
    assert {"model.safetensors", "config.json", "sliders.json", "README.md"} <= files.keys()
    assert max(files.values()) < 16_000_000
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert len(card) > 500
    world = get_infer_model(name)
    assert {s.kind for s in world.sliders} == {"style", "form"}
    assert {s.attribute for s in world.sliders if s.kind == "style"} <= set(ATTRIBUTES)
    assert all(s.low < 0 < s.high for s in world.sliders)


@pytest.mark.parametrize("name", list_worlds())
def test_a_shipped_world_draws(name):
    world = get_infer_model(name)
    latents = world.sample(2, generator=torch.Generator().manual_seed(0))
    images = world.decode(latents)
    assert images.shape == (2, world.channels, world.image_size, world.image_size)
    assert images.std() > 0.05
    moved = world.decode(world.move(latents, {world.sliders[0].name: 1.0}))
    assert (moved - images).abs().mean() > 1e-3
    again = world.encode(images)
    assert torch.isfinite(again.joined()).all()


def measured(card: Path) -> list[str]:
    """Rows of a card's tables that hold numbers as they were printed."""
    heads = ("| part | what | value | |", "| slider | Spearman |")
    blocks = card.read_text(encoding="utf-8").split("\n\n")
    return [row for block in blocks if block.startswith(heads) for row in block.splitlines()]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_gives_the_same_numbers_in_both_languages(name):
    rows = measured(CHECKPOINTS / name / "README.md")
    assert len(rows) > 10
    assert measured(CHECKPOINTS / name / "README.zh.md") == rows


def test_python_files_are_of_a_size_that_stays_easy():
    long = {
        path.name: count
        for path in (ROOT / "vae").rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


CALLS = """
import socket, sys

def refuse(*_, **__):
    raise AssertionError("the network")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
for name in ("create_connection", "getaddrinfo", "gethostbyname"):
    setattr(socket, name, refuse)
"""
"""No way out; what lies in between is as it is."""

HOME = {
    "the library": """
import vae, torch
assert "pomona" in vae.infer.list_worlds()
world = vae.infer.get_infer_model("pomona")
drawn = world.decode(world.sample(1, generator=torch.Generator().manual_seed(0)))
assert drawn.shape == (1, 4, world.image_size, world.image_size)
""",
    "the shell": """
from vae.__main__ import main
assert main(["sample", "--num", "1", "--out", sys.argv[1]]) == 0
""",
    "the page": """
from vae.ui.app import prepare_environment
prepare_environment()
from vae.ui.worlds import open_worlds
worlds = open_worlds("pomona", "cpu")
worlds.start.start().result()
worlds.close()
""",
}


@pytest.mark.parametrize("who", HOME)
def test_nothing_calls_home(who, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("HF_HUB_DISABLE_TELEMETRY", None)
    quiet = (
        "import huggingface_hub.constants\n"
        "assert huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY\n"
    )
    command = [sys.executable, "-c", CALLS + HOME[who] + quiet, str(tmp_path / "sheet.png")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

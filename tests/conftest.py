"""Fixtures shared by every kind of test: small pictures and small models made in code."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image

from vae import child
from vae.config import ModelConfig, from_dict
from vae.data import ImageSet
from vae.finish import finish_model, make_card, write_world
from vae.model import IvAE, build_model
from vae.protocols import get_protocol
from vae.trainer import Trainer

TINY = {"encoder_widths": (8, 8, 12, 16), "decoder_widths": (16, 12, 12, 8)}

settings.register_profile("untimed", deadline=None)  # a busy machine is no fault of the code
settings.load_profile("untimed")
torch.set_num_threads(1)  # before any fixture computes: runs are compared to the bit


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)
    torch.set_num_threads(1)  # whatever the test before did; a second thread would only wait


def draw_fruit(seed: int, side: int = 64) -> np.ndarray:
    """A soft-edged disc with a gradient and grain, uint8 RGBA (side, side, 4)."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(-1, 1, side)
    x, y = np.meshgrid(axis, axis)
    radius = np.hypot(x / rng.uniform(0.5, 0.9), y / rng.uniform(0.5, 0.9))
    alpha = np.clip((1 - radius) / rng.uniform(0.05, 0.3), 0, 1)
    colour = rng.uniform(0.2, 0.9, 3)[None, None] + 0.2 * (x + y)[..., None] * rng.normal(size=3)
    colour = colour + rng.uniform(0, 0.1) * rng.normal(size=(side, side, 1))
    rgba = np.concatenate((np.clip(colour, 0, 1), alpha[..., None]), 2)
    return (255 * rgba).round().astype(np.uint8)


def draw_art(seed: int, side: int = 64) -> np.ndarray:
    """A fruit with a grating and coloured grain upon it, uint8 RGBA (side, side, 4)."""
    rng = np.random.default_rng(seed + 100)
    picture = draw_fruit(seed, side) / 255
    row, column = np.mgrid[:side, :side] / side
    angle, cycles = rng.uniform(0, np.pi), rng.uniform(2, side / 6)
    wave = np.sin(2 * np.pi * cycles * (np.cos(angle) * column + np.sin(angle) * row))
    colour = picture[..., :3] + rng.uniform(0, 0.25) * wave[..., None] * rng.uniform(0.3, 1, 3)
    picture[..., :3] = colour + rng.uniform(0, 0.15) * rng.normal(size=(side, side, 3))
    return (255 * np.clip(picture, 0, 1)).round().astype(np.uint8)


def to_images(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    """uint8 arrays (H, W, C) as straight float images (N, C, H, W) in [0, 1]."""
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 255


def image_set(num: int, side: int = 32, channels: int = 4) -> ImageSet:
    pictures = torch.from_numpy(np.stack([draw_fruit(i, side) for i in range(num)]))
    pictures = pictures.permute(0, 3, 1, 2).contiguous()
    if channels == 3:
        pictures = pictures[:, :3].contiguous()
    elif channels == 1:
        pictures = pictures[:, :3].float().mean(1, keepdim=True).to(torch.uint8)
    return ImageSet(pictures, [f"{i:03d}.png" for i in range(num)])


def tiny_model(**changes: object) -> IvAE:
    settings = {"latent_dim": 4, "latent_key_dim": 18, "image_size": 32} | TINY | changes
    return build_model(from_dict(ModelConfig, settings))


@pytest.fixture
def fruit_folder(tmp_path: Path) -> Path:
    """Twenty RGBA pictures of 40² as PNG files."""
    folder = tmp_path / "fruit"
    folder.mkdir()
    for i in range(20):
        Image.fromarray(draw_fruit(i, 40)).save(folder / f"{i:02d}.png")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder with its content and time, to tell whether anything changed."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What a folder holds that was not on the disk when it was renamed, by its new name."""
    synced, found = set(), {}
    fsync, rename = os.fsync, Path.rename

    def syncing(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        fsync(handle)

    def renaming(path: Path, target: Path) -> Path:
        inside = [path, *path.rglob("*")] if path.is_dir() else []
        found[target.name] = [p.name for p in inside if p.stat().st_ino not in synced]
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "rename", renaming)
    return found


def make_world(folder: Path, *, steps: int = 12, **changes: object) -> Path:
    """Train a tiny model for a moment and write it as a world."""
    torch.manual_seed(0)
    model = tiny_model(**changes)
    assert model.config is not None
    training = image_set(24, model.config.image_size, model.config.channels)
    protocol = get_protocol("pretrain", steps=steps, batch_size=8, warmup=2, loop_warmup=0)
    trainer = Trainer(model, training, training, protocol)
    for _ in range(steps):
        trainer.train_step()
    table = finish_model(model, training)
    write_world(folder, model, table, make_card(folder.name, {"pictures": 24}, table))
    return folder


@pytest.fixture(scope="session")
def tiny_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world of 32² RGBA pictures, 4 + 18 latents; not to be changed."""
    return make_world(tmp_path_factory.mktemp("worlds") / "tiny")


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several workers one thread: two that take every core wait for one another."""
    if config.getoption("numprocesses", None):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(name, "1")  # the workers inherit it
    if hasattr(config, "workerinput"):
        child.MAX_THREADS = 1  # of the runs that a worker starts


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put browser tests last: Playwright keeps an event loop running until the session ends."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)

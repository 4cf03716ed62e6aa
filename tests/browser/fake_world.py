"""A world drawn by formula: one soft blob on clear ground, with every part a slider can move.

It stands in for a trained world where a test is about the page and not about the model. Nothing
is random but the seed, so pictures can be compared pixel by pixel.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from vae.borrowing import Borrowing
from vae.distributions import LatentDensity, Latents
from vae.encodings import GROUPS, measure
from vae.errors import CheckpointError
from vae.grain import amounts_of
from vae.holding import Holding, hold
from vae.infer import World
from vae.looks import Look, look_of
from vae.matching import Matching
from vae.slider import Slider
from vae.ui.engine import Engine, Studio
from vae.ui.worlds import Worlds, find_worlds

STYLES = (
    "lightness", "redness", "warmth", "lightness_spread", "redness_spread", "warmth_spread",
    "colorfulness", "palette_variety", "local_contrast", "fineness", "coarseness",
    "directionality", "angle_cos", "angle_sin", "coverage", "edge_softness",
)  # fmt: skip
FORMS = ("size", "aspect", "across", "down", "lobes", *(f"form {i}" for i in range(6, 13)))
USUAL = (60, 20, 25, 12, 6, 8, 50, 2.5, 6, -3, 3.5, 0.3, 0, 0, 0.35, 0.05)
SPREAD = (12, 12, 12, 5, 4, 5, 20, 0.6, 3, 0.6, 0.8, 0.15, 0.2, 0.2, 0.15, 0.03)


def slider(name: str, kind: str, **measured: Any) -> Slider:
    defaults = {"low": -2.5, "high": 2.5, "gain": 0.9, "purity": 0.6, "spearman": 0.97}
    attribute = name if kind == "style" else None
    return Slider(name=name, kind=kind, attribute=attribute, **{**defaults, **measured})


class FakeWorld:
    """The part of ``vae.infer.World`` that the page uses."""

    name = "fake"
    channels = 4
    latent_dim = len(FORMS)
    latent_key_dim = len(STYLES)
    device = torch.device("cpu")
    vary, direction, split = World.vary, World.direction, World.split
    sliders = (*(slider(n, "style") for n in STYLES), *(slider(n, "form") for n in FORMS))

    def __init__(self, image_size: int = 128) -> None:
        self.image_size = image_size
        self.density = LatentDensity(self.latent_dim + self.latent_key_dim, 1)
        self.density.factors.mul_(0.7)

    def sample(
        self, n: int, *, generator: torch.Generator | None = None, truncation: float = 1.0
    ) -> Latents:
        draw = torch.randn(n, self.latent_dim + self.latent_key_dim, generator=generator)
        z, key = (draw * truncation * 0.7).split([self.latent_dim, self.latent_key_dim], dim=1)
        return Latents(z, key)

    def matching(self, images: Tensor, latents: Latents) -> Matching:
        return Matching(self.decode, self.density, images, latents)

    def encode(self, images: Tensor) -> Latents:
        """Read back size, place and mean colour, roughly; the rest is zero."""
        n = len(images)
        z, key = torch.zeros(n, self.latent_dim), torch.zeros(n, self.latent_key_dim)
        weight = images[:, 3:4] / images[:, 3:4].sum((2, 3), keepdim=True).clamp(min=1e-6)
        red, green, blue = (images[:, :3] * weight).sum((2, 3)).unbind(1)
        key[:, 0] = 4 * ((red + green + blue) / 3 - 0.5)
        key[:, 1], key[:, 2] = 4 * (red - green), 4 * (green - blue)
        z[:, 0] = 4 * (images[:, 3].mean((1, 2)) - 0.4)
        return Latents(z, key)

    def move(self, latents: Latents, moves: dict[str, float]) -> Latents:
        z, key = latents.z.clone(), latents.key.clone()
        for name, amount in moves.items():
            if name in STYLES:
                key[:, STYLES.index(name)] += amount
            else:
                z[:, FORMS.index(name)] += amount
        return Latents(z, key)

    def scores(self, u: Tensor) -> Tensor:
        """Read attributes on a rough scale of its own."""
        return (u - u.new_tensor(USUAL)) / u.new_tensor(SPREAD)

    def look(self, reference: Tensor) -> Look:
        return look_of(reference, self.image_size)

    def borrowing(self, latents: Latents, look: Look, *, locks: Collection[str] = ()) -> Borrowing:
        """Take half of every difference in one step: enough for a picture to follow a dial."""
        before = self.scores(measure(self.decode(latents)))
        wanted = self.scores(look.u).expand_as(before)
        dials = ("texture", "palette", "alpha") if look.has_alpha else ("texture", "palette")
        borrowed = torch.zeros(2 ** len(dials), len(STYLES), dtype=torch.bool)
        for corner, switches in enumerate(product((False, True), repeat=len(dials))):
            for dial, on in zip(dials, switches, strict=True):
                for name in GROUPS[dial] if on else ():
                    borrowed[corner, STYLES.index(name)] = name not in locks
        moves = 0.5 * (wanted - before).clamp(-2.5, 2.5)[:, None] * borrowed
        return Borrowing(dials, moves, before, wanted, before[:, None] + moves, borrowed)

    def holding(self, latents: Latents, *, measured: bool = True) -> Holding:
        return hold(FakeModel(self), latents)

    def decode(self, latents: Latents, *, grain: float | Tensor = 1.0) -> Tensor:
        """Draw; less grain than 1 leaves dark specks, more of it light ones."""
        blobs = [_blob(z, k, self.image_size) for z, k in zip(*latents, strict=True)]
        specks = torch.rand(self.image_size, self.image_size, generator=_seeded(7)) < 0.1
        light = 0.3 * (amounts_of(grain, len(blobs)) - 1) * specks
        colour, alpha = torch.stack(blobs).split((3, 1), 1)
        return torch.cat(((colour + light).clamp(0, 1), alpha), 1)

    def grain_of(self, images: Tensor, latents: Latents) -> Tensor:
        return torch.ones(len(latents.z))


class FakeModel:
    """What `vae.solver` asks of a model, drawn small: it measures many pictures."""

    config = None
    standardizer = SimpleNamespace(active=torch.ones(len(STYLES)))

    def __init__(self, world: FakeWorld) -> None:
        self.world = type(world)()
        self.world.image_size = 48
        self.density, self.latent_dim = world.density, world.latent_dim
        self.latent_key_dim = world.latent_key_dim

    def decode(self, latents: Latents, size: int | None = None) -> Tensor:
        return self.world.decode(latents)

    def metadata(self, x: Tensor) -> Tensor:
        return self.world.scores(measure(x))


class OtherWorld(FakeWorld):
    """Another one: opaque, of another size and other widths, with three forms alone."""

    name = "other"
    channels = 3
    latent_dim = 3
    sliders = (*(slider(n, "style") for n in STYLES[:4]), *(slider(n, "form") for n in FORMS[:3]))

    def __init__(self) -> None:
        super().__init__(96)

    def encode(self, images: Tensor) -> Latents:
        clear = torch.ones_like(images[:, :1])
        z, key = super().encode(torch.cat([images, clear], 1))
        return Latents(z[:, :3], key)

    def move(self, latents: Latents, moves: dict[str, float]) -> Latents:
        more = torch.zeros(len(latents.z), len(FORMS) - self.latent_dim)
        z, key = super().move(Latents(torch.cat([latents.z, more], 1), latents.key), moves)
        return Latents(z[:, : self.latent_dim], key)

    def decode(self, latents: Latents, *, grain: float | Tensor = 1.0) -> Tensor:
        more = torch.zeros(len(latents.z), len(FORMS) - self.latent_dim)
        pictures = super().decode(
            Latents(torch.cat([latents.z, more], 1), latents.key), grain=grain
        )
        colour, alpha = pictures[:, :3], pictures[:, 3:]
        light = 0.1 * latents.key[:, STYLES.index("lightness")].view(-1, 1, 1, 1)
        ground = (torch.tensor([0.9, 0.85, 0.7]).view(3, 1, 1) + light).clamp(0, 1)
        return colour.flip(1) * alpha + ground * (1 - alpha)


def write_fake(folder: Path, card: str = "", weights: bytes = b"weights") -> Path:
    """Write a folder that the page takes for a world.

    Weights of ``damaged`` cannot be loaded; those of ``slow`` only once there is a file ``go``
    beside them, and a file ``begun`` says that it is waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model": {"channels": OtherWorld.channels, "image_size": 96}}
    files = {"model.safetensors": weights, "config.json": json.dumps(config).encode()}
    files |= {"sliders.json": b"{}", "README.md": card.encode()}
    for name, data in files.items():
        if data:
            (folder / name).write_bytes(data)
    return folder


def open_fake(folder: Path, studio: Studio) -> Engine:
    """Open what :func:`write_fake` wrote."""
    weights = folder / "model.safetensors"

    def load() -> FakeWorld:
        if weights.read_bytes() == b"damaged":
            raise CheckpointError(f"{weights.name} is damaged or cut short; fetch it again")
        if weights.read_bytes() == b"slow":
            (folder / "begun").touch()
            _wait_for(folder / "go")
        return OtherWorld()

    return Engine(load, folder.name, OtherWorld.sliders, weights, studio)


def _wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.is_file():
        assert time.monotonic() < until, path
        time.sleep(0.02)


def fake_worlds(folder: Path | None = None) -> Worlds:
    """The drawn world, and those that :func:`write_fake` left in a folder."""
    start = Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders)
    return Worlds(start, lambda: find_worlds(folder) if folder else {}, open_fake)


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _blob(z: Tensor, key: Tensor, size: int) -> Tensor:
    style, form = dict(zip(STYLES, key, strict=True)), dict(zip(FORMS, z, strict=True))
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, size)] * 2, indexing="ij")
    x = (x - 0.08 * form["across"]) * torch.exp(0.12 * form["aspect"])
    y = (y - 0.08 * form["down"]) * torch.exp(-0.12 * form["aspect"])
    radius, angle = torch.hypot(x, y), torch.atan2(y, x)
    edge = 0.62 + 0.06 * form["size"] + 0.04 * style["coverage"]
    edge = edge + 0.03 * form["lobes"] * torch.cos(5 * angle)
    for i, name in enumerate(FORMS[5:], start=2):
        edge = edge + 0.012 * form[name] * torch.sin(i * angle)
    softness = 0.02 * torch.exp(0.5 * style["edge_softness"])
    alpha = torch.sigmoid((edge - radius) / softness)
    grain = torch.sin(x * (14 + 4 * style["fineness"]) + y * 9 * style["directionality"])
    light = (
        0.55 + 0.1 * style["lightness"] - 0.25 * radius * torch.exp(0.3 * style["lightness_spread"])
    )
    light = light + 0.05 * grain * torch.exp(0.4 * style["local_contrast"])
    chroma = 0.16 * torch.exp(0.3 * style["colorfulness"])
    red = light + chroma * (1.2 + style["redness"]) + 0.04 * x * style["redness_spread"]
    green = light - 0.4 * chroma * style["redness"]
    blue = light - chroma * (1 + style["warmth"]) + 0.04 * y * style["warmth_spread"]
    rest = 0.02 * torch.cos(8 * radius * (1 + style["coarseness"])) * style["palette_variety"]
    turn = 0.02 * (x * style["angle_cos"] + y * style["angle_sin"])
    return torch.stack([red + rest, green + turn, blue - rest, alpha]).clamp(0, 1)

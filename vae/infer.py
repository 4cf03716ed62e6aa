"""Worlds: frozen models to encode, decode, sample, move and borrow with."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.borrowing import Borrowing, solve
from vae.checkpoint import check_format
from vae.config import ModelConfig
from vae.distributions import LatentDensity, Latents
from vae.encodings import ATTRIBUTES, measure
from vae.errors import CheckpointError, ConfigError, ShapeError
from vae.grain import amounts_of, matching_grain, roughness
from vae.holding import Holding, hold
from vae.liking import direction_of
from vae.looks import Look, look_by
from vae.matching import STEPS, Match, Matching, match, plain
from vae.model import IvAE, fetch_world, load_model
from vae.noise import fixed_noise
from vae.packed import PackedDecoder, can_pack, computes_bf16
from vae.shelf import CHECKPOINTS, WEIGHTS, tend, world_folders
from vae.sliders import Slider, SliderTable, sliders_of
from vae.solver import effect_of_key

ROUNDING = 1e-3  # how far beyond [0, 1] an image may lie


def list_worlds(folder: Path = CHECKPOINTS) -> list[str]:
    """Names of the worlds in a folder, sorted."""
    return [path.name for path in world_folders(folder)]


class World:
    """One trained model with its sliders, frozen.

    Images are straight float tensors (N, C, S, S) in [0, 1]; latents are means.

    Attributes:
        name: The folder's name.
        path: The folder.
        model: The network, in evaluation mode.
        sliders: Those that change the picture most first within each kind.
    """

    def __init__(self, path: Path, model: IvAE, table: SliderTable):
        if model.config is None or model.density is None:
            raise CheckpointError(f"{path} has no fitted density; finish its training first")
        width = model.latent_dim + model.latent_key_dim
        if table.directions.shape != (len(table.sliders), width):
            raise CheckpointError(
                f"the sliders of {path.name} are not of this model: expected directions of "
                f"{width} numbers, found {tuple(table.directions.shape)}; measure them again"
            )
        self.name, self.path, self.model, self.table = path.name, path, model.eval(), table
        self.model.requires_grad_(False)
        self.config: ModelConfig = model.config
        self.density: LatentDensity = model.density
        self.directions = table.directions.to(self.device)
        self._packed: dict[int, PackedDecoder] = {}

    @property
    def sliders(self) -> tuple[Slider, ...]:
        """The slider table."""
        return self.table.sliders

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    @property
    def image_size(self) -> int:
        """Side in pixels."""
        return self.config.image_size

    @property
    def channels(self) -> int:
        """1, 3 or 4."""
        return self.config.channels

    @property
    def latent_dim(self) -> int:
        """Width of the content z."""
        return self.config.latent_dim

    @property
    def latent_key_dim(self) -> int:
        """Width of the key."""
        return self.config.latent_key_dim

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Latents:
        """Encode images (N, C, S, S) in [0, 1] of this world's channels and size.

        Raises:
            ShapeError: The images do not fit the world, are not finite, or leave [0, 1].
        """
        return self.model.posterior(self._check(images)).mean

    @torch.inference_mode()
    def decode(
        self, latents: Latents, *, size: int | None = None, grain: float | Tensor = 1.0
    ) -> Tensor:
        """Decode latents to images (N, C, S, S) in [0, 1].

        One picture alone takes a faster way on a CPU, see :mod:`vae.packed`.

        Args:
            latents: Content (N, latent_dim) and key (N, latent_key_dim).
            size: Side in pixels where it is not the world's own.
            grain: How strong the grain is, 0 to 2, one for all or (N,): 1 is as trained, 0 draws
                the location of p(x|z, k), nearer pixel by pixel and smoother than any picture.

        Raises ConfigError where ``grain`` is out of range, ShapeError where latents do not fit.
        """
        z, key = (t.to(self.device, torch.float32) for t in latents)
        size, decoder = size or self.image_size, self.model.output_encoder
        amounts = amounts_of(grain, len(z)).to(self.device)
        if len(z) == 1 and can_pack(decoder):
            decoder.check(z, key, size)
            if size not in self._packed:
                self._packed[size] = PackedDecoder(decoder, size, bf16=computes_bf16())
            return self._packed[size](z, key, amounts.item()).clamp(0, 1)
        noise = fixed_noise(size).to(self.device) * amounts
        return self.model.decode(Latents(z, key), size=size, noise=noise).clamp(0, 1)

    @torch.inference_mode()
    def grain_of(self, images: Tensor, latents: Latents) -> Tensor:
        """Return the share of grain (N,), 0 to 1, that draws latents as rough as images are.

        ``world.decode(latents, grain=world.grain_of(images, latents))``; see `vae.grain`.
        """
        there = roughness(self._check(images))
        return matching_grain(there, lambda share: self.decode(latents, grain=share))

    @torch.inference_mode()
    def sample(
        self, n: int, *, generator: torch.Generator | None = None, truncation: float = 1.0
    ) -> Latents:
        """Draw latents from the density fitted to the world.

        Args:
            n: How many.
            generator: A CPU generator; the default one where it is not given.
            truncation: Spread about the nearest component, 0 (most typical) to 1 (as trained).

        Raises:
            ConfigError: ``n`` or ``truncation`` is out of range.
        """
        if n < 1 or not 0 <= truncation <= 2:
            raise ConfigError(
                f"expected n of at least 1 and truncation from 0 to 2, found {n}, {truncation}"
            )
        return self.split(self.density.sample(n, generator=generator, truncation=truncation))

    @torch.inference_mode()
    def vary(
        self,
        latents: Latents,
        n: int,
        *,
        generator: torch.Generator | None = None,
        reach: float = 0.4,
    ) -> Latents:
        """Draw neighbours of one picture along the density fitted to the world.

        The same generator draws the same directions at any reach, so neighbours move steadily.

        Args:
            latents: The picture (one row).
            n: How many neighbours.
            generator: A CPU generator; the default one where it is not given.
            reach: 0 (the picture itself) to 1 (any other of its kind).

        Raises:
            ConfigError: ``n`` or ``reach`` is out of range.
            ShapeError: The latents are of more than one picture.
        """
        if n < 1 or not 0 <= reach <= 1:
            raise ConfigError(f"expected n of at least 1 and reach from 0 to 1, found {n}, {reach}")
        start = latents.joined().to(self.device)
        if len(start) != 1:
            raise ShapeError(f"expected the latents of one picture, found {len(start)}")
        noise = torch.randn(n, start.shape[1], generator=generator).to(start)
        return self.split(self.density.vary(start.expand(n, -1), noise, reach))

    def match(
        self,
        images: Tensor,
        latents: Latents,
        *,
        steps: int = STEPS,
        seconds: float | None = None,
        progress: Callable[[int, Tensor], object] | None = None,
    ) -> Match:
        """Refine latents until their pictures are nearer to given ones; see `vae.matching`.

        Args:
            images: Straight (N, C, S, S) in [0, 1] of this world's channels and size.
            latents: Where to begin, N of them: what :meth:`encode` read, say.
            steps: Gradient steps at most.
            seconds: Time at most; None for all the steps.
            progress: Told after every step how many were taken, and the distances (N,) now.
                ``False`` from it ends the search.

        Raises:
            ConfigError: ``steps`` or ``seconds`` is not positive.
            ShapeError: The images do not fit the world, or there are not as many latents.
        """
        search = self.matching(images, latents)
        return match(search, steps=steps, seconds=seconds, progress=progress)

    def matching(self, images: Tensor, latents: Latents) -> Matching:
        """Begin :meth:`match`, to be advanced one step at a time.

        The pictures are drawn with as much grain as the given ones have.
        """
        start = Latents(*(t.to(self.device, torch.float32) for t in latents))
        images, size = self._check(images), self.image_size
        grain = amounts_of(self.grain_of(images, start), len(images))
        noise = plain(fixed_noise(size).to(self.device) * grain)
        draw = partial(self.model.decode, size=size, noise=noise)
        return Matching(draw, self.density, images, start)

    @torch.inference_mode()
    def direction(self, liked: Latents, disliked: Latents) -> Latents:
        """Return the direction from pictures that are not liked to such as are, one row.

        A move of +1 along it is one standard deviation of the world; see `vae.liking`.

        Args:
            liked: One or more.
            disliked: One or more; what the liked ones are variations of where none was marked.

        Raises:
            ConfigError: Both have the same mean.
            ShapeError: One of them is empty, or of another width.
        """
        there, from_where = (side.joined().to(self.device) for side in (liked, disliked))
        return self.split(direction_of(there, from_where, self.density)[None])

    def split(self, joined: Tensor) -> Latents:
        """Split joined latents (N, latent_dim + latent_key_dim)."""
        return Latents(*joined.to(self.device).split((self.latent_dim, self.latent_key_dim), 1))

    @torch.inference_mode()
    def describe(self, images: Tensor) -> dict[str, Tensor]:
        """Measure the 16 attributes of images of any size, natural units, (N,) each."""
        return dict(zip(ATTRIBUTES, measure(images).unbind(1), strict=True))

    @torch.inference_mode()
    def scores(self, u: Tensor) -> Tensor:
        """Return attributes (N, 16), natural units, in standard deviations of the training set."""
        return self.model.standardizer(u.to(self.device))

    @torch.inference_mode()
    def move(self, latents: Latents, by: Mapping[str, float | Tensor]) -> Latents:
        """Move latents along sliders.

        Args:
            latents: Where to start.
            by: Slider name → standard deviations of the training set; a number, or (N,).

        Raises:
            ConfigError: A slider is unknown, or a move is not finite.
        """
        joined = latents.joined()
        for name in sorted(by):  # one order, or the same moves differ in their last bits
            direction = self._direction(name)
            amount = torch.as_tensor(by[name], dtype=joined.dtype, device=joined.device)
            if not amount.isfinite().all():
                raise ConfigError(f"{name} cannot move by {by[name]}; give a finite number")
            joined = joined + amount.reshape(-1, 1) * direction
        return self.split(joined)

    def holding(self, latents: Latents, *, measured: bool = True) -> Holding:
        """Begin to move attributes of pictures while the others are held; see `vae.holding`.

        ``world.holding(latents).move({"warmth": 1.0})`` is the purer and slower :meth:`move`.
        Not ``measured``, it begins with the mean effect of the key and draws far fewer pictures.
        """
        here = Latents(*(t.to(self.device, torch.float32) for t in latents))
        return hold(self.model, here, None if measured else effect_of_key(self.model, self.table))

    def _direction(self, name: str) -> Tensor:
        for slider, direction in zip(self.sliders, self.directions, strict=True):
            if slider.name == name:
                return direction
        known = ", ".join(s.name for s in self.sliders)
        raise ConfigError(f"this world has no slider {name!r}; it has {known}")

    @torch.inference_mode()
    def borrow(
        self,
        latents: Latents,
        reference: Tensor,
        texture: float = 1.0,
        palette: float = 1.0,
        alpha: float = 1.0,
        *,
        locks: Collection[str] = (),
    ) -> Latents:
        """Take on a reference's measured metadata, leaving the content z.

        The key moves until the picture measures as the reference where it borrows and as before
        where it does not; see `vae.borrowing`. An opaque reference has no transparency to lend.

        Args:
            latents: The pictures to change, N of them.
            reference: Straight images (1 or N, C, H, W) of any size.
            texture: Share of the texture attributes borrowed, 0 to 1.
            palette: Share of the colour attributes.
            alpha: Share of the transparency attributes.
            locks: Attributes that stay, whatever the dials say.

        Raises:
            ConfigError: A dial is outside 0 to 1, or a lock is no attribute.
            ShapeError: The reference is no image, or there are neither 1 nor N.
        """
        shares = {"texture": texture, "palette": palette, "alpha": alpha}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ConfigError(f"{name} must be from 0 to 1, found {value}")
        found = self.borrowing(latents, self.look(reference), locks=locks)
        return Latents(latents.z, latents.key + found.at(shares))

    def look(self, reference: Tensor) -> Look:
        """Measure what references lend; straight images (M, C, H, W) in [0, 1] of any size.

        Where the world knows such pictures, its encoder's reading of the style goes with it.

        Raises:
            ShapeError: The reference is no image.
        """
        return look_by(self.model, reference, self.image_size)

    def borrowing(self, latents: Latents, look: Look, *, locks: Collection[str] = ()) -> Borrowing:
        """Solve :meth:`borrow` for every place of the dials, from a measured look."""
        return solve(self.model, self.table, latents, look, locks=locks)

    def _check(self, images: Tensor) -> Tensor:
        size, channels = self.image_size, self.channels
        if images.ndim != 4 or not len(images) or images.shape[1:] != (channels, size, size):
            raise ShapeError(
                f"the world {self.name} takes images of shape (N, {channels}, {size}, {size}), "
                f"found {tuple(images.shape)}"
            )
        images = images.to(self.device, torch.float32)
        least, most = (float(end) for end in images.aminmax())
        if not -ROUNDING <= least <= most <= 1 + ROUNDING:  # nor is it where one is not a number
            raise ShapeError(
                f"the world {self.name} takes images in [0, 1], found values from {least:g} to "
                f"{most:g}; divide bytes by 255, and leave out what is not finite"
            )
        return images.contiguous(memory_format=torch.channels_last)


def get_infer_model(name: str | Path, *, device: str | torch.device = "cpu", **hub: Any) -> World:
    """Load a world.

    Args:
        name: A shipped world's name, a folder, or a Hugging Face hub id.
        device: ``'cpu'``, ``'cuda'``, ``'mps'``.
        hub: ``revision``, ``cache_dir``, ``token``, ``local_files_only`` of the hub.

    Raises:
        CheckpointError: There is no such world, or a file of it is damaged.
        ConfigError: The device is not there.
    """
    shipped = CHECKPOINTS / str(name)
    tend(CHECKPOINTS)
    if (shipped / WEIGHTS).is_file():
        folder = shipped
    elif "/" in str(name) or Path(name).exists():
        folder = fetch_world(str(name), **hub)
    else:
        known = ", ".join(list_worlds()) or "none"
        raise CheckpointError(f"there is no world called {name}; shipped worlds: {known}")
    config = folder / "config.json"
    try:
        check_format(config, json.loads(config.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} is not a world: config.json cannot be read") from error
    try:
        model = load_model(folder, device=device)
    except (RuntimeError, AssertionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise ConfigError(f"the device {device!r} is not available here") from error
    return World(folder, model, sliders_of(folder, model))


__all__ = ["CHECKPOINTS", "Latents", "World", "get_infer_model", "list_worlds"]

"""What a training step is fed: pictures, their metadata, and everything random, drawn in one place.

Every random number is drawn for the whole batch and then shared out among the processes, so that
any number of them together sees what one process would.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vae.data import ImageSet, augment, measure_all, shift
from vae.distributions import LatentDensity, Latents
from vae.finish import encode_set
from vae.model import IvAE
from vae.protocols import Protocol

START = 256
"""Pictures to which fresh networks are fitted."""
REACH = 4.0
"""Furthest metadata a model is trained on, in standard deviations. A table of few pictures, or of
others, is steep at its ends: a turned picture may score in the hundreds, and the prior with it."""

OTHERS = 4
"""Pictures, in batches, that stand for the set where the grain of draws is compared."""


@dataclass
class Batch:
    """One process's share of a step, with everything random drawn beforehand.

    Attributes:
        x: Straight images (N, C, S, S).
        u: Standardised metadata (N, 16).
        latents: Stored posterior means, where the encoder is frozen.
        noise: Standard normal for the posterior (N, D).
        grain: Standard normal (N, 1, S, S); 0 where the protocol is ``grainless``.
        backdrop: Colours (N, 3).
        slider: Which key the closed loop moves, (N,).
        shift: By how much, (N,), in standard deviations.
        swap: Whether the closed loop first takes the key of a neighbour, (N,).
        offset: Translation (rows, columns) of everything the judge sees in this step.
        places: Seed of where and along what the grain is compared.
        drawn: Latents drawn from the density for the judge, or None.
        others: Straight images (M, C, S, S) that the grain of those is compared with, or None.
        recent: Straight images (K, C, S, S) drawn in the steps before, or None.
    """

    x: Tensor
    u: Tensor
    latents: Latents | None
    noise: Tensor
    grain: Tensor
    backdrop: Tensor
    slider: Tensor
    shift: Tensor
    swap: Tensor
    offset: tuple[int, int] = (0, 0)
    places: int = 0
    drawn: Latents | None = None
    others: Tensor | None = None
    recent: Tensor | None = None


class BatchSource:
    """An endless, seeded, resumable supply of batches.

    The set, its metadata (of pictures and their mirror images) and, where the encoder is frozen,
    its latents are held in memory on the device.

    Args:
        model: Its metadata table is fitted here if it is not yet; so is its density, where the
            protocol draws from one.
        training: The pictures.
        protocol: Settings of the run.
        device: Where the set is held.
        rank: Which process this is.
        num_processes: Of how many.
    """

    def __init__(
        self,
        model: IvAE,
        training: ImageSet,
        protocol: Protocol,
        *,
        device: torch.device,
        rank: int = 0,
        num_processes: int = 1,
    ):
        self.model, self.protocol, self.device = model, protocol, device
        self.rank, self.num_processes = rank, num_processes
        self.images = training.images.to(device)
        self.generator = torch.Generator().manual_seed(protocol.seed)
        self.order = torch.empty(0, dtype=torch.long)
        flips = (False, True)
        raw = torch.cat([measure_all(training, flip=f, device=device) for f in flips])
        known = model.standardizer.fitted
        if not known:
            model.standardizer.fit(raw)
        if not known and not protocol.rests_encoder:
            some = torch.Generator().manual_seed(protocol.seed)
            which = torch.randperm(len(training), generator=some)[:START].to(device)
            pictures = self.images[which].float() / 255
            fit = model.start_from if protocol.fit_decoder else model.latent_encoder.start_from
            fit(pictures)
        with torch.no_grad():
            scores = model.standardizer(raw.to(device)).clamp(-REACH, REACH)
        self.u = scores.unflatten(0, (2, -1))  # (2, N, 16)
        self.stored: Tensor | None = None
        self.recent = self.images[:0]  # 8-bit pictures drawn of late, oldest first
        if protocol.rests_encoder:
            self.stored = torch.stack([encode_set(model, training, flip=f) for f in flips])
            if model.density is None:
                density = LatentDensity.fit(self.stored[0], seed=protocol.seed)
                model.density = density.to(device)

    def state(self) -> dict[str, Tensor]:
        """Return the position in the data and the state of the generator."""
        state = {"order": self.order, "generator": self.generator.get_state()}
        return state | ({"recent": self.recent} if len(self.recent) else {})

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go back to a :meth:`state`."""
        self.order = state["order"]
        self.generator.set_state(state["generator"])
        self.recent = state.get("recent", self.recent).to(self.device)

    def remember(self, batch: Batch, output: Tensor) -> None:
        """Keep the draws of a step, so that the grain of many can be compared.

        With those of the step they are as many as :attr:`Batch.others`.

        Args:
            batch: The step's.
            output: What was drawn from it (N, C, S, S), reconstructions first.
        """
        p, drawn = self.protocol, output[len(batch.x) :]
        if batch.others is None:
            return
        room = (OTHERS * p.batch_size - int(p.batch_size * p.draws)) // self.num_processes
        drawn = drawn.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
        pool = torch.cat((self.recent, drawn))
        self.recent = pool[max(0, len(pool) - max(room, 0)) :]

    def next(self) -> Batch:
        """Return this process's share of the next batch."""
        p, g = self.protocol, self.generator
        n, size = p.batch_size, self.images.shape[-1]
        x, u, latents = self._pictures()
        width = self.model.latent_dim + self.model.latent_key_dim
        shift = (2 * torch.rand(n, generator=g) - 1) * p.loop_reach
        rows, columns = torch.randint(-size // 16, size // 16 + 1, (2,), generator=g).tolist()
        comparing = p.texture_weight or p.draws_texture_weight
        places = int(torch.randint(0, 2**31, (), generator=g)) if comparing else 0
        return Batch(
            x=x.contiguous(),
            u=u,
            latents=latents,
            noise=self._share(torch.randn(n, width, generator=g)),
            grain=self._share(torch.randn(n, 1, size, size, generator=g)) * (not p.grainless),
            backdrop=self._share(torch.rand(n, 3, generator=g)),
            slider=self._share(torch.randint(0, u.shape[1], (n,), generator=g)),
            shift=self._share(shift),
            swap=self._share(torch.rand(n, generator=g) < 0.4),
            offset=(rows, columns),
            places=places,
            drawn=self._drawn(int(n * p.draws)) if p.rests_encoder else None,
            others=self._others(OTHERS * n) if p.draws_texture_weight else None,
            recent=self.recent.float() / 255 if len(self.recent) else None,
        )

    def _share(self, whole: Tensor) -> Tensor:
        part = len(whole) // self.num_processes
        return whole[self.rank * part : (self.rank + 1) * part].to(self.device)

    def _index(self) -> Tensor:
        need = self.protocol.batch_size
        while len(self.order) < need:
            more = torch.randperm(len(self.images), generator=self.generator)
            self.order = torch.cat((self.order, more))
        index, self.order = self.order[:need], self.order[need:]
        return index

    def _pictures(self) -> tuple[Tensor, Tensor, Latents | None]:
        p, g = self.protocol, self.generator
        index = self._share(self._index())
        flip = self._share(torch.rand(p.batch_size, generator=g) < 0.5 * (p.augment != "none"))
        x = self.images[index].float() / 255
        x = torch.where(flip[:, None, None, None], x.flip(-1), x)
        row = flip.long()
        if self.stored is not None:
            return x, self.u[row, index], self._split(self.stored[row, index])
        if p.augment == "affine":
            draws = p.augment_reach * torch.randn(p.batch_size, 4, generator=g)
            x = augment(x, self._share(draws))
            with torch.no_grad():
                return x, self.model.metadata(x).clamp(-REACH, REACH), None
        if p.augment == "shift":
            # The metadata knows no place, so the table's still holds for a shifted picture.
            reach = round(p.augment_reach * x.shape[-1] / 32)
            offsets = torch.randint(-reach, reach + 1, (p.batch_size, 2), generator=g)
            x = shift(x, self._share(offsets))
        return x, self.u[row, index], None

    def _drawn(self, num: int) -> Latents | None:
        if num < self.num_processes or self.model.density is None:
            return None
        return self._split(self._share(self.model.density.sample(num, generator=self.generator)))

    def _others(self, num: int) -> Tensor:
        index = torch.randint(len(self.images), (num,), generator=self.generator)
        return self.images[self._share(index)].float() / 255

    def _split(self, joined: Tensor) -> Latents:
        return Latents(*joined.split((self.model.latent_dim, self.model.latent_key_dim), 1))

"""What a step optimises: the variational terms, the closed loop, and the game with the judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from vae.batches import Batch
from vae.discriminator import Discriminator
from vae.distributions import Latents, Posterior, kl_divergence, kl_to_standard_normal
from vae.encodings import NUM_ATTRIBUTES, measure
from vae.fitting import all_rows, global_mean
from vae.losses import (
    attribute_order_loss,
    feature_matching_loss,
    hinge_generator_loss,
    hypo,
    reconstruction_loss,
    texture_loss,
    translate,
)
from vae.model import IvAE
from vae.protocols import Protocol

GROUP = 8
"""Pictures compared with one another by the ordering loss; processes hold whole groups."""

RIM = 1 / 16
"""Of the side: how far from the frame's edge no attribute is asked for.

Padding tells a network where the corners are, and there alone it can paint the same few pixels into
every picture. A gradient counts by its strength: ten such pixels, of half the range, moved the
directionality of opaque paintings by 1.4 standard deviations and the sliders with it, for next to
no error of reconstruction."""


def choose_trained(model: IvAE, protocol: Protocol) -> list[nn.Parameter]:
    """Freeze what a protocol leaves as it is, and return the parameters that it trains."""
    decoder = model.output_encoder
    model.requires_grad_(not protocol.grain_only)
    if protocol.adversarial:
        model.latent_encoder.requires_grad_(False)
        if model.latent_decoder.prior is not None:
            model.latent_decoder.prior.requires_grad_(False)
    if protocol.encoder_only:
        model.latent_decoder.requires_grad_(False)
    if protocol.grain_only:
        for layer in (decoder.noise_scale, decoder.grain):
            layer.requires_grad_(True)
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def parted_by_rate(
    model: IvAE, trained: Sequence[nn.Parameter], protocol: Protocol
) -> list[dict[str, Any]]:
    """Part parameters into an optimiser's groups: those of the encoder have a share of the rate."""
    if protocol.encoder_rate == 1:
        return [{"params": list(trained)}]
    encoder = set(model.latent_encoder.parameters())
    fast = [parameter for parameter in trained if parameter not in encoder]
    slow = [parameter for parameter in trained if parameter in encoder]
    shares = ((fast, 1.0), (slow, protocol.encoder_rate))
    return [{"params": p, "share": s, "lr": protocol.lr * s} for p, s in shares if p]


class Moves(NamedTuple):
    """What the closed loop asks for: nothing in it leads back to the step's other losses.

    Attributes:
        z: Content (M, latent_dim).
        key: The key, moved (M, latent_key_dim).
        grain: Standard normal (M, 1, S, S).
        own: 1 for the attribute that moves, (M, 16).
        wanted: Standardised metadata it is to have then, (M, 16).
        size: Side S.
    """

    z: Tensor
    key: Tensor
    grain: Tensor
    own: Tensor
    wanted: Tensor
    size: int


class Objective(nn.Module):
    """The generator's losses as one module, so that a data-parallel wrapper can hold it."""

    def __init__(self, model: IvAE, protocol: Protocol):
        super().__init__()
        self.model, self.protocol = model, protocol
        self.tied = 0
        prior = model.latent_decoder.prior
        if prior is not None:
            self.tied = prior.num_tied

    def forward(
        self, batch: Batch, judge: Discriminator | None = None
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Return unweighted losses by name and the pictures drawn (reconstructions first)."""
        losses, output, moves = self.first(batch, judge)
        return losses | (self.closed_loop(moves) if moves else {}), output

    def first(
        self, batch: Batch, judge: Discriminator | None = None
    ) -> tuple[dict[str, Tensor], Tensor, Moves | None]:
        """Return the same less the closed loop's losses, and the moves it asks for, if any."""
        losses: dict[str, Tensor] = {}
        if batch.latents is None:
            posterior = self.model.posterior(batch.x)
            losses |= self._variational(posterior, batch.u)
            width = posterior.z.mean.shape[1]
            noise = Latents(batch.noise[:, :width], batch.noise[:, width:])
            latents = posterior.rsample(noise)
        else:
            latents = batch.latents
        still, output = self._draw(latents, batch)
        n = len(batch.x)
        seen = still if self.protocol.rests_encoder else output
        losses["reconstruction"] = self.reconstruction(seen[:n], batch.x, batch.backdrop)
        if self.protocol.texture_weight:
            places = torch.Generator().manual_seed(batch.places)
            losses["texture"] = texture_loss(
                all_rows(output[:n].float()), all_rows(batch.x), generator=places
            )
        if self.protocol.draws_texture_weight and batch.others is not None and len(output) > n:
            places = torch.Generator().manual_seed(batch.places + 1)
            losses["draws_texture"] = texture_loss(
                all_rows(output[n:].float()),
                all_rows(batch.others),
                generator=places,
                company=None if batch.recent is None else all_rows(batch.recent),
            )
        moves = None
        if self.tied and self.protocol.loop_weight:
            before = self._measured(output[:n][:: self.protocol.loop_stride])
            losses["likeness"] = self._likeness(before, batch)
            moves = self._moves(latents, batch, before.detach())
        if judge is not None:
            losses |= self._against(judge, output, batch)
        return losses, output.detach(), moves

    def reconstruction(self, output: Tensor, x: Tensor, backdrop: Tensor | None) -> Tensor:
        """Compare drawn pictures (N, C, S, S) with their originals, over backdrops (N, 3)."""
        share = self.protocol.pyramid_weight / self.protocol.pixel_weight
        return reconstruction_loss(output, x, backdrop=backdrop, pyramid_weight=share)

    def _draw(self, latents: Latents, batch: Batch) -> tuple[Tensor, Tensor]:
        """Draw a batch, without the grain that is laid on at the end and with it.

        Pixel by pixel no grain is better than any. So in the game with the judge, where others
        say how much of it there is, the pixel loss does not see it.
        """
        grain = batch.grain
        if batch.drawn is not None:
            n, num = len(latents.z), len(batch.drawn.z)
            latents = Latents(*(torch.cat(p) for p in zip(latents, batch.drawn, strict=True)))
            # Spread evenly, so that a share of the draws takes its grain from the same share.
            spread = torch.arange(num, device=grain.device) * n // num
            grain = torch.cat((grain, grain[spread]))
        decoder = self.model.output_encoder
        still, laid = decoder.draw(*latents, size=batch.x.shape[-1], noise=grain)
        return still, decoder.lay(still, laid)

    def _variational(self, posterior: Posterior, u: Tensor) -> dict[str, Tensor]:
        z = global_mean(kl_to_standard_normal(posterior.z))  # (latent_dim,)
        prior = self.model.key_prior(u)
        key = kl_divergence(posterior.key, prior).sum(1).mean()
        losses = {
            "kl_z": z.clamp_min(self.protocol.free_bits).sum(),
            "kl_key": key,
        }
        if self.tied:
            codes = posterior.key.mean[:, : self.tied]
            losses["order"] = _grouped_order(codes, u[:, : self.tied])
        return losses

    def _likeness(self, before: Tensor, batch: Batch) -> Tensor:
        """Compare metadata of reconstructions (M, 16) with those of their originals."""
        active = self.model.standardizer.active
        off = hypo(before - batch.u[:: self.protocol.loop_stride], 0.3) * active
        return off.sum() / (active.sum() * len(before))

    def _moves(self, latents: Latents, batch: Batch, before: Tensor) -> Moves:
        """Move one key of every so-many-th picture, whose reconstruction measures ``before``.

        A moved picture is compared with itself before the move, so that a small leak is not lost in
        the error of reconstruction; a picture that took its neighbour's key is compared with the
        neighbour's metadata.
        """
        step = self.protocol.loop_stride
        z, key, u = latents.z[::step].detach(), latents.key[::step].detach(), batch.u[::step]
        swap = batch.swap[::step, None]
        key = torch.where(swap, _neighbour(key), key)
        start = torch.where(swap, _neighbour(u), before)
        own = nn.functional.one_hot(batch.slider[::step], NUM_ATTRIBUTES).to(key.dtype)
        move = own * batch.shift[::step, None]
        move[:, self.tied :] = 0  # a key too narrow for all attributes cannot move the last ones
        key = torch.cat((key[:, : self.tied] + move[:, : self.tied], key[:, self.tied :]), 1)
        return Moves(z, key, batch.grain[::step], own, start + move, batch.x.shape[-1])

    def closed_loop(self, moves: Moves) -> dict[str, Tensor]:
        """Draw moved pictures, and ask that the attribute followed and the others stayed."""
        p = self.protocol
        output = self.model.decode(Latents(moves.z, moves.key), size=moves.size, noise=moves.grain)
        weight = self.model.standardizer.active * (1 + 3 * moves.own)
        error = hypo(self._measured(output) - moves.wanted, p.loop_epsilon) * weight
        losses = {"loop": error.sum() / weight.sum()}
        if p.read_weight:
            back = self.model.read_back(output).mean
            tied = self.tied
            losses["read_back"] = (
                hypo(back.z - moves.z, 0.3).mean()
                + hypo(back.key[:, :tied] - moves.key[:, :tied], 0.3).mean()
            )
        return losses

    def _measured(self, output: Tensor) -> Tensor:
        """Standardised metadata of drawn pictures, kept in a range that cannot explode.

        Measured is what would be seen: a linear output leaves [0, 1], and no alpha is below 0. The
        rim of the frame is seen and not asked to change, see :data:`RIM`.
        """
        seen = _rim_detached(output.float().clamp(0, 1)).contiguous()
        return self.model.standardizer(measure(seen)).clamp(-8, 8)

    def _against(self, judge: Discriminator, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        judge.requires_grad_(False)
        with torch.no_grad():
            real = judge(translate(batch.x, batch.offset))
        fake = judge(translate(output, batch.offset))
        judge.requires_grad_(True)
        n = len(batch.x)
        return {
            "adversarial": hinge_generator_loss(fake.logits),
            "features": feature_matching_loss(real.features, [f[:n] for f in fake.features]),
        }

    def total(
        self, losses: dict[str, Tensor], *, step: int, adversarial_weight: float = 0.0
    ) -> Tensor:
        """Weigh and add up."""
        p = self.protocol
        ramp = min(1.0, step / p.loop_warmup) if p.loop_warmup else 1.0
        weights = {
            "reconstruction": p.pixel_weight,
            "kl_z": p.beta_z,
            "kl_key": p.beta_key,
            "texture": p.texture_weight,
            "draws_texture": p.draws_texture_weight,
            "order": p.order_weight,
            "loop": p.loop_weight * ramp,
            "likeness": p.likeness_weight * ramp,
            "read_back": p.read_weight * ramp,
            "adversarial": adversarial_weight,
            "features": p.feature_weight,
        }
        return torch.stack([weights[name] * value for name, value in losses.items()]).sum()


def _rim_detached(x: Tensor) -> Tensor:
    """Return pictures (N, C, S, S) through whose rim no gradient flows."""
    rim = round(RIM * x.shape[-1])
    inner = x[..., rim:-rim, rim:-rim]
    still = x.detach().clone()
    still[..., rim:-rim, rim:-rim] = inner
    return still


def _neighbour(rows: Tensor) -> Tensor:
    """Each row's neighbour within groups of two, so that no process needs another's rows."""
    even = rows[: len(rows) // 2 * 2].unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
    return torch.cat((even, rows[len(even) :]))


def _grouped_order(codes: Tensor, u: Tensor) -> Tensor:
    groups = zip(codes.split(GROUP), u.split(GROUP), strict=True)
    return torch.stack([attribute_order_loss(c, a) for c, a in groups if len(c) > 1]).mean()

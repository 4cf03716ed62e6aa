"""Matching closer: latents refined until their picture is nearer to one of one's own.

An encoder reads a picture at a glance and is a little off. From where it points, some tens of
gradient steps on the latents alone bring the drawn picture nearer; the world's weights stay as they
are. What the steps would gain by leaving the world, where pictures fall apart under the sliders, a
pull towards the fitted density forbids: latents that are rarer than the world draws cost as much
as an error in the picture.

A search is a `Matching`, advanced one step at a time, so that whoever has other things to draw can
draw them in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from vae.distributions import LatentDensity, Latents
from vae.errors import ConfigError, ShapeError
from vae.losses import premultiply, reconstruction_loss

STEPS = 48
_RATE = 0.05  # the length of a step, in latents of deviation about 1
_PULL = 4e-3  # cost of a nat below the world's rarest, for each latent, beside the pixels' error
_FORGET = (0.9, 0.99)
_TINY = 1e-12


class Match(NamedTuple):
    """What a search found.

    Attributes:
        latents: The nearest it came to.
        before: Distance to the pictures where it began (N,), see :func:`distance`.
        after: Distance where it ended; never more.
        steps: Gradient steps taken.
    """

    latents: Latents
    before: Tensor
    after: Tensor
    steps: int


def plain(tensor: Tensor) -> Tensor:
    """Copy a tensor so that gradients may pass by it, whatever mode it was made in."""
    with torch.inference_mode(False):
        return tensor.clone()


def distance(output: Tensor, target: Tensor) -> Tensor:
    """Return the root mean squared difference (N,) of straight images, premultiplied, 0 to 1."""
    error = premultiply(output.contiguous()) - premultiply(target.contiguous())
    return error.square().mean((1, 2, 3)).sqrt()


class Matching:
    """A search for the latents of pictures, under way.

    Adam on latents (Kingma & Ba 2015, arXiv:1412.6980), each picture on its own; the best so far
    is kept.

    Args:
        draw: Latents → straight images, differentiable.
        density: The world's, which latents are kept within.
        images: The pictures to come near to, straight (N, C, S, S) in [0, 1].
        latents: Where to begin.

    Raises:
        ShapeError: There are not as many pictures as latents.
    """

    def __init__(
        self,
        draw: Callable[[Latents], Tensor],
        density: LatentDensity,
        images: Tensor,
        latents: Latents,
    ):
        if len(images) != len(latents.z):
            raise ShapeError(f"expected {len(images)} rows of latents, found {len(latents.z)}")
        self._draw, self._density = draw, density
        self._images = plain(images)
        self._width = latents.z.shape[1]
        self._at = plain(latents.joined())
        self._first, self._second, self._steps = 0 * self._at, 0 * self._at, 0
        self._best, self._cost = self._at, torch.full_like(self._at[:, 0], torch.inf)
        self._now = torch.full_like(self._at[:, 0], torch.inf)
        self._before: Tensor | None = None

    @property
    def latents(self) -> Latents:
        """The best so far."""
        return self._split(self._best)

    @property
    def before(self) -> Tensor:
        """Distance (N,) where it began; there once a step was taken."""
        assert self._before is not None
        return self._before

    @property
    def now(self) -> Tensor:
        """Distance (N,) of the best so far."""
        return self._now

    def advance(self) -> None:
        """Look where it stands, keep it if it is the best, and take one step from there."""
        with torch.inference_mode(False):
            at = self._at.detach().requires_grad_()
            with torch.enable_grad():
                output = self._draw(self._split(at))
                rarity = self._rarity(at)
                error = len(output) * reconstruction_loss(output, self._images)
                (gradient,) = torch.autograd.grad(error + _PULL * rarity.sum(), at)
            self._keep(output.detach(), rarity.detach())
            self._at = self._at - self._step(gradient)

    def look(self) -> None:
        """Look where it stands, and keep it if it is the best, without a step."""
        with torch.no_grad():
            self._keep(self._draw(self._split(self._at)), self._rarity(self._at))

    def _rarity(self, at: Tensor) -> Tensor:
        """Nats for each latent by which latents are rarer than what the world draws, (N,)."""
        return (self._density.floor - self._density.log_prob(at)).relu() / at.shape[1]

    def _keep(self, output: Tensor, rarity: Tensor) -> None:
        now = distance(output, self._images)
        if self._before is None:
            self._before = now
        cost = 2 * now.square() + _PULL * rarity  # as the loss has it, for each picture
        better = (cost < self._cost) & (now <= self._before)
        self._best = torch.where(better[:, None], self._at, self._best)
        self._now = torch.where(better, now, self._now)
        self._cost = torch.where(better, cost, self._cost)

    def _step(self, gradient: Tensor) -> Tensor:
        keep, hold = _FORGET
        self._steps += 1
        self._first = keep * self._first + (1 - keep) * gradient
        self._second = hold * self._second + (1 - hold) * gradient.square()
        mean = self._first / (1 - keep**self._steps)
        return _RATE * mean / ((self._second / (1 - hold**self._steps)).sqrt() + _TINY)

    def _split(self, joined: Tensor) -> Latents:
        return Latents(joined[:, : self._width], joined[:, self._width :])


def match(
    search: Matching,
    *,
    steps: int = STEPS,
    seconds: float | None = None,
    progress: Callable[[int, Tensor], object] | None = None,
) -> Match:
    """Advance a search to its end.

    Args:
        search: Where it stands.
        steps: Gradient steps at most, 1 or more.
        seconds: Time at most; None for all the steps.
        progress: Told after every step: how many were taken, and the distances (N,) of the best.
            ``False`` from it ends the search.

    Raises:
        ConfigError: ``steps`` or ``seconds`` is not positive.
    """
    if steps < 1 or (seconds is not None and seconds <= 0):
        raise ConfigError(f"expected positive steps and seconds, found {steps}, {seconds}")
    end = None if seconds is None else time.monotonic() + seconds
    taken = 0
    while taken < steps:
        search.advance()
        taken += 1
        if progress is not None and progress(taken, search.now) is False:
            break
        if end is not None and time.monotonic() >= end:
            break
    search.look()
    return Match(search.latents, search.before, search.now, taken)


__all__ = ["STEPS", "Match", "Matching", "distance", "match", "plain"]

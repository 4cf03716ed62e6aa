"""What an edit does to texture, laid on a picture that has a texture of its own.

A world that draws a rougher fruit draws other spots than a photograph has. What the two can share
is how strong detail of each size and direction is. So the power spectra of lightness of the world's
two pictures are compared, ring by ring and sector by sector, and the picture's own detail is made
stronger or weaker by as much. Direction has a second, local part, as a brush has: how alike the
gradients of a neighbourhood run. There the detail along the picture's own local direction is raised
against the detail across it.

References:
    Heeger and Bergen (1995), Pyramid-based texture analysis/synthesis: gains of oriented bands.
    Bigün and Granlund (1987), Optimal orientation detection of linear symmetry: the local tensor.
    Larkin, Bone and Oldfield (2001), Natural demodulation of two-dimensional fringe patterns I:
    the Riesz transform of the second order, by which a direction is turned to any other.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from vae.windows import boxed, in_cells, in_pixels

SECTORS = 6
"""Directions that are told apart, 30 degrees each; rings are half an octave."""
MOST = math.log(4)
"""The largest gain or loss of amplitude, in nats."""
_FLOOR = 4e-6  # power of a frequency, of lightness in [0, 1]: about that of rounding to 8 bits
_MARGIN = 8  # part of the side by which a picture is mirrored around, since the transform wraps
_REACH = 2  # cells: half the width of a neighbourhood, smoothed twice
_UNSURE = 0.05  # share of the gradients' energy below which a neighbourhood has no direction
LUMA = (0.299, 0.587, 0.114)
"""Lightness of sRGB: ITU-R BT.601."""


def lay_texture(
    colour: Tensor, alpha: Tensor, carried: Tensor, after: Tensor, known: Tensor
) -> Tensor:
    """Change the texture of a picture as it changes between two pictures of a world.

    Args:
        colour: Straight (N, C, S, S) in [0, 1], C in 1, 3.
        alpha: Of the picture, (N, 1, S, S).
        carried: The world's picture before, with all that is laid on the picture already.
        after: The world's picture after, of the same shape.
        known: Where the two are known, (N, 1, S, S), 0 to 1.

    Returns:
        (N, C, S, S) in [0, 1]; with ``after`` equal to ``carried`` the picture as it is, but for
        rounding. Below 16 pixels a side there is no texture.
    """
    if colour.shape[-1] < 16:
        return colour
    side = colour.shape[-1]
    shown = torch.cat((alpha, known, known))
    light = _masked_lightness(torch.cat((colour, carried, after)), shown)
    values = F.pad(light, [side // _MARGIN] * 4, mode="reflect")[:, 0]
    padded = values.shape[-1]
    own, old, new = torch.fft.rfft2(values).chunk(3)
    before, wanted = _log_power(torch.cat((old, new)), side, padded).chunk(2)
    where, shares, _ = (part.to(colour.device) for part in _cells(side, padded))
    gains = (0.5 * (wanted - before)).clamp(-MOST, MOST)
    factor = (gains[:, where] * shares).sum(2).exp().view_as(own.real)
    own = factor * own
    drawn = torch.fft.irfft2(torch.cat((own, factor * old)), s=(padded, padded))
    size = len(colour)
    tensors = _tensors(_cut(torch.cat((drawn, values[2 * size :])), side)[:, None], shown)
    _, turned_from, turned_to = _coherence(tensors).atanh().chunk(3)
    turned = (0.5 * (turned_to - turned_from)).tanh()[:, None, None]
    change = drawn[:size] - values[:size] + turned * _aligned(own, tensors[:size], side, padded)
    return (colour + _cut(change, side)[:, None] * alpha).clamp(0, 1)


def _masked_lightness(colour: Tensor, known: Tensor) -> Tensor:
    """Return lightness about its mean where a picture is known, (N, 1, S, S)."""
    light = colour
    if colour.shape[1] == 3:
        light = torch.einsum("nchw,c->nhw", colour, colour.new_tensor(LUMA))[:, None]
    known_light = known * light
    mean = known_light.sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp_min(1e-6)
    return known_light - mean * known


def _log_power(spectrum: Tensor, side: int, padded: int) -> Tensor:
    """Return the logarithm of the mean power of each cell, (N, cells)."""
    where, _, weights = (part.to(spectrum.device) for part in _cells(side, padded))
    power = (spectrum.real.square() + spectrum.imag.square()).flatten(1)
    sums = power.new_zeros(len(power), SECTORS * (round(2 * math.log2(side / 2)) - 1))
    sums.index_add_(1, where.flatten(), (power[..., None] * weights).flatten(1))
    return (sums / padded**2 + _FLOOR).log()


def _coherence(tensors: Tensor) -> Tensor:
    """Return how alike gradients run in their neighbourhoods, (N,), 0 to just below 1."""
    energy, cosine, sine = tensors.unbind(1)
    alike = (cosine.square() + sine.square()).sqrt().mean((1, 2))
    return (alike / (energy.mean((1, 2)) + 1e-6)).clamp(0, 0.98)


def _aligned(spectrum: Tensor, tensors: Tensor, side: int, padded: int) -> Tensor:
    """Return detail across edges less detail along them, (N, P, P).

    Added to the values it makes the first stronger and the second weaker by the same share.
    """
    energy, ways = tensors[:, :1], tensors[:, 1:]
    length = ways.square().sum(1, keepdim=True).sqrt() + _UNSURE * energy + 1e-8
    ways = F.pad(in_pixels(ways / length, side, side), [side // _MARGIN] * 4, mode="replicate")
    turned = torch.fft.irfft2(_turns(side, padded).to(ways) * spectrum[:, None], s=(padded, padded))
    return (turned * ways).sum(1)


def _cut(values: Tensor, side: int) -> Tensor:
    """Return values (…, P, P) without the margin."""
    margin = side // _MARGIN
    return values[..., margin : margin + side, margin : margin + side]


def _tensors(values: Tensor, known: Tensor) -> Tensor:
    """Return energy, and energy times cos 2θ and sin 2θ, of gradients in each cell's window."""
    across = (values[..., 1:-1, 2:] - values[..., 1:-1, :-2]) / 2
    down = (values[..., 2:, 1:-1] - values[..., :-2, 1:-1]) / 2
    across = across * known[..., 1:-1, 2:] * known[..., 1:-1, :-2]
    down = down * known[..., 2:, 1:-1] * known[..., :-2, 1:-1]
    squares = across.square(), down.square()
    tensor = torch.cat((squares[0] + squares[1], squares[0] - squares[1], 2 * across * down), 1)
    return boxed(in_cells(F.pad(tensor, (1, 1, 1, 1))), _REACH, 2)


def _frequencies(side: int, padded: int) -> tuple[Tensor, Tensor]:
    """Return those of the half spectrum, in cycles a side of the picture: across, and down."""
    down = torch.fft.fftfreq(padded, 1 / side)[:, None].expand(-1, padded // 2 + 1)
    across = torch.fft.rfftfreq(padded, 1 / side)[None].expand(padded, -1)
    return across, down


@lru_cache(maxsize=8)
def _cells(side: int, padded: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the four cells, of a ring and a sector, that each frequency lies between.

    Their numbers, how far it belongs to each, and its weight in each, of which those of a cell add
    up to 1: all (frequencies, 4). Rings begin at 2 cycles a side and fade out at 1: what is larger
    is no texture.
    """
    across, down = (way.flatten() for way in _frequencies(side, padded))
    octave = (across.square() + down.square()).sqrt().clamp_min(1e-3).log2()
    last = round(2 * (math.log2(side / 2) - 1))
    ring = (2 * (octave - 1)).clamp(0, last)
    sector = torch.atan2(down, across) / math.pi * SECTORS
    where, shares = [], []
    for up in (0, 1):
        for on in (0, 1):
            at = (ring.floor() + up).clamp(max=last), (sector.floor() + on).remainder(SECTORS)
            share = (ring.frac() if up else 1 - ring.frac()) * (
                (sector - sector.floor()) if on else 1 - (sector - sector.floor())
            )
            where.append((at[0] * SECTORS + at[1]).long())
            shares.append(share * octave.clamp(0, 1))
    copies = torch.full((padded // 2 + 1,), 2.0)  # each stands for its mirror image as well
    copies[0] = 1
    where, shares = torch.stack(where, 1), torch.stack(shares, 1)
    weights = shares * copies.repeat(padded)[:, None]
    sums = weights.new_zeros(SECTORS * (last + 1)).index_add(0, where.flatten(), weights.flatten())
    return where, shares, weights / sums.clamp_min(1e-6)[where]


@lru_cache(maxsize=8)
def _turns(side: int, padded: int) -> Tensor:
    """Return cos 2θ and sin 2θ of each frequency: none below 2 cycles a side, whole from 4."""
    across, down = _frequencies(side, padded)
    square = across.square() + down.square()
    fine = (square.clamp_min(1e-6).log2() / 2 - 1).clamp(0, 1) / square.clamp_min(1e-6)
    return torch.stack((fine * (across.square() - down.square()), fine * 2 * across * down))

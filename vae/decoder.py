"""The decoder: content z and key k → image, and the prior p(k|u) of the generative side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vae.config import (
    CHANNELS,
    GRAIN_BOUNDS,
    LARGEST_MARGIN,
    NETWORK_TYPES,
    canonical_ivae_model,
    choose,
    positive,
    whole,
)
from vae.distributions import ConditionalPrior
from vae.encoder import check_size
from vae.errors import ShapeError
from vae.fitting import fit_channels
from vae.noise import (
    GRAINS,
    Noise,
    bounded,
    enlarge,
    fixed_noise,
    grain_fields,
    lay_grain,
    places_of,
    resize,
    strength_of,
)

WIDTHS = (256, 224, 144, 64)
FULL = 16
"""Channels at full resolution, which decide the cost of a picture.

Two plain convolutions there, after a smooth enlargement, draw sharper edges than a pixel shuffle
and leave no dots: a shuffle gives the pixels of each 2x2 square channels of their own, and a
judge that asks for more detail is then paid in a fixed checkerboard.
"""


SPREAD = 0.5
"""Deviation of what a fitted head draws, before the sigmoid."""


class ModulatedConv(nn.Module):
    """A 3x3 convolution whose output is scaled and shifted by a style vector (FiLM).

    References:
        Perez et al. (2018). arXiv:1709.07871
    """

    def __init__(self, in_dim: int, out_dim: int, style_dim: int | None):
        super().__init__()
        self.conv = nn.Conv2d(in_dim, out_dim, 3, padding=1)
        self.film = nn.Linear(style_dim, 2 * out_dim) if style_dim else None
        if self.film is not None:
            nn.init.normal_(self.film.weight, std=0.02)
            nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, style: Tensor | None, noise: Noise | None = None) -> Tensor:
        """Map (N, in_dim, H, W) to (N, out_dim, H, W); noise is added before the bend."""
        gain = shift = None
        if self.film is not None and style is not None:
            gain, shift = self.film(style).chunk(2, 1)
            gain = 1 + gain
        h = self.conv(x)
        if gain is not None and shift is not None:
            h = torch.addcmul(shift[:, :, None, None], h, gain[:, :, None, None])
        if noise is not None:
            h = noise.add(h)
        return F.silu(h, inplace=not torch.is_grad_enabled())


class Decoder(nn.Module):
    """Draw an image from content z and key k.

    z (with k) seeds a 4x4 map; with ``'ivae'`` the key then modulates every layer, with
    ``'vae'`` it only joins the seed. Upsampling is bilinear to the last, so that no step knows odd
    pixels from even ones. Noise at full resolution, and the same blurred to a half and a quarter
    of it, each scaled by the key, carries the grain of the medium and its blotches. The same three
    fields are laid on the colour channels alike at the end, by an amount drawn for every pixel:
    what a scan or a photograph of paint shows at the scale of a pixel is light and hardly hue, is
    strong in some places and absent in others, and a convolution over noise makes it neither.
    It gathers in clusters (:func:`strength_of`) whose places follow z: another picture has them
    elsewhere, and under a hand that changes the form they flow with it.

    Args:
        output_dim: Image channels, 1, 3 or 4.
        latent_dim: Width of z.
        latent_key_dim: Width of k.
        decoder_type: ``'ivae'``, or ``'vae'`` for the plain ablation.
        ivae_model: Variant of the prior p(k|u), see :class:`vae.distributions.ConditionalPrior`.
        std_decoder_loc: Keep the output location inside [0, 1] (a sigmoid); else it is linear.
        loc_margin: Share of the sigmoid beyond either end of that range, see :meth:`locate`.
        grain_bound: ``'strength'`` or ``'value'``, see :func:`bounded`.
        widths: Channels at 4², 8², 16² and side/4; side/2 has half the last, the side 16.
        image_size: Side of the picture where none is asked for.

    Raises:
        ConfigError: A setting is unknown or impossible.

    References:
        Odena et al. (2016), Deconvolution and checkerboard artifacts. doi:10.23915/distill.00003
    """

    def __init__(
        self,
        output_dim: int,
        latent_dim: int = 10,
        latent_key_dim: int = 20,
        decoder_type: str = "ivae",
        ivae_model: str = "im-pivae",
        std_decoder_loc: bool = True,
        *,
        loc_margin: float = 0.0,
        grain_bound: str = "strength",
        widths: Sequence[int] = WIDTHS,
        image_size: int = 64,
    ):
        super().__init__()
        self.output_dim = choose("output_dim", output_dim, CHANNELS)
        self.latent_dim = whole("latent_dim", latent_dim, 1, 4096)
        self.latent_key_dim = whole("latent_key_dim", latent_key_dim, 1, 4096)
        self.decoder_type = choose("decoder_type", decoder_type, NETWORK_TYPES)
        self.ivae_model = canonical_ivae_model(ivae_model)
        self.std_decoder_loc = std_decoder_loc
        self.loc_margin = positive("loc_margin", loc_margin, 0.0, LARGEST_MARGIN)
        self.grain_bound = choose("grain_bound", grain_bound, GRAIN_BOUNDS)
        check_size(image_size, image_size)
        self.image_size = image_size
        style_dim = 128 if decoder_type == "ivae" else None
        self.prior = (
            ConditionalPrior(latent_key_dim, self.ivae_model) if decoder_type == "ivae" else None
        )
        self.mapping = (
            nn.Sequential(nn.Linear(latent_key_dim, 128), nn.SiLU(), nn.Linear(128, 128), nn.SiLU())
            if style_dim
            else None
        )
        self.seed = nn.Linear(latent_dim + latent_key_dim, widths[0] * 16)
        pairs = list(pairwise(widths))
        self.first = nn.ModuleList(ModulatedConv(a, a, style_dim) for a, _ in pairs)
        self.second = nn.ModuleList(ModulatedConv(a, b, style_dim) for a, b in pairs)
        last = widths[-1]
        fine = max(1, last // 2)
        self.last = nn.ModuleList(
            (ModulatedConv(last, last, style_dim), ModulatedConv(last, fine, style_dim))
        )
        self.noise_dims = (last, fine, fine, FULL)
        self.noise_scale = nn.Linear(style_dim or latent_key_dim, sum(self.noise_dims))
        self.fine = ModulatedConv(fine, fine, style_dim)
        self.widen = nn.Conv2d(fine, FULL, 3, padding=1)
        self.head = nn.Conv2d(FULL, output_dim, 3, padding=1)
        self.grain = nn.Conv2d(FULL, GRAINS, 3, padding=1)
        self._initialise()

    def _initialise(self) -> None:
        nn.init.normal_(self.noise_scale.weight, std=0.01)
        nn.init.constant_(self.noise_scale.bias, 0.05)
        nn.init.kaiming_normal_(self.widen.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.head.weight, nonlinearity="linear")
        nn.init.zeros_(self.grain.weight)
        for conv in (self.widen, self.head, self.grain):
            assert conv.bias is not None
            nn.init.zeros_(conv.bias)
        assert self.grain.bias is not None
        nn.init.constant_(self.grain.bias, 0.01)  # at 0 more and less of it would be the same

    @torch.no_grad()
    def start_from(self, z: Tensor, key: Tensor, *, size: int | None = None) -> None:
        """Fit a fresh decoder to latents of the kind it will draw from, before training.

        Every channel of every convolution gets mean 0 and variance 1 over them, what the head draws
        a deviation of :data:`SPREAD`. As PyTorch begins, each layer passes on a third of what tells
        its inputs apart: pictures drawn from other latents differed by 0.002 of their range, in
        bfloat16 by rounding alone, and until the latents were found, after 60 to some hundreds of
        steps, all that was learned was the mean picture.

        Args:
            z: (N, latent_dim), N at least 2; some 64 tell enough.
            key: (N, latent_key_dim).
            size: Side in pixels.

        Raises:
            ShapeError: As for :meth:`forward`.

        References:
            As for :meth:`.Encoder.start_from`.
        """

        def fit(conv: nn.Conv2d, inputs: tuple[Tensor]) -> None:
            assert conv.bias is not None
            fit_channels(inputs[0], conv.weight, conv.bias, padding=1)

        drawing = [m for m in self.modules() if isinstance(m, nn.Conv2d) and m is not self.grain]
        hooks = [conv.register_forward_pre_hook(fit) for conv in drawing]
        try:
            with torch.autocast(z.device.type, enabled=False):
                self.draw(z, key, size=size)
        finally:
            for hook in hooks:
                hook.remove()
        for weights in self.head.parameters():
            weights.mul_(SPREAD if self.std_decoder_loc else SPREAD / 4)  # a sigmoid's slope at 0

    @property
    def head_weight(self) -> Tensor:
        """The weight at which adversarial and reconstruction gradients are balanced."""
        return self.head.weight

    def forward(
        self, z: Tensor, key: Tensor, *, size: int | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Decode latents to straight images.

        What :meth:`draw` draws, the grain laid on it.

        Args:
            z: (N, latent_dim).
            key: (N, latent_key_dim).
            size: Side in pixels; 28, 32, 64, 128 or 256.
            noise: Standard normal (N or 1, 1, size, size); :func:`fixed_noise` if not given.

        Returns:
            (N, output_dim, size, size), in [0, 1] with ``std_decoder_loc``; the colour of RGBA
            is straight (not multiplied by alpha).

        Raises:
            ShapeError: Latents of another width, or a size that is not supported.
        """
        drawn, grain = self.draw(z, key, size=size, noise=noise)
        return self.lay(drawn, grain)

    def lay(self, drawn: Tensor, grain: Tensor) -> Tensor:
        """Lay grain (N, 1, S, S) on the colours of a picture (N, output_dim, S, S)."""
        picture = lay_grain(drawn, grain)
        return picture.clamp(0, 1) if self.std_decoder_loc else picture

    def draw(
        self, z: Tensor, key: Tensor, *, size: int | None = None, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Decode latents, the grain apart; arguments and errors are those of :meth:`forward`.

        Returns:
            The picture (N, output_dim, S, S) and the grain (N, 1, S, S) of its colours.
        """
        size = self.check(z, key, size)
        style = self.mapping(key) if self.mapping is not None else None
        h = self.seed(torch.cat((z, key), 1)).unflatten(1, (-1, 4, 4))
        h = h.contiguous(memory_format=torch.channels_last)
        grids = (8, 16, size // 4)
        for first, second, grid in zip(self.first, self.second, grids, strict=True):
            h = second(first(h, style), style)
            h = resize(h, grid)
        if noise is None:
            noise = fixed_noise(size).to(h.device)
        grained = key if style is None else style
        *middle, fine, full = self.noise_scale(grained).split(self.noise_dims, 1)
        fields = blotch, pairs, noise = grain_fields(noise)
        for layer, amount in zip(self.last, middle, strict=True):
            h = layer(h, style, Noise(blotch, amount))
        h = resize(h, size // 2)
        h = self.fine(h, style, Noise(pairs, fine))
        h = Noise(noise, full).add(resize(self.widen(h), size))
        h = F.silu(h, inplace=not torch.is_grad_enabled())
        drawn = self.locate(self.head(h).float())
        strength = strength_of(places_of(z.detach().float()), size)
        amounts = strength * self.grain(h).float()
        grain = (amounts * enlarge(fields)).sum(1, keepdim=True)
        return drawn, bounded(grain, amounts, self.grain_bound)

    def locate(self, drawn: Tensor) -> Tensor:
        """Bring what the head drew (N, output_dim, S, S) into the data range, its ends included.

        A sigmoid comes near 0 and 1 and never there: what is to be solid stays a hundredth
        transparent, white paper a hundredth grey. So the ends are at ``loc_margin`` from its own,
        and what lies beyond is cut off. The gradient goes on there as that of the sigmoid, so that
        a pixel can come back.
        """
        if not self.std_decoder_loc:
            return drawn + 0.5
        share = torch.sigmoid(drawn)
        if not self.loc_margin:
            return share
        share = (share - self.loc_margin) / (1 - 2 * self.loc_margin)
        seen = share.clamp(0, 1)
        return share + (seen - share).detach() if share.requires_grad else seen

    def check(self, z: Tensor, key: Tensor, size: int | None = None) -> int:
        """Return the side of the picture, or raise ShapeError where one cannot be drawn."""
        widths = (z.shape[-1], key.shape[-1])
        if z.ndim != 2 or key.ndim != 2 or widths != (self.latent_dim, self.latent_key_dim):
            raise ShapeError(
                f"expected z (N, {self.latent_dim}) and key (N, {self.latent_key_dim}), "
                f"found {tuple(z.shape)} and {tuple(key.shape)}"
            )
        size = size or self.image_size
        check_size(size, size)
        return size


def create_decoder(
    output_dim: int, latent_dim: int = 10, latent_key_dim: int = 20, **options: object
) -> Decoder:
    """Make a :class:`Decoder`; ``options`` are its other arguments."""
    return Decoder(output_dim, latent_dim, latent_key_dim, **options)  # type: ignore[arg-type]

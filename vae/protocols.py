"""Training protocols: named, frozen settings of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from vae.config import choose, from_dict, positive, whole
from vae.errors import ConfigError

AUGMENTATIONS = ("none", "flip", "shift", "affine")
PRECISIONS = ("auto", "bf16", "fp32")
LENGTHS = ("steps", "minutes", "epochs")
"""Of which a run has one."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Settings of a training run.

    Attributes:
        name: The protocol's name.
        steps: Optimiser steps; None where ``minutes`` or ``epochs`` end the run.
        minutes: Of training steps, which drive the schedule too; measuring, drawing sheets and
            making the world come on top.
        epochs: Passes over the training set, tested after each.
        batch_size: Pictures a step, over all processes.
        lr: Peak learning rate of Adam.
        encoder_rate: Share of it at which the encoder learns. Adam turns a row by as much however
            faint its gradient; latents that a decoder hardly draws from yet would be lost. From
            nothing a fifth is as near as the whole, and features keep their scale.
        fit_decoder: Fit a fresh decoder, too, not the encoder alone, see
            :meth:`vae.model.IvAE.start_from`. It needs a warm-up and a slower encoder.
        betas: Adam's averaging rates.
        warmup: Steps of linear warm-up, at most; it ends with the first tenth of a run.
        cosine: Decay the rate to a hundredth by a cosine; else keep it.
        ema: Decay of the weight average; it warms up as (1 + step) / (``ema_warmup`` + step).
        ema_warmup: 10 is an average over about the last tenth of a short run, 3 over a half.
        grad_clip: Largest gradient norm.
        augment: ``'none'``, ``'flip'``, ``'shift'`` (flip, and whole pixels, which blurs
            nothing), or ``'affine'`` (flip, shift, turn, zoom).
        augment_reach: How far it goes. 1 is up to 1/32 of the side for ``'shift'``; 6 degrees,
            6 % and 3 % (deviations) for ``'affine'``.
        precision: ``'auto'`` takes bf16 autocast where the hardware computes in it.
        pixel_weight: Weight of the pixel loss (Charbonnier, ε = 0.25).
        pyramid_weight: Weight of each Laplacian level.
        beta_z: Weight of KL(q(z|x) || N(0, I)), per nat.
        beta_key: Weight of KL(q(k|x) || p(k|u)), per nat.
        free_bits: Nats below which a dimension of z pays nothing.
        order_weight: Weight of the attribute ordering loss on the tied keys.
        loop_weight: Weight of the closed loop on measured attributes.
        loop_warmup: Steps over which that weight comes in.
        loop_stride: The closed loop takes every so-many-th picture of a batch.
        loop_reach: Largest move of a key in the closed loop, in standard deviations.
        loop_epsilon: Where that loss turns from quadratic to linear, in standard deviations.
        texture_weight: Weight of the sliced Wasserstein distance of patches.
        draws_texture_weight: The same, of pictures drawn from the density to others of the set.
        likeness_weight: Weight of a reconstruction's metadata against its original's.
        read_weight: Weight of reading latents back out of moved pictures.
        adversarial: Train the decoder against a judge, the encoder being frozen.
        grain_only: Train the amounts of noise and grain alone, all else being frozen.
        encoder_only: Train the encoder alone: the game has moved the decoder away from it.
        grainless: Draw without noise and grain: a pixel loss would take away what another gave,
            and now leaves it alone.
        judge_lr: Learning rate of the judge.
        judge_weight: Share of the adaptive adversarial weight.
        feature_weight: Weight of feature matching.
        draws: Draws from the fitted density beside each reconstruction, in the judge's batch.
        log_every: Steps between events; fewer where they take longer than a quarter second.
        save_every: Seconds between checkpoints.
        seed: Seed of everything random.
    """

    name: str
    steps: int | None = None
    minutes: float | None = None
    epochs: int | None = None
    batch_size: int = 32
    lr: float = 1e-3
    encoder_rate: float = 1.0
    fit_decoder: bool = False
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 100
    cosine: bool = True
    ema: float = 0.999
    ema_warmup: float = 10.0
    grad_clip: float = 1.0
    augment: str = "flip"
    augment_reach: float = 1.0
    precision: str = "auto"
    pixel_weight: float = 1.0
    pyramid_weight: float = 0.25
    beta_z: float = 3e-5
    beta_key: float = 3e-4
    free_bits: float = 0.1
    order_weight: float = 1e-3
    loop_weight: float = 6e-3
    loop_warmup: int = 400
    loop_stride: int = 4
    loop_reach: float = 2.2
    loop_epsilon: float = 0.1
    texture_weight: float = 0.0
    draws_texture_weight: float = 0.0
    likeness_weight: float = 2e-3
    read_weight: float = 2e-3
    adversarial: bool = False
    grain_only: bool = False
    encoder_only: bool = False
    grainless: bool = False
    judge_lr: float = 4e-4
    judge_weight: float = 0.5
    feature_weight: float = 0.15
    draws: float = 0.5
    log_every: int = 10
    save_every: float = 120.0
    seed: int = 43

    def __post_init__(self) -> None:
        choose("augment", self.augment, AUGMENTATIONS)
        choose("precision", self.precision, PRECISIONS)
        for name, low in _WHOLE.items():
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), low)
        for name, (low, high) in _RANGES.items():
            if getattr(self, name) is not None:
                positive(name, getattr(self, name), low, high)
        for name in ("cosine", "fit_decoder", *_ONE_PART, "grainless"):
            choose(name, getattr(self, name), (True, False))
        if sum(getattr(self, name) for name in _ONE_PART) > 1:
            raise ConfigError(f"a run is at most one of {', '.join(_ONE_PART)}")
        if not isinstance(self.betas, tuple) or len(self.betas) != 2:
            raise ConfigError(f"betas must be two numbers, found {self.betas!r}")
        for beta in self.betas:
            positive("betas", beta, 0, 0.999999)
        if self.steps is None and self.minutes is None and self.epochs is None:
            raise ConfigError("a protocol needs steps, minutes or epochs to know when to stop")

    @property
    def rests_encoder(self) -> bool:
        """Whether the encoder is frozen and latents are drawn from the density."""
        return self.adversarial or self.grain_only

    @property
    def takes_up(self) -> tuple[str, ...]:
        """Settings in which a world of before is brought up, see :func:`vae.model.bring_up`.

        A fine-tune is too short for any.
        """
        if self.name == "finetune" or self.encoder_only:
            return ()
        return ("grain_bound",) if self.grain_only else ("grain_bound", "loc_margin")

    @property
    def starts_from_world(self) -> bool:
        """Whether what it leaves frozen must have been trained."""
        return self.rests_encoder or self.encoder_only

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

    def changed(self, **changes: Any) -> Protocol:
        """Return these settings with some replaced; one length takes the place of another.

        Raises:
            ConfigError: A setting is unknown, or a value impossible.
        """
        if any(changes.get(name) is not None for name in LENGTHS):
            changes = dict.fromkeys(LENGTHS) | changes
        return from_dict(Protocol, self.to_dict() | changes)


_ONE_PART = ("adversarial", "grain_only", "encoder_only")
_WHOLE = {
    **{"steps": 1, "epochs": 1, "batch_size": 2, "log_every": 1, "loop_stride": 1},
    **{"warmup": 0, "loop_warmup": 0, "seed": 0},
}
_WEIGHTS = (
    *("pyramid_weight", "beta_z", "beta_key", "free_bits", "order_weight", "loop_weight"),
    *(
        "loop_reach",
        "texture_weight",
        "draws_texture_weight",
        "likeness_weight",
        "read_weight",
        "judge_weight",
        "feature_weight",
        "draws",
        "augment_reach",
    ),
)
_RANGES = {
    **dict.fromkeys(_WEIGHTS, (0.0, 1e6)),
    **dict.fromkeys(("pixel_weight", "loop_epsilon", "grad_clip"), (1e-9, 1e6)),
    **dict.fromkeys(("lr", "judge_lr"), (1e-9, 1.0)),
    **{
        "encoder_rate": (0.0, 1.0),
        "minutes": (1e-3, 1e6),
        "ema_warmup": (1.0, 1e6),
        "ema": (0.0, 1.0),
        "save_every": (0.0, 1e9),
    },
}

_PROTOCOLS = {
    "43-vae": Protocol(
        name="43-vae", epochs=10, betas=(0.9, 0.999), warmup=0, cosine=False, ema=0.99
    ),
    "pretrain": Protocol(
        name="pretrain",
        minutes=60,
        encoder_rate=0.2,
        fit_decoder=True,
        beta_z=1e-5,
        beta_key=1e-4,
    ),
    "adversarial": Protocol(
        name="adversarial",
        minutes=60,
        batch_size=24,
        lr=4e-4,
        betas=(0.5, 0.99),
        loop_warmup=0,
        pixel_weight=0.3,
        pyramid_weight=0.5,
        texture_weight=2e-2,
        draws_texture_weight=0.4,
        feature_weight=5e-2,
        loop_weight=0.14,
        read_weight=3e-2,
        adversarial=True,
    ),
    "finetune": Protocol(
        name="finetune",
        minutes=1.0,
        batch_size=16,
        lr=8e-4,
        warmup=10,
        ema=0.98,
        loop_warmup=0,
        augment="affine",
        augment_reach=0.8,
        pyramid_weight=1.0,
        beta_z=2e-4,
        log_every=2,
        save_every=20.0,
    ),
    "grain": Protocol(
        name="grain",
        minutes=5.0,
        batch_size=8,
        lr=7e-4,
        warmup=10,
        ema=0.98,
        loop_warmup=0,
        loop_stride=2,
        pixel_weight=1e-6,
        pyramid_weight=0.0,
        draws=5.0,
        draws_texture_weight=0.4,
        loop_weight=0.14,
        likeness_weight=0.0,
        read_weight=0.0,
        grain_only=True,
    ),
    "encoder": Protocol(
        name="encoder",
        minutes=15,
        lr=2e-4,
        warmup=30,
        ema=0.995,
        loop_warmup=0,
        loop_weight=1.2e-2,
        beta_z=2e-6,
        beta_key=1e-4,
        grainless=True,
        encoder_only=True,
    ),
}

NAMES = tuple(_PROTOCOLS)


def get_protocol(name: str, **changes: Any) -> Protocol:
    """Return a training protocol, with some settings changed.

    Args:
        name: ``'43-vae'`` (Adam at 0.001, 10 epochs, train then test each epoch),
            ``'pretrain'``, ``'adversarial'``, ``'finetune'``, ``'grain'`` (how strong the
            grain is and nothing else, by the texture of draws) or ``'encoder'`` (the encoder
            and nothing else, for a decoder that the game has changed).
        changes: Settings of :class:`Protocol` to replace. Giving ``steps``, ``minutes`` or
            ``epochs`` takes the place of the protocol's own length.

    Raises:
        ConfigError: The name or a setting is unknown, or a value impossible.
    """
    return _PROTOCOLS[choose("protocol", name, NAMES)].changed(**changes)

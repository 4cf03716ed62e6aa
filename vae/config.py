"""Settings: frozen, keyword-only, checked when made, saved in every checkpoint."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from vae.errors import ConfigError

MIN_IMAGES = 10
"""So many pictures make a world of one's own."""
CHANNELS = (1, 3, 4)
SIZES = (28, 32, 64, 128, 256)
LARGEST_MARGIN = 0.25
"""Most of the decoder's sigmoid that may lie beyond either end of the data range."""
NETWORK_TYPES = ("ivae", "vae")
GRAIN_BOUNDS = ("strength", "value")
IVAE_MODELS = ("im-pivae", "pivae", "ivae")
_ALIASES = {"ìm-pivae": "im-pivae"}

T = TypeVar("T")


def choose(name: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    """Return ``value`` if it is one of ``allowed``; raise a ConfigError that names them if not."""
    if value not in allowed:
        options = ", ".join(repr(a) for a in allowed)
        raise ConfigError(f"{name} must be one of {options}, found {value!r}")
    return value


def positive(name: str, value: Any, low: float = 1, high: float = float("inf")) -> Any:
    """Return ``value`` if it is a number within [low, high]; raise a ConfigError if not."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name} must be a number from {low:g} to {high:g}, found {value!r}")
    return value


def whole(name: str, value: Any, low: int = 1, high: int = 1 << 31) -> int:
    """Return ``value`` if it is a whole number within [low, high]; raise a ConfigError if not."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, found {value!r}")
    return value


def canonical_ivae_model(name: str) -> str:
    """Return the variant's one spelling; ``'ìm-pivae'``, with the accent, is the same name.

    The accent may be a letter's own or a mark of its own behind it, as some keyboards write it.
    """
    whole_letters = unicodedata.normalize("NFC", name) if isinstance(name, str) else name
    return choose("ivae_model", _ALIASES.get(whole_letters, name), IVAE_MODELS)


def from_dict(cls: type[T], values: dict[str, Any]) -> T:
    """Make a config from a dict; an unknown key raises a ConfigError that names it."""
    known = {f.name for f in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{cls.__name__} does not know {', '.join(unknown)}")
    lists = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return cls(**lists)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Everything needed to build a model; see :func:`vae.model.build_model`.

    Attributes:
        channels: Image channels, 1, 3 or 4.
        image_size: Side in pixels that the world was trained at: 28, 32, 64, 128 or 256.
        latent_dim: Width of the content latents z.
        latent_key_dim: Width of the key k (style); the first 16 are tied to the attributes.
        encoder_type: ``'ivae'`` or the plain ablation ``'vae'``.
        decoder_type: Likewise for the decoder.
        ivae_model: ``'im-pivae'``, or the ablations ``'pivae'`` and ``'ivae'``.
        use_std_encoder: Predict a posterior scale (else it is fixed).
        std_encoder_loc: Standardise posterior locations, by the pictures that training begins with.
        std_decoder_loc: Keep the output within the data range.
        loc_margin: Share of the decoder's sigmoid beyond either end of that range, so that what is
            solid, clear, white or black can be drawn so. Worlds of before have none.
        grain_bound: What of the grain has a limit, pixel by pixel: its ``'strength'``, or its
            ``'value'``, as in worlds of before.
        encoder_widths: Channels of the encoder at its four resolutions.
        decoder_widths: Channels of the decoder at 4², 8², 16² and side/4.
    """

    channels: int = 4
    image_size: int = 128
    latent_dim: int = 10
    latent_key_dim: int = 20
    encoder_type: str = "ivae"
    decoder_type: str = "ivae"
    ivae_model: str = "im-pivae"
    use_std_encoder: bool = True
    std_encoder_loc: bool = True
    std_decoder_loc: bool = True
    loc_margin: float = 0.02
    grain_bound: str = "strength"
    encoder_widths: tuple[int, ...] = (64, 96, 160, 256)
    decoder_widths: tuple[int, ...] = (256, 224, 144, 64)

    def __post_init__(self) -> None:
        choose("channels", self.channels, CHANNELS)
        choose("image_size", self.image_size, SIZES)
        choose("encoder_type", self.encoder_type, NETWORK_TYPES)
        choose("decoder_type", self.decoder_type, NETWORK_TYPES)
        object.__setattr__(self, "ivae_model", canonical_ivae_model(self.ivae_model))
        whole("latent_dim", self.latent_dim, 1, 4096)
        whole("latent_key_dim", self.latent_key_dim, 1, 4096)
        positive("loc_margin", self.loc_margin, 0.0, LARGEST_MARGIN)
        choose("grain_bound", self.grain_bound, GRAIN_BOUNDS)
        for name in ("encoder_widths", "decoder_widths"):
            widths = getattr(self, name)
            if len(widths) != 4 or any(not isinstance(w, int) or w < 1 for w in widths):
                raise ConfigError(f"{name} must be four positive whole numbers, found {widths!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return asdict(self)

"""The model: an identifiable VAE whose label is the image's own measured metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import PyTorchModelHubMixin, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from torch import Tensor, nn

from vae.checkpoint import FORMAT, load_state, read_tensors, state_of, write_tensors
from vae.config import ModelConfig, choose, from_dict
from vae.decoder import Decoder
from vae.distributions import (
    ConditionalPrior,
    DiagonalGaussian,
    LatentDensity,
    Latents,
    Posterior,
)
from vae.encoder import Encoder
from vae.encodings import Standardizer, measure
from vae.errors import CheckpointError, ConfigError, ShapeError
from vae.utils import write_atomic


class IvAE(nn.Module, PyTorchModelHubMixin):
    """The identifiable VAE.

    ``output, posterior = model(x)``. The closed loop is ``output_decoder(output_encoder(z, k))``:
    latents are drawn as a picture and read back out of it. Passing the same two networks
    crosswise, ``IvAE(encoder, decoder, decoder, encoder)``, is the normal case.

    Args:
        latent_encoder: Image → posterior over latents.
        latent_decoder: The generative side of the latents: holds the prior p(k|u).
        output_encoder: Latents → output; a decoder.
        output_decoder: Output → latents, read back; an encoder.
        use_std_encoder: Sample with the posterior's predicted scale; else with a fixed one.
        std_encoder_loc: Standardise posterior locations, by the pictures that training begins with.

    Raises:
        ConfigError: The networks' latent widths differ.
    """

    def __init__(
        self,
        latent_encoder: Encoder,
        latent_decoder: Decoder,
        output_encoder: Decoder,
        output_decoder: Encoder,
        use_std_encoder: bool = True,
        std_encoder_loc: bool = True,
    ):
        super().__init__()
        networks = (latent_encoder, latent_decoder, output_encoder, output_decoder)
        widths = {(n.latent_dim, n.latent_key_dim) for n in networks}
        if len(widths) != 1:
            found = ", ".join(map(str, sorted(widths)))
            raise ConfigError(f"all four networks must share one latent width, found {found}")
        self.latent_encoder, self.latent_decoder = latent_encoder, latent_decoder
        self.output_encoder, self.output_decoder = output_encoder, output_decoder
        self.use_std_encoder, self.std_encoder_loc = use_std_encoder, std_encoder_loc
        self.latent_dim = latent_encoder.latent_dim
        self.latent_key_dim = latent_encoder.latent_key_dim
        self.standardizer = Standardizer()
        self.density: LatentDensity | None = None
        self.config: ModelConfig | None = None

    def posterior(self, x: Tensor) -> Posterior:
        """Return q(z, k|x) for straight images (N, C, H, W) in [0, 1].

        A fresh encoder in training is fitted to its first batch, see :meth:`.Encoder.start_from`.
        """
        encoder = self.latent_encoder
        if len(x) > 1 and self.std_encoder_loc and encoder.fresh:
            encoder.start_from(x)
        return self._read(encoder, x)

    @torch.no_grad()
    def start_from(self, x: Tensor) -> None:
        """Fit fresh networks to pictures of the kind they will see, before training.

        First the encoder (:meth:`.Encoder.start_from`), then, to what it reads, the decoder
        (:meth:`.Decoder.start_from`). A loop of one's own that begins at a full rate does better
        without: Adam's first steps move what an encoder reads by tens of deviations, a fitted
        decoder draws all of that, and it takes longer to come back than a fresh one to set out.

        Args:
            x: Straight images (N, C, S, S) in [0, 1], N at least 2; some 256 tell enough.

        Raises:
            ShapeError: Channels or size are not supported.
        """
        self.latent_encoder.start_from(x)
        read = self._read(self.latent_encoder, x[:LATENTS]).mean
        self.output_encoder.start_from(read.z, read.key, size=x.shape[-1])

    def read_back(self, output: Tensor) -> Posterior:
        """Read latents back out of an output image, with ``output_decoder``.

        Locations are standardised by the statistics of the data, never by those of the outputs.
        """
        return self._read(self.output_decoder, output)

    def _read(self, network: Encoder, x: Tensor) -> Posterior:
        return network(
            x, use_std_encoder=self.use_std_encoder, std_encoder_loc=self.std_encoder_loc
        )

    def decode(
        self, latents: Latents, *, size: int | None = None, noise: Tensor | None = None
    ) -> Tensor:
        """Decode latents to straight images; see :meth:`vae.decoder.Decoder.forward`."""
        return self.output_encoder(latents.z, latents.key, size=size, noise=noise)

    def forward(self, x: Tensor) -> tuple[Tensor, Posterior]:
        """Encode, draw (while training; the mean otherwise) and decode.

        Args:
            x: Straight images (N, C, H, W) in [0, 1], square, of a supported size.

        Returns:
            The output, of the shape of ``x``, and the posterior.

        Raises:
            ShapeError: Channels or size are not the model's.
        """
        channels = self.output_encoder.output_dim
        if x.ndim == 4 and x.shape[1] != channels:
            raise ShapeError(f"this model takes {channels}-channel images, found {x.shape[1]}")
        posterior = self.posterior(x)
        latents = posterior.rsample() if self.training else posterior.mean
        return self.decode(latents, size=x.shape[-1]), posterior

    def metadata(self, x: Tensor) -> Tensor:
        """Return the standardised metadata u (N, 16) of straight images."""
        return self.standardizer(measure(x))

    def key_prior(self, u: Tensor) -> DiagonalGaussian:
        """Return p(k|u); N(0, I) where the decoder is a plain VAE's."""
        prior: ConditionalPrior | None = self.latent_decoder.prior
        if prior is None:
            zeros = u.new_zeros(u.shape[0], self.latent_key_dim)
            return DiagonalGaussian(zeros, zeros)
        return prior(u)

    def _save_pretrained(self, save_directory: Path) -> None:
        save_model(Path(save_directory), self)

    @classmethod
    def _from_pretrained(cls, *, model_id: str, map_location: str = "cpu", **hub: Any) -> IvAE:
        return load_model(fetch_world(model_id, **hub), device=map_location)


LATENTS = 64
"""Latents to which a fresh decoder is fitted, at most."""
OF_BEFORE: dict[str, Any] = {"loc_margin": 0.0, "grain_bound": "value"}
"""Settings that worlds of before do not name, and what they were drawn with."""
WORLD_FILES = ("config.json", "model.safetensors", "sliders.json", "README.md")
"""What makes a world; the first two are required."""

_HUB_OPTIONS = ("revision", "cache_dir", "force_download", "token", "local_files_only")


def fetch_world(model_id: str, **hub: Any) -> Path:
    """Return the folder of a local world, or fetch one from the Hugging Face hub.

    Raises:
        CheckpointError: There is no such folder, and the hub has none or cannot be reached.
    """
    if Path(model_id).is_dir():
        return Path(model_id)
    options = {k: hub[k] for k in _HUB_OPTIONS if hub.get(k) is not None}
    try:
        return Path(snapshot_download(model_id, allow_patterns=list(WORLD_FILES), **options))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise CheckpointError(
            f"there is no folder {model_id}, and the hub has no such world or cannot be reached; "
            "check the name and the connection"
        ) from error


def save_model(folder: Path, model: IvAE) -> None:
    """Write ``config.json`` and ``model.safetensors`` (half precision) into ``folder``.

    Raises:
        ConfigError: The model was not built from a config.
        CheckpointError: The disk refuses.
    """
    if model.config is None:
        raise ConfigError("only a model made by build_model or create_43_vae can be saved")
    state = {n: halved(t) if _in_half_precision(n, t) else t for n, t in state_of(model).items()}
    write_tensors(folder / "model.safetensors", state, model_header(model))
    text = json.dumps({"format": FORMAT, "model": model.config.to_dict()}, indent=2)
    write_atomic(folder / "config.json", (text + "\n").encode())


def model_header(model: IvAE) -> dict[str, Any]:
    """What must be known beside the weights to build a model again."""
    density = model.density
    return {
        "config": None if model.config is None else model.config.to_dict(),
        "density_components": 0 if density is None else len(density.weights),
        "density_anchors": 0 if density is None else len(density.anchors),
    }


def restore_model(state: Mapping[str, Tensor], header: Mapping[str, Any], what: str) -> IvAE:
    """Build the model that a :func:`model_header` describes, with the weights in ``state``.

    Raises:
        CheckpointError: The header describes no model, or the weights do not fit it.
    """
    config, components = header.get("config"), header.get("density_components")
    anchors = header.get("density_anchors", 0)  # worlds of before have none
    if not (isinstance(config, dict) and isinstance(components, int) and isinstance(anchors, int)):
        raise CheckpointError(f"{what} does not say which model it holds")
    model = build_model(from_dict(ModelConfig, OF_BEFORE | config))
    if components:
        model.density = LatentDensity(model.latent_dim + model.latent_key_dim, components, anchors)
    load_state(model, state, what)
    return model


def _in_half_precision(name: str, tensor: Tensor) -> bool:
    """Weights are stored so; tables, statistics, biases and the density are not.

    Locations before they are standardised grow with long training, and their variance passes the
    largest number of half precision. They may lie at a hundred deviations, where it rounds by a
    twentieth of one.
    """
    return tensor.ndim > 1 and not name.startswith(("standardizer.", "density."))


def halved(tensor: Tensor) -> Tensor:
    """Return a tensor in half precision; as it is where a value of it would become infinite."""
    half = tensor.half()
    return half if bool(half.isfinite().all()) else tensor


def load_model(folder: Path, *, device: str | torch.device = "cpu") -> IvAE:
    """Read a model that :func:`save_model` wrote, in evaluation mode.

    Raises:
        CheckpointError: A file is missing, damaged, or of another version.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise CheckpointError(f"{folder} is not a world: it has no model.safetensors")
    state, header = read_tensors(path)
    tables = ("standardizer.", "density.")  # of a world that was not fitted they hold nothing
    if not all(t.isfinite().all() for n, t in state.items() if not n.startswith(tables)):
        raise CheckpointError(f"{path.name} holds numbers that are not finite; train it again")
    return restore_model(state, header, path.name).eval().to(device)


def build_model(config: ModelConfig) -> IvAE:
    """Build a fresh model, the two networks passed crosswise, from a config."""
    shared = (config.latent_dim, config.latent_key_dim)
    encoder = Encoder(
        *shared,
        config.encoder_type,
        config.ivae_model,
        config.use_std_encoder,
        config.std_encoder_loc,
        widths=config.encoder_widths,
    )
    decoder = Decoder(
        config.channels,
        *shared,
        config.decoder_type,
        config.ivae_model,
        config.std_decoder_loc,
        loc_margin=config.loc_margin,
        grain_bound=config.grain_bound,
        widths=config.decoder_widths,
        image_size=config.image_size,
    )
    model = IvAE(encoder, decoder, decoder, encoder, config.use_std_encoder, config.std_encoder_loc)
    model.config = config
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def bring_up(model: IvAE, names: Iterable[str]) -> IvAE:
    """Let the decoder of a world of before draw as new ones do, if it is trained on.

    With ``'loc_margin'`` it reaches what is quite solid, clear, white or black: its pictures have
    two hundredths more contrast at once, and training takes up the rest. With ``'grain_bound'`` its
    grain is weaker at once where it was strongest.

    Args:
        model: Changed in place.
        names: Settings, of :data:`OF_BEFORE`.

    Returns:
        The same model; settings that are not those of before are as they were.
    """
    config = model.config
    if config is None:
        return model
    for name in names:
        has_ends = name != "loc_margin" or config.std_decoder_loc  # a linear output has none
        if has_ends and getattr(config, name) == OF_BEFORE[name]:
            config = replace(config, **{name: getattr(ModelConfig, name)})
            setattr(model.output_encoder, name, getattr(ModelConfig, name))
    model.config = config
    return model


def resized(model: IvAE, size: int) -> IvAE:
    """Let a model draw pictures of another side, and be trained on such; its weights stay.

    Args:
        model: Changed in place. It draws what it drew, coarser or finer; what it knows of the
            finest textures was learned at its own size.
        size: Side in pixels.

    Returns:
        The same model.

    Raises:
        ConfigError: The size is not supported.
    """
    if model.config is not None:
        model.config = replace(model.config, image_size=size)
        model.output_encoder.image_size = size
    return model


def create_43_vae(input_dim: int, latent_dim: int = 10, latent_key_dim: int = 20) -> IvAE:
    """Make the whole model, ready to train.

    Args:
        input_dim: Image channels, 1, 3 or 4.
        latent_dim: Width of the content latents z.
        latent_key_dim: Width of the key k.

    Returns:
        A model that takes straight images (N, input_dim, S, S) in [0, 1] of any supported S.

    Raises:
        ConfigError: Channels or widths are impossible.
    """
    choose("input_dim", input_dim, (1, 3, 4))
    return build_model(
        ModelConfig(channels=input_dim, latent_dim=latent_dim, latent_key_dim=latent_key_dim)
    )

"""pythae's models, inside its own trainers, with our nets or its own; see `vae.evaluation.peers`.

pythae is imported late, as it is optional.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from vae.batches import START
from vae.data import ImageSet
from vae.discriminator import Discriminator
from vae.errors import ConfigError
from vae.losses import premultiply, straighten
from vae.model import IvAE, build_model

if TYPE_CHECKING:
    from vae.evaluation.peers import Plan, Trained

STOCK = {28: "mnist", 64: "celeba"}
RATE, QUICK = 1e-4, 1e-3
"""Adam's: pythae's default, and that of our ``pretrain``."""
FEATURE_LAYER = 3
"""Layer of the judge that VAEGAN compares pictures by; pythae's default is the verdict itself."""


class BudgetSpentError(Exception):
    """Raised inside pythae's training loop to leave it."""


class Budget:
    """CPU seconds of a training and the pictures seen in them.

    Args:
        seconds: After which :meth:`check` raises :class:`BudgetSpentError`.
    """

    def __init__(self, seconds: float):
        self.seconds, self.images, self.spent = seconds, 0, 0.0
        self.began = time.process_time()

    def start(self) -> None:
        """Count from now."""
        self.began = time.process_time()

    def check(self) -> None:
        """Stop a training whose time is over."""
        self.spent = time.process_time() - self.began
        if self.spent >= self.seconds:
            raise BudgetSpentError


def require_pythae() -> None:
    """Raise a ConfigError where pythae is not installed."""
    if importlib.util.find_spec("pythae") is None:
        raise ConfigError(
            "the peers are pythae's, which is not installed; "
            "install this project with its extra: pip install '.[peers]'"
        )


def our_nets(plan: Plan) -> tuple[Any, Any, Any]:
    """Return our encoder, decoder and discriminator as pythae's, on premultiplied pictures."""
    from pythae.models.base.base_utils import ModelOutput  # pyright: ignore[reportMissingImports]
    from pythae.models.nn import (  # pyright: ignore[reportMissingImports]
        BaseDecoder,
        BaseDiscriminator,
        BaseEncoder,
    )

    class OurEncoder(BaseEncoder):
        def __init__(self, net: nn.Module):
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Any:
            q = self.net(straighten(x), std_encoder_loc=False)
            return ModelOutput(
                embedding=torch.cat((q.z.mean, q.key.mean), 1),
                log_covariance=torch.cat((q.z.logvar, q.key.logvar), 1),
            )

    class OurDecoder(BaseDecoder):
        def __init__(self, net: nn.Module):
            super().__init__()
            self.net = net

        def forward(self, z: Tensor) -> Any:
            parts = z.split((plan.latent_dim, plan.latent_key_dim), 1)
            return ModelOutput(reconstruction=premultiply(self.net(*parts, size=plan.size)))

    class OurDiscriminator(BaseDiscriminator):
        depth = 4

        def __init__(self, net: nn.Module):
            super().__init__()
            self.net = net

        def forward(self, x: Tensor, output_layer_levels: list[int] | None = None) -> Any:
            verdict = self.net(straighten(x))
            patch, whole = verdict.logits
            score = torch.sigmoid((patch.mean((1, 2, 3)) + whole[:, 0]) / 2)[:, None]
            output = ModelOutput(embedding=score)
            for level in output_layer_levels or ():
                output[f"embedding_layer_{level}"] = [*verdict.features, score][level - 1]
            return output

    model = build_model(plan.model)
    judge = Discriminator(plan.channels)
    return (
        OurEncoder(model.latent_encoder),
        OurDecoder(model.output_encoder),
        OurDiscriminator(judge),
    )


def stock_nets(plan: Plan, config: Any) -> tuple[Any, Any, Any]:
    """Return pythae's convolutional nets of a size with our channels; a judge for VAEGAN alone."""
    if plan.size not in STOCK:
        raise ConfigError(f"pythae has nets for a side of 28 or 64 pixels, found {plan.size}")
    name = STOCK[plan.size]
    module = importlib.import_module(f"pythae.models.nn.benchmarks.{name}")
    kinds = ["Encoder_Conv_VAE", "Decoder_Conv_AE"]
    if hasattr(config, "discriminator_input_dim"):  # a VAEGAN's: the judge is built from it
        kinds.append("Discriminator_Conv")
    made = [getattr(module, f"{kind}_{name.upper()}")(config) for kind in kinds]
    _set_channels(made[0], nn.Conv2d, 0, in_channels=plan.channels)
    _set_channels(made[1], nn.ConvTranspose2d, -1, out_channels=plan.channels)
    for judge in made[2:]:
        _set_channels(judge, nn.Conv2d, 0, in_channels=plan.channels)
    return made[0], made[1], made[2] if len(made) > 2 else None


def _set_channels(net: nn.Module, kind: type[Any], which: int, **channels: int) -> None:
    """Replace the first or last convolution by one of other channels."""
    name, old = [(n, m) for n, m in net.named_modules() if isinstance(m, kind)][which]
    shape = {"in_channels": old.in_channels, "out_channels": old.out_channels} | channels
    if (shape["in_channels"], shape["out_channels"]) == (old.in_channels, old.out_channels):
        return
    same = ("kernel_size", "stride", "padding", "output_padding")  # the last of transposed ones
    kept = {key: getattr(old, key) for key in same[: 4 if old.transposed else 3]}
    new = kind(**shape, **kept)
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, new)


def make_peer(kind: str, nets: str, plan: Plan) -> Any:
    """Return a fresh model of pythae: ``vae``, ``betatcvae`` or ``vaegan``; ``ours`` or stock."""
    from pythae import models  # pyright: ignore[reportMissingImports]

    name = {"vae": "VAE", "betatcvae": "BetaTCVAE", "vaegan": "VAEGAN"}[kind]
    shape = (plan.channels, plan.size, plan.size)
    more = {"reconstruction_layer": FEATURE_LAYER} if kind == "vaegan" else {}
    width = plan.latent_dim + plan.latent_key_dim
    config = getattr(models, f"{name}Config")(input_dim=shape, latent_dim=width, **more)
    encoder, decoder, judge = our_nets(plan) if nets == "ours" else stock_nets(plan, config)
    parts = {"encoder": encoder, "decoder": decoder}
    if kind == "vaegan":
        parts["discriminator"] = judge
    return getattr(models, name)(model_config=config, **parts)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pythae's progress bars and its log of settings off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


def fit(
    model: Any,
    pictures: Tensor,
    budget: Budget,
    *,
    adversarial: bool,
    seed: int,
    rate: float = RATE,
) -> None:
    """Train a model in pythae's own trainer until the budget is spent; it writes nothing lasting.

    Args:
        model: From :func:`make_peer`; trained in place, left in evaluation mode.
        pictures: (N, C, H, W) premultiplied, in [0, 1].
        budget: Counts seconds and pictures.
        adversarial: Whether it has a discriminator to train.
        seed: Of pythae's loader.
        rate: Adam's.
    """
    from pythae import trainers  # pyright: ignore[reportMissingImports]
    from pythae.data.datasets import BaseDataset  # pyright: ignore[reportMissingImports]
    from pythae.trainers.training_callbacks import (  # pyright: ignore[reportMissingImports]
        TrainingCallback,
    )

    class Stop(TrainingCallback):
        def on_train_begin(self, training_config: Any, **kwargs: Any) -> None:
            budget.start()

        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            budget.check()

    def count(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        budget.images += len(inputs[0]["data"])

    name = "CoupledOptimizerAdversarialTrainer" if adversarial else "BaseTrainer"
    with tempfile.TemporaryDirectory() as place, _quiet():
        config = getattr(trainers, f"{name}Config")(
            output_dir=place, num_epochs=1_000_000, per_device_train_batch_size=32, seed=seed,
            learning_rate=rate, no_cuda=True,
        )  # fmt: skip
        data = BaseDataset(pictures, torch.zeros(len(pictures)))
        trainer = getattr(trainers, name)(
            model=model, train_dataset=data, training_config=config, callbacks=[Stop()]
        )
        hook = model.register_forward_pre_hook(count)
        with contextlib.suppress(BudgetSpentError):
            trainer.train()
        hook.remove()
    model.eval()


def train_pythae(
    kind: str, nets: str, plan: Plan, training: ImageSet, *, seed: int, rate: float = RATE
) -> Trained:
    """Train a peer and fit its sampler.

    Our nets begin inside it as in our own trainer, fitted to some pictures
    (:meth:`.IvAE.start_from`); at our rate, which pythae does not warm up, the encoder alone, or
    they drew nothing. They compute in single precision, as pythae's trainers do: in
    bf16, which ours takes where it pays, both its VAE and its VAEGAN drew nothing at all.
    """
    from vae.evaluation.peers import Trained

    require_pythae()
    from pythae.models.base.base_utils import ModelOutput  # pyright: ignore[reportMissingImports]
    from pythae.samplers import (  # pyright: ignore[reportMissingImports]
        GaussianMixtureSampler,
        GaussianMixtureSamplerConfig,
    )

    torch.manual_seed(seed)
    model, budget = make_peer(kind, nets, plan), Budget(plan.seconds)
    straight = training.images.float() / 255
    if nets == "ours":
        some = straight[torch.randperm(len(straight))[:START]]
        encoder, decoder = model.encoder.net, model.decoder.net
        joined = IvAE(encoder, decoder, decoder, encoder)
        (joined.start_from if rate <= RATE else encoder.start_from)(some)
    pictures = premultiply(straight)
    fit(model, pictures, budget, adversarial=kind == "vaegan", seed=seed, rate=rate)

    def reconstruct(x: Tensor) -> Tensor:
        q = model.encoder(premultiply(x))
        return model.decoder(q.embedding).reconstruction

    def encode(inputs: Any) -> Any:
        q = model.encoder(inputs["data"])
        noise = torch.randn_like(q.embedding)
        return ModelOutput(z=q.embedding + noise * (0.5 * q.log_covariance).exp())

    def sample(count: int) -> Tensor:
        model.forward = encode  # all that the sampler asks of it; a VAEGAN's judge takes minutes
        np.random.seed(seed)  # noqa: NPY002 - what its sampler draws with
        sampler = GaussianMixtureSampler(model, GaussianMixtureSamplerConfig(n_components=10))
        sampler.fit(pictures)
        return sampler.sample(num_samples=count, batch_size=64).cpu()

    return Trained(
        reconstruct=reconstruct, sample=sample, images=budget.images, seconds=budget.spent
    )

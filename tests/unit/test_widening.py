"""A world with more content latents draws as it did, and learns to use what it was given."""

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.data import ImageSet
from vae.errors import ConfigError
from vae.infer import get_infer_model
from vae.model import IvAE
from vae.protocols import get_protocol
from vae.trainer import Trainer
from vae.widening import widened


@pytest.fixture
def narrow(tiny_world) -> IvAE:
    return get_infer_model(tiny_world).model


def test_the_old_latents_are_read_and_drawn_as_before(narrow):
    wide = widened(narrow, 9)
    assert (wide.latent_dim, wide.latent_key_dim) == (9, narrow.latent_key_dim)
    assert wide.config is not None
    assert wide.config.latent_dim == 9
    x = image_set(5).floats()
    before, after = narrow.posterior(x), wide.posterior(x)
    assert torch.equal(after.key.mean, before.key.mean)
    assert torch.equal(after.key.logvar, before.key.logvar)
    assert torch.allclose(after.z.mean[:, :4], before.z.mean, atol=1e-6)
    assert torch.allclose(after.z.logvar[:, :4], before.z.logvar, atol=1e-6)
    assert after.z.mean[:, 4:].std(0).min() > 0  # the new ones tell pictures apart
    drawn = narrow.output_encoder.draw(*before.mean)[0]
    new = after.mean
    assert torch.allclose(wide.output_encoder.draw(*new)[0], drawn, atol=1e-6)
    moved = new._replace(z=new.z + 5 * (torch.arange(9) >= 4))
    assert torch.allclose(wide.output_encoder.draw(*moved)[0], drawn, atol=1e-6)


def test_nothing_of_the_old_model_changes_and_its_density_does_not_come_along(narrow):
    before = {name: value.clone() for name, value in narrow.state_dict().items()}
    wide = widened(narrow, 6)
    assert narrow.density is not None
    assert wide.density is None
    for value in wide.state_dict().values():
        value.zero_()
    assert all(torch.equal(before[name], value) for name, value in narrow.state_dict().items())


def test_new_latents_are_standardised_by_the_first_batch_and_old_ones_by_what_they_know(narrow):
    wide = widened(narrow, 6).train()
    old = narrow.latent_encoder.standardize.running_var
    wide.posterior(image_set(24).floats())
    now = wide.latent_encoder.standardize.running_var
    assert now[4:6].max() < 0.5  # a fresh table has 1, and a share of 0.05 would leave it there
    assert torch.allclose(now[:4], old[:4], rtol=0.3)
    assert torch.allclose(now[6:], old[4:], rtol=0.3)


def test_training_draws_from_the_new_latents(narrow):
    training = image_set(24)
    protocol = get_protocol(
        "pretrain", steps=12, batch_size=8, warmup=0, loop_warmup=0, precision="fp32", ema=0.0
    )
    trainer = Trainer(widened(narrow, 8), training, _few(training), protocol)
    for _ in trainer.run():
        pass
    seed = trainer.averaged_model().output_encoder.seed.weight
    assert seed[:, 4:8].abs().amax(0).min() > 1e-4


def _few(images: ImageSet) -> ImageSet:
    return ImageSet(images.images[:4], images.names[:4])


def test_fewer_latents_and_foreign_models_are_refused(narrow):
    with pytest.raises(ConfigError, match="has 4 content latents; it can be given more, not fewer"):
        widened(narrow, 3)
    bare = tiny_model()
    bare.config = None
    with pytest.raises(ConfigError, match="can be widened"):
        widened(bare, 8)


def test_grainless_training_leaves_the_amounts_of_grain_as_they_are():
    training = image_set(16)
    settings = {"steps": 4, "batch_size": 8, "warmup": 0, "loop_warmup": 0, "ema": 0.0}
    amounts = {}
    for grainless in (False, True):
        torch.manual_seed(0)
        model = tiny_model()
        decoder = model.output_encoder
        before = [decoder.noise_scale.weight.clone(), decoder.grain.weight.clone()]
        trainer = Trainer(
            model, training, training, get_protocol("pretrain", grainless=grainless, **settings)
        )
        for _ in trainer.run():
            pass
        after = [decoder.noise_scale.weight, decoder.grain.weight]
        pairs = zip(before, after, strict=True)
        amounts[grainless] = [torch.equal(a, b) for a, b in pairs]
    assert amounts == {False: [False, False], True: [True, True]}

"""A world with more content latents draws as it did, and begins with what it missed."""

from copy import deepcopy

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.data import ImageSet
from vae.errors import ConfigError
from vae.infer import get_infer_model
from vae.losses import premultiply
from vae.model import IvAE
from vae.protocols import get_protocol
from vae.trainer import Trainer
from vae.widening import narrowed, widened


@pytest.fixture
def narrow(tiny_world) -> IvAE:
    return get_infer_model(tiny_world).model


def test_the_old_latents_are_read_and_drawn_as_before(narrow):
    wide = widened(narrow, 9, image_set(24).images)
    assert (wide.latent_dim, wide.latent_key_dim) == (9, narrow.latent_key_dim)
    assert wide.config is not None
    assert wide.config.latent_dim == 9
    x = image_set(5).floats()
    before, after = narrow.posterior(x), wide.posterior(x)
    assert torch.equal(after.key.mean, before.key.mean)
    assert torch.equal(after.key.logvar, before.key.logvar)
    # A product of another shape rounds otherwise, and locations lie at many of their deviations.
    assert torch.allclose(after.z.mean[:, :4], before.z.mean, atol=1e-4)
    assert torch.allclose(after.z.logvar[:, :4], before.z.logvar, atol=1e-5)
    new = after.mean
    old = new._replace(z=new.z[:, :4])
    drawn = narrow.output_encoder.draw(*old)[0]
    assert torch.allclose(wide.output_encoder.draw(*new)[0], drawn, atol=1e-5)
    moved = new._replace(z=new.z + 5 * (torch.arange(9) >= 4))
    assert torch.allclose(wide.output_encoder.draw(*moved)[0], drawn, atol=1e-5)


def test_new_latents_are_standardised_and_nearly_certain(narrow):
    training = image_set(24)
    z = widened(narrow, 9, training.images).posterior(training.floats()).z
    assert torch.allclose(z.mean[:, 4:].mean(0), torch.zeros(5), atol=1e-3)
    # A millionth is added to variances, which are small in a net as tiny as this.
    assert torch.allclose(z.mean[:, 4:].std(0, correction=0), torch.ones(5), atol=0.2)
    assert (z.logvar[:, 4:] / 2).exp().max() < 0.05


@torch.no_grad()
def test_new_latents_tell_what_the_old_ones_miss(narrow):
    training = image_set(200)
    x = training.floats()
    wide = widened(narrow, 10, training.images)
    still = torch.zeros(1, 1, 32, 32)
    drawn = narrow.output_encoder.draw(*narrow.posterior(x).mean, noise=still)[0]
    error = (premultiply(x) - premultiply(drawn)).flatten(1)
    left = _unexplained(error, narrow.posterior(x))
    assert _unexplained(error, wide.posterior(x)) < 0.75 * left
    torch.manual_seed(0)
    lost = deepcopy(wide)  # as many, read at random from the same features
    rows = lost.latent_encoder.content.weight[4:10]
    rows.copy_(torch.randn_like(rows) * rows.norm(dim=1).mean() / rows.shape[1] ** 0.5)
    assert _unexplained(error, wide.posterior(x)) < _unexplained(error, lost.posterior(x))


def _unexplained(error, posterior):
    latents = torch.cat((*posterior.mean, torch.ones(len(error), 1)), 1)
    fit = torch.linalg.lstsq(latents, error).solution
    return float((error - latents @ fit).square().mean())


def test_nothing_of_the_old_model_changes_and_its_density_does_not_come_along(narrow):
    before = {name: value.clone() for name, value in narrow.state_dict().items()}
    wide = widened(narrow, 6, image_set(8).images)
    assert narrow.density is not None
    assert wide.density is None
    assert not wide.training
    for value in wide.state_dict().values():
        value.zero_()
    assert all(torch.equal(before[name], value) for name, value in narrow.state_dict().items())


@pytest.mark.parametrize("num", [2, 3])
def test_more_latents_than_pictures_tell_begin_at_random(narrow, num):
    wide = widened(narrow, 12, image_set(num).images)
    rows = wide.latent_encoder.content.weight[4:12]
    lengths = rows.norm(dim=1)
    assert torch.allclose(lengths, lengths.mean().expand(8), rtol=1e-4)
    assert all(value.isfinite().all() for value in wide.state_dict().values())


def test_training_draws_from_the_new_latents(narrow):
    training = image_set(24)
    few = ImageSet(training.images[:4], training.names[:4])
    protocol = get_protocol(
        "pretrain", steps=12, batch_size=8, warmup=0, loop_warmup=0, precision="fp32", ema=0.0
    )
    trainer = Trainer(widened(narrow, 8, training.images), training, few, protocol)
    for _ in trainer.run():
        pass
    seed = trainer.averaged_model().output_encoder.seed.weight
    assert seed[:, 4:8].abs().amax(0).min() > 1e-4


def test_the_latents_that_say_most_are_kept_in_their_order(narrow):
    training, noisy = image_set(24), [1, 4, 5]
    wide = widened(narrow, 7, training.images)
    with torch.no_grad():
        scales = wide.latent_encoder.content.bias.unflatten(0, (2, -1))[1]
        scales[noisy] += 30.0  # what says next to nothing
    less = narrowed(wide, 4, training.images)
    assert (less.latent_dim, less.latent_key_dim) == (4, wide.latent_key_dim)
    assert less.config is not None
    assert less.config.latent_dim == 4
    kept = [i for i in range(7) if i not in noisy]
    x = image_set(5).floats()
    before, after = wide.posterior(x), less.posterior(x)
    assert torch.allclose(after.z.mean, before.z.mean[:, kept], atol=1e-4)
    assert torch.allclose(after.z.logvar, before.z.logvar[:, kept], atol=1e-5)
    assert torch.equal(after.key.mean, before.key.mean)
    z = before.mean.z.clone()
    z[:, noisy] = 0
    drawn = wide.output_encoder.draw(z, before.key.mean)[0]
    assert torch.allclose(less.output_encoder.draw(*after.mean)[0], drawn, atol=1e-4)
    assert less.density is None
    same = narrowed(narrow, 4, training.images)
    assert torch.equal(same.posterior(x).z.mean, narrow.posterior(x).z.mean)


@pytest.mark.parametrize(
    ("change", "latent_dim", "allows", "verb"),
    [(widened, 3, "more, not fewer", "widened"), (narrowed, 5, "fewer, not more", "narrowed")],
)
def test_the_wrong_way_and_foreign_models_are_refused(narrow, change, latent_dim, allows, verb):
    images = image_set(4).images
    with pytest.raises(ConfigError, match=f"has 4 content latents; it can be given {allows}"):
        change(narrow, latent_dim, images)
    bare = tiny_model()
    bare.config = None
    with pytest.raises(ConfigError, match=f"can be {verb}"):
        change(bare, bare.latent_dim, images)


def test_a_model_without_content_latents_is_refused(narrow):
    with pytest.raises(ConfigError, match="latent_dim"):
        narrowed(narrow, 0, image_set(4).images)


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

"""The second look: better latents from a picture and its own first reconstruction."""

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.distributions import Latents
from vae.errors import ConfigError, ShapeError
from vae.losses import premultiply
from vae.model import load_model, make_refiner, save_model
from vae.protocols import get_protocol
from vae.refiner import Refiner
from vae.trainer import Trainer


def refined(seed: int = 0, **changes):
    torch.manual_seed(seed)
    model = tiny_model(**changes).eval()
    model.refiner = make_refiner(model)
    return model


def stirred(model):
    torch.nn.init.normal_(model.refiner.move.weight, std=0.05)
    return model


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [28, 32, 64, 128, 256])
def test_it_takes_any_channels_and_size(channels, side):
    model = stirred(refined(channels=channels))
    x = image_set(2, side, channels).floats()
    with torch.no_grad():
        latents = model.encode(x)
        first = model.posterior(x).mean
    assert latents.z.shape == first.z.shape
    assert latents.key.shape == first.key.shape
    assert not torch.equal(latents.joined(), first.joined())
    assert torch.isfinite(latents.joined()).all()


def test_a_fresh_one_moves_nothing_and_a_model_without_one_looks_once():
    model, x = refined(), image_set(3, 32).floats()
    with torch.no_grad():
        first = model.posterior(x).mean.joined()
        assert torch.equal(model.encode(x).joined(), first)
        model.refiner = None
        assert torch.equal(model.encode(x).joined(), first)


def test_it_sees_what_was_drawn_and_where_it_started():
    refiner = stirred(refined()).refiner
    assert refiner is not None
    x, other = image_set(4, 32).floats().split(2)
    here = Latents(torch.zeros(2, 4), torch.zeros(2, 18))
    there = Latents(torch.ones(2, 4), torch.zeros(2, 18))
    with torch.no_grad():
        found = refiner(x, other, here).joined()
        assert not torch.allclose(refiner(x, x, here).joined(), found)
        moved = refiner(x, other, there).joined() - there.joined()
        assert not torch.allclose(moved, found)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="latent_dim must be a whole number from 1"):
        Refiner(0, 4)
    refiner = Refiner(4, 18)
    latents = Latents(torch.zeros(1, 4), torch.zeros(1, 18))
    with pytest.raises(ShapeError, match="expected two pictures alike"):
        refiner(torch.zeros(1, 4, 32, 32), torch.zeros(1, 4, 64, 64), latents)
    with pytest.raises(ShapeError, match="square with side"):
        refiner(torch.zeros(1, 4, 30, 30), torch.zeros(1, 4, 30, 30), latents)


def test_a_saved_model_keeps_its_refiner(tmp_path):
    model, x = stirred(refined()), image_set(2, 32).floats()
    save_model(tmp_path, model)
    again = load_model(tmp_path)
    assert again.refiner is not None
    with torch.no_grad():
        first, now = model.encode(x).joined(), again.encode(x).joined()
    assert torch.allclose(first, now, atol=0.02)  # half precision
    model.refiner = None
    save_model(tmp_path, model)
    assert load_model(tmp_path).refiner is None


def refine(model, steps: int, images, **changes) -> Trainer:
    settings = {"steps": steps, "batch_size": 8, "warmup": 2, "precision": "fp32"} | changes
    return Trainer(model, images, image_set(4, 32), get_protocol("refine", **settings))


def test_refining_changes_the_refiner_alone_and_leaves_statistics():
    model = tiny_model()
    trainer = refine(model, 3, image_set(16, 32))
    before = {n: t.detach().clone() for n, t in model.state_dict().items()}
    kinds = [event.kind for event in trainer.run()]
    assert kinds[-1] == "end"
    changed = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    assert changed
    assert all(name.startswith("refiner.") for name in changed)


def test_refining_brings_reconstructions_nearer():
    images = image_set(16, 32)
    x = images.floats()
    torch.manual_seed(0)
    pretrain = get_protocol("pretrain", steps=60, batch_size=8, warmup=5, ema=0.9)
    model = tiny_model()
    trainer = Trainer(model, images, image_set(4, 32), pretrain)
    list(trainer.run())
    model = trainer.averaged_model()
    first = refine(model, 80, images, augment="flip", ema=0.9)
    list(first.run())
    model = first.averaged_model()

    def error() -> float:
        with torch.no_grad():
            output = model(x)[0]
        return float((premultiply(output) - premultiply(x)).square().mean())

    second_look = error()
    model.refiner = None
    assert second_look < 0.95 * error()


@pytest.mark.parametrize("name", ["pretrain", "adversarial", "finetune"])
def test_training_the_weights_it_corrects_drops_it(name):
    model = stirred(refined())
    protocol = get_protocol(name, steps=1, batch_size=8)
    trainer = Trainer(model, image_set(16, 32), image_set(4, 32), protocol)
    assert trainer.model.refiner is None
    assert trainer.averaged_model().refiner is None


def test_it_is_one_or_the_other():
    with pytest.raises(ConfigError, match="not both"):
        get_protocol("refine", adversarial=True)

"""Who says how much grain there is: the pixel loss alone, or texture and the judge."""

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae import finish
from vae.batches import BatchSource
from vae.distributions import Latents
from vae.finish import calm_grain, encode_set
from vae.grain import roughness
from vae.noise import STRONGEST
from vae.objective import Objective, choose_trained
from vae.protocols import get_protocol
from vae.trainer import Trainer


def slope_of_reconstruction(name: str) -> torch.Tensor | None:
    protocol = get_protocol(name, steps=1, batch_size=8, texture_weight=0.0)
    model = tiny_model().train()
    source = BatchSource(model, image_set(16, 32), protocol, device=torch.device("cpu"))
    losses, _ = Objective(model, protocol)(source.next())
    losses["reconstruction"].backward()
    assert model.output_encoder.head.weight.grad is not None
    return model.output_encoder.grain.weight.grad


@pytest.mark.parametrize("name", ["43-vae", "pretrain", "finetune"])
def test_without_a_judge_the_pixel_loss_takes_grain_away(name):
    slope = slope_of_reconstruction(name)
    assert slope is not None
    assert slope.abs().max() > 0


def test_in_the_game_the_pixel_loss_does_not_see_it():
    assert slope_of_reconstruction("adversarial") is None


def test_in_the_game_moved_pictures_are_read_back():
    """The encoder is frozen, and what it reads in a picture whose key was moved still counts."""
    protocol = get_protocol("adversarial", steps=1, batch_size=8, texture_weight=0.0)
    model = tiny_model().train()
    source = BatchSource(model, image_set(16, 32), protocol, device=torch.device("cpu"))
    choose_trained(model, protocol)
    losses, _ = Objective(model, protocol)(source.next())
    losses["read_back"].backward()
    assert model.output_encoder.head.weight.grad.abs().max() > 0
    assert model.latent_encoder.stem.weight.grad is None


def test_its_own_protocol_moves_the_amounts_and_nothing_else():
    protocol = get_protocol("grain", steps=3, lr=0.01, log_every=1)
    model = tiny_model()
    before = {name: t.clone() for name, t in model.state_dict().items()}
    events = list(Trainer(model, image_set(16, 32), image_set(4, 32), protocol).run())
    changed = {name for name, t in model.named_parameters() if not torch.equal(t, before[name])}
    assert {name.split(".")[1] for name in changed} == {"noise_scale", "grain"}
    assert {name.split(".")[0] for name in changed} == {"latent_decoder"}
    losses = [event.values for event in events if event.kind == "step"]
    assert len(losses) == 3
    assert all(values["draws_texture"] > 0 and values["loop"] > 0 for values in losses)
    assert "adversarial" not in losses[0]


def test_it_brings_the_texture_of_draws_nearer_to_that_of_the_pictures():
    pictures = image_set(16, 32)
    noise = torch.randn(16, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    colour = pictures.images[:, :3].float() / 255 + 0.15 * noise
    pictures.images[:, :3] = (colour.clamp(0, 1) * 255).round().to(torch.uint8)
    protocol = get_protocol("grain", steps=40, lr=0.01, loop_weight=0.0, log_every=1)
    events = list(Trainer(tiny_model(), pictures, pictures, protocol).run())
    losses = [e.values["draws_texture"] for e in events if e.kind == "step"]
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_a_world_of_flat_drawings_is_left_with_little_grain_and_one_of_rough_ones_keeps_it():
    for strength, low, high in ((0.0, 0.0, 0.1), (0.2, 0.9, 1.0)):
        pictures = image_set(12, 64)
        pictures.images[:, :3] = 128
        noise = torch.randn(12, 1, 64, 64, generator=torch.Generator().manual_seed(1))
        pictures.images[:, :3] = (128 + 255 * strength * noise).clamp(0, 255).to(torch.uint8)
        model = tiny_model().eval()
        decoder = model.output_encoder
        with torch.no_grad():
            decoder.grain.bias.fill_(0.05)
            decoder.head.bias[3] = 9  # what is drawn is opaque
        weights = [p.clone() for p in (*decoder.noise_scale.parameters(), decoder.grain.bias)]
        left = calm_grain(model, pictures, encode_set(model, pictures))
        assert low <= left <= high
        now = (*decoder.noise_scale.parameters(), decoder.grain.bias)
        assert all(torch.allclose(a * left, b) for a, b in zip(weights, now, strict=True))


@pytest.mark.parametrize("bound", ["strength", "value"])
def test_grain_at_its_limit_is_calmed_as_far_as_any_other(bound):
    pictures = image_set(12, 64)
    noise = torch.randn(12, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    pictures.images[:, :3] = (128 + 255 * 0.02 * noise).clamp(0, 255).to(torch.uint8)
    pictures.images[:, 3:] = 255
    model = tiny_model(grain_bound=bound).eval()
    decoder = model.output_encoder
    with torch.no_grad():
        decoder.grain.bias.fill_(3 * STRONGEST)  # of each field
        decoder.head.bias[3] = 9
        read = encode_set(model, pictures)
        calm_grain(model, pictures, read)
        latents = Latents(*read.split((model.latent_dim, model.latent_key_dim), 1))
        drawn = roughness(model.decode(latents, size=64)).median(0).values
    ratio = drawn / roughness(pictures.floats()).median(0).values
    assert ratio.min() > 0.4
    assert ratio.max() < 2.5


def test_what_a_judge_has_said_of_grain_stays(monkeypatch):
    calmed = []
    monkeypatch.setattr(finish, "calm_grain", lambda *_: calmed.append(True))
    for calm in (False, True):
        finish.finish_model(tiny_model(), image_set(8, 32), num_pictures=2, calm=calm)
    assert calmed == [True]

"""The judge: shapes, a bounded slope, and what it may look at."""

from typing import Any

import pytest
import torch

from vae.discriminator import Discriminator
from vae.errors import ConfigError


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [28, 32, 64, 128, 256])
def test_any_channels_and_size_give_patches_and_a_whole(channels, side):
    patch, whole = Discriminator(channels, width=8)(torch.rand(2, channels, side, side)).logits
    assert patch.shape[:2] == (2, 1)
    assert patch.shape[2] > 1
    assert whole.shape == (2, 1)


def test_it_stays_under_half_a_million_parameters():
    assert sum(p.numel() for p in Discriminator().parameters()) < 500_000


def test_features_run_from_shallow_to_deep():
    features = Discriminator(width=8)(torch.rand(2, 4, 32, 32)).features
    widths = [f.shape[1] for f in features]
    assert widths == sorted(widths)
    assert [f.shape[-1] for f in features] == [16, 8, 4]


def test_every_layer_has_spectral_norm_one():
    judge = Discriminator(3, width=8)
    for _ in range(30):  # power iterations run while training
        judge(torch.rand(2, 3, 32, 32))
    judge.eval()
    layers: list[Any] = [*judge.layers, judge.patch, judge.pool, judge.whole]
    tops = [torch.linalg.matrix_norm(m.weight.flatten(1), 2) for m in layers]
    assert torch.allclose(torch.stack(tops), torch.ones(len(tops)), atol=0.02)


def test_hidden_colour_under_clear_alpha_is_not_judged():
    judge, x = Discriminator(width=8).eval(), torch.rand(2, 4, 32, 32)
    x[:, 3] = 0
    y = x.clone()
    y[:, :3] = torch.rand(2, 3, 32, 32)
    for a, b in zip(judge(x).logits, judge(y).logits, strict=True):
        assert torch.equal(a, b)


def test_it_can_learn_to_tell_two_kinds_apart():
    judge = Discriminator(1, width=8)
    optimizer = torch.optim.Adam(judge.parameters(), 5e-3)
    dark, light = 0.3 * torch.rand(8, 1, 28, 28), 0.7 + 0.3 * torch.rand(8, 1, 28, 28)
    for _ in range(20):
        real, fake = judge(light).logits[1], judge(dark).logits[1]
        optimizer.zero_grad()
        (fake - real).mean().backward()
        optimizer.step()
    assert judge(light).logits[1].min() > judge(dark).logits[1].max()


def test_unknown_settings_are_refused_by_name():
    with pytest.raises(ConfigError, match="input_dim must be one of 1, 3, 4, found 2"):
        Discriminator(2)
    with pytest.raises(ConfigError, match="width must be a number from 4"):
        Discriminator(3, width=0)

"""What the closed loop asks for, and of which pixels."""

import pytest
import torch

from vae.config import ModelConfig
from vae.encodings import NUM_ATTRIBUTES
from vae.model import build_model
from vae.objective import RIM, Moves, Objective
from vae.protocols import get_protocol


@pytest.mark.parametrize("size", [28, 64])
def test_no_attribute_is_asked_for_at_the_rim_of_the_frame(monkeypatch, size):
    torch.manual_seed(0)
    model = build_model(ModelConfig(image_size=size, channels=3, latent_dim=4, latent_key_dim=18))
    model.standardizer.fit(torch.randn(50, NUM_ATTRIBUTES))
    objective = Objective(model, get_protocol("pretrain", read_weight=0.0))
    drawn = torch.rand(2, 3, size, size, requires_grad=True)
    monkeypatch.setattr(model, "decode", lambda *_, **__: drawn)
    losses = objective.closed_loop(
        Moves(
            z=torch.zeros(2, 4),
            key=torch.zeros(2, 18),
            grain=torch.zeros(2, 1, size, size),
            own=torch.eye(NUM_ATTRIBUTES)[:2],
            wanted=torch.ones(2, NUM_ATTRIBUTES),
            size=size,
        )
    )
    losses["loop"].backward()
    assert drawn.grad is not None
    asked = drawn.grad.abs().amax((0, 1)) > 0
    rim = round(RIM * size)
    inner = asked[rim:-rim, rim:-rim]
    assert inner.float().mean() > 0.9
    assert asked.sum() == inner.sum()


def test_what_lies_at_the_rim_is_seen_all_the_same():
    model = build_model(ModelConfig(image_size=64, channels=3, latent_dim=4, latent_key_dim=18))
    model.standardizer.fit(torch.randn(50, NUM_ATTRIBUTES))
    objective = Objective(model, get_protocol("pretrain"))
    x = torch.rand(2, 3, 64, 64)
    assert torch.equal(objective._measured(x), model.metadata(x).clamp(-8, 8))

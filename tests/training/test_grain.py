"""Who says how much grain there is: the pixel loss alone, or texture and the judge."""

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.batches import BatchSource
from vae.objective import Objective
from vae.protocols import get_protocol


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

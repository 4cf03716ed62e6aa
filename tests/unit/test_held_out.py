"""Held-out losses: of every picture, whatever share of a batch training looks at."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.held_out import HeldOut
from vae.protocols import get_protocol


@pytest.mark.parametrize("num", [3, 5])
def test_the_closed_loop_is_of_all_held_out_pictures(num):
    model, pictures = tiny_model().eval(), image_set(num)
    every = replace(get_protocol("finetune"), loop_stride=1)

    def losses(stride):
        held_out = HeldOut(pictures, replace(every, loop_stride=stride), torch.device("cpu"))
        return held_out.losses(model, step=1, autocast=nullcontext())

    assert losses(4) == losses(1)
    assert losses(4)["loop"] > 0


@pytest.mark.parametrize("num", [1, 3, 18])
def test_each_picture_has_its_own_loss_and_their_mean_is_the_whole(num):
    held_out = HeldOut(image_set(num), get_protocol("finetune"), torch.device("cpu"))
    losses = held_out.losses(tiny_model().eval(), step=1, autocast=nullcontext())
    each = losses["pictures"]
    assert len(each) == num
    assert sum(each) / num == pytest.approx(losses["reconstruction"], rel=1e-4)
    assert num == 1 or len(set(each)) > 1

"""How a training from nothing begins."""

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.batches import BatchSource
from vae.distributions import Latents
from vae.protocols import get_protocol
from vae.trainer import Trainer


def spread_of(name: str, **changes) -> float:
    """How far what a fresh model draws of other latents differs, when its training begins."""
    torch.manual_seed(1)
    model, pictures = tiny_model(), image_set(32, 32)
    protocol = get_protocol(name, steps=1, batch_size=8, **changes)
    BatchSource(model.train(), pictures, protocol, device=torch.device("cpu"))
    with torch.no_grad():
        drawn = model.decode(Latents(*model.eval().posterior(pictures.floats()).mean))
    return float(drawn.std(0).mean())


@pytest.mark.parametrize(
    ("name", "changes", "fitted"),
    [("pretrain", {}, True), ("43-vae", {}, False), ("pretrain", {"fit_decoder": False}, False)],
)
def test_a_fresh_decoder_is_fitted_where_the_protocol_says_so(name, changes, fitted):
    assert (spread_of(name, **changes) > 0.03) is fitted


def test_a_fitted_decoder_is_ahead_from_the_first_steps():
    reached = []
    for fit in (True, False):
        torch.manual_seed(1)
        protocol = get_protocol("pretrain", steps=30, log_every=1, fit_decoder=fit)
        model = tiny_model()
        events = list(Trainer(model, image_set(64, 32), image_set(8, 32), protocol).run())
        reached.append([e.values["reconstruction"] for e in events if e.kind == "step"][-10:])
    assert sum(reached[0]) < 0.9 * sum(reached[1])

"""A short run already ties each named key to its attribute."""

import torch

from tests.conftest import draw_art, tiny_model
from vae.data import ImageSet
from vae.encodings import ATTRIBUTES
from vae.protocols import get_protocol
from vae.trainer import Trainer


def correlations(num: int = 96, steps: int = 150) -> dict[str, float]:
    torch.manual_seed(0)
    pictures = torch.stack([torch.from_numpy(draw_art(seed, 32)) for seed in range(num)])
    training = ImageSet(pictures.permute(0, 3, 1, 2).contiguous(), [str(i) for i in range(num)])
    model = tiny_model(encoder_widths=(16, 16, 24, 32))
    protocol = get_protocol(
        "pretrain", steps=steps, batch_size=32, lr=3e-3, warmup=5, beta_key=3e-3, loop_weight=0.0,
        read_weight=0.0, order_weight=3e-2, precision="fp32",
    )  # fmt: skip
    trainer = Trainer(model, training, training, protocol)
    for _ in range(steps):
        trainer.train_step()
    model.eval()
    with torch.no_grad():
        key = model.posterior(training.floats()).key.mean[:, :16]
        u = model.metadata(training.floats())
    both = torch.corrcoef(torch.cat((key, u), 1).T)[:16, 16:].diagonal()
    return dict(zip(ATTRIBUTES, both.tolist(), strict=True))


def test_key_j_follows_attribute_j():
    found = correlations()
    assert all(value > -0.1 for value in found.values()), found
    assert sum(value > 0.3 for value in found.values()) >= 9, found
    assert sum(found.values()) / 16 > 0.4, found
    for name in ("lightness", "redness", "warmth", "coverage"):
        assert found[name] > 0.7, found

"""A user's own loop, as plain as it gets, on any DataLoader."""

import pytest
import torch
from torch.utils.data import DataLoader

import vae
from tests.conftest import image_set, tiny_model
from vae.losses import QuadraticHypoLoss


def run(model: torch.nn.Module, images: torch.Tensor, *, epochs: int) -> list[float]:
    """The loop of the README, word for word."""
    torch.manual_seed(0)
    loader = DataLoader(list(images), batch_size=8, shuffle=True)  # type: ignore[arg-type]
    loss_fn = QuadraticHypoLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    losses = []
    for _ in range(epochs):
        for batch in loader:
            output, _ = model(batch)
            loss = loss_fn(output, batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses


@pytest.mark.parametrize(("channels", "side"), [(1, 28), (3, 32), (4, 32)])
def test_the_loss_goes_down(channels, side):
    torch.manual_seed(0)
    model = tiny_model(channels=channels, image_size=side)
    losses = run(model, image_set(32, side, channels).floats(), epochs=15)
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])


def test_the_whole_model_of_the_factory_learns_grey_tiles():
    torch.manual_seed(0)
    model = vae.create_43_vae(1)
    losses = run(model, image_set(16, 28, 1).floats(), epochs=15)
    assert sum(losses[-2:]) < 0.7 * sum(losses[:2])


def test_networks_put_together_by_hand_learn_too():
    torch.manual_seed(0)
    encoder = vae.create_encoder(6, 18, widths=(8, 8, 12, 16))
    decoder = vae.create_decoder(3, 6, 18, widths=(16, 12, 12, 8))
    model = vae.IvAE(encoder, decoder, decoder, encoder)
    losses = run(model, image_set(16, 32, 3).floats(), epochs=25)
    assert sum(losses[-2:]) < 0.8 * sum(losses[:2])

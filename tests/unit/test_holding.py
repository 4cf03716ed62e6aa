"""A held slider moves its attribute with less beside it than the plain slider does."""

import pytest
import torch

from vae.encodings import ATTRIBUTES, measure
from vae.errors import ConfigError
from vae.infer import get_infer_model


@pytest.fixture(scope="module")
def world():
    return get_infer_model("pomona")


@pytest.fixture(scope="module")
def latents(world):
    return world.sample(6, generator=torch.Generator().manual_seed(6), truncation=0.8)


@pytest.fixture(scope="module")
def holding(world, latents):
    return world.holding(latents)


def change(world, latents, moved):
    before, after = (world.scores(measure(world.decode(some))) for some in (latents, moved))
    return after - before


@pytest.mark.parametrize(
    ("name", "many", "least"),
    [
        ("warmth", 6, 0.4),
        ("edge_softness", 6, 0.8),
        ("redness", 4, 0.3),
    ],  # which hangs on colourfulness
)
def test_the_rest_changes_less(world, latents, holding, name, many, least):
    own = ATTRIBUTES.index(name)

    def share(moved):
        moves = change(world, latents, moved)
        assert (moves[:, own] > 0.25).sum() >= many  # of six
        assert (moves[:, own] > 0.05).all()
        assert moves[:, own].mean() > least
        return float((moves[:, own] / moves.abs().sum(1)).mean())

    held = share(holding.move({name: 1.0}))
    assert held > 1.1 * share(world.move(latents, {name: 1.0}))


def test_content_stays_and_no_move_is_no_move(latents, holding):
    assert torch.equal(holding.move({"warmth": 1.0}).z, latents.z)
    assert torch.equal(holding.move({}).key, latents.key)
    assert torch.allclose(holding.move({"warmth": 0.0}).key, latents.key, atol=1e-4)


def test_every_picture_may_move_by_its_own_amount(world, latents, holding):
    amounts = torch.tensor([1.0, -1.0] * 3)
    moved = holding.move({"warmth": amounts})
    warmth = change(world, latents, moved)[:, ATTRIBUTES.index("warmth")]
    assert (warmth * amounts > 0.25).all()


def test_a_form_slider_cannot_hold(holding):
    with pytest.raises(ConfigError, match="only the style sliders"):
        holding.move({"height": 1.0})


def test_a_path_is_what_each_move_alone_would_be(latents, holding):
    path = holding.path("warmth", [-1.5, 1.0])
    assert path.shape == (6, 2, latents.key.shape[1])
    for i, place in enumerate((-1.5, 1.0)):
        alone = holding.move({"warmth": place}).key - latents.key
        assert torch.allclose(path[:, i], alone, atol=1e-3)
    with pytest.raises(ConfigError, match="only the style sliders"):
        holding.path("height", [1.0])


def test_begun_with_the_mean_effect_it_is_purer_than_the_slider_too(world, latents):
    def share(moved):
        moves = change(world, latents, moved)
        own = moves[:, ATTRIBUTES.index("warmth")]
        assert (own > 0.25).all()
        assert own.mean() > 0.4
        return float((own / moves.abs().sum(1)).mean())

    held = world.holding(latents, measured=False).move({"warmth": 1.0})
    assert share(held) > 1.1 * share(world.move(latents, {"warmth": 1.0}))

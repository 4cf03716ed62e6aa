"""Directions: what is solved for, and what a second look along the travel mends."""

import pytest
import torch

from tests.conftest import tiny_model
from vae import directions
from vae.directions import Responses, purest_direction, purity_of, style_directions, worth_of


def about_rest(per_key: torch.Tensor) -> Responses:
    return Responses(per_key, torch.zeros(per_key.shape[0], per_key.shape[2]))


def test_the_purest_direction_undoes_a_leak_that_all_pictures_share():
    response = torch.zeros(6, 3, 2)
    response[:, 0, 0], response[:, 0, 1] = 1, 0.8  # key 0 moves both attributes
    response[:, 1, 1] = 1  # key 1 moves the second alone
    direction = purest_direction(about_rest(response), 0, ridge=1e-4)
    assert direction is not None
    effect = about_rest(response).of(direction)
    assert effect[:, 0].tolist() == pytest.approx([1] * 6, abs=1e-3)
    assert effect[:, 1].abs().max() < 0.01


def test_the_purest_direction_minds_side_effects_that_cancel_in_the_mean():
    response = torch.zeros(8, 2, 2)
    response[:, :, 0] = 1  # either key moves the first attribute
    response[::2, 0, 1], response[1::2, 0, 1] = 1, -1  # key 0 shakes the second, up and down
    direction = purest_direction(about_rest(response), 0, ridge=1e-4)
    assert direction is not None
    assert direction[1] == pytest.approx(1, abs=0.05)


def test_what_happens_whatever_the_move_is_made_up_for():
    response = torch.zeros(8, 2, 2)
    response[:, 0, 0], response[:, 1, 1] = 1, 1
    rest = torch.tensor([0.4, -0.3]).expand(8, 2)
    found = Responses(response, rest)
    direction = purest_direction(found, 0, ridge=1e-4)
    assert direction is not None
    assert direction.tolist() == pytest.approx([0.6, 0.3], abs=0.01)
    assert found.of(direction).mean(0).tolist() == pytest.approx([1, 0], abs=0.01)


def test_an_attribute_that_follows_no_key_has_no_direction():
    assert purest_direction(about_rest(torch.zeros(4, 3, 2)), 0) is None


def test_a_move_is_never_longer_than_asked_for():
    response = torch.zeros(4, 2, 2)
    response[:, 0, 0] = 0.01
    direction = purest_direction(about_rest(response), 0, ridge=1e-9, longest=3)
    assert direction is not None
    assert float(direction.norm()) == pytest.approx(3, abs=1e-3)


def test_purity_is_the_share_of_a_change_that_was_meant():
    changes = torch.tensor([[1.0, 0.5, -0.5], [1.0, -0.5, 0.5]])
    assert purity_of(changes, 0) == pytest.approx(0.5)
    assert purity_of(-changes, 0) == pytest.approx(-0.5)
    assert worth_of(changes, 0) == worth_of(3 * changes, 0) == pytest.approx(0.5)
    assert worth_of(changes / 2, 0) == pytest.approx(0.25)


def bent(model: object, joined: torch.Tensor) -> torch.Tensor:
    """Answer with metadata of which the first leaks into the second only far from the middle."""
    key = joined[:, -3:]
    out = torch.zeros(len(joined), 16)
    out[:, 0] = key[:, 0]
    out[:, 1] = key[:, 1] + key[:, 0] * (key[:, 0].abs() > 1.2)
    return out


def test_a_second_look_mends_what_only_the_ends_of_travel_show(monkeypatch):
    model = tiny_model(latent_key_dim=3).eval()
    model.standardizer.active.zero_()
    model.standardizer.active[:2] = 1
    monkeypatch.setattr(directions, "scores", bent)
    probes = torch.randn(12, model.latent_dim + 3, generator=torch.Generator().manual_seed(2))
    probes[:, -3:] *= 0.1
    seen = []
    told = lambda done, of: seen.append((done, of))  # noqa: E731
    plain = dict(style_directions(model, probes, progress=told))
    turned = dict(style_directions(model, probes, others=probes[:4]))
    assert seen == [(1, 2), (2, 2)]
    assert plain[0][-3:].tolist() == pytest.approx([1, 0, 0], abs=0.06)
    assert turned[0][-3:].tolist() == pytest.approx([1, -1, 0], abs=0.1)
    assert not turned[0][:-3].any()


def test_a_turn_that_makes_it_less_pure_is_not_taken(monkeypatch):
    model = tiny_model(latent_key_dim=3).eval()
    model.standardizer.active.zero_()
    model.standardizer.active[:2] = 1
    monkeypatch.setattr(directions, "scores", bent)
    worse = torch.tensor([1.0, 4.0, 0.0])
    real, calls = purest_direction, []

    def solved(responses: Responses, own: int) -> torch.Tensor | None:
        calls.append(own)
        return real(responses, own) if len(calls) % 2 else worse

    monkeypatch.setattr(directions, "purest_direction", solved)
    probes = torch.zeros(6, model.latent_dim + 3)
    first = style_directions(model, probes, others=probes)[0][1]
    assert first[-3:].tolist() == pytest.approx([1, 0, 0], abs=0.06)

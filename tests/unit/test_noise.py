"""Grain as it is laid: fields, the map of its strength, its limit."""

import pytest
import torch
import torch.nn.functional as F

from vae.noise import (
    BOUND,
    CELL,
    CELLS,
    STRONGEST,
    bounded,
    enlarge,
    grain_fields,
    strength_of,
)


def test_fields_of_grain_have_deviation_one_at_every_scale():
    noise = torch.randn(32, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    fields = grain_fields(noise)
    assert [f.shape[-1] for f in fields] == [16, 32, 64]
    assert [float(f.std()) for f in fields] == pytest.approx([1, 1, 1], abs=0.05)


def places_on_the_map(num: int) -> torch.Tensor:
    return CELL * CELLS * torch.rand(num, 2, generator=torch.Generator().manual_seed(4))


def test_grain_gathers_in_clusters_and_its_tails_are_long():
    noise = torch.randn(32, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    grain = strength_of(places_on_the_map(32), 64) * enlarge(grain_fields(noise))
    assert grain.shape == (32, 3, 64, 64)
    assert 0.6 < float(grain[:, 2].square().mean()) < 1.5
    kurtosis = grain.pow(4).mean((0, 2, 3)) / grain.square().mean((0, 2, 3)).square()
    assert kurtosis.min() > 6  # normal noise has 3
    strength = F.avg_pool2d(grain[:, 2:].abs(), 4)
    assert strength.std() > 0.4 * strength.mean()  # of even noise 0.19
    assert abs(float(grain.mean())) < 0.02


def test_the_map_of_strength_slides_by_any_part_of_a_pixel():
    here = places_on_the_map(3)
    strength = strength_of(here, 64)
    by = torch.tensor([5.0, 11.0])
    assert torch.allclose(strength_of(here + by, 64)[..., :-5, :-11], strength[..., 5:, 11:])
    assert torch.allclose(strength_of(here + CELL * CELLS, 64), strength, rtol=1e-3)
    little = (strength_of(here + 0.1, 64) - strength).abs()
    assert 0 < float(little.max()) < 0.2 * float(strength.max())


def grain_of_amount(amount: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Grain of one field of an even amount, and the amounts."""
    noise = torch.randn(8, 1, 64, 64, generator=torch.Generator().manual_seed(2))
    amounts = torch.full((8, 1, 1, 1), amount).expand(8, 1, 64, 64)
    return amounts * noise, amounts


@pytest.mark.parametrize("what", ["strength", "value"])
def test_faint_grain_is_as_it_was(what):
    grain, amounts = grain_of_amount(0.005)
    assert torch.allclose(bounded(grain, amounts, what), grain, rtol=0.02, atol=1e-5)


def test_however_strong_it_would_be_grain_is_no_stronger_and_no_flatter():
    for amount in (0.1, 1.0, 100.0):
        grain = bounded(*grain_of_amount(amount), "strength")
        assert 0.7 * STRONGEST < float(grain.std()) < 1.05 * STRONGEST
        kurtosis = grain.pow(4).mean() / grain.square().mean().square()
        assert 2.8 < float(kurtosis) < 3.2  # as normal noise: no value is taken by many pixels


def test_grain_of_before_came_to_two_values_where_it_was_strong():
    grain = bounded(*grain_of_amount(100.0), "value")
    assert float((grain.abs() > 0.99 * BOUND).float().mean()) > 0.99


def test_the_limit_is_one_of_all_fields_together():
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    amounts = torch.tensor([1.0, 0.5, 0.25])[:, None, None].expand(4, 3, 64, 64)
    laid = bounded((amounts * noise).sum(1, keepdim=True), amounts, "strength")
    assert float(laid.std()) == pytest.approx(STRONGEST, rel=0.05)


def test_amounts_of_nothing_can_be_learned_from():
    amounts = torch.zeros(1, 3, 8, 8, requires_grad=True)
    bounded(
        (amounts * torch.randn(1, 3, 8, 8)).sum(1, keepdim=True), amounts, "strength"
    ).sum().backward()
    assert amounts.grad is not None
    assert amounts.grad.isfinite().all()
    assert amounts.grad.any()

"""Losses against closed forms."""

import math

import pytest
import torch
import torch.nn.functional as F

from vae.errors import ConfigError, ShapeError
from vae.evaluation.swd import laplacian_level
from vae.losses import (
    QuadraticHypoLoss,
    adaptive_weight,
    attribute_order_loss,
    binomial_pyramid,
    feature_matching_loss,
    hinge_discriminator_loss,
    hinge_generator_loss,
    hypo,
    laplacian_pyramid,
    mean_hypo,
    premultiply,
    reconstruction_loss,
    texture_loss,
    translate,
)


def test_hypo_is_the_hypotenuse_less_epsilon():
    error = torch.tensor([-3.0, 0.0, 0.4])
    expected = [math.hypot(e, 0.3) - 0.3 for e in error.tolist()]
    assert hypo(error, 0.3).tolist() == pytest.approx(expected, abs=1e-6)


def test_quadratic_near_zero_and_linear_far_out():
    epsilon = 0.1
    assert float(hypo(torch.tensor(1e-3, dtype=torch.double), epsilon)) == pytest.approx(
        1e-6 / (2 * epsilon), rel=1e-4
    )
    assert float(hypo(torch.tensor(50.0), epsilon)) == pytest.approx(50 - epsilon, rel=1e-4)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loss_reduces_as_asked(reduction):
    output, target = torch.rand(2, 3, 4), torch.rand(2, 3, 4)
    each = hypo(output - target, 0.05)
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    found = QuadraticHypoLoss(0.05, reduction)(output, target)
    assert torch.equal(found, expected)


def test_the_loss_refuses_what_cannot_be():
    with pytest.raises(ConfigError, match="reduction must be one of 'mean', 'sum', 'none'"):
        QuadraticHypoLoss(reduction="max")
    with pytest.raises(ConfigError, match="epsilon must be a number"):
        QuadraticHypoLoss(0)
    with pytest.raises(ShapeError, match="one shape"):
        QuadraticHypoLoss()(torch.zeros(2, 3), torch.zeros(3, 2))


def test_mean_hypo_is_the_mean_with_the_right_slope():
    error = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    assert torch.allclose(mean_hypo(error, 0.2), hypo(error, 0.2).mean())
    assert torch.autograd.gradcheck(lambda e: mean_hypo(e, 0.2), (error,))


def test_premultiply_is_a_product_with_the_right_slope():
    x = torch.rand(2, 4, 3, 3, dtype=torch.double, requires_grad=True)
    assert torch.allclose(premultiply(x)[:, :3], x[:, :3] * x[:, 3:])
    assert torch.equal(premultiply(x)[:, 3], x[:, 3])
    assert torch.autograd.gradcheck(premultiply, (x,))
    opaque = torch.rand(2, 3, 4, 4)
    assert premultiply(opaque) is opaque


def test_premultiply_leaves_its_input_and_any_layout_alone():
    x = torch.rand(2, 4, 8, 8)
    before, last = x.clone(), x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(premultiply(x), premultiply(last))
    assert torch.equal(x, before)


@pytest.mark.parametrize("side", [28, 32, 64])
def test_the_pyramid_sums_back(side):
    x = torch.rand(2, 3, side, side)
    levels = laplacian_pyramid(x, 4)
    whole = levels[-1]
    for band in reversed(levels[:-1]):
        up = F.interpolate(whole, scale_factor=2, mode="bilinear", align_corners=False)
        whole = band + up
    assert torch.allclose(whole, x, atol=1e-6)
    assert [level.shape[-1] for level in levels] == sorted(
        (level.shape[-1] for level in levels), reverse=True
    )


def test_the_pyramid_of_one_colour_is_its_last_level():
    *bands, rest = laplacian_pyramid(torch.full((1, 3, 32, 32), 0.4), 4)
    assert max(float(band.abs().max()) for band in bands) < 1e-6
    assert torch.allclose(rest, torch.full_like(rest, 0.4))


def test_reconstruction_of_a_constant_error_has_a_closed_form():
    target = torch.rand(2, 3, 32, 32) * 0.5
    h = math.hypot(0.1, 0.25) - 0.25
    found = reconstruction_loss(target + 0.1, target, pyramid_weight=0.5)
    assert float(found) == pytest.approx(h + 0.5 * h, rel=1e-4)  # only the rest has an error
    assert float(reconstruction_loss(target, target)) == pytest.approx(0, abs=1e-6)


def test_reconstruction_ignores_colour_that_cannot_be_seen_and_sees_backdrops():
    target = torch.rand(2, 4, 32, 32)
    target[:, 3] = 0
    other = target.clone()
    other[:, :3] = torch.rand(2, 3, 32, 32)
    backdrop = torch.rand(2, 3)
    assert float(reconstruction_loss(other, target, backdrop=backdrop)) == pytest.approx(
        0, abs=1e-6
    )
    black = torch.zeros(2, 4, 32, 32)  # clear against opaque black: only a backdrop tells colour
    opaque = black.clone()
    opaque[:, 3] = 1
    on_white = reconstruction_loss(opaque, black, backdrop=torch.ones(2, 3))
    on_black = reconstruction_loss(opaque, black, backdrop=torch.zeros(2, 3))
    assert on_white > on_black


def test_attribute_order_counts_wrong_pairs():
    order = torch.tensor([[0.0], [1.0], [2.0]])
    right = attribute_order_loss(order, order, sharpness=100)
    wrong = attribute_order_loss(-order, order, sharpness=100)
    assert float(right) == pytest.approx(0, abs=1e-6)
    assert float(wrong) == pytest.approx(2 * 6 / 9, abs=1e-6)  # the 3 of 9 pairs with oneself are 0


def test_attribute_order_gradient_puts_codes_in_order():
    codes = torch.zeros(3, 1, requires_grad=True)
    attribute_order_loss(codes, torch.tensor([[0.0], [1.0], [2.0]])).backward()
    assert codes.grad is not None
    down = -codes.grad[:, 0]
    assert down[0] < down[1] < down[2]


def test_hinge_losses():
    real, fake = [torch.tensor([2.0, 0.5])], [torch.tensor([-3.0, 0.0])]
    assert float(hinge_discriminator_loss(real, fake)) == pytest.approx(0.25 + 0.5)
    assert float(hinge_generator_loss(fake)) == pytest.approx(1.5)


def test_feature_matching_is_a_mean_difference_that_teaches_only_the_fake():
    real = torch.ones(2, 3, requires_grad=True)
    fake = torch.full((2, 3), 3.0, requires_grad=True)
    loss = feature_matching_loss([real, real], [fake, fake])
    loss.backward()
    assert loss.item() == 2.0
    assert real.grad is None
    assert fake.grad is not None


def test_translate_shifts_and_lets_zeros_in():
    x = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    assert translate(x, (1, 0))[0, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert translate(x, (0, -1))[0, 0].tolist() == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert torch.equal(translate(x, (0, 0)), x)


def test_adaptive_weight_is_a_ratio_of_gradients():
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    found = adaptive_weight(3 * w.sum(), (4 * w).sum() / 2, w)
    assert float(found) == pytest.approx(1.5, rel=1e-4)
    assert not found.requires_grad
    assert float(adaptive_weight(3 * w.sum(), 0 * w.sum(), w)) == 1e3


def grainy(strength=0.1, seed=0):
    """Four flat pictures with white grain in every channel but alpha."""
    noise = torch.randn(4, 4, 64, 64, generator=torch.Generator().manual_seed(seed))
    x = 0.5 + strength * noise
    x[:, 3] = 1
    return x


def texture(output, target, seed=0):
    return float(texture_loss(output, target, generator=torch.Generator().manual_seed(seed)))


def test_texture_does_not_mind_which_picture_of_a_batch_has_which_grain():
    x = grainy() + torch.rand(4, 1, 1, 1) * 0.1
    assert texture(x, x) == pytest.approx(0, abs=1e-6)
    assert texture(x.flip(0), x) == pytest.approx(0, abs=1e-6)


def test_texture_takes_another_draw_of_the_grain_and_not_its_mean():
    x = grainy()
    other, weak = texture(grainy(seed=1), x), texture(grainy(strength=0.05), x)
    blurred, none = texture(F.avg_pool2d(x, 3, 1, 1), x), texture(torch.full_like(x, 0.5), x)
    assert other < 0.5 * weak  # one direction in three sees strength
    assert other < 0.2 * blurred
    assert weak < none
    squared_error = (grainy(seed=1)[:, :3] - x[:, :3]).square().mean()
    assert squared_error > (0.5 - x[:, :3]).square().mean()  # a pixel loss asks for no grain


def test_texture_measures_each_set_beside_its_own_lines():
    """Grain as weak as the lines beside it is nearer than grain that alone is weak."""
    lines = torch.zeros(4, 4, 64, 64)
    lines[:, :3, :, ::8] = 0.3
    x = grainy() + lines
    both, grain = 0.5 + 0.5 * (x - 0.5), grainy(strength=0.05) + lines
    both[:, 3] = 1
    assert texture(both, x) < texture(grain, x)


def test_the_levels_of_texture_add_up_to_the_picture_less_its_blurred_rest():
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    first, second = binomial_pyramid(x, 2)
    assert (first.shape[-1], second.shape[-1]) == (64, 32)
    assert binomial_pyramid(torch.full_like(x, 0.4), 2)[0].abs().max() < 1e-6
    assert float(first.std()) > float(second.std()) > 0.01
    assert len(binomial_pyramid(x, 9)) == 3
    for level in (first, second):
        assert torch.allclose(level, laplacian_level(x, level.shape[-1]), atol=1e-6)


def test_texture_is_compared_with_a_larger_set_too():
    x = grainy()
    many = torch.cat([grainy(seed=s) for s in (1, 2, 3)])
    assert texture(x, x.repeat(3, 1, 1, 1)) < 0.05 * texture(grainy(strength=0.05), x)
    assert texture(x, many) < 0.2 * texture(F.avg_pool2d(x, 3, 1, 1), many)


def test_texture_minds_colour_noise_more_than_as_much_noise_of_the_light():
    x = grainy().mean(1, keepdim=True).repeat(1, 3, 1, 1)  # grain of the light alone
    noise = 0.03 * torch.randn(len(x), 3, *x.shape[2:], generator=torch.Generator().manual_seed(3))
    light = noise.mean(1, keepdim=True)
    colour = (noise - light) * light.std() / (noise - light).std()
    assert texture(x + colour, x) > 3 * texture(x + light, x)


def test_texture_has_a_slope_that_brings_grain_back():
    x, amount = grainy(), torch.tensor(0.5, requires_grad=True)
    output = 0.5 + amount * (grainy(seed=3) - 0.5)
    texture_loss(output, x, generator=torch.Generator().manual_seed(0)).backward()
    assert amount.grad is not None
    assert amount.grad < 0


def test_texture_lets_a_picture_be_plain_among_others_that_are_not():
    """A set of which half is plain: one more plain picture fits, though alone it would not."""
    plain, strong = grainy(strength=0.02), grainy(strength=0.2)
    target = torch.cat((plain, strong))
    one = grainy(strength=0.02, seed=5)[:1]
    mean = grainy(strength=0.11, seed=5)[:1]  # what suits the whole set best for one alone
    company = torch.cat((grainy(strength=0.02, seed=6)[:3], grainy(strength=0.2, seed=6)))

    def loss(output, company):
        generator = torch.Generator().manual_seed(0)
        return float(texture_loss(output, target, generator=generator, company=company))

    assert loss(mean, None) < loss(one, None)
    assert loss(one, company) < loss(mean, company)

"""The encoder: shapes, switches, and the standardised locations."""

import inspect
import math
from copy import deepcopy

import pytest
import torch

from vae.encoder import (
    FIXED_STD,
    HELD_BELOW,
    HOLD,
    BatchStandardizer,
    CentredLinear,
    Encoder,
    create_encoder,
)
from vae.errors import ConfigError, ShapeError

WIDTHS = (8, 8, 12, 16)


def make(**options) -> Encoder:
    torch.manual_seed(1)
    return Encoder(4, 18, widths=WIDTHS, **options)


def pictures(num: int = 6, channels: int = 4, side: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(num, channels, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear")


def test_signature_is_that_of_the_design():
    parameters = inspect.signature(Encoder).parameters
    positional = {n: p.default for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY}
    assert list(positional.items()) == [
        ("latent_dim", 10),
        ("latent_key_dim", 20),
        ("encoder_type", "ivae"),
        ("ivae_model", "im-pivae"),
        ("use_std_encoder", True),
        ("std_encoder_loc", True),
    ]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [28, 32, 64, 128, 256])
def test_any_channels_and_size_give_one_width(channels, side):
    posterior = make()(pictures(2, channels, side))
    assert posterior.z.mean.shape == posterior.z.logvar.shape == (2, 4)
    assert posterior.key.mean.shape == posterior.key.logvar.shape == (2, 18)
    assert all(torch.isfinite(t).all() for gaussian in posterior for t in gaussian)


def test_use_std_encoder_decides_whether_a_scale_is_predicted():
    x = pictures()
    predicted, fixed = make()(x), make(use_std_encoder=False)(x)
    assert predicted.z.std.std() > 1e-5
    assert torch.allclose(fixed.z.std, torch.full_like(fixed.z.std, FIXED_STD))
    assert torch.allclose(fixed.key.std, torch.full_like(fixed.key.std, FIXED_STD))
    assert torch.equal(predicted.z.mean, fixed.z.mean)


def test_std_encoder_loc_standardises_locations_over_the_data():
    x, standard, plain = pictures(64), make(), make(std_encoder_loc=False)
    for encoder in (standard, plain):
        encoder.standardize.momentum = 0.5
        encoder.content.weight.data *= 300  # heads that have learned something
        list(encoder.style.parameters())[-2].data *= 300
    for _ in range(30):
        standard(x)
        plain(x)
    means, raw = standard(x).mean.joined(), plain(x).mean.joined()
    assert torch.allclose(means.mean(0), torch.zeros(22), atol=1e-3)
    assert torch.allclose(means.std(0, correction=0), torch.ones(22), atol=0.05)
    assert raw.std(0).max() / raw.std(0).min() > 2
    assert torch.equal(plain.standardize.running_var, torch.ones(22))


def test_a_call_can_turn_the_switches_off_but_not_on():
    x, encoder, without = pictures(), make().eval(), make(use_std_encoder=False).eval()
    encoder.standardize.running_mean.fill_(3.0)
    off = encoder(x, use_std_encoder=False, std_encoder_loc=False)
    assert torch.allclose(off.z.std, torch.full_like(off.z.std, FIXED_STD))
    assert torch.allclose(off.z.mean, encoder(x).z.mean + 3, atol=1e-4)
    on = without(x, use_std_encoder=True)
    assert torch.allclose(on.z.std, torch.full_like(on.z.std, FIXED_STD))


@pytest.mark.parametrize(
    ("options", "blind"),
    [
        ({}, True),
        ({"encoder_type": "vae"}, False),
        ({"ivae_model": "pivae"}, False),
        ({"ivae_model": "ivae"}, False),
    ],
)
def test_only_im_pivae_reads_the_key_from_looks_alone(options, blind):
    encoder = make(**options).eval()
    x = pictures(2, side=64)
    x[:] = x.mean((2, 3), keepdim=True)  # a plain ground, so that a shift is only a shift
    x[:, :, 16:32, 16:32] = 1 - x[:, :, 16:32, 16:32]
    here, there, other = encoder(x), encoder(x.roll((16, 16), (2, 3))), encoder(1 - x)
    assert encoder.reads_style is blind

    def moved(name: str) -> float:
        """How far a shift moves the means, beside another picture altogether."""
        a, b, c = (getattr(posterior, name).mean for posterior in (here, there, other))
        return ((a - b).norm() / (a - c).norm()).item()

    assert (moved("key") < 0.02) is blind
    assert (moved("key") > 0.2) is not blind
    assert moved("z") > 0.2


def test_the_accented_name_is_the_same_network():
    x = pictures()
    accented, plain = make(ivae_model="ìm-pivae").eval(), make().eval()
    assert torch.equal(accented(x).key.mean, plain(x).key.mean)


def test_hidden_colour_under_clear_alpha_is_not_seen():
    x = pictures()
    x[:, 3, :16] = 0
    recoloured = x.clone()
    recoloured[:, :3, :16] = torch.rand(6, 3, 16, 32)
    encoder = make().eval()
    assert torch.equal(encoder(x).mean.joined(), encoder(recoloured).mean.joined())


def test_standardiser_learns_only_while_training():
    layer = BatchStandardizer(3, momentum=0.5)
    x = torch.randn(40, 3) * 5 + 2
    layer.eval()(x)
    assert torch.equal(layer.running_mean, torch.zeros(3))
    layer.train()(x)  # a fresh table takes the first batch whole
    assert torch.allclose(layer.running_mean, x.mean(0), atol=1e-5)
    assert torch.allclose(layer.running_var, x.var(0, correction=0), atol=1e-3)
    layer(x + 1)
    assert torch.allclose(layer.running_mean, x.mean(0) + 0.5, atol=1e-5)
    before = layer.running_mean.clone()
    layer(x[:1])  # one picture has no variance
    assert torch.equal(layer.running_mean, before)
    trained, used = layer(x), layer.eval()(x)
    assert torch.allclose(trained, used, atol=1e-5)  # one map in training and afterwards


def test_running_statistics_keep_up_where_chance_does_not_explain_a_batch():
    torch.manual_seed(6)
    layer, x = BatchStandardizer(2), torch.randn(400, 2)
    layer(x)
    layer(x + 0.02)  # less than a standard error: taken for chance
    assert torch.allclose(layer.running_mean, x.mean(0) + 0.02 * 0.05, atol=2e-4)
    far = 10 * x + 100
    found = layer(far)
    assert found.mean(0).abs().max() < 0.06  # a standard error, and its deviation too small
    assert (found.std(0) - 1).abs().max() < 0.08
    assert (layer.running_mean < far.mean(0)).all()
    assert (layer.running_var < far.var(0)).all()


def test_a_loss_can_neither_move_nor_shrink_all_locations_at_once():
    layer = BatchStandardizer(3, momentum=0.0)
    x = (torch.randn(40, 3) * 5 + 2).requires_grad_(True)
    layer.running_mean.fill_(1)
    layer.running_var.fill_(16)
    found = layer(x)
    assert torch.allclose(found, layer.eval()(x), atol=1e-6)  # the value is the running one's
    (found - 3 * torch.randn(40, 3) - 7).square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().max() > 1
    assert x.grad.sum(0).abs().max() < 1e-4 * x.grad.norm()
    centred = (x - x.mean(0)).detach()
    assert (x.grad * centred).sum(0).abs().max() < 1e-4 * x.grad.norm() * centred.norm()


def test_means_of_features_do_not_run_away_from_a_loss_that_would_move_them():
    torch.manual_seed(4)
    net = torch.nn.Sequential(
        torch.nn.Linear(6, 32), torch.nn.SiLU(), CentredLinear(32, 3, held=3), BatchStandardizer(3)
    )
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    x, wanted = torch.randn(64, 6), torch.randn(64, 3) + 5  # more of everything, at every step
    net(x)
    for _ in range(300):
        optimizer.zero_grad()
        (net(x) - wanted).square().mean().backward()
        optimizer.step()
    features = net[1](net[0](x))
    assert (features.mean(0) / features.std(0)).abs().max() < 2


def test_locations_of_a_great_deviation_are_pulled_together():
    layer = BatchStandardizer(3, momentum=1.0)
    deviation = torch.tensor([1.0, math.exp(3.9), math.exp(6)])
    x = (torch.randn(400, 3) * deviation).requires_grad_(True)
    (layer(x) * 0).sum().backward()
    assert x.grad is not None
    log = x.detach().std(0, correction=0).log()
    found = (x.grad * x.detach()).sum(0)  # by how much the loss grows with the scale of x
    assert (found[:2] == 0).all()
    expected = 2 * HOLD * (log[2] - HELD_BELOW) / 3
    assert torch.allclose(found[2], expected, rtol=0.02)


def features_off_zero(num: int = 64) -> torch.Tensor:
    return 20 + torch.randn(num, 12, generator=torch.Generator().manual_seed(5))


def test_a_centred_layer_learns_the_mean_of_its_features_and_stays_the_same_map():
    torch.manual_seed(2)
    layer, x = CentredLinear(12, 3, momentum=0.5), features_off_zero()
    plain = torch.nn.functional.linear(x, layer.weight, layer.bias)
    assert torch.allclose(layer.eval()(x), plain, atol=1e-5)
    assert torch.equal(layer.mean, torch.zeros(12))
    assert torch.allclose(layer.train()(x), plain, atol=1e-4)  # a fresh one takes it whole
    assert torch.allclose(layer.mean, x.mean(0))
    moved = layer(x + 4)  # it follows, and what it has learned of the mean is left out
    assert torch.allclose(layer.mean, x.mean(0) + 2)
    assert torch.allclose(moved, plain + 2 * layer.weight.sum(1), atol=1e-4)


def test_a_step_of_adam_does_not_move_where_locations_lie():
    x, moved = features_off_zero(), {}
    for kind in (CentredLinear, torch.nn.Linear):
        torch.manual_seed(2)
        layer = kind(12, 3)
        layer(x)  # a centred layer now knows the mean
        before = deepcopy(layer)
        wanted = torch.randn(64, 3)
        (layer(x) * wanted).sum().backward()
        assert layer.bias.grad is not None
        layer.bias.grad.zero_()  # of the rows alone
        torch.optim.Adam(layer.parameters(), 1e-2).step()
        moved[kind] = (layer.eval()(x) - before.eval()(x)).mean(0).abs().max().item()
    assert moved[CentredLinear] < 1e-3
    assert moved[torch.nn.Linear] > 0.1


def test_half_precision_rounds_locations_by_their_spread_and_not_by_where_they_lie():
    x = features_off_zero().bfloat16()
    errors = {}
    for kind in (CentredLinear, torch.nn.Linear):
        torch.manual_seed(2)
        layer = kind(12, 3)
        layer.weight.data.abs_()  # so that locations lie far from 0
        exact = layer(x.float())
        with torch.autocast("cpu", torch.bfloat16):
            found = layer(x)
        errors[kind] = ((found.float() - exact).abs().max() / exact.std(0).mean()).item()
    assert errors[CentredLinear] < 1e-3
    assert errors[torch.nn.Linear] > 0.05


@pytest.mark.parametrize("standardised", [True, False])
def test_biases_that_no_loss_depends_on_are_not_trained(standardised):
    encoder = make(std_encoder_loc=standardised)
    posterior = encoder(pictures(24))
    sum((q.mean.square() + q.logvar).mean() for q in posterior).backward()
    for head, width in ((encoder.content, 4), (encoder.style[2], 18)):
        assert isinstance(head, CentredLinear)
        assert head.bias.grad is not None
        assert (head.bias.grad[:width] == 0).all() == standardised
        assert (head.bias.grad[width:] != 0).all()


def test_what_is_frozen_or_resting_does_not_follow():
    encoder, x = make(), pictures()
    encoder(x)
    heads = [m for m in encoder.modules() if isinstance(m, CentredLinear)]
    assert len(heads) == 2
    before = [deepcopy(m.state_dict()) for m in (*heads, encoder.standardize)]
    with encoder.resting():
        encoder(1 - x)
    for was, module in zip(before, (*heads, encoder.standardize), strict=True):
        assert all(torch.equal(was[name], value) for name, value in module.state_dict().items())
        assert module.training
    encoder.requires_grad_(False)
    encoder(1 - x)
    assert all(torch.equal(was["mean"], m.mean) for was, m in zip(before, heads, strict=False))
    encoder.requires_grad_(True)
    encoder(1 - x)
    assert not any(torch.equal(was["mean"], m.mean) for was, m in zip(before, heads, strict=False))


def test_statistics_that_rest_are_a_frame_in_which_locations_move():
    encoder, x = make(), pictures(24)
    encoder(x)
    heads = [m for m in encoder.modules() if isinstance(m, CentredLinear)]
    before = [deepcopy(m.state_dict()) for m in (*heads, encoder.standardize)]
    encoder.rest_statistics()
    other = 0.2 * x
    found = encoder(other).mean.joined()
    assert found.requires_grad
    assert torch.allclose(found, encoder.eval()(other).mean.joined(), atol=1e-6)
    aside = found.mean(0).abs().max()
    assert aside > 0.8  # darker pictures lie to one side, and may
    for was, module in zip(before, (*heads, encoder.standardize), strict=True):
        now = module.state_dict()
        assert all(torch.equal(was[name], now[name]) for name in was)
    encoder.train().rest_statistics(False)
    assert encoder(other).mean.joined().mean(0).abs().max() < 0.5 * aside
    assert not any(torch.equal(was["mean"], m.mean) for was, m in zip(before, heads, strict=False))


def test_a_loss_can_move_locations_in_statistics_that_rest():
    layer = BatchStandardizer(3)
    layer.running_mean.fill_(1)
    layer.running_var.fill_(16)
    layer.rests = True
    x = torch.randn(40, 3, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, torch.full((40, 3), 1 / 4))


def test_what_knows_nothing_of_the_data_takes_a_first_batch_though_it_rests():
    encoder, x = make(), pictures(24)
    encoder.rest_statistics()
    assert encoder(x).mean.joined().mean(0).abs().max() < 1e-3
    known = encoder.standardize.running_mean.clone()
    encoder(1 - x)
    assert torch.equal(encoder.standardize.running_mean, known)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"latent_dim": 0}, "latent_dim must be a whole number from 1 to 4096, found 0"),
        ({"latent_key_dim": -2}, "latent_key_dim must be a whole number"),
        ({"encoder_type": "x"}, "encoder_type must be one of 'ivae', 'vae'"),
        ({"ivae_model": "x"}, "'im-pivae', 'pivae', 'ivae'"),
    ],
)
def test_unknown_settings_are_refused_by_name(options, says):
    with pytest.raises(ConfigError, match=says):
        Encoder(**options)


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ((2, 4, 48, 48), "side 28, 32, 64, 128, 256, found 48x48"),
        ((2, 4, 32, 64), "found 32x64"),
        ((2, 2, 32, 32), "C in 1, 3, 4"),
        ((4, 32, 32), r"\(N, C, H, W\)"),
    ],
)
def test_impossible_pictures_are_refused(shape, says):
    with pytest.raises(ShapeError, match=says):
        make()(torch.zeros(shape))


def test_the_factory_passes_options_on():
    encoder = create_encoder(3, 5, encoder_type="vae", use_std_encoder=False)
    assert (encoder.latent_dim, encoder.latent_key_dim) == (3, 5)
    assert encoder.encoder_type == "vae"
    assert not encoder.use_std_encoder
    assert list(inspect.signature(create_encoder).parameters)[:2] == [
        "latent_dim",
        "latent_key_dim",
    ]

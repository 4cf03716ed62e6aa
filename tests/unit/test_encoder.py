"""The encoder: shapes, switches, and the standardised locations."""

import inspect
from copy import deepcopy

import pytest
import torch

from vae.encoder import (
    FIXED_STD,
    CentredLinear,
    Encoder,
    LocationStandardizer,
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
    x, encoder, plain = pictures(64), make(), make(std_encoder_loc=False)
    for network in (encoder, plain):
        network.content.weight.data *= 300  # heads that have learned something
        list(network.style.parameters())[-2].data *= 300
    raw = encoder(x, std_encoder_loc=False).mean.joined()
    assert raw.std(0).max() / raw.std(0).min() > 2
    encoder.standardize.take(raw)
    means, before = encoder(x).mean.joined(), plain(x).mean.joined()
    assert torch.allclose(means.mean(0), torch.zeros(22), atol=1e-3)
    assert torch.allclose(means.std(0, correction=0), torch.ones(22), atol=0.05)
    plain.standardize.take(raw)
    assert torch.equal(plain(x).mean.joined(), before)


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


def test_standardiser_takes_statistics_once_and_keeps_them():
    layer = LocationStandardizer(3)
    x = torch.randn(40, 3) * 5 + 2
    assert layer.fresh
    assert torch.allclose(layer(x), x, atol=1e-4)
    assert layer.fresh
    x[:, 2] = 4  # what does not vary is not blown up
    layer.take(x)
    assert not layer.fresh
    assert torch.allclose(layer(x).mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(layer(x)[:, :2].std(0, correction=0), torch.ones(2), atol=1e-4)
    assert torch.allclose(layer(x + 1)[:, 2], torch.ones(40), atol=1e-4)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    trained, used = layer.train()(3 * x + 7), layer.eval()(3 * x + 7)
    assert torch.equal(trained, used)  # one map in training and afterwards
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_a_loss_can_move_locations_in_their_frame():
    layer = LocationStandardizer(3)
    layer.running_mean.fill_(1)
    layer.running_var.fill_(16)
    x = torch.randn(40, 3, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, torch.full((40, 3), 1 / 4))


def features_off_zero(num: int = 64) -> torch.Tensor:
    return 20 + torch.randn(num, 12, generator=torch.Generator().manual_seed(5))


def test_a_centred_layer_learns_the_mean_of_its_features_and_stays_the_same_map():
    torch.manual_seed(2)
    layer, x = CentredLinear(12, 3), features_off_zero()
    plain = torch.nn.functional.linear(x, layer.weight, layer.bias)
    assert torch.allclose(layer.eval()(x), plain, atol=1e-5)
    assert torch.equal(layer.mean, torch.zeros(12))
    assert torch.allclose(layer.train()(x), plain, atol=1e-4)  # a fresh one takes it whole
    assert torch.allclose(layer.mean, x.mean(0))
    moved = layer(x + 4)  # it was fresh once
    assert torch.allclose(layer.mean, x.mean(0))
    assert torch.allclose(moved, plain + 4 * layer.weight.sum(1), atol=1e-4)


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


def test_what_was_trained_without_standardising_is_not_fresh():
    assert make().fresh
    assert not make(std_encoder_loc=False).fresh
    assert not make().eval().fresh
    assert not make().requires_grad_(False).fresh


@pytest.mark.parametrize("channels", [1, 4])
def test_a_fresh_encoder_is_fitted_to_pictures(channels):
    torch.manual_seed(3)
    x = 0.4 + 0.2 * torch.rand(24, channels, 32, 32)  # much alike, as drawings on one paper are
    encoder = make()
    plain, _ = encoder.features(x)
    before = (plain.mean(0).norm() / plain.std(0).norm()).item()
    encoder.start_from(x)
    flat, statistics = encoder.features(x)
    for features in (flat, statistics):
        assert features.isfinite().all()
    assert flat.mean(0).norm() / flat.std(0).norm() < min(3, 0.1 * before)
    assert not encoder.standardize.fresh
    for mode in (encoder.train(), encoder.eval()):
        locations = mode(x).mean.joined()
        assert locations.mean(0).abs().max() < 1e-3
        assert (locations.std(0, correction=0) - 1).abs().max() < 1e-2


def test_fitting_to_one_picture_over_and_over_blows_nothing_up():
    torch.manual_seed(3)
    encoder = make()
    before = encoder.content.weight.abs().max()
    for x in (torch.full((8, 4, 32, 32), 0.5), torch.rand(1, 4, 32, 32).expand(8, 4, 32, 32)):
        encoder.start_from(x)
        assert encoder.content.weight.abs().max() <= before
        assert encoder(pictures()).mean.joined().abs().max() < 100


def test_fitting_needs_a_supported_size():
    with pytest.raises(ShapeError):
        make().start_from(torch.rand(4, 4, 40, 40))


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

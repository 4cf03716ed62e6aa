"""The decoder: shapes, switches, and a picture without tricks of the grid."""

import inspect

import pytest
import torch

from vae.decoder import SPREAD, Decoder, create_decoder
from vae.errors import ConfigError, ShapeError
from vae.noise import GRAINS, STRONGEST, fixed_noise

WIDTHS = (16, 12, 12, 8)


def make(output_dim: int = 4, **options) -> Decoder:
    torch.manual_seed(1)
    return Decoder(output_dim, 4, 18, widths=WIDTHS, **options)


def latents(num: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(num, 4, generator=generator), torch.randn(num, 18, generator=generator)


@torch.no_grad()
def silence(decoder: Decoder) -> None:
    """Take all noise from a fresh decoder."""
    for layer in (decoder.noise_scale, decoder.grain):
        layer.weight.zero_()
        assert layer.bias is not None
        layer.bias.zero_()


def test_signature_is_that_of_the_design():
    parameters = inspect.signature(Decoder).parameters
    positional = {n: p.default for n, p in parameters.items() if p.kind is not p.KEYWORD_ONLY}
    assert list(positional.items()) == [
        ("output_dim", inspect.Parameter.empty),
        ("latent_dim", 10),
        ("latent_key_dim", 20),
        ("decoder_type", "ivae"),
        ("ivae_model", "im-pivae"),
        ("std_decoder_loc", True),
    ]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [28, 32, 64, 128, 256])
def test_any_channels_and_size(channels, side):
    picture = make(channels)(*latents(2), size=side)
    assert picture.shape == (2, channels, side, side)
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_the_side_asked_for_is_the_one_it_was_built_with_unless_said():
    assert make(image_size=28)(*latents()).shape[-1] == 28
    assert make()(*latents()).shape[-1] == 64


def test_std_decoder_loc_keeps_the_output_in_range():
    z, key = (30 * t for t in latents())
    decoders = make(), make(std_decoder_loc=False)
    with torch.no_grad():
        decoders[0].grain.weight.normal_()
        rough = decoders[0](z, key, size=32)
    assert rough.min() == 0
    assert rough.max() == 1
    for decoder in decoders:
        silence(decoder)
    inside, free = (decoder(z, key, size=32) for decoder in decoders)
    assert inside.min() >= 0
    assert inside.max() <= 1
    assert free.min() < 0 or free.max() > 1
    assert torch.allclose(inside, torch.sigmoid(free - 0.5), atol=1e-5)


def test_with_a_margin_the_ends_are_drawn_and_without_they_are_not():
    drawn = torch.tensor([-9.0, -4.0, -1.0, 0.0, 1.0, 4.0, 9.0]).reshape(1, 1, 1, 7)
    plain, wide = (make(1, loc_margin=margin).locate(drawn) for margin in (0.0, 0.02))
    assert torch.equal(plain, torch.sigmoid(drawn))
    assert wide.flatten()[[0, 1, 5, 6]].tolist() == [0, 0, 1, 1]
    assert torch.allclose(wide, ((plain - 0.02) / 0.96).clamp(0, 1))


def test_a_pixel_beyond_an_end_can_come_back():
    drawn = torch.tensor([-6.0, -1.0, 0.0, 6.0]).reshape(1, 1, 1, 4).requires_grad_()
    seen = make(1, loc_margin=0.1).locate(drawn)
    assert torch.allclose(seen, make(1, loc_margin=0.1).locate(drawn.detach()))
    seen.sum().backward()
    slope = torch.sigmoid(drawn) * (1 - torch.sigmoid(drawn)) / 0.8
    assert torch.allclose(drawn.grad, slope)


def test_a_linear_output_has_no_use_for_a_margin():
    decoders = (make(1, std_decoder_loc=False, loc_margin=m) for m in (0.0, 0.1))
    first, second = (decoder(*latents()) for decoder in decoders)
    assert torch.equal(first, second)


@pytest.mark.parametrize("margin", [-0.1, 0.5, True, "wide"])
def test_a_margin_that_cannot_be_is_refused(margin):
    with pytest.raises(ConfigError, match=r"loc_margin must be a number from 0 to 0\.25"):
        make(loc_margin=margin)


def test_decoder_type_decides_whether_the_key_modulates_every_layer():
    full, plain = make(), make(decoder_type="vae")
    assert full.mapping is not None
    assert full.prior is not None
    assert plain.mapping is None
    assert plain.prior is None
    assert all(block.film is None for block in (*plain.first, *plain.second, *plain.last))
    z, key = latents()
    for decoder in (full, plain):
        with torch.no_grad():  # cut the key's way in through the seed
            decoder.seed.weight[:, 4:] = 0
            decoder.noise_scale.weight.zero_()
    assert not torch.equal(full(z, key, size=32), full(z, -key, size=32))
    assert torch.equal(plain(z, key, size=32), plain(z, -key, size=32))


def test_ivae_model_decides_the_prior():
    u = torch.randn(5, 16)
    tied, free, still = (make(ivae_model=name).prior for name in ("im-pivae", "pivae", "ivae"))
    assert tied is not None
    assert free is not None
    assert still is not None
    assert torch.equal(tied(u).mean[:, :16], u)  # a fresh tie is the identity
    assert not torch.equal(free(u).mean[:, :16], u)
    assert free(u).mean.std() > 0
    assert torch.equal(still(u).mean, torch.zeros(5, 18))
    assert make(ivae_model="ìm-pivae").ivae_model == "im-pivae"


def test_a_fresh_head_draws_no_checkerboard():
    decoder = make(1)
    silence(decoder)  # the grain is one fixed field, with means of its own
    picture = torch.logit(decoder(*latents(64), size=64))
    inner = picture[:, 0, 8:-8, 8:-8].unflatten(1, (-1, 4)).unflatten(3, (-1, 4))
    by_phase = inner.mean((0, 1, 3))  # mean of every place within a 4x4 cell
    assert (by_phase - by_phase.mean()).abs().max() < 0.02 * picture.std()


def test_no_weights_whatever_can_tell_odd_pixels_from_even_ones():
    decoder = make(1, std_decoder_loc=False)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        silence(decoder)
        picture = decoder(*latents(8), size=256)[:, 0, 32:224, 32:224]
    sign = 1 - 2.0 * (torch.arange(192) % 2)
    for pattern in (sign[:, None], sign[None], sign[:, None] * sign):
        locked = (picture * pattern).unflatten(1, (8, 24)).unflatten(3, (8, 24)).mean((2, 4))
        assert locked.square().mean().sqrt() < 0.02 * picture.var((1, 2)).mean().sqrt()


def test_noise_is_fixed_where_it_is_not_given_and_drawn_where_it_is():
    decoder, (z, key) = make(), latents()
    assert torch.equal(decoder(z, key, size=32), decoder(z, key, size=32))
    other = decoder(z, key, size=32, noise=torch.randn(3, 1, 32, 32))
    assert not torch.equal(decoder(z, key, size=32), other)
    noise = fixed_noise(64)
    assert abs(float(noise.mean())) < 0.05
    assert abs(float(noise.std()) - 1) < 0.05


@pytest.mark.parametrize("decoder_type", ["ivae", "vae"])
@pytest.mark.parametrize("size", [28, 64, 128])
def test_one_picture_is_drawn_as_it_is_in_a_batch(decoder_type, size):
    decoder = make(decoder_type=decoder_type)
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
        z, key = latents()
        together = decoder(z, key, size=size)
        alone = torch.cat([decoder(z[i : i + 1], key[i : i + 1], size=size) for i in range(3)])
    assert torch.allclose(alone, together, atol=1e-5)


def test_a_grain_that_was_first_drawn_by_a_frozen_world_can_be_trained_on():
    fixed_noise.cache_clear()
    with torch.inference_mode():
        fixed_noise(32)
    make()(*latents(), size=32).mean().backward()


@pytest.mark.parametrize("layer", range(4))
def test_noise_of_every_scale_reaches_the_picture(layer):
    decoder, (z, key) = make(), latents()
    with torch.no_grad():
        silence(decoder)
        still = decoder(z, key, size=64)
        assert torch.equal(still, decoder(z, key, size=64, noise=torch.randn(3, 1, 64, 64)))
        decoder.noise_scale.bias.split(decoder.noise_dims)[layer].fill_(1)
        rough = decoder(z, key, size=64) - still
    assert rough.abs().max() > 1e-4


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("field", range(GRAINS))
def test_grain_on_the_picture_is_light_without_hue_and_leaves_alpha(channels, field):
    decoder, (z, key) = make(channels, std_decoder_loc=False), latents()
    with torch.no_grad():
        silence(decoder)
        still = decoder(z, key, size=64)
        decoder.grain.weight[field].normal_()
        grain = decoder(z, key, size=64) - still
    colour, alpha = grain[:, :3], grain[:, 3:]
    assert colour.abs().max() > 1e-4
    assert torch.allclose(colour, colour[:, :1].expand_as(colour), atol=1e-6)
    assert not alpha.any()


def test_clusters_lie_elsewhere_in_another_picture_and_stay_where_the_key_moves():
    decoder, (z, key) = make(std_decoder_loc=False), latents()
    with torch.no_grad():
        silence(decoder)
        still = [decoder(z, key, size=64), decoder(z, key + 1, size=64)]
        decoder.grain.bias.fill_(STRONGEST / 2)
        grain = [
            decoder(z, k, size=64)[:, 0] - s[:, 0]
            for k, s in zip((key, key + 1), still, strict=True)
        ]
    assert torch.allclose(grain[0], grain[1], atol=1e-5)
    assert not torch.allclose(grain[0][0], grain[0][1], atol=STRONGEST)


def test_gradients_reach_every_weight():
    decoder = make()
    assert decoder.prior is not None
    decoder(*latents(), size=32).square().mean().backward()
    drawn = [n for n, p in decoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert [n for n in drawn if not n.startswith("prior.")] == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"output_dim": 2}, "output_dim must be one of 1, 3, 4, found 2"),
        ({"output_dim": 3, "latent_dim": 0}, "latent_dim must be a whole number"),
        ({"output_dim": 3, "decoder_type": "x"}, "decoder_type must be one of 'ivae', 'vae'"),
        ({"output_dim": 3, "ivae_model": "x"}, "'im-pivae', 'pivae', 'ivae'"),
        ({"output_dim": 3, "grain_bound": "x"}, "grain_bound must be one of 'strength', 'value'"),
    ],
)
def test_unknown_settings_are_refused_by_name(options, says):
    with pytest.raises(ConfigError, match=says):
        Decoder(**options)


def test_impossible_sizes_and_latents_are_refused():
    decoder = make()
    with pytest.raises(ShapeError, match="side 28, 32, 64, 128, 256, found 33x33"):
        decoder(*latents(), size=33)
    with pytest.raises(ShapeError, match=r"expected z \(N, 4\) and key \(N, 18\)"):
        decoder(torch.zeros(1, 4), torch.zeros(1, 17))
    with pytest.raises(ShapeError, match="found 50x50"):
        make(image_size=50)


def test_the_factory_passes_options_on():
    decoder = create_decoder(3, 2, 5, decoder_type="vae", image_size=28)
    assert (decoder.output_dim, decoder.latent_dim, decoder.latent_key_dim) == (3, 2, 5)
    assert decoder.decoder_type == "vae"
    names = list(inspect.signature(create_decoder).parameters)
    assert names[:3] == ["output_dim", "latent_dim", "latent_key_dim"]


@pytest.mark.parametrize("decoder_type", ["ivae", "vae"])
@pytest.mark.parametrize("std_decoder_loc", [True, False])
def test_a_fitted_decoder_tells_latents_apart_from_the_first_step(decoder_type, std_decoder_loc):
    decoder = make(decoder_type=decoder_type, std_decoder_loc=std_decoder_loc)
    z, key = latents(64)
    with torch.no_grad():
        before = decoder.draw(z, key, size=32)[0].std(0).mean()
        decoder.start_from(z, key, size=32)
        drawn, grain = decoder.draw(z, key, size=32)
    assert max(0.05, 3 * float(before)) < float(drawn.std(0).mean()) < 0.2
    assert (drawn.mean((0, 2, 3)) - 0.5).abs().max() < 0.1
    assert float(grain.abs().max()) < 0.2  # as it was


def test_fitting_gives_what_every_layer_passes_on_one_scale():
    decoder, (z, key) = make(), latents(64)
    decoder.start_from(z, key, size=32)
    scales = {}
    for name, module in decoder.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            note = lambda _, __, out, name=name: scales.update({name: out.std((0, 2, 3))})  # noqa: E731
            module.register_forward_hook(note)
    with torch.no_grad():
        decoder.draw(z, key, size=32)
    head, _ = scales.pop("head"), scales.pop("grain")
    assert all((scale - 1).abs().max() < 0.01 for scale in scales.values())
    assert torch.allclose(head, torch.full_like(head, SPREAD), atol=0.01)
    assert not any(module._forward_pre_hooks for module in decoder.modules())


def test_fitting_to_one_latent_over_and_over_blows_nothing_up():
    decoder, (z, key) = make(), latents(1)
    decoder.start_from(z.expand(8, -1), key.expand(8, -1), size=32)
    assert decoder(*latents(8), size=32).isfinite().all()


def test_fitting_a_decoder_needs_latents_of_its_width():
    with pytest.raises(ShapeError):
        make().start_from(torch.zeros(4, 3), torch.zeros(4, 18))

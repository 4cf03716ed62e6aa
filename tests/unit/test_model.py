"""The whole model: the fixed API, its switches, the plain loop, and saving."""

import inspect
import math
from copy import deepcopy

import pytest
import torch

import vae
from tests.conftest import TINY, image_set, snapshot, tiny_model
from vae.checkpoint import read_tensors, write_tensors
from vae.config import ModelConfig
from vae.decoder import Decoder
from vae.distributions import Latents
from vae.encoder import FIXED_STD, Encoder
from vae.errors import CheckpointError, ConfigError, ShapeError
from vae.model import (
    OF_BEFORE,
    IvAE,
    bring_up,
    build_model,
    create_43_vae,
    fetch_world,
    load_model,
    resized,
    restore_model,
    save_model,
)


def pictures(num: int = 4, channels: int = 4, side: int = 32) -> torch.Tensor:
    return image_set(num, side, channels).floats()


def crosswise(**options) -> IvAE:
    torch.manual_seed(1)
    encoder = Encoder(4, 18, widths=TINY["encoder_widths"])
    decoder = Decoder(4, 4, 18, widths=TINY["decoder_widths"])
    return IvAE(encoder, decoder, decoder, encoder, **options)


def test_signatures_are_those_of_the_design():
    empty = inspect.Parameter.empty
    expected = {
        IvAE: [
            *[(n, empty) for n in ("latent_encoder", "latent_decoder")],
            *[(n, empty) for n in ("output_encoder", "output_decoder")],
            ("use_std_encoder", True),
            ("std_encoder_loc", True),
        ],
        create_43_vae: [("input_dim", empty), ("latent_dim", 10), ("latent_key_dim", 20)],
    }
    for made, wanted in expected.items():
        found = inspect.signature(made).parameters
        assert [(n, p.default) for n, p in found.items()] == wanted


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("side", [28, 32, 64, 128, 256])
def test_any_channels_and_size_come_back_in_their_own_shape(channels, side):
    x = pictures(2, channels, side)
    output, posterior = tiny_model(channels=channels)(x)
    assert output.shape == x.shape
    assert posterior.z.mean.shape == (2, 4)
    assert posterior.key.mean.shape == (2, 18)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_factory_makes_the_whole_model(channels):
    model = vae.create_43_vae(channels)
    assert (model.latent_dim, model.latent_key_dim) == (10, 20)
    assert model.output_encoder is model.latent_decoder
    assert model.output_decoder is model.latent_encoder
    assert model(pictures(2, channels, 28))[0].shape == (2, channels, 28, 28)


def test_training_draws_and_evaluation_takes_the_mean():
    model, x = tiny_model(), pictures()
    assert not torch.equal(model(x)[0], model(x)[0])
    model.eval()
    output, posterior = model(x)
    assert torch.equal(output, model(x)[0])
    assert torch.equal(output, model.decode(posterior.mean, size=32))


def test_use_std_encoder_decides_the_scale_of_the_draw():
    x = pictures()
    with_scale, without = crosswise().eval(), crosswise(use_std_encoder=False).eval()
    assert with_scale.posterior(x).z.std.std() > 1e-5
    fixed = without.posterior(x)
    assert torch.allclose(fixed.z.logvar, torch.full_like(fixed.z.mean, 2 * math.log(FIXED_STD)))
    assert torch.equal(fixed.z.mean, with_scale.posterior(x).z.mean)


def test_std_encoder_loc_decides_whether_locations_are_standardised():
    x = pictures()
    on, off = crosswise().eval(), crosswise(std_encoder_loc=False).eval()
    for model in (on, off):
        model.latent_encoder.standardize.running_mean.fill_(2)
        model.latent_encoder.standardize.running_var.fill_(4 - 1e-4)
    raw = off.posterior(x).mean.joined()
    assert torch.allclose(on.posterior(x).mean.joined(), (raw - 2) / 2, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_std_encoder": False},
        {"std_encoder_loc": False},
        {"std_decoder_loc": False},
        {"loc_margin": 0.1},
        {"encoder_type": "vae"},
        {"decoder_type": "vae"},
        {"ivae_model": "pivae"},
        {"ivae_model": "ivae"},
    ],
)
def test_every_switch_of_the_config_reaches_its_network(changes):
    model = tiny_model(**changes)
    (name, value), plain = next(iter(changes.items())), tiny_model()
    holders = [n for n in (model.latent_encoder, model.latent_decoder, model) if hasattr(n, name)]
    assert holders
    assert all(getattr(n, name) == value for n in holders)
    u = torch.randn(3, 16)
    torch.manual_seed(5)
    changed = (model(pictures())[0], model.key_prior(u).mean)
    torch.manual_seed(5)
    usual = (plain(pictures())[0], plain.key_prior(u).mean)
    assert not all(torch.equal(a, b) for a, b in zip(changed, usual, strict=True))


def test_a_plain_decoder_has_a_standard_normal_prior():
    prior = tiny_model(decoder_type="vae").key_prior(torch.randn(3, 16))
    assert torch.equal(prior.mean, torch.zeros(3, 18))
    assert torch.equal(prior.std, torch.ones(3, 18))


def test_the_closed_loop_reads_back_with_the_statistics_of_the_data():
    model = tiny_model().train()
    latents = Latents(torch.randn(6, 4), torch.randn(6, 18))
    before = model.latent_encoder.standardize.running_mean.clone()
    back = model.read_back(model.decode(latents))
    assert back.mean.joined().shape == (6, 22)
    assert torch.equal(model.latent_encoder.standardize.running_mean, before)
    assert model.latent_encoder.standardize.training
    loop = model.output_decoder(model.output_encoder(latents.z, latents.key))
    assert loop.z.mean.shape == (6, 4)


def test_a_model_is_fitted_to_its_first_batch_of_training_and_to_no_other():
    model, x = tiny_model(), image_set(12, 32).floats()
    encoder = model.latent_encoder
    before = deepcopy(encoder.state_dict())

    def changed() -> set[str]:
        return {n for n, value in encoder.state_dict().items() if not torch.equal(value, before[n])}

    model.eval().posterior(x)
    model.train().posterior(x[:1])  # one picture has no variance
    encoder.requires_grad_(False)
    model(x)  # what is frozen stays as it is
    assert "stem.weight" not in changed()
    assert "standardize.running_var" not in changed()
    encoder.requires_grad_(True)
    found = model.posterior(x).mean.joined()
    assert found.mean(0).abs().max() < 1e-3
    assert {"stem.weight", "content.mean", "style.2.mean", "standardize.running_var"} <= changed()
    before = deepcopy(encoder.state_dict())
    model(1 - x)
    assert not changed()


def test_networks_of_different_widths_are_refused():
    with pytest.raises(ConfigError, match=r"one latent width, found \(2, 3\), \(4, 18\)"):
        IvAE(Encoder(2, 3), Decoder(4, 4, 18), Decoder(4, 4, 18), Encoder(4, 18))


def test_pictures_of_other_channels_or_sizes_are_refused():
    rgb = tiny_model(channels=3)
    with pytest.raises(ShapeError, match="this model takes 3-channel images, found 4"):
        rgb(pictures())
    with pytest.raises(ShapeError, match="side 28, 32, 64, 128, 256, found 30x30"):
        rgb(torch.rand(2, 3, 30, 30))
    with pytest.raises(ConfigError, match="input_dim must be one of 1, 3, 4, found 2"):
        create_43_vae(2)


def test_metadata_is_standardised():
    model, x = tiny_model(), pictures(40)
    model.standardizer.fit(vae.encodings.measure(x))
    u = model.metadata(x)
    assert u.shape == (40, 16)
    active = u[:, model.standardizer.active > 0]
    assert active.mean(0).abs().max() < 0.5


@pytest.mark.parametrize("channels", [1, 4])
def test_saving_and_loading_gives_the_same_pictures(tmp_path, channels):
    model = tiny_model(channels=channels).half().float().eval()
    model.standardizer.fit(torch.randn(30, 16))
    model.density = vae.distributions.LatentDensity.fit(torch.randn(40, 22))
    save_model(tmp_path, model)
    loaded = load_model(tmp_path)
    x = pictures(3, channels)
    assert torch.equal(loaded(x)[0], model(x)[0])
    assert torch.equal(loaded.metadata(x), model.metadata(x))
    assert loaded.density is not None
    assert model.density is not None
    assert torch.equal(loaded.density.factors, model.density.factors)
    assert torch.equal(loaded.density.anchors, model.density.anchors)
    assert loaded.config == model.config
    assert not loaded.training


def test_a_world_of_before_there_were_anchors_is_read(tmp_path):
    model = tiny_model().half().float().eval()
    model.standardizer.fit(torch.randn(30, 16))
    density = vae.distributions.LatentDensity
    model.density = density.fit(torch.randn(density.FEW * 22, 22))
    assert len(model.density.anchors) == 0
    save_model(tmp_path, model)
    state, header = read_tensors(tmp_path / "model.safetensors")
    del header["density_anchors"]
    assert "density.anchors" not in state
    restored = restore_model(state, header, "it").density
    assert restored is not None
    assert torch.equal(restored.means, model.density.means)


@pytest.mark.parametrize("name", OF_BEFORE)
def test_a_world_of_before_a_setting_draws_as_it_did(tmp_path, name):
    model = tiny_model(**{name: OF_BEFORE[name]}).half().float().eval()
    torch.nn.init.constant_(model.output_encoder.grain.bias, 0.2)  # enough to meet its limit
    save_model(tmp_path, model)
    path = tmp_path / "model.safetensors"
    state, header = read_tensors(path)
    del header["config"][name]
    write_tensors(path, state, header)
    loaded, x = load_model(tmp_path), pictures()
    assert loaded.config == model.config
    assert torch.equal(loaded(x)[0], model(x)[0])
    write_tensors(path, state, header | {"config": tiny_model().config.to_dict()})
    assert not torch.allclose(load_model(tmp_path)(x)[0], model(x)[0], atol=1e-3)


def test_a_world_that_is_trained_on_reaches_the_ends():
    plain, (z, key) = tiny_model(loc_margin=0.0).eval(), (torch.randn(2, 4), torch.randn(2, 18))
    z, key = z[:, : plain.latent_dim], key[:, : plain.latent_key_dim]
    with torch.no_grad():
        torch.nn.init.normal_(plain.output_encoder.head.weight, std=3.0)
        before = plain.output_encoder(z, key)
        assert bring_up(plain, ["loc_margin"]) is plain
        after = plain.output_encoder(z, key)
    assert plain.config is not None
    margin = ModelConfig().loc_margin
    assert plain.config.loc_margin == plain.output_encoder.loc_margin == margin
    assert (after - before).abs().max() <= margin / (1 - 2 * margin) + 1e-6
    assert int((after == 1).sum()) > int((before == 1).sum())
    linear = bring_up(tiny_model(std_decoder_loc=False, loc_margin=0.0), OF_BEFORE)
    assert linear.output_encoder.loc_margin == 0
    own = bring_up(tiny_model(loc_margin=0.1), OF_BEFORE)
    assert own.output_encoder.loc_margin == 0.1


def test_the_same_weights_draw_another_size(tmp_path):
    model = tiny_model().eval()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert resized(model, 64) is model
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())
    save_model(tmp_path, model)
    loaded = load_model(tmp_path)
    assert loaded.config is not None
    assert loaded.config.image_size == 64
    z, key = torch.zeros(1, loaded.latent_dim), torch.zeros(1, loaded.latent_key_dim)
    assert loaded.output_encoder(z, key).shape[-2:] == (64, 64)
    with pytest.raises(ConfigError, match="image_size"):
        resized(model, 65)
    assert loaded.config.image_size == 64


def test_grain_is_bounded_as_it_was_until_its_amounts_are_trained():
    model = tiny_model(grain_bound="value")
    assert bring_up(model, ["loc_margin"]).output_encoder.grain_bound == "value"
    assert bring_up(model, ["grain_bound"]).output_encoder.grain_bound == "strength"
    assert model.config is not None
    assert model.config.grain_bound == "strength"


def test_a_world_of_before_the_grain_draws_as_it_did(tmp_path):
    model = tiny_model().half().float().eval()
    save_model(tmp_path, model)
    path = tmp_path / "model.safetensors"
    state, header = read_tensors(path)
    before = {name: tensor for name, tensor in state.items() if ".grain." not in name}
    assert len(before) == len(state) - 2
    write_tensors(path, before, header)
    assert model.latent_decoder.grain.bias is not None
    torch.nn.init.zeros_(model.latent_decoder.grain.weight)
    torch.nn.init.zeros_(model.latent_decoder.grain.bias)
    x = pictures()
    assert torch.equal(load_model(tmp_path)(x)[0], model(x)[0])


def test_the_hub_mixin_writes_a_folder_and_reads_it_back(tmp_path):
    model = tiny_model().half().float().eval()
    model.save_pretrained(tmp_path / "mine")
    assert {"config.json", "model.safetensors"} <= {p.name for p in (tmp_path / "mine").iterdir()}
    loaded = IvAE.from_pretrained(str(tmp_path / "mine"))
    x = pictures()
    assert torch.equal(loaded(x)[0], model(x)[0])
    assert callable(model.push_to_hub)
    with pytest.raises(CheckpointError, match="no folder nobody/nothing, and the hub has no such"):
        fetch_world("nobody/nothing", local_files_only=True)


def test_a_model_composed_by_hand_cannot_be_saved(tmp_path):
    with pytest.raises(ConfigError, match="only a model made by build_model"):
        save_model(tmp_path, crosswise())
    assert snapshot(tmp_path) == {}


def test_the_full_size_stays_within_its_budget():
    model = build_model(ModelConfig(latent_dim=32, latent_key_dim=28))
    size = {n: sum(p.numel() for p in getattr(model, n).parameters()) for n in _NETWORKS}
    assert size["latent_encoder"] < 2e6
    assert size["latent_decoder"] < 4e6


_NETWORKS = ("latent_encoder", "latent_decoder")


def test_a_world_with_numbers_that_are_none_is_refused(tmp_path):
    model = tiny_model()
    with torch.no_grad():
        model.latent_encoder.content.bias[0] = float("inf")
    save_model(tmp_path, model)
    with pytest.raises(CheckpointError, match="holds numbers that are not finite"):
        load_model(tmp_path)


def test_what_half_precision_cannot_hold_is_not_stored_in_it(tmp_path):
    """The variance of locations grows with long training, past 65,504."""
    model = tiny_model().eval()
    encoder = model.latent_encoder
    with torch.no_grad():
        encoder.standardize.running_var.fill_(3e6)
        encoder.standardize.running_mean.fill_(1234.567)
        encoder.content.weight.mul_(1e8)
    save_model(tmp_path, model)
    found = load_model(tmp_path).latent_encoder
    assert torch.equal(found.standardize.running_var, encoder.standardize.running_var)
    assert torch.equal(found.standardize.running_mean, encoder.standardize.running_mean)
    assert torch.equal(found.content.weight, encoder.content.weight)


def told_apart(model: IvAE, x: torch.Tensor) -> float:
    """How far pictures differ that are drawn from what is read, beside those read from."""
    with torch.no_grad():
        read = model.posterior(x).mean
        drawn = model.output_encoder.draw(read.z, read.key, size=x.shape[-1])[0]
    return float(drawn.std(0).mean() / x.std(0).mean())


def weights_of(model: IvAE) -> torch.Tensor:
    return torch.cat([p.detach().clone().flatten() for p in model.parameters()])


def test_a_fresh_model_is_fitted_as_a_whole_where_that_is_asked_for():
    torch.manual_seed(2)
    x, model = pictures(64), tiny_model()
    assert told_apart(model.eval(), x) < 0.05
    assert model.latent_encoder.train().fresh  # evaluation fits nothing
    model.train().start_from(x)
    assert told_apart(model.eval(), x) > 0.2


def test_a_fresh_model_in_a_loop_of_ones_own_has_its_encoder_fitted_and_no_more():
    model = tiny_model().train()
    decoder = [p.detach().clone() for p in model.output_encoder.parameters()]
    encoder = weights_of(model)
    model.posterior(pictures(64))
    assert not torch.equal(weights_of(model), encoder)
    now = model.output_encoder.parameters()
    assert all(torch.equal(a, b) for a, b in zip(decoder, now, strict=True))
    weights = weights_of(model)
    model.train().posterior(pictures(64))  # a second batch changes nothing
    assert torch.equal(weights_of(model), weights)


def test_a_trained_decoder_is_not_fitted_anew(tmp_path):
    model = tiny_model()
    model.train().posterior(pictures(16))
    save_model(tmp_path, model)
    loaded = load_model(tmp_path)
    weights = weights_of(loaded)
    loaded.train().posterior(pictures(16))
    assert torch.equal(weights_of(loaded), weights)

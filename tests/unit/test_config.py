"""Settings are checked when they are made, and an error names what is allowed."""

import dataclasses
import unicodedata

import pytest

from vae.config import (
    CHANNELS,
    SIZES,
    ModelConfig,
    canonical_ivae_model,
    choose,
    from_dict,
    positive,
)
from vae.errors import ConfigError, VAEError


def test_defaults_are_those_of_the_design():
    config = ModelConfig()
    assert (config.latent_dim, config.latent_key_dim) == (10, 20)
    assert (config.encoder_type, config.decoder_type, config.ivae_model) == (
        "ivae",
        "ivae",
        "im-pivae",
    )
    assert config.use_std_encoder
    assert config.std_encoder_loc
    assert config.std_decoder_loc
    assert CHANNELS == (1, 3, 4)
    assert SIZES == (28, 32, 64, 128, 256)


def test_settings_are_frozen_and_keyword_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().latent_dim = 3  # type: ignore[misc]
    with pytest.raises(TypeError, match="positional"):
        ModelConfig(4)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"channels": 2}, "channels must be one of 1, 3, 4, found 2"),
        ({"image_size": 48}, "image_size must be one of 28, 32, 64, 128, 256, found 48"),
        ({"encoder_type": "gan"}, "encoder_type must be one of 'ivae', 'vae', found 'gan'"),
        ({"decoder_type": "gan"}, "decoder_type must be one of 'ivae', 'vae', found 'gan'"),
        ({"ivae_model": "x"}, "ivae_model must be one of 'im-pivae', 'pivae', 'ivae', found 'x'"),
        ({"latent_dim": 0}, "latent_dim must be a whole number from 1 to 4096, found 0"),
        (
            {"latent_key_dim": True},
            "latent_key_dim must be a whole number from 1 to 4096, found True",
        ),
        ({"latent_dim": 2.5}, "latent_dim must be a whole number"),
        ({"grain_bound": "x"}, "grain_bound must be one of 'strength', 'value', found 'x'"),
        ({"loc_margin": 0.5}, "loc_margin must be a number from 0 to 0.25, found 0.5"),
        ({"encoder_widths": (1, 2, 3)}, "encoder_widths must be four positive whole numbers"),
        ({"decoder_widths": (8, 8, 8, 0)}, "decoder_widths must be four positive whole numbers"),
    ],
)
def test_a_value_that_cannot_be_says_what_can(changes, says):
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**changes)
    assert says in str(caught.value)


def test_the_accented_spelling_is_the_same_name():
    assert canonical_ivae_model("ìm-pivae") == "im-pivae"
    assert ModelConfig(ivae_model="ìm-pivae") == ModelConfig()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_accent_may_be_a_mark_of_its_own(form):
    name = unicodedata.normalize(form, "\u00ecm-pivae")
    assert len(name) == {"NFC": 8, "NFD": 9}[form]
    assert canonical_ivae_model(name) == "im-pivae"
    assert ModelConfig(ivae_model=name) == ModelConfig()
    with pytest.raises(ConfigError, match="ivae_model must be one of"):
        ModelConfig(ivae_model=3)  # type: ignore[arg-type]


def test_a_dict_gives_the_config_back_and_unknown_keys_are_refused():
    config = ModelConfig(channels=3, encoder_widths=(8, 8, 8, 8))
    assert from_dict(ModelConfig, config.to_dict()) == config
    with pytest.raises(ConfigError, match="ModelConfig does not know colour, depth"):
        from_dict(ModelConfig, {"depth": 1, "colour": 2, "channels": 4})


def test_checks_return_the_value():
    assert choose("side", 28, SIZES) == 28
    assert positive("rate", 0.5, 0.1, 1) == 0.5


@pytest.mark.parametrize("value", [float("nan"), "3", None, -1, float("inf")])
def test_positive_refuses_what_is_no_number_in_range(value):
    with pytest.raises(ConfigError, match="rate must be a number from 1 to 10"):
        positive("rate", value, 1, 10)


def test_config_errors_are_value_errors_too():
    assert issubclass(ConfigError, VAEError)
    assert issubclass(ConfigError, ValueError)

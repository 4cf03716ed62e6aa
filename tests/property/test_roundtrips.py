"""What goes in comes out: settings, premultiplied colour, latents, tables."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vae.config import (
    CHANNELS,
    GRAIN_BOUNDS,
    IVAE_MODELS,
    NETWORK_TYPES,
    SIZES,
    ModelConfig,
    from_dict,
)
from vae.encodings import Standardizer
from vae.losses import premultiply as premultiply_tensor
from vae.pixels import premultiply, unpremultiply

few = settings(max_examples=25, derandomize=True, deadline=None)
widths = st.tuples(*[st.integers(1, 512)] * 4)
configs = st.builds(
    ModelConfig,
    channels=st.sampled_from(CHANNELS),
    image_size=st.sampled_from(SIZES),
    latent_dim=st.integers(1, 4096),
    latent_key_dim=st.integers(1, 4096),
    encoder_type=st.sampled_from(NETWORK_TYPES),
    decoder_type=st.sampled_from(NETWORK_TYPES),
    ivae_model=st.sampled_from((*IVAE_MODELS, "ìm-pivae")),
    use_std_encoder=st.booleans(),
    std_encoder_loc=st.booleans(),
    std_decoder_loc=st.booleans(),
    loc_margin=st.floats(0, 0.25),
    grain_bound=st.sampled_from(GRAIN_BOUNDS),
    encoder_widths=widths,
    decoder_widths=widths,
)
pixels = arrays.arrays(np.float32, (6, 6, 4), elements=st.floats(0, 1, width=32))


@few
@given(configs)
def test_a_config_survives_its_dict_and_lists(config):
    values = config.to_dict()
    assert from_dict(ModelConfig, values) == config
    listed = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    assert from_dict(ModelConfig, listed) == config


@few
@given(pixels)
def test_premultiplied_colour_comes_back_where_it_can_be_seen(picture):
    picture[..., 3] = np.where(picture[..., 3] < 0.02, 0, picture[..., 3])
    back = unpremultiply(premultiply(picture))
    seen = picture[..., 3] > 0
    assert np.allclose(back[seen], picture[seen], atol=1e-5)
    assert np.array_equal(back[..., 3], picture[..., 3])
    assert not back[~seen].any()


@few
@given(pixels)
def test_tensors_and_arrays_are_premultiplied_alike(picture):
    x = torch.from_numpy(picture).permute(2, 0, 1)[None]
    expected = premultiply(picture).transpose(2, 0, 1)
    assert np.allclose(premultiply_tensor(x)[0].numpy(), expected, atol=1e-7)


@few
@given(st.integers(0, 1000), st.integers(2, 60), st.floats(0.01, 100))
def test_scores_of_any_table_come_back(seed, rows, scale):
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(rows, 16, generator=generator).pow(3) * scale
    standardizer = Standardizer().fit(raw)
    scores = torch.randn(5, 16, generator=generator)
    back = standardizer(standardizer.inverse(scores)) - scores * standardizer.active
    assert back.abs().max() < 0.02

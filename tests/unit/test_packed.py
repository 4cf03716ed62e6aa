"""The packed decoder draws what the decoder draws, one picture at a time."""

import pytest
import torch

from vae.decoder import Decoder
from vae.packed import PackedDecoder, can_pack, computes_bf16


def make(**options) -> Decoder:
    torch.manual_seed(3)
    decoder = Decoder(4, 4, 18, widths=(16, 12, 12, 8), **options).eval()
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return decoder.to(memory_format=torch.channels_last)


def latents() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(1, 4, generator=generator), torch.randn(1, 18, generator=generator)


packs = pytest.mark.skipif(not can_pack(make()), reason="this torch has no oneDNN to pack for")


@packs
@torch.inference_mode()
@pytest.mark.parametrize("size", [28, 32, 64, 128, 256])
@pytest.mark.parametrize(
    "options",
    [
        {"std_decoder_loc": False},
        {"loc_margin": 0.0},
        {"loc_margin": 0.1},
        {"grain_bound": "value"},
    ],
)
def test_it_draws_the_same(size, options):
    decoder, (z, key) = make(**options), latents()
    assert torch.allclose(
        PackedDecoder(decoder, size)(z, key), decoder(z, key, size=size), atol=1e-5
    )


@packs
@torch.inference_mode()
def test_it_draws_the_same_where_the_form_moves_and_where_it_stays():
    decoder, (z, key) = make(), latents()
    packed = PackedDecoder(decoder, 64)
    for where in ((z, key), (z, key + 1), (z + 1, key + 1), (z, key)):
        assert torch.allclose(packed(*where), decoder(*where, size=64), atol=1e-5)


@packs
@torch.inference_mode()
@pytest.mark.skipif(not computes_bf16(), reason="this processor has no bfloat16")
def test_half_precision_below_the_full_side_cannot_be_seen():
    decoder, (z, key) = make(), latents()
    away = PackedDecoder(decoder, 64, bf16=True)(z, key) - decoder(z, key, size=64)
    assert 0 < away.abs().mean() < 0.25 / 255


def test_a_plain_decoder_is_left_to_itself():
    assert not can_pack(make(decoder_type="vae"))

"""Recipes in the text chunks of a PNG: written, read back, and refused with a reason."""

import contextlib
import hashlib
import io
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vae.errors import CheckpointError, ConfigError, ImageError
from vae.pixels import encode_image
from vae.recipe import (
    FORMAT,
    KEYWORD,
    MAX_TEXT,
    Recipe,
    carries_recipe,
    read_recipe,
    world_hash,
)

PIXELS = np.random.default_rng(7).integers(0, 256, (16, 16, 4), dtype=np.uint8)
RECIPE = Recipe(world="pomona", hash="0123456789ab", state={"seed": 43, "moves": {"warmth": 0.35}})

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)
states = st.dictionaries(st.text(max_size=8), json_values, max_size=6) | st.fixed_dictionaries(
    {
        "z": st.lists(numbers, max_size=80),
        "key": st.lists(numbers, max_size=40),
        "moves": st.dictionaries(st.text(max_size=8), numbers, max_size=8),
    }
)


def png(text=None):
    return encode_image(PIXELS, "png", text=text)


def chunk(kind, body):
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunk(kind, body, at=33):
    """A sound PNG with one more chunk, behind the header where nothing else is said."""
    plain = png()
    return plain[:at] + chunk(kind, body) + plain[at:]


def itxt(text, compressed=False):
    body = zlib.compress(text) if compressed else text
    return KEYWORD.encode() + b"\0" + bytes([compressed, 0]) + b"\0\0" + body


def changed(**fields):
    return json.dumps(json.loads(RECIPE.to_json()) | fields).encode()


@given(states, st.sampled_from([1, 2, 4]))
def test_a_recipe_comes_back_as_it_was_written(state, factor):
    recipe = Recipe(world="wörld", hash="0123456789ab", state=state, factor=factor)
    back = read_recipe(png(recipe.as_text()))
    assert back == recipe
    assert back.to_json() == recipe.to_json()


def test_the_text_is_canonical():
    text = RECIPE.to_json()
    assert text.isascii()
    assert " " not in text
    state = {"moves": {"warmth": 0.35}, "seed": 43}  # the same in another order
    assert Recipe(world="pomona", hash="0123456789ab", state=state).to_json() == text
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_other_programs_can_read_it_and_the_pixels_are_the_same():
    with Image.open(io.BytesIO(png(RECIPE.as_text()))) as image:
        assert np.array_equal(np.asarray(image), PIXELS)
        assert image.info[KEYWORD] == RECIPE.to_json()
        assert image.info["Software"].startswith("43.VAE ")
        assert set(image.info) == {KEYWORD, "Software"}


@pytest.mark.parametrize("at", [33, -12])
@pytest.mark.parametrize("compressed", [False, True])
def test_it_is_found_wherever_another_program_put_it(at, compressed):
    data = with_chunk(b"iTXt", itxt(RECIPE.to_json().encode(), compressed), at)
    assert read_recipe(data) == RECIPE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        png(),
        png({"Software": "another"}),
        png()[:20],
        with_chunk(b"tEXt", KEYWORD.encode() + b"\0" + RECIPE.to_json().encode()),
        png(RECIPE.as_text())[:60],
    ],
)
def test_a_foreign_file_carries_none(data):
    assert not carries_recipe(data)
    with pytest.raises(ImageError, match="carries no recipe"):
        read_recipe(data)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 100_000,
        b'{"program":"43.VAE","format":1,"version":NaN}',
        changed(program="another"),
        changed(version=3),
        changed(world="pomona"),
        changed(world={"name": 1, "hash": "0123456789ab"}),
        changed(world={"name": "pomona"}),
        changed(state=[1]),
        changed(factor="2"),
        changed(factor=True),
    ],
)
def test_a_damaged_recipe_says_so(text):
    data = with_chunk(b"iTXt", itxt(text))
    assert carries_recipe(data)
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(data)


def test_a_flipped_bit_is_noticed():
    data = bytearray(png(RECIPE.as_text()))
    data[data.index(b"warmth")] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(bytes(data))


@pytest.mark.parametrize("body", [b"", b"\0", b"\1\0\0", b"\1\0\0\0not deflated", b"\0\0en"])
def test_a_torn_chunk_is_damaged(body):
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(with_chunk(b"iTXt", KEYWORD.encode() + b"\0" + body))


def test_a_huge_text_is_refused_and_a_bomb_is_not_inflated():
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(with_chunk(b"iTXt", itxt(b" " * (MAX_TEXT + 2048))))
    bomb = itxt(b" " * 50_000_000, compressed=True)
    assert len(bomb) < MAX_TEXT
    with pytest.raises(ImageError, match="damaged"):
        read_recipe(with_chunk(b"iTXt", bomb))


def test_a_recipe_of_another_version_is_named():
    data = with_chunk(b"iTXt", itxt(changed(format=FORMAT + 1, version="9.0")))
    with pytest.raises(ImageError, match=r"another version of 43.VAE \(9.0\)"):
        read_recipe(data)


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 400))
def test_no_bytes_break_the_reader(noise, start, length):
    whole = png(RECIPE.as_text())
    for data in (noise, whole[:8] + noise, whole[:start] + noise + whole[start + length :]):
        with contextlib.suppress(ImageError):
            assert isinstance(read_recipe(data), Recipe)


@pytest.mark.parametrize("state", [{"a": {1}}, {"a": float("nan")}, {"a": "x" * MAX_TEXT}])
def test_a_state_that_is_no_json_or_too_much_is_refused(state):
    with pytest.raises(ConfigError, match="expected a"):
        Recipe(world="w", hash="0", state=state).to_json()


def test_the_hash_is_of_the_weights_as_they_are_now(tmp_path):
    weights = tmp_path / "model.safetensors"
    for content in (b"one", b"three"):
        weights.write_bytes(content)
        assert world_hash(weights) == hashlib.sha256(content).hexdigest()[:12]
    with pytest.raises(CheckpointError, match="cannot be read"):
        world_hash(tmp_path / "nothing")


def test_importing_it_imports_no_torch():
    code = "import sys, vae.recipe; print({'torch', 'gradio', 'PIL', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# ---------------------------------------------------------------- in a WebP


def webp(xmp=b""):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "WEBP", lossless=True, xmp=xmp)
    return buffer.getvalue()


@given(states)
def test_a_webp_carries_its_recipe_in_the_standard_field(state):
    recipe = Recipe(world="pomona <&>", hash="0123456789ab", state=state, factor=2)
    file = webp(recipe.as_xmp())
    assert carries_recipe(file)
    assert read_recipe(file) == recipe
    with Image.open(io.BytesIO(file)) as image:
        assert f"{KEYWORD}: ".encode() in image.info["xmp"]


@pytest.mark.parametrize("xmp", [b"", b"<x/>", b"\0" * 9, b"<a>43.VAE</a>"])
def test_a_webp_without_a_recipe_has_none(xmp):
    assert not carries_recipe(webp(xmp))
    with pytest.raises(ImageError, match="carries no recipe"):
        read_recipe(webp(xmp))


def test_a_damaged_or_hostile_webp_recipe_is_refused():
    packet = RECIPE.as_xmp()
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + packet
    for bad in (bomb, packet[:-140], packet + b" " * (MAX_TEXT + 5000), KEYWORD.encode() + b": {}"):
        with pytest.raises(ImageError, match="damaged"):
            read_recipe(webp(bad))
    wrong = packet.replace(b'"format":1', b'"format":7')
    with pytest.raises(ImageError, match="another version"):
        read_recipe(webp(wrong))


@given(st.integers(0, 400))
def test_a_webp_cut_short_never_crashes(length):
    file = webp(RECIPE.as_xmp())[:length]
    with contextlib.suppress(ImageError):
        read_recipe(file)
    carries_recipe(file)

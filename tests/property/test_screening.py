"""What must hold of screening whatever comes: no name leads out, unmixing is an identity."""

import zipfile
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vae.paper import unmix
from vae.screening.framing import frame
from vae.screening.guard import _checked
from vae.screening.intake import Refused, check_entry
from vae.screening.marks import find_marks

few = settings(max_examples=60, derandomize=True, deadline=None)
unit = st.floats(0, 1, width=32)
parts = st.sampled_from(["..", ".", "", "a", "b.png", "C:", "\\", "\0", "\x1b[2J", "..."])
names = st.one_of(
    st.text(max_size=30),
    st.lists(parts, min_size=1, max_size=5).flatmap(
        lambda p: st.sampled_from(["/", "\\"]).map(lambda s: s.join(p))
    ),
)


@few
@given(names)
def test_a_name_that_passes_stays_below_on_every_system(name):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    try:
        check_entry(info, 100)
    except Refused:
        return
    for path in (PurePosixPath(name), PureWindowsPath(name)):
        assert not path.is_absolute()
        assert not path.drive
        assert not path.root
        assert ".." not in path.parts
    assert name.isprintable()


@few
@given(st.integers(0, 2**33), st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1))
def test_an_entry_passes_only_as_a_plain_small_file(size, attributes, flags):
    info = zipfile.ZipInfo("a.png")
    info.file_size, info.external_attr, info.flag_bits = size, attributes, flags
    kind = (attributes >> 16) & 0o170000
    good = kind in (0, 0o100000) and not flags & 1 and size <= 1000
    if good:
        check_entry(info, 1000)
    else:
        with pytest.raises(Refused):
            check_entry(info, 1000)


colours = arrays.arrays(np.float32, (5, 5, 3), elements=unit)
papers = arrays.arrays(np.float32, (3,), elements=st.floats(np.float32(0.45), 1, width=32))


@few
@example(np.full((5, 5, 3), 0.4629, np.float32), np.full(3, 0.45, np.float32), 0.005)
@given(colours, papers, st.floats(0.005, 0.05))
def test_laid_on_the_paper_the_picture_is_there_again(colour, tone, floor):
    paper = np.broadcast_to(tone, colour.shape)
    result = unmix(colour, paper, floor=floor)
    assert result.shape == (5, 5, 4)
    assert np.isfinite(result).all()
    assert 0 <= result.min() <= result.max() <= 1
    again = result[..., :3] * result[..., 3:] + paper * (1 - result[..., 3:])
    assert np.abs(again - colour).max() <= 3 * floor + 2e-3


@few
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(4))),
    st.sampled_from(["none", "centre", "fit"]),
    st.floats(0, 0.4),
)
def test_every_crop_gives_a_picture_and_a_square_where_asked(pixels, crop, margin):
    result = frame(pixels, crop, margin)
    assert result.dtype == np.uint8
    assert min(result.shape[:2]) >= 1
    assert result.shape[2] == 4
    assert crop == "none" or result.shape[0] == result.shape[1]


numbers = st.one_of(st.integers(-2, 10), st.text(max_size=2), st.none(), st.floats())
heads = st.dictionaries(
    st.sampled_from(["codes", "shapes", "width", "height", "marks", "paper"]),
    st.one_of(numbers, st.lists(st.one_of(numbers, st.lists(numbers, max_size=2)), max_size=3)),
)


@few
@given(heads, st.binary(max_size=64))
def test_any_reply_is_a_bounded_one_or_none(head, body):
    try:
        found = _checked(head, body, max_side=8)
    except (KeyError, TypeError, ValueError, OverflowError):
        return
    assert found.codes or found.pixels is not None
    assert found.pixels is None or max(found.pixels.shape) <= 8


@few
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_can_be_looked_at_for_marks(data, packet):
    found = find_marks(data, {"xmp": packet}, {700: packet})
    assert all(isinstance(mark, str) for mark in found)

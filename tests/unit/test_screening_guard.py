"""The child that decodes: what befalls it befalls one file; what it says is checked."""

import io
import os
import signal
import struct
import sys
import threading
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_art
from vae.errors import ImageError
from vae.evaluation.corpus import encode
from vae.screening import ScreeningSettings, guard, screen
from vae.screening.guard import Decoded, DecodeGuard, _checked
from vae.screening.wire import MAX_HEAD, receive, send

SETTINGS = ScreeningSettings(min_images=1, workers=1)
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bounds of Linux")


def picture(seed: int = 0) -> bytes:
    return encode(Image.fromarray(draw_art(seed, 80)), "PNG")


def flat_png(width: int, height: int) -> bytes:
    """A PNG of one colour, small as a file whatever its size."""
    row = b"\0" + bytes(3 * width)
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", data),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks
    )


def pid(child: DecodeGuard) -> int:
    assert child._child is not None
    return child._child.pid


def test_a_child_is_reused_and_then_recycled():
    with DecodeGuard(SETTINGS, recycled_after=3) as child:
        numbers = []
        for i in range(6):
            child.start()
            numbers.append(pid(child))
            assert child.decode(picture(i)).codes == ()
        assert len(set(numbers)) == 2
        assert numbers[0] == numbers[2]
        assert child._child is None
    with pytest.raises(ProcessLookupError):
        os.kill(numbers[0], 0)


def test_a_crash_is_one_refused_file():
    with DecodeGuard(SETTINGS) as child:
        child.start()
        os.kill(pid(child), signal.SIGKILL)
        assert child.decode(picture()).codes == ("crashed",)
        assert child.decode(picture()).codes == ()


def test_a_child_that_hangs_is_ended(monkeypatch):
    with DecodeGuard(replace(SETTINGS, cpu_seconds=1)) as child:
        child.start()
        os.kill(pid(child), signal.SIGSTOP)
        assert child.decode(picture()).codes == ("slow",)
        assert child._child is None


@LINUX
def test_a_decoder_that_never_ends_is_ended(monkeypatch):
    endless = (
        "import sys; sys.path.insert(0, sys.argv[1]); import vae.screening.child as c; "
        "c._warm_up = int; c.answer = lambda *_: all(iter(lambda: 1, 0)); main = c.main"
    )
    with DecodeGuard(replace(SETTINGS, cpu_seconds=1)) as child:
        monkeypatch.setattr(guard, "_CODE", endless)
        child.start()
        monkeypatch.undo()
        assert child.decode(picture()).codes == ("slow",)
        assert child.decode(picture()).codes == ()


@LINUX
def test_a_picture_that_takes_too_much_memory_is_refused():
    settings = replace(SETTINGS, memory_bytes=600 * 2**20)
    with DecodeGuard(settings) as child:
        child.start()
        before = pid(child)
        assert child.decode(flat_png(7900, 8000)).codes == ("memory",)
        assert child.decode(picture()).codes == ()
        assert pid(child) == before


@LINUX
def test_a_child_can_open_nothing_and_write_nothing():
    resource = pytest.importorskip("resource")
    with DecodeGuard(SETTINGS) as child:
        child.start()
        for name, wanted in (
            ("RLIMIT_NOFILE", 0),
            ("RLIMIT_FSIZE", 0),
            ("RLIMIT_CORE", 0),
            ("RLIMIT_AS", SETTINGS.memory_bytes),
        ):
            assert resource.prlimit(pid(child), getattr(resource, name)) == (wanted, wanted)
        with open(f"/proc/{pid(child)}/environ", "rb") as stream:  # noqa: PTH123
            names = {part.split(b"=")[0].decode() for part in stream.read().split(b"\0") if part}
        assert "HOME" not in names
        assert names <= {*guard._KEPT_VARIABLES, "LC_CTYPE"} | {
            f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL")
        }


def test_too_many_pixels_are_told_from_the_header():
    with DecodeGuard(SETTINGS) as child:
        found = child.decode(flat_png(8200, 8000)[:100])  # there is nothing behind the header
        assert (found.codes, found.width, found.height) == (("too_large",), 8200, 8000)
        found = child.decode(flat_png(8200, 80)[:100])
        assert found.codes == ("unreadable",)


def test_every_mode_is_decoded_though_no_file_can_be_opened():
    rng = np.random.default_rng(0)
    image = Image.fromarray(draw_art(0, 80))
    deep = Image.fromarray(rng.integers(0, 2**16, (80, 80), dtype=np.uint16))
    files = [encode(image.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    files += [encode(image.convert(mode), "JPEG") for mode in ("L", "RGB", "CMYK")]
    files += [encode(image, "WEBP"), encode(image, "WEBP", lossless=True), encode(deep, "PNG")]
    files += [encode(image, "PNG", save_all=True, append_images=[image.rotate(90)])]
    files += [encode(image, "JPEG", progressive=True, comment="x", dpi=(300, 300))]
    with DecodeGuard(SETTINGS) as child:
        for i, data in enumerate(files):
            found = child.decode(data)
            assert found.codes == (), i
            assert found.pixels is not None
            assert found.pixels.shape == (80, 80, 4)


def test_a_lying_child_is_not_believed():
    good = {"codes": [], "shapes": [[2, 3]], "width": 3, "height": 2}
    found = _checked(good, bytes(24), max_side=8)
    assert isinstance(found, Decoded)
    assert found.pixels is not None
    assert found.pixels.shape == (2, 3, 4)
    for head, body in (
        ({**good, "shapes": [[2, 9]]}, bytes(72)),
        ({**good, "shapes": [[-2, -3]]}, bytes(24)),
        ({**good, "shapes": [["a", 3]]}, bytes(24)),
        ({**good, "shapes": [[2, 3]]}, bytes(23)),
        ({**good, "shapes": [[2, 3]]}, bytes(25)),
        ({**good, "shapes": []}, b""),
        ({**good, "codes": 3}, bytes(24)),
        ({**good, "width": "wide"}, bytes(24)),
        ({}, b""),
    ):
        with pytest.raises((KeyError, TypeError, ValueError)):
            _checked(head, body, max_side=8)


def test_messages_are_bounded():
    stream = io.BytesIO()
    send(stream, {"a": 1}, b"body")
    stream.seek(0)
    assert receive(stream, 4) == ({"a": 1}, b"body")
    assert receive(stream, 4) is None
    for text, body in (("[1]", b""), ("{", b""), ("{}", b"12345"), (" " * (MAX_HEAD + 1), b"")):
        data = struct.pack("<IQ", len(text), len(body)) + text.encode() + body
        with pytest.raises(ValueError, match=r".+"):
            receive(io.BytesIO(data), 4)
    assert receive(io.BytesIO(struct.pack("<IQ", 2, 4) + b"{}12"), 4) is None


def test_a_child_that_answers_nonsense_is_replaced(monkeypatch):
    with DecodeGuard(SETTINGS) as child:
        child.start()
        first = pid(child)
        monkeypatch.setattr(guard, "receive", lambda *_: ({"codes": 3}, b""))
        assert child.decode(picture()).codes == ("crashed",)
        monkeypatch.undo()
        assert child.decode(picture()).codes == ()
        assert pid(child) != first


def test_where_no_child_starts_it_is_said(monkeypatch):
    monkeypatch.setattr(guard, "_CODE", "raise SystemExit(1) #")
    with DecodeGuard(SETTINGS) as child, pytest.raises(ImageError, match="does not start"):
        child.decode(picture())


def test_crashes_in_the_midst_of_a_run_cost_their_files_alone(tmp_path, monkeypatch):
    for i in range(8):
        (tmp_path / f"{i}.png").write_bytes(picture(i))
    decode, calls = DecodeGuard.decode, []

    def sometimes(self, data, **settings):
        calls.append(data)
        if len(calls) in (3, 6):
            self.start()
            os.kill(pid(self), signal.SIGKILL)
        return decode(self, data, **settings)

    monkeypatch.setattr(DecodeGuard, "decode", sometimes)
    manifest = screen([tmp_path], tmp_path / "out", settings=SETTINGS)
    assert [v.codes for v in manifest.refused] == [("crashed",), ("crashed",)]
    assert len(manifest.kept) == 6
    assert "made the decoder fail" in manifest.refused[0].reasons[0]
    alive = [t for t in threading.enumerate() if t is not threading.main_thread()]
    assert not [t for t in alive if not t.daemon]

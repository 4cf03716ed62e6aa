"""The child that decodes: bytes of an unknown file in, fresh pixels out, within hard limits.

Before it reads the first byte of a file it gives up what it does not need: address space, CPU
time, files (none can be opened or written any more, so no socket either), core dumps. Whatever
happens to it, happens to one file.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from vae.paper import remove_paper
from vae.pixels import to_rgba
from vae.screening.framing import frame
from vae.screening.marks import find_marks, load_c2pa
from vae.screening.quality import measure_quality
from vae.screening.wire import receive, send

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BODY = 2**30
_WORKING = 2  # pictures are shrunk to so many times the final side before anything is done
_FIT = 4  # or to so many where a subject is yet to be cut out
_PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin)  # loaded while files can be opened


class Refusal(Exception):  # noqa: N818  # it is an answer, not a failure
    """What is wrong with the file: a code, and numbers for its sentence."""

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


def inspect(data: bytes, job: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray]:
    """Decode one file and do to it what the job asks for.

    Args:
        data: The whole file.
        job: ``max_pixels``, ``min_side``, ``max_side``, ``paper``, ``crop``, ``margin``; with
            ``before`` the picture as it came is returned too, stacked under the other.

    Returns:
        What was found (``codes``, ``marks``, ``width``, ``height``, ``paper``), and straight
        uint8 pixels (H, W, 4) of at most ``max_side``.

    Raises:
        Refusal: The file cannot be decoded, or must not be.
    """
    image, size = _decode(data, job)
    marks = find_marks(data, image.info, _exif(image))
    rgba = _upright(image, _side(job))
    small = min(size) < job["min_side"]
    codes = ["tiny"] if small else list(measure_quality(rgba).codes)
    if marks:
        codes.append("do_not_train")
    found: dict[str, Any] = {"codes": codes, "marks": marks, "paper": False}
    found["width"], found["height"] = size
    pixels = rgba
    if job["paper"]:
        result = remove_paper(rgba)
        pixels, found["paper"] = result.pixels, result.found
    pixels = _shrunk(frame(pixels, job["crop"], job["margin"]), job["max_side"])
    if not codes and not pixels[..., 3].any():
        codes.append("blank")
    return found, pixels


def before(data: bytes, job: dict[str, Any]) -> np.ndarray:
    """Return the picture as it came, upright, at most ``max_side``."""
    image, _ = _decode(data, job)
    return _shrunk(_upright(image, _side(job)), job["max_side"])


def _side(job: dict[str, Any]) -> int:
    return (_FIT if job["crop"] == "fit" else _WORKING) * job["max_side"]


def _decode(data: bytes, job: dict[str, Any]) -> tuple[Image.Image, tuple[int, int]]:
    """Return the first frame, loaded, and its upright size."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        size = image.size
        if size[0] * size[1] > job["max_pixels"]:
            raise Refusal("too_large", width=size[0], height=size[1])
        if image.format == "PNG":
            Image.open(io.BytesIO(data), formats=("PNG",)).verify()  # every chunk's checksum
        side = _side(job)
        image.draft(None, (side, side))  # JPEG: decode at ½, ¼ or ⅛ where that is enough
        image.load()
    except Refusal:
        raise
    except MemoryError:
        raise Refusal("memory") from None
    except Exception as error:  # a decoder fed with foreign bytes may raise anything
        raise Refusal("unreadable") from error
    turned = _exif(image).get(0x0112, 1) in (5, 6, 7, 8)
    return image, (size[1], size[0]) if turned else size


def _exif(image: Image.Image) -> Image.Exif:
    try:
        return image.getexif()
    except Exception:  # damaged EXIF does not damage the picture
        return Image.Exif()


def _upright(image: Image.Image, side: int) -> np.ndarray:
    """Return straight sRGB pixels, shrunk to at most `side`, turned as the camera says."""
    factor = max(1, max(image.size) // side)
    orientation = _exif(image).get(0x0112, 1)
    rgba = to_rgba(image)
    if factor > 1:
        rgba = rgba.convert("RGBa").reduce(factor).convert("RGBA")
    rgba = Image.fromarray(_shrunk(np.asarray(rgba), side))
    exif = Image.Exif()
    exif[0x0112] = orientation if orientation in range(1, 9) else 1
    rgba.info["exif"] = exif.tobytes()
    return np.array(ImageOps.exif_transpose(rgba), dtype=np.uint8)


def _shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    """Return pixels with a longer side of at most `side`, and black where all is clear."""
    image = Image.fromarray(pixels)
    if max(image.size) > side:
        scale = side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        small = image.convert("RGBa").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        image = small.convert("RGBA")
    array = np.array(image, dtype=np.uint8)
    array[array[..., 3] == 0] = 0
    return array


def limit(memory_bytes: int) -> None:
    """Give up address space, files, core dumps and priority, as far as the platform lets us."""
    with contextlib.suppress(AttributeError, OSError):
        os.nice(10)
    try:
        import resource
    except ImportError:  # Windows: the parent's clock and the caps on pixels remain
        return
    bounds = {
        "RLIMIT_AS": memory_bytes,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 0,
    }
    for name, value in bounds.items():
        with contextlib.suppress(AttributeError, OSError, ValueError):
            resource.setrlimit(getattr(resource, name), (value, value))


def limit_time(seconds: int) -> None:
    """Allow so many more seconds of CPU time; beyond them the system ends this process."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    wanted = int(used.ru_utime + used.ru_stime) + seconds + 1
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (wanted, hard))


def answer(data: bytes, job: dict[str, Any]) -> tuple[dict[str, Any], np.ndarray | None]:
    """Return the reply to one job; every foreseen trouble is a code."""
    try:
        found, pixels = inspect(data, job)
        stacked = [pixels]
        if job.get("before"):
            stacked.append(before(data, job))
        found["shapes"] = [list(p.shape[:2]) for p in stacked]
        return found, np.concatenate([p.ravel() for p in stacked])
    except Refusal as refusal:
        return {"codes": [refusal.code], **refusal.facts}, None
    except MemoryError:
        return {"codes": ["memory"]}, None


def main(arguments: list[str]) -> None:
    """Serve jobs from standard input until it ends."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # ours is checked before decoding
    Image.init()
    ImageCms.createProfile("sRGB")
    library = load_c2pa()
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not write between our messages
    _warm_up()
    limit(int(arguments[0]))
    send(writer, {"c2pa": library is not None})
    while (message := receive(reader, MAX_BODY)) is not None:
        job, data = message
        limit_time(job["cpu_seconds"])
        head, pixels = answer(data, job)
        send(writer, head, b"" if pixels is None else pixels.tobytes())


def _warm_up() -> None:
    """Do all of it once, so that nothing is left to be imported when no file can be opened."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    job = {"max_pixels": 4096, "min_side": 8, "max_side": 32, "paper": True, "crop": "fit"}
    for name in FORMATS:
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, name, icc_profile=_SRGB.tobytes())
        answer(buffer.getvalue(), {**job, "margin": 0.1})
    b"<a>".decode("utf-16-le", "replace")


_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

if __name__ == "__main__":
    main(sys.argv[1:])

"""A corpus for screening, made by code: pictures worth keeping, and files that must not come in.

Six kinds are good (drawings with alpha, watercolours, photographs, pale line art, ink, dark
paintings), ten are bad. `make_corpus` writes them and says of each file what it is.
"""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin

from vae.screening.marks import PLUS_NAMESPACE, PLUS_VOCABULARY

Pictures = Callable[[np.random.Generator, int], Image.Image]


def _clouds(rng: np.random.Generator, side: int, slope: float = 2.0) -> np.ndarray:
    """Return noise of a 1/f^slope power spectrum, 0 to 1, (side, side)."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]) * side
    spectrum = rng.normal(size=f.shape) + 1j * rng.normal(size=f.shape)
    spectrum /= np.maximum(f, 1) ** (slope / 2 + 0.5)
    spectrum[0, 0] = 0
    x = np.fft.irfft2(spectrum, s=(side, side))
    low, high = np.percentile(x, (1, 99))
    return ((x - low) / max(high - low, 1e-9)).clip(0, 1)


def _to_image(rgb: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(rgb.clip(0, 1) * 255).astype(np.uint8))


def _points(rng: np.random.Generator, side: int, num: int) -> list[tuple[float, float]]:
    """Return a smooth wandering path within the picture."""
    knots = np.cumsum(rng.normal(size=(4, 2)) * 0.35, axis=0)
    knots = (knots - knots.mean(axis=0)).clip(-0.85, 0.85)
    t = np.linspace(0, 1, num)[:, None]
    a, b, c, d = knots
    path = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t * t * (1 - t) + d * t**3
    return [(float(x), float(y)) for x, y in (0.5 + 0.5 * path) * side]


def _strokes(
    rng: np.random.Generator, side: int, *, num: int, width: float, tone: tuple[int, ...]
) -> Image.Image:
    """Return strokes on a clear ground, smooth at their edges."""
    large = Image.new("RGBA", (2 * side, 2 * side))
    pen = ImageDraw.Draw(large)
    for _ in range(num):
        thick = max(1, round(2 * width * side * float(rng.uniform(0.5, 1.5))))
        pen.line(_points(rng, 2 * side, 40), fill=tone, width=thick, joint="curve")
    small = large.convert("RGBa").resize((side, side), Image.Resampling.BOX)
    return small.convert("RGBA")


def _shapes(rng: np.random.Generator, side: int, num: int) -> Image.Image:
    large = Image.new("RGBA", (2 * side, 2 * side))
    pen = ImageDraw.Draw(large)
    for _ in range(num):
        x, y = rng.uniform(0.25, 0.75, 2) * 2 * side
        a, b = rng.uniform(0.08, 0.25, 2) * 2 * side
        colour = tuple(int(v) for v in rng.integers(20, 240, 3))
        pen.ellipse((x - a, y - b, x + a, y + b), fill=(*colour, 255), outline=(30, 20, 30, 255))
    return large.convert("RGBa").resize((side, side), Image.Resampling.BOX).convert("RGBA")


def drawing(rng: np.random.Generator, side: int) -> Image.Image:
    """Return flat shapes and an outline, on a clear ground."""
    image = _shapes(rng, side, int(rng.integers(2, 6)))
    image.alpha_composite(_strokes(rng, side, num=4, width=0.008, tone=(20, 20, 30, 255)))
    return image


def watercolour(rng: np.random.Generator, side: int) -> Image.Image:
    """Return transparent washes with darker rims on white or cream paper, with its grain."""
    tone = np.array(((0.97, 0.97, 0.96), (0.94, 0.89, 0.79))[int(rng.integers(2))])
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    light = 1 - 0.06 * rng.uniform(-1, 1) * x - 0.06 * rng.uniform(-1, 1) * y
    rgb = tone * light[..., None]
    for _ in range(int(rng.integers(2, 5))):
        centre = rng.uniform(-0.35, 0.35, 2)
        shape = np.hypot(x - centre[0], y - centre[1]) + 0.35 * (_clouds(rng, side) - 0.5)
        wash = np.clip((0.45 - shape) * side / 12, 0, 1)
        rim = np.exp(-(((shape - 0.43) * 25) ** 2))
        pigment = rng.uniform(0.25, 0.95, 3)
        strength = wash * (0.45 + 0.3 * _clouds(rng, side)) + 0.25 * rim * wash
        rgb = rgb * (1 - strength[..., None] * (1 - pigment))
    return _to_image(rgb + rng.normal(0, 0.008, rgb.shape))


def photograph(rng: np.random.Generator, side: int) -> Image.Image:
    """Return hills before a sky, with the grain of a sensor."""
    rgb = np.stack([0.45 + 0.5 * _clouds(rng, side, 2.6) for _ in range(3)], axis=-1)
    rgb = rgb * rng.uniform(0.6, 1, 3)
    for row in np.sort(rng.uniform(0.3, 0.9, 3)):
        ridge = row * side + 0.2 * side * (_clouds(rng, side)[side // 2] - 0.5)
        below = np.arange(side)[:, None] > ridge[None]
        texture = _clouds(rng, side, 1.4)[..., None] * rng.uniform(0.1, 0.7, 3)
        rgb = np.where(below[..., None], texture + 0.05, rgb)
    return _to_image(rgb + rng.normal(0, 0.012, rgb.shape))


def line_art(rng: np.random.Generator, side: int) -> Image.Image:
    """Return a few thin pale lines on white."""
    tone = int(rng.integers(150, 215))
    image = Image.new("RGBA", (side, side), "white")
    lines = _strokes(rng, side, num=6, width=0.004, tone=(tone, tone, tone, 255))
    image.alpha_composite(lines)
    return image.convert("RGB")


def ink(rng: np.random.Generator, side: int) -> Image.Image:
    """Return black brush strokes, on white or on a clear ground."""
    strokes = _strokes(rng, side, num=7, width=0.03, tone=(12, 12, 14, 255))
    if rng.random() < 0.4:
        return strokes
    image = Image.new("RGBA", (side, side), (250, 249, 246, 255))
    image.alpha_composite(strokes)
    return image.convert("L")


def dark_painting(rng: np.random.Generator, side: int) -> Image.Image:
    """Return a night: most of it nearly black, a few dim lights."""
    rgb = 0.02 + 0.16 * np.stack([_clouds(rng, side, 1.8)] * 3, axis=-1) * rng.uniform(0.4, 1, 3)
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    for _ in range(int(rng.integers(1, 4))):
        centre, radius = rng.uniform(0.2, 0.8, 2), rng.uniform(0.04, 0.1)
        lamp = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) * side / 6, 0, 1)
        rgb = rgb + lamp[..., None] * rng.uniform(0.15, 0.5, 3)
    return _to_image(rgb + rng.normal(0, 0.006, rgb.shape))


GOOD: tuple[Pictures, ...] = (drawing, watercolour, photograph, line_art, ink, dark_painting)


def encode(image: Image.Image, format: str, **settings: object) -> bytes:  # noqa: A002
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    if format == "JPEG" and image.mode == "RGBA":
        image = image.convert("RGB")
    image.save(buffer, format, **settings)
    return buffer.getvalue()


def good_file(rng: np.random.Generator, kind: int, side: int) -> tuple[str, bytes]:
    """Return name and bytes of a good picture; photographs say where they were taken."""
    make = GOOD[kind % len(GOOD)]
    image = make(rng, side)
    if make is photograph:
        exif = Image.Exif()
        exif[0x0112] = int(rng.integers(1, 9))  # turned by the camera
        exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)})
        return "photograph.jpg", encode(image, "JPEG", quality=90, exif=exif)
    formats: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("png", "PNG", {}),
        ("webp", "WEBP", {"lossless": True}),
    )
    suffix, name, settings = formats[int(rng.integers(2))]
    return f"{make.__name__}.{suffix}", encode(image, name, **settings)


def _photo_bytes(rng: np.random.Generator, side: int) -> bytes:
    return encode(photograph(rng, side), ("PNG", "JPEG")[int(rng.integers(2))])


def damaged(rng: np.random.Generator, side: int) -> bytes:
    """Return a picture cut short, or one whose data were overwritten."""
    if rng.random() < 0.6:
        data = _photo_bytes(rng, side)
        return data[: int(len(data) * rng.uniform(0.1, 0.9))]
    data = bytearray(encode(photograph(rng, side), "PNG"))
    place = int(len(data) * rng.uniform(0.3, 0.8))
    data[place : place + 64] = rng.bytes(64)
    return bytes(data)


def other_format(rng: np.random.Generator, side: int) -> bytes:
    """Return a file of another kind, under a picture's name."""
    names = ("GIF", "BMP", "TIFF", "ICO", "PPM")
    choice = int(rng.integers(len(names) + 2))
    if choice < len(names):
        return encode(photograph(rng, min(side, 64)).convert("RGB"), names[choice])
    text = ("<svg xmlns='http://www.w3.org/2000/svg'/>", "<html><script>0</script></html>")
    return text[choice - len(names)].encode() + rng.bytes(8).hex().encode()


def _chunk(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def too_large(rng: np.random.Generator, side: int) -> bytes:
    """Return a small PNG that says, or is, of more pixels than may be."""
    width, height = (int(v) for v in rng.integers(9_000, 60_000, 2))
    rows = zlib.compress(bytes(1_000_000), 9) if rng.random() < 0.5 else zlib.compress(rng.bytes(9))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiny(rng: np.random.Generator, side: int) -> bytes:
    """Return a picture of a few pixels."""
    width, height = (int(v) for v in rng.integers(4, 40, 2))
    return encode(photograph(rng, 64).resize((width, height)), "PNG")


def blank(rng: np.random.Generator, side: int) -> bytes:
    """Return an empty sheet, an even colour, a faint slope, or nothing visible at all."""
    choice = int(rng.integers(4))
    if choice == 0:
        return encode(Image.new("RGBA", (side, side), (*_colour(rng), 0)), "PNG")
    if choice == 1:
        return encode(Image.new("RGB", (side, side), _colour(rng)), "PNG")
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    slope = 0.03 * (rng.uniform(-1, 1) * x + rng.uniform(-1, 1) * y - 0.5 * (x * x + y * y))
    rgb = np.array((0.95, 0.93, 0.9)) * (1 + slope[..., None])
    return encode(_to_image(rgb + rng.normal(0, 0.008, rgb.shape)), "JPEG", quality=90)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def dark(rng: np.random.Generator, side: int) -> bytes:
    """Return a photograph with next to no light."""
    rgb = np.asarray(photograph(rng, side), dtype=np.float64) / 255
    light = rng.uniform(0.02, 0.07)
    return encode(_to_image(rgb * light + rng.normal(0, 0.006, rgb.shape)), "JPEG", quality=92)


def blurred(rng: np.random.Generator, side: int) -> bytes:
    """Return a photograph out of focus."""
    radius = side * rng.uniform(10, 20) / 256
    soft = photograph(rng, side).filter(ImageFilter.GaussianBlur(radius))
    rgb = np.asarray(soft, dtype=np.float64) / 255
    return encode(_to_image(rgb + rng.normal(0, 0.004, rgb.shape)), "JPEG", quality=92)


def copy(rng: np.random.Generator, original: bytes) -> bytes:
    """Return the same picture again: byte for byte, packed anew, smaller, or a little brighter."""
    choice = int(rng.integers(4))
    if choice == 0:
        return original
    with Image.open(io.BytesIO(original)) as opened:
        opened.load()
        image, exif = opened.copy(), opened.getexif()
    if choice == 1 and opened.format != "JPEG":
        return encode(image, "PNG", compress_level=1)
    if choice == 3:
        bands = image.convert("RGBA").split()
        brighter = [band.point([min(255, round(v * 1.04)) for v in range(256)]) for band in bands]
        image = Image.merge("RGBA", (*brighter[:3], bands[3]))
        return encode(image, "PNG", exif=exif)
    size = (round(image.width * 0.85), round(image.height * 0.85))
    small = image.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    return encode(small, "WEBP", quality=80, exif=exif)


def xmp_packet(value: str) -> bytes:
    """Return an XMP packet with the PLUS property ``DataMining``."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:plus="{PLUS_NAMESPACE}">'
        f"<plus:DataMining>{PLUS_VOCABULARY}{value}</plus:DataMining>"
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


_FORBIDDING = ("", "-AIMLTRAINING", "-GENAIMLTRAINING", "-EXCEPTSEARCHENGINEINDEXING")


def do_not_train(rng: np.random.Generator, side: int) -> bytes:
    """Return a picture whose maker forbids training, by XMP or by a C2PA assertion."""
    image = photograph(rng, side)
    packet = xmp_packet("DMI-PROHIBITED" + _FORBIDDING[int(rng.integers(len(_FORBIDDING)))])
    choice = int(rng.integers(4))
    if choice == 0:
        words = PngImagePlugin.PngInfo()
        words.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=bool(rng.integers(2)))
        return encode(image, "PNG", pnginfo=words)
    if choice == 1:
        return encode(image, "JPEG", xmp=packet)
    if choice == 2:
        return encode(image, "WEBP", xmp=packet)
    data = encode(image, "PNG")  # the assertion's own bytes, as CBOR stores them
    cbor = b"\xa1gentries\xa1x\x1bcawg.ai_generative_training\xa1cusejnotAllowed"
    box = b"jumb" + b"cawg.training-mining\0" + cbor
    return data[:33] + _chunk(b"caBX", box) + data[33:]


BAD: dict[str, Callable[[np.random.Generator, int], bytes]] = {
    "damaged": damaged,
    "other format": other_format,
    "too large": too_large,
    "tiny": tiny,
    "blank": blank,
    "dark": dark,
    "blurred": blurred,
    "do not train": do_not_train,
}


def write_hostile_zip(path: Path, rng: np.random.Generator, num: int, side: int) -> list[str]:
    """Write a ZIP of good pictures under bad names, links, bombs and nested ZIPs; return names."""
    names = []
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for i in range(num):
            data, name, method = _photo_bytes(rng, side), f"entry-{i:02d}.png", zipfile.ZIP_STORED
            info = zipfile.ZipInfo(name)
            if i % 5 == 0:
                info = zipfile.ZipInfo(f"../../entry-{i:02d}.png")
            elif i % 5 == 1:
                info.external_attr = 0o120777 << 16  # a link
                data = b"/etc/hostname"
            elif i % 5 == 2:
                inner = io.BytesIO()
                with zipfile.ZipFile(inner, "w") as nested:
                    nested.writestr("picture.png", data)
                data = inner.getvalue()
            elif i % 5 == 3:
                data, method = bytes(8 * 2**20), zipfile.ZIP_DEFLATED
            else:
                info = zipfile.ZipInfo(f"/entry-{i:02d}.png")
            archive.writestr(info, data, compress_type=method)
            names.append(f"{path.name}/{info.filename}")
    return names


def make_corpus(
    folder: Path, *, num_good: int = 150, num_bad: int = 150, side: int = 320, seed: int = 0
) -> dict[str, str]:
    """Write the corpus and return, for each file as `screen` will name it, its class.

    Args:
        folder: Made where it is missing.
        num_good: Pictures to keep, of six kinds in turn.
        num_bad: Files to refuse, of ten classes in equal parts.
        side: Of the pictures, about, in pixels.
        seed: Of everything.

    Returns:
        ``"good: KIND"`` or the name of the bad class, by name.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    labels: dict[str, str] = {}
    originals: list[bytes] = []
    for i in range(num_good):
        name, data = good_file(rng, i, int(side * rng.uniform(0.6, 1.4)))
        labels[f"a{i:03d}-{name}"] = f"good: {name.partition('.')[0].replace('_', ' ')}"
        (folder / f"a{i:03d}-{name}").write_bytes(data)
        originals.append(data)
    each = num_bad // (len(BAD) + 2)
    for label, make in BAD.items():
        for i in range(each):
            name = f"b-{label.replace(' ', '-')}-{i:02d}.png"
            (folder / name).write_bytes(make(rng, side))
            labels[name] = label
    for i in range(each):
        name = f"c-copy-{i:02d}.png"
        (folder / name).write_bytes(copy(rng, originals[int(rng.integers(num_good))]))
        labels[name] = "copy"
    hostile = write_hostile_zip(folder / "d-hostile.zip", rng, each, min(side, 64))
    return labels | dict.fromkeys(hostile, "hostile ZIP")

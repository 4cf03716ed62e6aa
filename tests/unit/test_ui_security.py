import asyncio
import io
import struct
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from vae.errors import ImageError
from vae.ui.engine import Engine
from vae.ui.security import (
    MAX_UPLOAD_BYTES,
    Guard,
    Hosts,
    host_name,
    hosts_for,
    open_picture,
    refusal,
)
from vae.ui.upload import make_start_from

HERE = hosts_for("127.0.0.1")
SERVER = "/gradio_api/component_server/"


def post(path=SERVER, **headers):
    sent = {"host": "127.0.0.1:7860", "content-length": "10", "content-type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return refusal("POST", path, sent, HERE)


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def picture(width=32, height=24, mode="RGBA"):
    values = np.random.default_rng(7).integers(0, 256, (height, width, 4), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


# ---------------------------------------------------------------- who may ask


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Localhost:7860", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:7860", "::1"),
        ("::1", "::1"),
        ("", ""),
    ],
)
def test_host_name_drops_port_and_case(host, name):
    assert host_name(host) == name


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1:7860", "[::1]:7860"])
def test_a_local_server_answers_to_its_local_names(host):
    assert refusal("GET", "/", {"host": host}, HERE) is None


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example", "192.168.1.5:7860"])
def test_a_rebound_name_is_refused(host):
    assert refusal("GET", "/", {"host": host}, HERE)[0] == 421


def test_serving_everywhere_allows_addresses_but_no_foreign_names():
    hosts = hosts_for("0.0.0.0", extra=["Studio.example "])
    assert hosts.allow("192.168.1.5:7860")
    assert hosts.allow("[fe80::1]:80")
    assert hosts.allow("studio.example")
    assert not hosts.allow("evil.example")


def test_the_tunnel_is_known_only_where_it_is_open():
    assert hosts_for("127.0.0.1", share=True).allow("0123abc.gradio.live")
    assert not hosts_for("127.0.0.1").allow("0123abc.gradio.live")
    assert not hosts_for("127.0.0.1", share=True).allow("evilgradio.live")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:3000", "http://127.0.0.1", ""],
)
def test_another_page_may_not_ask_in_a_visitors_name(origin):
    assert post(origin=origin)[0] == 403


def test_the_page_itself_may_ask():
    assert post(origin="http://127.0.0.1:7860") is None
    assert post() is None


# ---------------------------------------------------------------- what may be asked


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/process_recording",
        "/gradio_api/run/predict",
        "/gradio_api/call/anything",
        "/gradio_api/vibe-edit",
        "/gradio_api/cancel",
        "/gradio_api/run-history/connect",
        "/gradio_api/stream/1",
        "/anything",
    ],
)
def test_posts_go_only_where_the_page_sends_them(path):
    assert post(path)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/proxy=http://10.0.0.1/",
        "/gradio_api/token",
        "/gradio_api/call/sample/1",
        "/gradio_api/dev/reload",
        "/monitoring/summary",
        "/assets",
        "/made-tomorrow",
    ],
)
def test_reads_that_reach_beyond_the_page_are_closed(path):
    assert refusal("GET", path, {"host": "localhost"}, HERE)[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config/",
        "/theme.css",
        "/assets/index.js",
        "/gradio_api/info",
        "/gradio_api/queue/data",
        "/gradio_api/heartbeat/abc",
    ],
)
def test_reads_of_the_page_and_of_scripts_are_open(path):
    assert refusal("GET", path, {"host": "localhost"}, HERE) is None


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_closed(method):
    assert refusal(method, "/", {"host": "localhost"}, HERE)[0] == 404


# ---------------------------------------------------------------- how much


@pytest.mark.parametrize("length", ["", "-1", "1e3", "٣", "0x10"])
def test_a_body_of_unknown_length_is_refused(length):
    assert post(content_length=length)[0] == 411


def test_a_chunked_body_is_refused():
    assert post(transfer_encoding="chunked")[0] == 411


def test_json_is_capped_low_and_pictures_at_their_limit():
    form = {"content_type": "multipart/form-data; boundary=x"}
    assert post(content_length="300000")[0] == 413
    assert post(content_length="300000", **form) is None
    assert post(content_length=str(MAX_UPLOAD_BYTES + 100_000), **form) is None  # with a state
    assert post(content_length=str(MAX_UPLOAD_BYTES + 200_000), **form)[0] == 413
    assert post("/gradio_api/queue/join", content_length="300000", **form)[0] == 413


def through_guard(method="GET", path="/", headers=()):
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(Guard(app, Hosts(names=frozenset({"localhost"})))(scope, receive, send))
    return sent


def test_the_guard_stops_what_is_refused_and_hardens_what_passes():
    assert through_guard(headers=[(b"host", b"evil.example")])[0]["status"] == 421
    start, body = through_guard(headers=[(b"Host", b"localhost")])
    assert (start["status"], body["body"]) == (200, b"page")
    assert (b"x-content-type-options", b"nosniff") in start["headers"]
    assert (b"content-security-policy", b"frame-ancestors 'self'") in start["headers"]


def test_the_guard_closes_web_sockets():
    sent = []

    async def app(scope, receive, send):
        raise AssertionError("a socket came through")

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, HERE)({"type": "websocket"}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# ---------------------------------------------------------------- with which pixels


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"), ("PNG", "1"), ("JPEG", "CMYK"), ("WEBP", "RGB")],
)
def test_pictures_of_every_mode_become_rgba(kind, mode):
    image = picture(mode="L").convert(mode) if mode in ("LA", "CMYK") else picture(mode=mode)
    pixels = open_picture(saved(image, kind))
    assert pixels.shape == (24, 32, 4)
    assert pixels.dtype == np.uint8


def test_a_lossless_picture_comes_through_unchanged():
    assert np.array_equal(open_picture(saved(picture())), np.asarray(picture()))


def wide_gamut() -> bytes:
    """A profile (ICC v2) with the primaries of Display P3, and a gamma of 2.2."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(65536 * value)) for value in values)

    def point(*values: float) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(*values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = {
        b"wtpt": point(0.9642, 1.0, 0.8249),
        b"rXYZ": point(0.5151, 0.2412, -0.0011),
        b"gXYZ": point(0.2919, 0.6922, 0.0419),
        b"bXYZ": point(0.1572, 0.0666, 0.7841),
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve),
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none\0",
    }
    table, body, place = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", place + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4sI", place + len(body), b"\0\0\0\0", 0x02100000)
    header += b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28) + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_colours_of_a_wide_gamut_are_brought_into_srgb(kind):
    """The red of sRGB, as a telephone with a P3 camera writes it down."""
    image = Image.new("RGB", (32, 24), (234, 51, 35))
    buffer = io.BytesIO()
    image.save(buffer, kind, icc_profile=wide_gamut(), quality=100)
    red = open_picture(buffer.getvalue())[12, 16]
    assert np.abs(red.astype(int) - (255, 0, 0, 255)).max() < 12
    assert open_picture(saved(image, kind))[12, 16][1] > 40  # without one, numbers are sRGB


def test_alpha_stays_beside_a_profile_and_a_damaged_one_is_none():
    image, buffer = picture(), io.BytesIO()
    for profile in (wide_gamut(), b"no profile", wide_gamut()[:200]):
        image.save(buffer, "PNG", icc_profile=profile)
        found = open_picture(buffer.getvalue())
        assert np.array_equal(found[..., 3], np.asarray(image)[..., 3])
        same = np.array_equal(found, np.asarray(image))
        assert same == (profile != wide_gamut())
        buffer = io.BytesIO()


def test_sixteen_bit_grey_is_not_clipped():
    grey = np.linspace(0, 65535, 32 * 24).reshape(24, 32).astype(np.uint16)
    pixels = open_picture(saved(Image.fromarray(grey)))
    assert 120 < pixels[..., 0].mean() < 135


def test_exif_turns_the_picture_and_is_left_behind():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    pixels = open_picture(saved(picture(mode="RGB"), "JPEG", exif=exif))
    assert type(pixels) is np.ndarray
    assert pixels.shape == (32, 24, 4)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "/etc/hostname",
        {"path": "/etc/hostname"},
        {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}},
        ["/etc/hostname"],
    ],
)
def test_nothing_but_bytes_is_taken(data):
    with pytest.raises(ImageError, match="choose a picture"):
        open_picture(data)


def bomb(side=13_300):
    """A PNG of 13,300² pixels in a few kilobytes, as a decompression bomb announces itself."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = zlib.compress(bytes(side * (1 + (side + 7) // 8)), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    data = bomb()
    assert len(data) < 600_000

    def load(*_):
        raise AssertionError("decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(ImageError, match="million pixels"):
        open_picture(data)


@pytest.mark.parametrize("side", [6_000, 13_300, 60_000])
def test_every_size_over_the_cap_is_named(side):
    header = bomb(8)
    body = b"IHDR" + struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    announced = header[:8] + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    with pytest.raises(ImageError, match="million pixels"):
        open_picture(announced + header[33:])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind, kept):
    data = saved(picture(256, 256, "RGB"), kind)
    with pytest.raises(ImageError):
        open_picture(data[: int(len(data) * kept)])


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not a PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a PNG, JPEG or WebP"),
        (saved(picture(mode="RGB"), "GIF"), "not a PNG, JPEG or WebP"),
        (saved(picture(4, 4)), "smaller than"),
        (b"\x00" * (MAX_UPLOAD_BYTES + 1), "larger than"),
    ],
)
def test_other_files_get_their_reason(data, says):
    with pytest.raises(ImageError, match=says):
        open_picture(data)


def test_a_path_in_a_request_reads_no_file(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(saved(picture()))

    def no_world():
        raise AssertionError("the world was woken")

    start_from = make_start_from(Engine(no_world, "none", []))
    for data in (
        {"path": str(secret)},
        {"path": str(secret), "meta": {"_type": "gradio.FileData"}},
        str(secret),
        SimpleNamespace(data={"path": str(secret)}, files=[]),
        SimpleNamespace(data={}, files=[("a.png", str(secret))]),
    ):
        answer = asyncio.run(start_from(data))
        assert answer == {"error": "Please choose a picture file: PNG, JPEG or WebP."}

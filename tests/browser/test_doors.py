"""Attacks on the running app over plain HTTP; no browser needed."""

from __future__ import annotations

import http.client
import io
import json
import uuid
from urllib.parse import urlsplit

import pytest
from PIL import Image

from tests.browser.conftest import FAKE, served
from tests.browser.serve_fake import TUNNEL_HOST
from tests.unit.test_ui_app import SCRIPT_FUNCTIONS, SERVER_FUNCTIONS
from tests.unit.test_ui_recipe import START
from tests.unit.test_ui_security import bomb

pytestmark = pytest.mark.timeout(240)
SERVER = "/gradio_api/component_server/"


def ask(url, method, path, body=None, **headers):
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def config_of(url):
    return json.loads(ask(url, "GET", "/config")[1])


def stage_of(url):
    return next(c for c in config_of(url)["components"] if c["props"].get("elem_id") == "stage")


def call(url, function, data, **headers):
    body = {"data": data, "component_id": stage_of(url)["id"], "fn_name": function}
    text = json.dumps({**body, "session_hash": "t"})
    return ask(url, "POST", SERVER, text, Content_Type="application/json", **headers)


def upload(url, contents, **fields):
    mark = uuid.uuid4().hex
    fields = {"component_id": stage_of(url)["id"], "fn_name": "start_from", **fields}
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {**fields, "session_hash": "t"}.items()
    ]
    if contents is not None:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        parts.append(head.encode() + contents + b"\r\n")
    body = b"".join(parts) + f"--{mark}--\r\n".encode()
    return ask(url, "POST", SERVER, body, Content_Type=f"multipart/form-data; boundary={mark}")


@pytest.fixture(params=["fake_url", "shared_url"])
def url(request):
    return request.getfixturevalue(request.param)


def test_only_known_functions_answer_and_no_event_but_those_of_scripts(url):
    config = config_of(url)
    events = [d["api_name"] for d in config["dependencies"] if d["backend_fn"]]
    assert sorted(events) == SCRIPT_FUNCTIONS
    functions = [f for c in config["components"] for f in c["props"].get("server_fns") or []]
    assert sorted(functions) == sorted(SERVER_FUNCTIONS)


def test_a_frame_is_answered(url):
    status, body, headers = call(url, "frame", {"seed": 1, "moves": {}, "seq": 4})
    assert status == 200
    assert json.loads(body)["seq"] == 4
    assert headers["x-content-type-options"] == "nosniff"


def test_the_tunnels_name_is_good_only_where_it_was_opened(fake_url, shared_url):
    assert ask(shared_url, "GET", "/", Host=TUNNEL_HOST)[0] == 200
    assert ask(fake_url, "GET", "/", Host=TUNNEL_HOST)[0] == 421


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "169.254.169.254"])
def test_a_wrong_host_gets_nothing(url, host):
    assert ask(url, "GET", "/", Host=host)[0] == 421
    assert ask(url, "GET", "/config", Host=host)[0] == 421
    assert call(url, "frame", {"seed": 1}, Host=host)[0] == 421


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:1"])
def test_another_site_gets_nothing(url, origin):
    assert call(url, "frame", {"seed": 1}, Origin=origin)[0] == 403


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "pyproject.toml"])
def test_no_file_of_the_server_can_be_read(url, path):
    for route in ("file=", "file/"):
        assert ask(url, "GET", f"/gradio_api/{route}{path}")[0] == 404
    status, body, _ = call(url, "start_from", {"path": path})
    assert (status, json.loads(body)) == (
        200,
        {"error": "Please choose a picture file: PNG, JPEG or WebP."},
    )


def test_a_path_as_a_form_field_is_no_file(url, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGBA", (32, 32), "red").save(secret)
    status, body, _ = upload(url, None, path=str(secret), file=str(secret))
    assert (status, list(json.loads(body))) == (200, ["error"])
    status, body, _ = upload(url, secret.read_bytes())
    assert (status, set(json.loads(body))) == (200, START)


def test_nothing_can_be_left_on_the_disk(url):
    assert ask(url, "POST", "/gradio_api/upload", b"x")[0] == 404
    assert ask(url, "POST", "/gradio_api/process_recording", b"x")[0] == 404


def test_a_bomb_is_refused_and_the_page_lives_on(url):
    status, body, _ = upload(url, bomb())
    assert status == 200
    assert "million pixels" in json.loads(body)["error"]
    assert call(url, "frame", {"seed": 1, "moves": {}})[0] == 200


def test_a_truncated_file_gets_a_sentence(url):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(buffer, "PNG")
    status, body, _ = upload(url, buffer.getvalue()[:900])
    assert (status, json.loads(body)["error"]) == (200, "This picture is damaged or cut short.")


def test_a_long_body_is_refused_before_it_is_read(url):
    headers = {"Content_Type": "application/json", "Content_Length": str(10**9)}
    assert ask(url, "POST", SERVER, b"", **headers)[0] == 413
    assert call(url, "frame", {"seed": 1, "moves": {"x" * 300_000: 1}})[0] == 413


@pytest.mark.parametrize("function", ["get_config", "postprocess", "__init__", "nothing"])
def test_other_methods_of_the_component_do_not_answer(url, function):
    assert call(url, function, {})[0] == 404


def test_a_password_keeps_the_functions_closed():
    with served(FAKE, "--password", "hush") as url:
        closed = ask(url, "POST", SERVER, b"{}", Content_Type="application/json")
        assert closed[0] == 401
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert ask(url, "POST", "/login", b"username=a&password=wrong", **form)[0] == 400
        status, _, headers = ask(url, "POST", "/login", b"username=a&password=hush", **form)
        assert status == 200
        assert "set-cookie" in headers

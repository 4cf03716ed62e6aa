"""The page's functions for scripts, through the real client and the guarded server."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.conftest import ROOT, WORLD
from tests.browser.test_doors import ask, config_of
from tests.conftest import draw_fruit, snapshot
from vae.ui.worlds import CHECKPOINTS

pytestmark = pytest.mark.timeout(240)
NAMES = ["/borrow", "/decode", "/describe", "/encode", "/sample"]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script as an artist would: in a process and a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def readme_example() -> str:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## From scripts")[1]
    found = re.search(r"```python\n(.*?)```", section.split("\n## ")[0], re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_example_of_the_readme_runs(world_url, tmp_path):
    world_before = snapshot(CHECKPOINTS / WORLD)
    Image.fromarray(draw_fruit(5, 96)).convert("RGB").save(tmp_path / "reference.jpg")
    code = readme_example()
    assert "http://127.0.0.1:7860" in code
    code = code.replace("http://127.0.0.1:7860", world_url)
    done = run(code + "\nimport json; print(json.dumps(again))", tmp_path)
    assert done.returncode == 0, done.stderr
    for number in range(4):
        with Image.open(tmp_path / f"warmer-{number}.png") as image:
            assert (image.mode, image.size) == ("RGBA", (256, 256))
    *_, warmth, again = done.stdout.splitlines()
    assert len(json.loads(warmth)) == 1
    assert [len(row) for row in json.loads(again).values()] == [1, 1]
    assert snapshot(CHECKPOINTS / WORLD) == world_before


def test_the_client_sees_five_functions_and_errors_in_words(world_url, tmp_path):
    code = f"""
import json
from gradio_client import Client
client = Client({world_url!r}, verbose=False)
info = client.view_api(return_format="dict", print_info=False)
tries = {{
    "/sample": dict(count=99),
    "/encode": dict(pictures=["/etc/passwd"]),
    "/describe": dict(pictures=[{{"path": "/etc/passwd", "meta": {{"_type": "gradio.File"}}}}]),
    "/decode": dict(latents={{"z": [[1.0]], "key": [[1.0]]}}),
    "/borrow": dict(latents={{}}, reference="", world="../pomona"),
}}
told = {{}}
for name, arguments in tries.items():
    try:
        client.predict(**arguments, api_name=name)
    except Exception as error:
        told[name] = str(error)
try:
    client.predict(["A" * 300_000], api_name="/encode")
except Exception as error:
    told["large"] = str(error)
print(json.dumps([info, told]))
"""
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    info, told = json.loads(done.stdout.splitlines()[-1])
    assert sorted(info["named_endpoints"]) == NAMES
    assert info["unnamed_endpoints"] == {}
    decode = info["named_endpoints"]["/decode"]
    assert [p["parameter_name"] for p in decode["parameters"]] == [
        "latents",
        "moves",
        "scale",
        "world",
    ]
    assert [p["python_type"]["type"] for p in decode["parameters"]][2] == "int"
    worlds = [e["parameters"][-1] for e in info["named_endpoints"].values()]
    assert {(p["parameter_name"], p["parameter_default"]) for p in worlds} == {("world", None)}
    assert all("Args:" in e["description"] for e in info["named_endpoints"].values())
    assert "count from 1 to 16" in told["/sample"]
    assert "addresses are not read" in told["/encode"]
    assert "found dict" in told["/describe"]
    assert "found (1, 1)" in told["/decode"]
    assert "world ../pomona is not here" in told["/borrow"]
    assert "413" in told["large"]


@pytest.mark.parametrize("where", ["fake_url", "shared_url"])
def test_nothing_else_was_opened_for_scripts(request, where):
    url = request.getfixturevalue(where)
    info = json.loads(ask(url, "GET", "/gradio_api/info")[1])
    assert sorted(info["named_endpoints"]) == NAMES
    assert info["unnamed_endpoints"] == {}
    events = [d for d in config_of(url)["dependencies"] if d["backend_fn"]]
    assert sorted("/" + d["api_name"] for d in events) == NAMES
    for path in ("call/sample", "run/sample", "api/sample", "upload", "cancel", "reset"):
        body = json.dumps({"data": [1, 43, 1.0]})
        status = ask(url, "POST", f"/gradio_api/{path}", body, Content_Type="application/json")[0]
        assert status == 404
    body = json.dumps({"data": ["A" * 300_000], "fn_index": events[0]["id"], "session_hash": "t"})
    path = "/gradio_api/queue/join"
    assert ask(url, "POST", path, body, Content_Type="application/json")[0] == 413
    foreign = {"Content_Type": "application/json", "Origin": "http://evil.example"}
    assert ask(url, "POST", path, "{}", **foreign)[0] == 403

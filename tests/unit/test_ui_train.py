"""What the Train tab may ask, answered by real screening and runs that are only made up."""

import asyncio
import base64
import io
import json
import shutil
import time
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_fruit
from vae.child import Estimate
from vae.errors import TrainingError
from vae.ledger import Status
from vae.mirror import Mirror
from vae.presets import PRESETS
from vae.screening import Manifest
from vae.ui.language import speaking
from vae.ui.train import train_functions
from vae.ui.train_desk import Desk
from vae.ui.train_request import read_changes
from vae.ui.train_runs import csv_of, plain

BATCH, OTHER = "0" * 32, "1" * 32


class FakeJobs:
    """Keeps what was asked of it."""

    def __init__(self, folder):
        self.asked, self.folder = [], folder

    def presets(self):
        return PRESETS

    def estimate(self, request):
        self.asked.append(("estimate", request))
        return Estimate(
            seconds=61.234567,
            memory_bytes=7 * 10**8,
            device="cpu",
            images_per_second=48.0,
            num_images=12,
            disk_bytes=10**6,
            notes=("a run may take up to 2 images",),
        )

    def grant(self):
        return "granted"

    def submit(self, request, grant, *, visitor):
        assert grant == "granted"
        self.visitor = visitor
        assert Manifest.load(request.manifest).consent
        self.asked.append(("submit", request))
        return "run-1"

    def list(self):
        coach = {"code": "learning", "sentence": "it learns"}
        run = Status(id="run-1", name="meadow", state="training", coach=coach, updated=1795600123.5)
        return (replace(run, seconds_left=float("nan")),)

    def records(self, run, since):
        assert run == "run-1"
        records = [{"kind": "step", "step": 2, "total": 0.5}, {"kind": "test", "step": 2, "x": 1}]
        return records[since:], 2

    def pictures(self, run):
        path = self.folder / "4.webp"
        path.write_bytes(b"sheet")
        return [(4, path)]

    def kept_picture(self, run):
        path = self.folder / "kept.webp"
        return path if path.exists() else None

    def live_picture(self, run):
        path = self.folder / "live.webp"
        return path if path.exists() else None

    def mirror(self, run):
        return Mirror(rows=((b"s", b"n", 0.51234),), score=0.5, warning="it copies")

    def forget(self, run, *, confirm):
        assert confirm is True
        if run != "run-1":
            raise TrainingError("there is no such run; it may have been removed")
        self.asked.append(("forget", run))

    def close(self):
        self.asked.append("close")

    def __getattr__(self, name):
        if name in ("pause", "resume", "stop", "save", "extend"):
            return lambda *asked: self.asked.append((name, *asked))
        raise AttributeError(name)


@pytest.fixture
def desk(tmp_path):
    worlds = tmp_path / "worlds"
    for name in ("pomona", "mine"):
        (worlds / name).mkdir(parents=True)
        for file in ("config.json", "sliders.json", "model.safetensors"):
            (worlds / name / file).write_bytes(b"{}")
    (worlds / "mine" / "training.json").write_text("{}")
    desk = Desk(tmp_path / "runs", worlds, make_jobs=lambda: FakeJobs(tmp_path))
    yield desk
    desk.close()


@pytest.fixture
def ask(desk):
    return asking(desk)


def asking(desk):
    functions = {function.__name__: function for function in train_functions(desk)}

    def call(name, data=None, /, **fields):
        return asyncio.run(functions[name](fields if data is None else data))

    return call


def piece(data, **fields):
    given = {"batch": BATCH, "part": OTHER, "name": "a.png", "offset": "0", "size": len(data)}
    return SimpleNamespace(data={**given, **fields}, files=[("a.png", data)])


def drawing(seed=0, side=96):
    buffer = io.BytesIO()
    Image.fromarray(draw_fruit(seed, side)).save(buffer, "PNG")
    return buffer.getvalue()


def lay_out(ask, files):
    for name, data in files.items():
        assert ask("put", piece(data, name=name)) == {"done": len(data)}
    assert ask("screen", batch=BATCH) == {"running": True}
    return looked(ask)


def looked(ask):
    deadline = time.monotonic() + 120
    while (answer := ask("glance", batch=BATCH))["running"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not answer["error"]
    return answer


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A batch of eleven good drawings and a bad one that was looked at once, to be copied."""
    folder = tmp_path_factory.mktemp("table")
    desk = Desk(folder, folder / "worlds", make_jobs=lambda: FakeJobs(folder))
    files = {f"{seed:02d}.png": drawing(seed) for seed in range(11)}
    lay_out(asking(desk), {**files, "broken.png": drawing(3)[:200]})
    desk.close()
    return desk.staging.path(BATCH)


@pytest.fixture
def laid(ask, desk, table):
    shutil.copytree(table, desk.staging.path(BATCH))
    return ask("glance", batch=BATCH)


# ---------------------------------------------------------------- pictures in


def test_a_bad_file_among_good_ones_has_its_reason_and_the_rest_goes_on(ask, laid):
    by_name = {row["name"]: row for row in laid["rows"]}
    assert sum(row["kept"] for row in laid["rows"]) == 11
    bad = by_name["broken.png"]
    assert not bad["kept"]
    assert bad["reasons"][0].endswith(".")
    assert laid["content"].startswith("Not screened for content")
    assert laid["files"] == 12
    assert "rows" not in ask("glance", batch=BATCH, version=laid["version"])


def test_small_pictures_come_by_row_as_webp(ask, laid):
    rows = [number for number, row in enumerate(laid["rows"]) if row["thumb"]]
    thumbs = ask("thumbs", batch=BATCH, rows=rows)["thumbs"]
    assert sorted(map(int, thumbs)) == rows
    image = Image.open(io.BytesIO(base64.b64decode(thumbs[str(rows[0])])))
    assert image.format == "WEBP"


@pytest.mark.parametrize("rows", [None, "all", [-1], [10**6], ["../x"], [True], list(range(100))])
def test_rows_that_are_not_there_are_refused(ask, laid, rows):
    assert set(ask("thumbs", batch=BATCH, rows=rows)) == {"error"}


def test_the_artist_leaves_one_out_and_takes_it_back(ask, desk, laid):
    row = next(number for number, row in enumerate(laid["rows"]) if row["kept"])
    out = ask("leave", batch=BATCH, row=row)
    assert out["rows"][row]["left"]
    assert out["rows"][row]["reasons"] == ["You left it out."]
    assert len(desk.manifest(BATCH).kept) == 10
    desk.manifest(BATCH).verify()  # what is left out is not among the images
    back = ask("leave", batch=BATCH, row=row, out=False)
    assert back["rows"][row]["kept"]
    desk.manifest(BATCH).verify()
    refused = next(number for number, row in enumerate(laid["rows"]) if not row["kept"])
    assert "error" in ask("leave", batch=BATCH, row=refused, out=False)


def test_another_server_finds_what_was_laid_out(ask, desk, laid, tmp_path):
    later = Desk(tmp_path / "runs", desk.worlds, make_jobs=lambda: FakeJobs(tmp_path))
    assert len(later.manifest(BATCH).kept) == 11
    later.close()


def test_a_picture_is_shown_before_and_after_it_is_prepared(ask, laid):
    answer = ask("paper", batch=BATCH, row=0, crop="fit", paper=True)
    for which in ("before", "after"):
        image = Image.open(io.BytesIO(base64.b64decode(answer[which])))
        assert (image.format, image.mode) == ("PNG", "RGBA")


def test_one_out_of_a_zip_is_shown_too(ask):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for seed in range(3):
            packed.writestr(f"set/{seed}.png", drawing(seed))
    laid = lay_out(ask, {"all.zip": buffer.getvalue()})
    assert len([row for row in laid["rows"] if row["kept"]]) == 3
    assert set(ask("paper", batch=BATCH, row=0, paper=True)) == {"before", "after"}


@pytest.mark.parametrize(
    "data",
    [
        None,
        "a.png",
        {"path": "/etc/hostname"},
        SimpleNamespace(data={"batch": BATCH}, files=[]),
        SimpleNamespace(data={"batch": BATCH}, files=[("a.png", "/etc/hostname")]),
        SimpleNamespace(data=None, files=[("a.png", b"x")]),
    ],
)
def test_a_path_is_no_file(ask, desk, data):
    assert ask("put", data) == {"error": "This file could not be sent."}
    assert ask("unpack", data) == {"error": "This file could not be sent."}
    assert not desk.staging.folder.exists()


def test_nothing_can_be_looked_at_where_nothing_is(ask):
    assert ask("screen", batch=BATCH) == {"error": "Please add some drawings first."}
    assert "no longer here" in ask("screen", batch="../..")["error"]
    assert ask("screen", [])["error"]


def test_starting_over_forgets_the_pictures(ask, desk, laid):
    assert ask("forget", batch=BATCH) == {}
    assert not desk.staging.path(BATCH).exists()
    assert "rows" not in ask("glance", batch=BATCH)


def test_numbers_that_are_made_up_are_not_remembered(ask, desk, laid):
    for number in range(50):
        assert ask("glance", batch=f"{number + 7:032x}")["running"] is False
        assert "error" in ask("train", wish(batch=f"{number + 7:032x}"))
    assert list(desk._looks) == [BATCH]
    desk.staging.remove(BATCH)  # as when it is swept
    assert "rows" not in ask("glance", batch=BATCH)
    assert desk._looks == {}


def test_looks_at_batches_that_were_swept_go_with_the_next(ask, desk, laid, table):
    desk.staging.remove(BATCH)
    shutil.copytree(table, desk.staging.path(OTHER))
    assert ask("glance", batch=OTHER)["rows"]
    assert list(desk._looks) == [OTHER]


@pytest.fixture(params=[True, False])
def out(request):
    """Whether a picture is left out, or taken back."""
    return request.param


@pytest.fixture
def row(ask, laid, out):
    """A picture that can be left out, or taken back."""
    row = next(number for number, row in enumerate(laid["rows"]) if row["kept"])
    if not out:
        ask("leave", batch=BATCH, row=row)
    return row


def test_a_disk_that_refuses_leaves_a_batch_whole(ask, desk, row, out, monkeypatch):
    before = desk.manifest(BATCH)

    def full(manifest):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Manifest, "save", full)
        assert "error" in ask("leave", batch=BATCH, row=row, out=out)
    assert desk.manifest(BATCH) == before == Manifest.load(before.folder)
    before.verify()
    assert ask("leave", batch=BATCH, row=row, out=out)["rows"][row]["left"] is out
    desk.manifest(BATCH).verify()


def test_a_killed_server_leaves_a_batch_that_the_next_makes_whole(desk, ask, row, out, tmp_path):
    manifest = desk.manifest(BATCH)
    name = manifest.verdicts[row].clean
    ends = [manifest.images / name, manifest.folder.parent / "left" / name]
    source, target = ends if out else reversed(ends)
    target.parent.mkdir(exist_ok=True)
    source.replace(target)  # and no manifest
    later = Desk(tmp_path / "runs", desk.worlds, make_jobs=lambda: FakeJobs(tmp_path))
    later.manifest(BATCH).verify()
    later.close()


@pytest.mark.parametrize("moment", ["begin", "listed", "middle"])
def test_what_is_forgotten_while_it_is_looked_at_stays_forgotten(desk, ask, moment, monkeypatch):
    from vae.screening import run

    for seed in range(3):
        ask("put", piece(drawing(seed), name=f"{seed}.png"))
    places = {
        "begin": (run, "load_check"),
        "listed": (run._Decoders, "__enter__"),
        "middle": (run._Judge, "add"),
    }
    place = places[moment]
    real = getattr(*place)

    def forgetful(*arguments):
        desk.forget(BATCH)
        return real(*arguments)

    monkeypatch.setattr(*place, forgetful)
    assert ask("screen", batch=BATCH) == {"running": True}
    desk._looking.submit(int).result()  # after the look
    assert not desk.staging.path(BATCH).exists()
    assert desk._looks == {}


def test_a_batch_that_is_laid_again_while_it_is_forgotten_keeps_its_files(desk, ask, monkeypatch):
    from vae.screening import run

    ask("put", piece(drawing(0)))
    real, begun = run.load_check, []

    def forgetful(settings):
        if not begun:
            begun.append(ask)
            desk.forget(BATCH)
            ask("put", piece(drawing(1), name="b.png"))
            ask("screen", batch=BATCH)
        return real(settings)

    monkeypatch.setattr(run, "load_check", forgetful)
    ask("screen", batch=BATCH)
    desk._looking.submit(int).result()
    looked(ask)
    assert [v.name for v in desk.manifest(BATCH).verdicts] == ["b.png"]
    assert [path.name for path in desk.staging.files(BATCH)] == ["b.png"]


def test_answers_come_in_the_language_of_the_request(ask):
    with speaking("zh-CN"):
        assert ask("screen", batch=BATCH) == {"error": "请先添加一些画。"}


def red(seed=1):
    pixels = draw_fruit(seed, 96)
    pixels[..., 0], pixels[..., 1:3] = 230, pixels[..., 1:3] // 3
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def watched(desk, fake_transformers, tmp_path):
    """The desk again, as a server with a content check has it."""
    watched = Desk(
        tmp_path / "runs",
        desk.worlds,
        make_jobs=lambda: FakeJobs(tmp_path),
        classifier=fake_transformers,
        refuse=("nsfw",),
    )
    yield watched
    watched.close()


def test_a_content_check_of_the_servers_refuses_and_is_named(watched):
    ask = asking(watched)
    laid = lay_out(ask, {"red.png": red(), "grey.png": drawing(2)})
    assert {row["name"]: row["kept"] for row in laid["rows"]} == {
        "grey.png": True,
        "red.png": False,
    }
    assert laid["rows"][1]["reasons"] == ["The content check took this for “nsfw”."]
    assert laid["content"] == (
        "What they show was checked by watchful for nsfw (from 0.5 on). "
        "What has passed is not called safe."
    )
    with speaking("zh-CN"):
        said = ask("glance", batch=BATCH)["content"]
    assert said == "图片的内容已由 watchful 检查是否含有 nsfw（从 0.5 起）。通过检查不等于安全。"


def test_what_was_laid_out_before_there_was_a_check_is_looked_at_again(watched, laid, desk):
    ask = asking(watched)
    assert "rows" not in ask("glance", batch=BATCH)
    assert "no longer here" in ask("train", wish())["error"]
    ask("screen", batch=BATCH)
    assert "checked by watchful" in looked(ask)["content"]
    later = Desk(watched.staging.folder.parent, desk.worlds)  # as without the option: more is known
    assert "checked by watchful" in asking(later)("glance", batch=BATCH)["content"]
    later.close()


# ---------------------------------------------------------------- a run


def wish(**changes):
    given = {"batch": BATCH, "preset": "taste", "start": "pomona", "name": " My meadow "}
    return {**given, "changes": {}, "consent": True, **changes}


def test_a_run_begins_with_consent_and_a_grant(ask, desk, laid):
    assert ask("train", wish(changes={"minutes": 2, "augment": "flip"})) == {"id": "run-1"}
    kind, request = desk.jobs.asked[-1]
    assert (kind, request.name, request.start) == ("submit", "My meadow", "pomona")
    assert request.changes == {"minutes": 2.0, "augment": "flip"}
    assert Manifest.load(request.manifest).consent.who == "page"


def test_a_run_starts_from_the_nearest_world_unless_told(ask, desk, laid, monkeypatch):
    asked = []

    def nearest(pictures, worlds):
        asked.append([path.exists() for path in pictures])
        return next(place for place in worlds if place.name == "pomona")

    monkeypatch.setattr("vae.starting.nearest_world", nearest)
    for unsaid in ({"start": None}, {"start": ""}):
        assert ask("cost", wish(**unsaid))["start"] == "pomona"
    assert len(asked) == 1
    assert asked[0].count(True) == len(asked[0]) >= 10
    assert ask("train", wish(start=None)) == {"id": "run-1"}
    assert desk.jobs.asked[-1][1].start == "pomona"
    assert ask("cost", wish(start="mine"))["start"] == "mine"
    assert ask("cost", wish(preset="scratch", start=None))["start"] is None
    assert len(asked) == 1
    ask("leave", batch=BATCH, row=0)
    ask("cost", wish(start=None))
    assert len(asked[1]) == len(asked[0]) - 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"consent": "yes"}, "may use"),
        ({"name": "  "}, "name"),
        ({"name": 3}, "name"),
        ({"preset": "all"}, "could not be done"),
        ({"start": "nowhere"}, "no world"),
        ({"start": "../pomona"}, "no world"),
        ({"changes": {"minutes": 10**6}}, "Minutes must be a number from 0.2 to 240"),
        ({"changes": {"minutes": True}}, "Minutes must"),
        ({"changes": {"seed": 0.5}}, "Seed must"),
        ({"changes": {"folder": "/"}}, "could not be done"),
        ({"changes": [1]}, "could not be done"),
        ({"batch": OTHER}, "no longer here"),
    ],
)
def test_a_wish_that_cannot_be_gets_its_sentence(ask, desk, laid, changes, says):
    assert says in ask("train", wish(**changes))["error"]
    assert desk.jobs.asked == []


def test_too_few_pictures_are_said_with_their_number(ask, laid):
    for row in (0, 1):
        ask("leave", batch=BATCH, row=row)
    assert "10 pictures at least are needed, and 9" in ask("train", wish())["error"]


def test_from_scratch_starts_from_nothing(ask, desk, laid):
    assert ask("cost", wish(preset="scratch"))["images_per_second"] == 48
    assert desk.jobs.asked[-1][1].start is None


def test_one_estimate_at_a_time(ask, desk, laid):
    with desk._trying:
        assert "Another estimate" in ask("cost", wish())["error"]
    answer = ask("cost", wish())
    assert (answer["device"], answer["memory_bytes"]) == ("cpu", 7 * 10**8)
    assert answer["notes"] == ["A run may take up to 2 images."]


def test_watching_tells_all_runs_and_what_is_new_of_one(ask):
    told = ask("watch")
    assert set(told) == {"runs"}
    assert told["runs"][0]["coach"]["sentence"] == "It learns."
    assert told["runs"][0]["updated"] == 1795600123.5
    told = ask("watch", id="run-1", since=1)
    assert [record["kind"] for record in told["records"]] == ["test"]
    assert (told["next"], told["steps"]) == (2, [4])
    json.dumps(told, allow_nan=False)
    assert "records" not in ask("watch", id="run-9", since=0)
    assert "error" in ask("watch", id="run-1", since=-1)


def test_sheets_are_asked_for_by_step(ask):
    assert base64.b64decode(ask("sheet", id="run-1", step=4)["sheet"]) == b"sheet"
    assert "error" in ask("sheet", id="run-1", step=5)
    assert "error" in ask("sheet", id="run-1", step="../4")


def test_the_sheet_of_what_is_kept_is_told_of_and_given(ask, desk):
    assert ask("watch", id="run-1", since=0)["kept"] is False
    assert "error" in ask("sheet", id="run-1", step="kept")
    (desk.jobs.folder / "kept.webp").write_bytes(b"of the world")
    assert ask("watch", id="run-1", since=0)["kept"] is True
    assert base64.b64decode(ask("sheet", id="run-1", step="kept")["sheet"]) == b"of the world"


def test_the_sheet_that_is_being_drawn_is_told_of_by_its_time_and_given(ask, desk):
    assert ask("watch", id="run-1", since=0)["live"] is None
    assert "error" in ask("sheet", id="run-1", step="live")
    path = desk.jobs.folder / "live.webp"
    path.write_bytes(b"tiles")
    assert ask("watch", id="run-1", since=0)["live"] == path.stat().st_mtime_ns // 10**6
    assert base64.b64decode(ask("sheet", id="run-1", step="live")["sheet"]) == b"tiles"
    assert "error" in ask("sheet", id="run-1", step="other")


def test_control_does_what_it_may_and_nothing_else(ask, desk):
    for act in ("pause", "resume", "stop", "save"):
        assert ask("control", id="run-1", act=act) == {}
    assert ask("control", id="run-1", act="extend", minutes=5) == {}
    assert desk.jobs.asked == [*((a, "run-1") for a in ("pause", "resume", "stop", "save")),
                               ("extend", "run-1", 5.0)]  # fmt: skip
    for act in ("close", "forget", "grant", "__init__", None):
        assert "error" in ask("control", id="run-1", act=act)
    for minutes in (None, 0, -1, 10**6, True, "5", float("nan")):
        assert "error" in ask("control", id="run-1", act="extend", minutes=minutes)


def test_a_run_is_taken_off_the_list(ask, desk):
    assert ask("forget_run", id="run-1") == {}
    assert desk.jobs.asked == [("forget", "run-1")]
    assert ask("forget_run", id="run-2")["error"].startswith("There is no such run")


def test_the_mirror_has_numbers_and_a_warning(ask):
    told = ask("mirror", id="run-1")
    assert told["rows"][0]["number"] == 0.512
    assert (told["score"], told["warning"]) == (0.5, "It copies.")


def test_the_table_of_records_has_a_column_a_number():
    records = [
        {"kind": "step", "step": 1, "total": 0.5, "note": "=cmd()", "coach": {"a": 1}},
        {"kind": "test", "step": 2, "psnr": float("nan"), "on": True},
        {"kind": '=cmd("x")', "step": 3},
    ]
    lines = csv_of(records).splitlines()
    assert lines[0] == "kind,step,psnr,total"
    assert lines[1:] == ["step,1,,0.5", "test,2,nan,", ",3,,"]


def test_a_run_of_records_is_asked_for_as_csv(ask):
    told = ask("csv", id="run-1")
    assert told["name"] == "run-1.csv"
    assert told["csv"].splitlines()[0] == "kind,step,total,x"


def test_numbers_that_are_none_become_null():
    found = plain({"a": float("inf"), "b": [np.float64(0.123456789)], "c": (1, None, "x")})
    assert found == {"a": None, "b": [0.123457], "c": [1, None, "x"]}


@pytest.mark.parametrize("changes", [None, {}])
def test_no_changes_are_none(changes):
    assert read_changes(changes) == {}


# ---------------------------------------------------------------- worlds


def test_the_shelf_knows_which_worlds_were_made_here(ask):
    told = ask("shelf")
    assert (told["worlds"], told["own"]) == (["mine", "pomona"], ["mine"])
    assert [preset["name"] for preset in told["presets"]] == ["taste", "proper", "scratch"]


def test_a_world_goes_out_and_comes_in_by_pieces(ask, desk, tiny_world, monkeypatch):
    shutil.copytree(tiny_world, desk.worlds / "tiny")
    monkeypatch.setattr("vae.ui.packing.PIECE_BYTES", 50_000)
    data, size, digest = b"", 1, ""
    while len(data) < size:
        told = ask("pack", name="tiny", offset=len(data), digest=digest)
        data, size, digest = data + base64.b64decode(told["piece"]), told["size"], told["digest"]
    half = len(data) // 2
    first = ask("unpack", piece(data[:half], name="tiny.zip", size=len(data)))
    assert first == {"done": half}
    last = piece(data[half:], name="tiny.zip", offset=half, size=len(data))
    assert ask("unpack", last) == {"done": size, "name": "tiny-2"}
    assert "tiny-2" in ask("shelf")["own"]
    assert list(desk.staging.folder.iterdir()) == []
    assert ask("delete_world", name="tiny-2") == {}
    assert "tiny-2" not in ask("shelf")["worlds"]


def test_a_zip_that_is_no_world_is_refused_and_swept_away(ask, desk):
    answer = ask("unpack", piece(b"PK no", name="w.zip"))
    assert "ZIP" in answer["error"]
    assert list(desk.staging.folder.iterdir()) == []
    assert desk.world_names() == ["mine", "pomona"]


@pytest.mark.parametrize("name", ["", "..", "../worlds/mine", "nowhere", None])
def test_worlds_that_are_not_here_are_neither_sent_nor_deleted(ask, desk, name):
    for errand in ("pack", "delete_world"):
        answer = ask(errand, name=name, offset=0)
        assert answer == {"error": "There is no world of this name here."}


def test_a_shipped_world_is_not_deleted(ask, desk):
    assert "came with the program" in ask("delete_world", name="pomona")["error"]
    assert "pomona" in desk.world_names()

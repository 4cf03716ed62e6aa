"""One visitor among several: who is asking, and how much of the room is theirs."""

import asyncio

import pytest

from tests.jobs_support import request, screened, worlds_with
from vae.errors import DatasetError, TrainingError
from vae.jobs import Jobs
from vae.ui.language import speaking
from vae.ui.security import Guard, hosts_for
from vae.ui.train_answer import answered, spoken
from vae.ui.train_staging import Caps, Staging
from vae.ui.visitor import fingerprint, visited_by, visitor

ANNA, BERT = "192.0.2.7", "192.0.2.8"


def put(staging, batch, size=10, *, name="a.png", part=None):
    return staging.put(
        f"{batch:032x}", part or f"{batch:032x}", name, b"x" * size, offset=0, size=size
    )


# ---------------------------------------------------------------- who


def test_an_address_is_kept_as_a_fingerprint_alone():
    assert len(fingerprint(ANNA)) == 16
    assert "192" not in fingerprint(ANNA)
    assert fingerprint(ANNA) != fingerprint(BERT)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),  # one household
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.7", ANNA, True),
        ("fe80::1%eth0", "fe80::2", True),
        ("unix", "testclient", False),
        ("", "", True),
    ],
)
def test_who_is_one_visitor(one, other, same):
    assert (fingerprint(one) == fingerprint(other)) is same


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "", None])
def test_who_sits_at_this_machine_is_no_visitor(address):
    with visited_by(address):
        assert visitor() == ""


def test_the_guard_says_who_asks_to_whatever_works_for_the_request():
    heard = []

    def note(data):
        heard.append(visitor())
        return {}

    work = answered(note)

    async def page(scope, receive, send):
        await work({})  # on a thread of its own

    async def ask(address):
        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        scope["client"] = address and (address, 5)
        await Guard(page, hosts_for("127.0.0.1"))(scope, None, None)  # type: ignore[arg-type]

    async def both():
        await asyncio.gather(ask(ANNA), ask(BERT), ask(None))

    asyncio.run(both())
    assert sorted(heard) == sorted([fingerprint(ANNA), fingerprint(BERT), ""])
    assert visitor() == ""


# ---------------------------------------------------------------- pictures


def test_a_visitor_has_so_many_tables_and_the_others_theirs(tmp_path):
    staging = Staging(tmp_path, Caps(visitor_batches=2))
    with visited_by(ANNA):
        put(staging, 1)
        put(staging, 2)
        with pytest.raises(DatasetError, match="2 tables here, which is the most for one visitor"):
            put(staging, 3)
        put(staging, 2, part="b" * 32)  # those that are there may grow
    again = Staging(tmp_path, Caps(visitor_batches=2))  # as after a restart
    with visited_by(ANNA), pytest.raises(DatasetError, match="2 tables"):
        put(again, 3)
    with visited_by(BERT):
        put(again, 3)
    with visited_by(ANNA):
        again.remove(f"{1:032x}")
        put(again, 4)


def test_who_sits_at_this_machine_has_as_many_tables_as_it_holds(tmp_path):
    staging = Staging(tmp_path, Caps(visitor_batches=2, visitor_bytes=15, batches=6))
    with visited_by("127.0.0.1"):
        for number in range(6):
            put(staging, number)
        with pytest.raises(DatasetError, match="Too many people"):
            put(staging, 6)


def test_all_tables_of_a_visitor_hold_so_many_bytes(tmp_path):
    staging = Staging(tmp_path, Caps(visitor_bytes=10 * 2**20))
    mega = 4 * 2**20
    with visited_by(ANNA):
        put(staging, 1, mega)
        put(staging, 2, mega)
        with pytest.raises(DatasetError, match="hold 10 MB at most"):
            put(staging, 2, mega, part="b" * 32)
        with pytest.raises(DatasetError, match="hold 10 MB at most"):
            put(staging, 3, mega)
        assert [len(staging.files(f"{n:032x}")) for n in (1, 2, 3)] == [1, 1, 0]
    with visited_by(BERT):
        put(staging, 3, mega)
        with pytest.raises(DatasetError, match="hold 10 MB at most"):
            put(staging, 2, mega, part="c" * 32)  # into another's table: it counts there


# ---------------------------------------------------------------- runs


def test_a_visitor_has_so_many_runs_waiting_and_the_others_theirs(tmp_path, tiny_world):
    data = screened(tmp_path)
    worlds = worlds_with(tiny_world, tmp_path / "worlds")
    jobs = Jobs(tmp_path / "runs", worlds, waiting=2, run=False)

    def ask(who):
        return jobs.submit(request(data), jobs.grant(), visitor=who)

    first, second = ask("anna"), ask("anna")
    says = "2 runs of yours are waiting, and 2 are the most for one visitor"
    with pytest.raises(TrainingError, match=says) as caught:
        ask("anna")
    with speaking("zh-CN"):
        assert spoken(str(caught.value)).startswith("你有 2 次训练在等待")
    jobs.pause(first)  # out of the line, and still not begun
    with pytest.raises(TrainingError, match=says):
        ask("anna")
    ask("bert")
    assert [ask(None) for _ in range(3)]  # from the shell of this machine
    assert len(jobs.list()) == 6
    again = Jobs(tmp_path / "runs", worlds, waiting=2, run=False)
    with pytest.raises(TrainingError, match=says):
        again.submit(request(data), again.grant(), visitor="anna")
    jobs.stop(second)
    assert ask("anna")


@pytest.mark.parametrize("linked", [True, False])
def test_the_pictures_of_a_run_are_on_the_disk_before_it_is_there(
    tmp_path, tiny_world, published, linked, monkeypatch
):
    def no_links(*_):
        raise OSError("this disk has no links")

    data = screened(tmp_path)
    worlds = worlds_with(tiny_world, tmp_path / "worlds")
    jobs = Jobs(tmp_path / "runs", worlds, run=False)
    grant = jobs.grant()
    if not linked:
        monkeypatch.setattr("os.link", no_links)
    run = jobs.submit(request(data), grant)
    assert len(list((jobs.folder / run / "data" / "images").iterdir())) == 12
    assert published[run] == []

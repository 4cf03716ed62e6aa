"""Grants: only this server's, unaltered, in time; and only screened, unchanged, agreed pictures."""

from dataclasses import replace

import pytest

from tests.jobs_support import screened
from vae.errors import DatasetError, TrainingError
from vae.guard import Authority, Caps, Grant, check_manifest, train
from vae.screening import Manifest


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "runs")


def test_a_grant_of_this_server_is_good_and_survives_json(authority):
    grant = authority.grant(Caps(images=20, minutes=2))
    authority.check(Grant.from_dict(grant.to_dict()))
    assert (grant.images, grant.minutes) == (20, 2)
    assert Authority(authority.path.parent).check(grant) is None  # the same server, restarted


def test_the_key_is_for_its_owner_alone(authority):
    authority.grant()
    assert authority.path.stat().st_mode & 0o077 == 0
    assert [p.name for p in authority.path.parent.iterdir()] == [".key"]


@pytest.mark.parametrize(
    "change",
    [{"images": 9999}, {"minutes": 1e4}, {"disk": 1 << 60}, {"expires": 1e12}, {"nonce": "0"}],
)
def test_an_altered_grant_is_refused(authority, change):
    with pytest.raises(TrainingError, match="not allowed by the server"):
        authority.check(replace(authority.grant(), **change))


def test_another_servers_grant_is_refused(authority, tmp_path):
    other = Authority(tmp_path / "elsewhere")
    other.grant()
    with pytest.raises(TrainingError, match="not allowed by the server"):
        other.check(authority.grant())
    with pytest.raises(TrainingError, match="not allowed by the server"):
        Authority(tmp_path / "none").check(authority.grant())


def test_a_grant_expires(authority):
    with pytest.raises(TrainingError, match="expired"):
        authority.check(authority.grant(seconds=-1))


def test_a_damaged_grant_is_named():
    with pytest.raises(TrainingError, match="damaged"):
        Grant.from_dict({"images": 3})


def test_training_is_called_only_with_what_is_good(authority, tmp_path):
    manifest = Manifest.load(screened(tmp_path, 10))
    grant = authority.grant()
    called = []

    def session(*given):
        called.append(given)
        return "trained"

    assert train(manifest, grant, authority=authority, session=session) == "trained"
    assert called == [(manifest, grant)]
    for bad, says in (
        (replace(manifest, consent=None), "confirm first"),
        (replace(manifest, verdicts=manifest.verdicts[:9]), "at least 10 images"),
    ):
        with pytest.raises(DatasetError, match=says):
            train(bad, grant, authority=authority, session=session)
    with pytest.raises(DatasetError, match="at most 5 images"):
        check_manifest(manifest, Caps(images=5))
    picture = manifest.images / str(manifest.kept[3].clean)
    picture.write_bytes(picture.read_bytes() + b"x")
    with pytest.raises(DatasetError, match="changed after the screening"):
        train(manifest, grant, authority=authority, session=session)
    assert len(called) == 1


def test_caps_are_said_in_words():
    assert Caps().sentence() == (
        "A run may take up to 2,000 images, 240 minutes, 500,000 steps and 2.0 GB of disk."
    )

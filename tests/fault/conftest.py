"""Screened pictures, and runs that are worked on in this process."""

from __future__ import annotations

import pytest

from tests.jobs_support import screened, worlds_with
from vae.jobs import Jobs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return screened(tmp_path_factory.mktemp("data"))


@pytest.fixture
def jobs(tmp_path, tiny_world):
    worlds = worlds_with(tiny_world, tmp_path / "worlds")
    one = Jobs(tmp_path / "runs", worlds, run=False)
    yield one
    one.close()

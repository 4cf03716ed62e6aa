"""What the tests of the page's handlers share: the engine of a drawn world."""

from collections.abc import Iterator

import pytest

from tests.browser.fake_world import FakeWorld
from vae.ui.engine import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(FakeWorld, FakeWorld.name, FakeWorld.sliders)
    yield engine
    engine.close()

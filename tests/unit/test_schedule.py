"""The rate over a run: warm, down by a cosine, and sensible when the end is put off."""

import itertools
import math

import pytest

from vae.protocols import get_protocol
from vae.schedule import AGAIN, Schedule

PROTOCOL = get_protocol("finetune", steps=100, warmup=10)


def rates(schedule, steps, total, protocol=PROTOCOL):
    return [schedule.scale(protocol, step=s, done=s, total=total) for s in steps]


def test_one_stretch_is_the_plain_cosine_with_a_warm_up():
    found = rates(Schedule(), range(100), 100)
    for step, rate in enumerate(found):
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / 100))
        assert rate == pytest.approx(min(1.0, (step + 1) / 10) * cosine, rel=1e-12)


@pytest.mark.parametrize("at", [5, 50, 90, 100])
def test_an_extension_begins_where_the_rate_is_and_ends_low(at):
    before = Schedule().scale(PROTOCOL, step=at, done=at, total=100)
    later = Schedule().next(PROTOCOL, step=at, done=at, total=100)
    found = rates(later, range(at, 200), 200)
    assert max(found) <= max(before, AGAIN) + 1e-9
    assert abs(found[0] - before) <= 0.1 * max(before, AGAIN)  # no jump
    assert found[-1] < 0.02
    peak = found.index(max(found))
    assert all(a >= b for a, b in itertools.pairwise(found[peak:]))


def test_extending_again_and_again_does_not_climb_back():
    one = Schedule()
    for end in (100, 200, 300):
        one = one.next(PROTOCOL, step=end, done=end, total=end)
    assert one.top == pytest.approx(AGAIN**3, rel=0.3)


def test_a_constant_rate_stays_constant_and_eased_stays_eased():
    flat = get_protocol("43-vae", epochs=1)
    assert rates(Schedule(), range(5), 5, flat) == [1.0] * 5
    assert Schedule(ease=0.25).next(PROTOCOL, step=3, done=3, total=9).ease == 0.25


def test_a_run_shorter_than_its_warm_up_is_warm_after_a_tenth_of_it():
    long = get_protocol("finetune", minutes=1, warmup=100)
    found = [Schedule().scale(long, step=s, done=s, total=40.0) for s in range(40)]
    assert found[0] == pytest.approx(0.01)
    assert found[2] < found[3] < found[4] > found[5]
    assert found[4] > 0.95  # the cosine alone

"""Who trains rests while a hand is on a slider, and not for longer than it has worked."""

import asyncio
import threading
import time

import pytest

from vae.courtesy import HAND, HELD, Courtesy, Hand
from vae.ui.engine import Studio


def test_nobody_rests_where_no_hand_is(tmp_path):
    assert Courtesy(tmp_path).give_way() < 0.05
    Hand(tmp_path / "none yet").mark()
    assert not (tmp_path / "none yet").exists()


def test_it_rests_until_the_hand_has_been_gone_for_a_moment(tmp_path):
    hand, courtesy = Hand(tmp_path), Courtesy(tmp_path)
    done = threading.Event()

    def drag():
        for _ in range(8):
            hand.mark()
            time.sleep(0.12)
        done.set()

    thread = threading.Thread(target=drag)
    hand.mark()
    thread.start()
    rested = courtesy.give_way()
    assert done.is_set() or rested >= 0.8
    thread.join()
    assert courtesy.give_way() <= HELD + 0.2
    assert courtesy.give_way() < 0.05


def test_rest_comes_to_an_end_and_is_earned_again_by_work(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("vae.courtesy.time.monotonic", lambda: now[0])
    monkeypatch.setattr("vae.courtesy.time.sleep", lambda s: now.__setitem__(0, now[0] + s))
    (tmp_path / HAND).touch()
    monkeypatch.setattr("vae.courtesy.time.time", (tmp_path / HAND).stat().st_mtime.__float__)
    courtesy = Courtesy(tmp_path, most=2.0)
    assert courtesy.give_way() == pytest.approx(2.0, abs=0.1)
    assert courtesy.give_way() < 0.1  # all of it is used up
    now[0] += 0.7
    assert courtesy.give_way() == pytest.approx(0.7, abs=0.1)
    now[0] += 1000.0
    assert courtesy.give_way() == pytest.approx(2.0, abs=0.1)  # no more than that is saved up


def test_threads_that_work_side_by_side_rest_together_and_once(tmp_path, monkeypatch):
    Hand(tmp_path).mark()
    courtesy = Courtesy(tmp_path, most=0.3)
    monkeypatch.setattr(Courtesy, "_held", lambda self: True)
    rests: list[float] = []
    threads = [threading.Thread(target=lambda: rests.append(courtesy.give_way())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(rests) == pytest.approx(0.3, abs=0.1)  # what was saved up, and not twice


def test_what_is_asked_does_not_wait_for_a_hand(tmp_path):
    Hand(tmp_path).mark()
    assert Courtesy(tmp_path).give_way(lambda: True) < 0.2


def test_a_mark_from_the_future_holds_nobody_up(tmp_path, monkeypatch):
    Hand(tmp_path).mark()
    monkeypatch.setattr("vae.courtesy.time.time", lambda: 1e9)
    assert Courtesy(tmp_path).give_way() < 0.2


def test_a_hand_is_announced_when_it_waits_for_a_picture_and_not_for_what_can_wait():
    studio, announced = Studio(), []
    studio.announce = lambda: announced.append(True)
    try:
        asyncio.run(studio.draw_later(int))
        assert announced == []
        asyncio.run(studio.draw(int))
        assert announced == [True]
    finally:
        studio.close()

"""Work side by side: in order, in the caller's mode, and with the threads as they were before."""

import threading

import pytest
import torch

from vae.parallel import every_core, one_core, parallel_map
from vae.utils import num_cores


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_results_are_in_order_and_threads_as_before(two_threads):
    assert parallel_map(lambda i: i * i, range(9)) == [i * i for i in range(9)]
    assert torch.get_num_threads() == 2


def test_pieces_are_worked_on_side_by_side_a_thread_each(two_threads):
    both = threading.Barrier(2, timeout=20)

    def work(_: int) -> int:
        both.wait()  # broken where one piece came after the other
        return torch.get_num_threads()

    assert parallel_map(work, range(2)) == [1, 1]


def test_more_cores_than_pieces_at_a_time_are_all_there_afterwards(monkeypatch):
    counts = [12]
    monkeypatch.setattr("vae.parallel.torch.get_num_threads", lambda: counts[-1])
    monkeypatch.setattr("vae.parallel.torch.set_num_threads", counts.append)
    names = parallel_map(lambda _: threading.current_thread().name, range(40))
    assert len(set(names)) <= 8
    assert counts[-1] == 12


@pytest.mark.parametrize("enabled", [True, False])
def test_gradients_are_as_the_caller_has_them(two_threads, enabled):
    with torch.set_grad_enabled(enabled):
        assert parallel_map(lambda _: torch.is_grad_enabled(), range(4)) == [enabled] * 4


def test_errors_are_the_callers_and_leave_the_threads_as_they_were(two_threads):
    def work(i: int) -> int:
        if i == 3:
            raise MemoryError(i)
        return i

    with pytest.raises(MemoryError):
        parallel_map(work, range(6))
    assert torch.get_num_threads() == 2


def test_with_one_thread_nothing_is_spread():
    here = threading.get_ident()
    assert parallel_map(lambda _: threading.get_ident(), range(3)) == [here] * 3


def test_before_each_piece_somebody_may_ask_for_a_rest(two_threads):
    asked: list[str] = []

    def ask() -> None:
        asked.append(threading.current_thread().name)

    with every_core(ask):
        assert parallel_map(lambda i: i, range(6)) == list(range(6))
    assert len(asked) == 6
    assert all(name.startswith("parallel") for name in asked)
    torch.set_num_threads(1)
    with every_core(ask):
        torch.set_num_threads(1)
        parallel_map(lambda i: i, range(2))
    assert len(asked) == 8
    parallel_map(lambda i: i, range(2))
    assert len(asked) == 8


def test_every_core_is_for_a_while():
    with every_core():
        assert torch.get_num_threads() == max(1, num_cores())
    assert torch.get_num_threads() == 1


def test_one_core_for_a_while_even_where_it_fails(two_threads):
    def fail() -> None:
        with one_core():
            assert torch.get_num_threads() == 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == 2

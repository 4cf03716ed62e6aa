"""The closed loop on a core of its own: the same gradients, whichever way they are computed."""

import threading

import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae import beside
from vae.protocols import Protocol, get_protocol
from vae.trainer import Trainer


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def protocol(name: str, **changes: str) -> Protocol:
    short = {"steps": 3, "batch_size": 8, "log_every": 1, "warmup": 0, "loop_warmup": 0}
    return get_protocol(name, **short | changes)


def trainer(name: str, **changes: str) -> Trainer:
    torch.manual_seed(0)
    settings = protocol(name, **changes)
    return Trainer(tiny_model(), image_set(16, 32, 4), image_set(4, 32, 4), settings)


def steps_of(one: Trainer) -> list[dict[str, float]]:
    return [{k: float(v) for k, v in one.train_step().items()} for _ in range(3)]


@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_a_step_is_the_same_to_the_bit_on_one_core_and_on_two(name, monkeypatch):
    threads = set()
    found = beside.LoopBeside._found

    def watched(self, *asked):
        threads.add(threading.current_thread().name.split("_")[0])
        return found(self, *asked)

    monkeypatch.setattr(beside.LoopBeside, "_found", watched)
    monkeypatch.setattr(beside, "num_cores", lambda: 2)
    two = trainer(name)
    apart = steps_of(two)
    assert threads == {"closed-loop"}
    threads.clear()
    monkeypatch.setattr(beside, "num_cores", lambda: 1)
    one = trainer(name)
    assert steps_of(one) == apart
    assert threads == {"MainThread"}
    for mine, other in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_the_gradients_are_those_of_all_losses_together():
    one = trainer("pretrain", precision="fp32")  # here no autocast is around the losses
    batch = one.source.next()
    losses, _ = one.objective(batch)
    one.objective.total(losses, step=1).backward()
    together = {name: p.grad for name, p in one.model.named_parameters()}
    assert losses["loop"].item() > 0

    one.optimizer.zero_grad(set_to_none=True)
    first, _, moves = one.objective.first(batch)
    assert "loop" not in first
    begun = one.beside.begin(one.objective, moves, 1)
    one.objective.total(first, step=1).backward()
    more, total = one.beside.add(begun)
    assert more.keys() == {"loop", "read_back"}
    assert total.item() > 0
    for name, parameter in one.model.named_parameters():
        if together[name] is None:
            assert parameter.grad is None, name
        else:
            assert torch.allclose(parameter.grad, together[name], atol=1e-5, rtol=1e-3), name


def test_what_goes_wrong_beside_is_told_in_the_step(monkeypatch):
    def broken(self, moves):
        raise MemoryError("none left")

    one = trainer("pretrain")
    monkeypatch.setattr(type(one.objective), "closed_loop", broken)
    with pytest.raises(MemoryError):
        one.train_step()


def test_without_a_closed_loop_nothing_is_asked_for():
    torch.manual_seed(0)
    changed = protocol("pretrain").changed(loop_weight=0.0)
    one = Trainer(tiny_model(), image_set(16, 32, 4), image_set(4, 32, 4), changed)
    assert "loop" not in one.train_step()

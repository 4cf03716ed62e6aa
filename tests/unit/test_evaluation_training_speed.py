"""Where a step goes: the parts are the step's, add up to it, and the step is the trainer's own."""

import argparse
import itertools
import subprocess

import numpy as np
import pytest
import torch

from tests.conftest import image_set, tiny_model
from vae.evaluation import compiled, training_speed
from vae.evaluation.compiled import describe, try_compiler
from vae.evaluation.speed import own_clock, wall_clock
from vae.evaluation.training_speed import (
    PARTS,
    WITHIN,
    Choice,
    SplitStep,
    Stopwatch,
    compare,
    compare_batches,
    compare_layouts,
    compare_loops,
    compare_optimisers,
    evaluate,
    format_choices,
    format_parts,
    measure_parts,
    one_layout,
)
from vae.protocols import get_protocol
from vae.trainer import Trainer

CPU = torch.device("cpu")


def trainer(name: str = "pretrain", **changes: object) -> Trainer:
    torch.manual_seed(0)
    settings = {"steps": 50, "batch_size": 4, "warmup": 0, "cosine": False, "loop_warmup": 0}
    protocol = get_protocol(name, **(settings | changes))
    return Trainer(tiny_model(), image_set(20), image_set(4), protocol)


@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_the_parts_of_a_step_add_up_to_it(name):
    step = SplitStep(trainer(name))
    step.take(Stopwatch(own_clock(CPU)))
    watch, whole = Stopwatch(own_clock(CPU)), Stopwatch(own_clock(CPU))
    with whole.lap("step"):
        step.take(watch)
    parts = {part: seconds for part, (seconds,) in watch.times.items()}
    assert tuple(parts) == PARTS[: len(PARTS) - (name == "pretrain")]
    assert all(seconds >= 0 for seconds in parts.values())
    assert 0.5 * whole.times["step"][0] <= sum(parts.values()) <= whole.times["step"][0]


def test_medians_of_all_parts_are_positive_and_told_with_their_shares():
    parts = measure_parts(SplitStep(trainer()), rounds=2)
    assert parts.keys() == {*PARTS, *WITHIN} - {"judge", "forward without the judge"}
    assert all(seconds > 0 for seconds in parts.values())
    assert parts["encoder forward"] + parts["decoder forward"] < 3 * parts["forward"]
    table = format_parts("step", {"data": 0.1, "forward": 0.3, "encoder forward": 0.2}, 4)
    assert table.splitlines()[2:] == [
        "| data | 100.0 | 25.0% | 40.0 |",
        "| forward | 300.0 | 75.0% | 13.3 |",
        "| whole step | 400.0 | 100.0% | 10.0 |",
        "| (encoder forward) | 200.0 | 50.0% | 20.0 |",
    ]


@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_the_step_is_the_trainers_own(name):
    real, split = trainer(name), trainer(name)
    for one in (real, split):
        one.beside, one.step, one.balance = None, 1, 0.3
    real.train_step()
    SplitStep(split).take(Stopwatch(own_clock(CPU)))
    for part in ("model", "average", *(["judge"] if real.judge is not None else [])):
        first, second = (getattr(t, part).state_dict() for t in (real, split))
        for key, tensor in first.items():
            assert torch.allclose(tensor.float(), second[key].float(), atol=1e-5), (part, key)


def test_ways_are_set_against_the_first_round_by_round():
    times = {"a": [1.0, 10.0, 2.0], "b": [2.0, 30.0, 4.0], "c": [1.0, 10.0, 2.0]}
    first, second, third = compare(times, {"a": 4, "b": 4, "c": 8})
    assert first == Choice(title="a", against="", seconds=2.0, ratio=1.0, images=4)
    assert second.ratio == pytest.approx(2.0)
    assert third.ratio == pytest.approx(0.5)  # twice as many pictures in the same time
    table = format_choices([first, third, *compare({"x": [0.002], "y": [0.003]})])
    assert table.splitlines()[2:] == [
        "| a | 2000.0 | 2.0 | 1 |",
        "| c | 2000.0 | 4.0 | 0.50 × a (a picture) |",
        "| x | 2.0 |  | 1 |",
        "| y | 3.0 |  | 1.50 × x |",
    ]


def test_every_way_is_tried_and_the_trainer_is_left_as_it_was():
    one = trainer()
    beside, real = one.beside, torch.Tensor.contiguous
    tried = [
        *compare_loops(one, rounds=1),
        *compare_batches(one, [4, 8], rounds=1),
        *compare_layouts(one, rounds=1),
        *compare_optimisers(one.model, rounds=1),
    ]
    titles = [choice.title for choice in tried]
    assert {"closed loop inline", "closed loop beside", "fp32, batch 4", "fp32, batch 8"} <= {
        *titles
    }
    assert {"channels_last", "contiguous", "Adam fused", "Adam foreach"} <= {*titles}
    assert all(choice.seconds > 0 and choice.ratio > 0 for choice in tried)
    assert one.beside is beside
    assert one.source.protocol is one.protocol
    assert torch.Tensor.contiguous is real


def test_another_layout_gives_the_same_pictures():
    model = tiny_model().eval()
    x = image_set(2).floats()
    with torch.no_grad():
        shipped = model.decode(model.posterior(x).mean)
        with one_layout():
            plain = model.to(memory_format=torch.contiguous_format)
            other = plain.decode(plain.posterior(x).mean)
    assert torch.allclose(shipped, other, atol=1e-5)


def test_one_thread_is_timed_by_its_own_work(monkeypatch):
    assert own_clock(CPU) is not wall_clock(CPU)
    ticks = itertools.count()
    monkeypatch.setattr("time.process_time", lambda: next(ticks))
    assert own_clock(CPU)() == 0
    torch.set_num_threads(2)
    own_clock(CPU)()
    assert next(ticks) == 1  # the wall's


def options(**changes: object) -> argparse.Namespace:
    settings = {"size": 32, "channels": 4, "batch": [4, 8], "threads": 1, "rounds": 1}
    return argparse.Namespace(**(settings | {"compile_seconds": 5.0} | changes))


def test_all_of_it_is_printed(monkeypatch, capsys):
    made = []

    def make(options, name, *, model=None, **changes):
        made.append(name)
        return trainer(name, **changes)

    monkeypatch.setattr(training_speed, "make_trainer", make)
    monkeypatch.setattr(training_speed, "try_compiler", lambda *_, seconds: f"within {seconds}")
    evaluate(options())
    told = capsys.readouterr().out
    assert made == ["pretrain", "adversarial"]
    for says in ("`pretrain`, 32², batch 4", "| closed loop beside |", "| judge |", "within 5.0"):
        assert says in told
    evaluate(options(compile_seconds=0))
    assert "within" not in capsys.readouterr().out


def test_a_compiler_that_takes_too_long_or_fails_is_told(monkeypatch):
    def endless(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", endless)
    assert try_compiler(options(), seconds=7) == (
        "torch.compile: not done within 7 seconds, and ended."
    )
    failed = subprocess.CompletedProcess([], 1, "", "Traceback\nRuntimeError: no compiler\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    assert try_compiler(options(), seconds=7) == (
        "torch.compile: not possible here (RuntimeError: no compiler)."
    )
    line = '{"first": 30.0, "eager": 0.4, "compiled": 0.3}\n'
    done = subprocess.CompletedProcess([], 0, f"a warning\n{line}", "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    said = try_compiler(options(), seconds=7)
    assert "300.0 ms against 400.0 (0.75 ×)" in said
    assert said.endswith("the first call takes 30 s, so it pays after 300 steps.")
    assert "never pays" in describe({"first": 30.0, "eager": 0.3, "compiled": 0.4})


def test_compiled_and_eager_calls_take_turns(monkeypatch):
    calls = []

    def draw(x):
        calls.append("eager")
        return x * 2

    def fast(x):
        calls.append("compiled")
        return x * 2

    monkeypatch.setattr(torch, "compile", lambda _: fast)
    found = compiled.measure(draw, torch.ones(2, requires_grad=True), rounds=2)
    assert calls == ["compiled", "eager", "eager", "compiled", "eager", "compiled"]
    assert found.keys() == {"first", "eager", "compiled"}
    assert np.isfinite(list(found.values())).all()

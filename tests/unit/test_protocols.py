"""Protocols: the names, their settings, and what cannot be."""

import inspect

import pytest

from vae.errors import ConfigError
from vae.protocols import NAMES, Protocol, get_protocol


def test_the_four_names_of_the_design_and_the_last_touches():
    assert NAMES == ("43-vae", "pretrain", "adversarial", "finetune", "grain", "encoder")
    assert all(get_protocol(name).name == name for name in NAMES)
    assert next(iter(inspect.signature(get_protocol).parameters)) == "name"


def test_the_source_protocol_is_adam_at_a_thousandth_for_ten_epochs():
    protocol = get_protocol("43-vae")
    assert (protocol.lr, protocol.epochs, protocol.cosine) == (1e-3, 10, False)
    assert (protocol.steps, protocol.minutes, protocol.warmup) == (None, None, 0)
    assert protocol.betas == (0.9, 0.999)


def test_only_the_adversarial_one_has_a_judge_and_the_fine_tune_lasts_a_minute():
    assert [name for name in NAMES if get_protocol(name).adversarial] == ["adversarial"]
    from_worlds = [name for name in NAMES if get_protocol(name).starts_from_world]
    assert from_worlds == ["adversarial", "grain", "encoder"]
    assert [name for name in NAMES if get_protocol(name).rests_encoder] == from_worlds[:2]
    assert get_protocol("finetune").minutes == 1.0


def test_one_length_takes_the_place_of_another():
    protocol = get_protocol("pretrain", steps=7)
    assert (protocol.steps, protocol.minutes, protocol.epochs) == (7, None, None)
    again = protocol.changed(minutes=2.0)
    assert (again.steps, again.minutes) == (None, 2.0)
    assert protocol.changed(lr=0.5).steps == 7


def test_a_dict_gives_the_protocol_back():
    protocol = get_protocol("adversarial", seed=3)
    assert Protocol(name="adversarial", minutes=1).changed(**protocol.to_dict()) == protocol
    assert protocol.changed() == protocol


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"speed": 3}, "Protocol does not know speed"),
        ({"lr": 0}, "lr must be a number from 1e-09 to 1, found 0"),
        ({"lr": "fast"}, "lr must be a number"),
        ({"batch_size": 1}, "batch_size must be a whole number from 2"),
        (
            {"adversarial": True, "encoder_only": True},
            "at most one of adversarial, grain_only, encoder_only",
        ),
        ({"batch_size": 8.5}, "batch_size must be a whole number"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"minutes": -1}, "minutes must be a number from 0.001"),
        (
            {"augment": "colour"},
            "augment must be one of 'none', 'flip', 'shift', 'affine', found 'colour'",
        ),
        ({"precision": "int8"}, "precision must be one of 'auto', 'bf16', 'fp32'"),
        ({"pixel_weight": 0}, "pixel_weight must be a number"),
        ({"beta_z": -1}, "beta_z must be a number from 0"),
        ({"ema": 1.5}, "ema must be a number from 0 to 1"),
        ({"betas": (0.5,)}, "betas must be two numbers"),
        ({"betas": (0.5, 1.0)}, "betas must be a number"),
        ({"cosine": "yes"}, "cosine must be one of True, False"),
        ({"loop_stride": 0}, "loop_stride must be a whole number from 1"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, says):
    with pytest.raises(ConfigError) as caught:
        get_protocol("pretrain", **changes)
    assert says in str(caught.value)


def test_an_unknown_name_and_an_endless_run_are_refused():
    with pytest.raises(ConfigError, match="'43-vae', 'pretrain', 'adversarial', 'finetune'"):
        get_protocol("gan")
    with pytest.raises(ConfigError, match="needs steps, minutes or epochs"):
        Protocol(name="mine")

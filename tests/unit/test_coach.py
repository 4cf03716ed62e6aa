"""The coach: made-up curves and what is said of them."""

import pytest

from vae.coach import advise, overfits


def measured(values):
    return [{"step": 10 * i, "reconstruction": v} for i, v in enumerate(values)]


def steps(num=40, **values):
    row = {"reconstruction": 0.1, "kl_z": 40.0} | values
    return [{"step": i, **row} for i in range(1, num + 1)]


@pytest.mark.parametrize(
    ("training", "held_out", "code", "says"),
    [
        (steps(), measured([1.0, 0.9]), "starting", "Just begun"),
        (steps(), measured([1.0, 0.9, 0.8, 0.7, 0.6]), "learning", "40 % closer than at the start"),
        (steps(), measured([1.0, 0.7] + [0.6] * 20), "settled", "more time changes little"),
        (steps(), measured([1, 0.6, 0.5, 0.55, 0.6, 0.65]), "overfitting", "since step 20"),
        (steps(kl_z=3.2), measured([1.0, 0.9, 0.8, 0.7]), "collapsed", "gone silent"),
        (steps(judge=0.1), measured([1.0, 0.9, 0.8, 0.7]), "judge", "judge is winning"),
        (steps(judge=1.6), measured([1.0, 0.9, 0.8, 0.7]), "learning", "closer"),
    ],
)
def test_each_curve_has_its_sentence(training, held_out, code, says):
    advice = advise(training, held_out, floor=3.2)
    assert advice.code == code
    assert says in advice.sentence


def test_a_rollback_is_told_for_a_while():
    told = advise(steps(12), measured([1.0] * 5), floor=3.2, rolled_back=10)
    assert told.code == "rolled_back"
    assert "step 10" in told.sentence
    assert advise(steps(40), measured([1.0] * 5), floor=3.2, rolled_back=10).code != "rolled_back"


def test_overfitting_takes_a_clear_rise_of_enough_pictures_over_enough_steps():
    def code(values, pictures=32):
        return advise(steps(), measured(values), floor=3.2, pictures=pictures).code

    falling = [1.0, 0.7, 0.5]
    slight = [*falling, 0.51, 0.515, 0.52, 0.525]  # 4 %
    clear = [*falling, 0.55, 0.6, 0.65]
    assert code(slight) == "overfitting"
    assert code(slight, pictures=3) != "overfitting"
    assert code(clear, pictures=3) == "overfitting"
    assert code(clear, pictures=2) != "overfitting"
    assert code(clear[:-1]) != "overfitting"  # 20 steps after the best
    shaking = [*falling, 0.6, 0.51, 0.6, 0.51, 0.6, 0.51]
    assert code(shaking) != "overfitting"


def test_no_record_at_all_is_a_beginning():
    assert advise([], [], floor=3.2).code == "starting"


def test_early_stop_waits_for_its_patience():
    falling = [(i / 20, 1 - i / 40) for i in range(10)]
    rising = falling + [(0.5 + i / 20, 0.8 + i / 40) for i in range(5)]
    assert not overfits(falling, 0.25)
    assert not overfits(rising, 0.5)
    assert overfits(rising, 0.2)
    flat = falling + [(0.5 + i / 20, 0.78) for i in range(9)]
    assert not overfits(flat, 0.2)  # no better is not yet worse

"""The coach: made-up curves and what is said of them."""

import pytest

from vae.coach import advise
from vae.keeping import judge


def measured(values):
    return [
        {"step": 10 * i, "progress": i / len(values), "reconstruction": v, "pictures": [v] * 20}
        for i, v in enumerate(values)
    ]


def steps(num=40, **values):
    row = {"reconstruction": 0.1, "kl_z": 40.0} | values
    return [{"step": i, **row} for i in range(1, num + 1)]


def advice_of(training, held_out, **more):
    return advise(training, held_out, floor=3.2, verdict=judge(held_out), **more)


@pytest.mark.parametrize(
    ("training", "held_out", "code", "says"),
    [
        (steps(), measured([1.0, 0.9]), "starting", "Just begun"),
        (steps(), measured([1.0, 0.9, 0.8, 0.7, 0.6]), "learning", "40 % closer than at the start"),
        (steps(), measured([1.0, 0.7] + [0.6] * 20), "settled", "more time changes little"),
        (steps(), measured([1, 0.6] + [0.5] * 5 + [0.7] * 8), "overfitting", "since step 60"),
        (steps(kl_z=3.2), measured([1.0, 0.9, 0.8, 0.7]), "collapsed", "gone silent"),
        (steps(judge=0.1), measured([1.0, 0.9, 0.8, 0.7]), "judge", "judge is winning"),
        (steps(judge=1.6), measured([1.0, 0.9, 0.8, 0.7]), "learning", "closer"),
    ],
)
def test_each_curve_has_its_sentence(training, held_out, code, says):
    advice = advice_of(training, held_out)
    assert advice.code == code
    assert says in advice.sentence


def test_a_strange_picture_alone_is_not_said_to_come_closer_by_less_than_nothing():
    alone = [{**row, "pictures": row["pictures"][:1]} for row in measured([1, 3, 2, 1.6, 1.4, 1.3])]
    advice = advice_of(steps(), alone)
    assert advice.code == "learning"
    assert "30 % further off than at the start" in advice.sentence
    assert "-" not in advice.sentence


def test_a_rollback_is_told_for_a_while():
    told = advice_of(steps(12), measured([1.0] * 5), rolled_back=10)
    assert told.code == "rolled_back"
    assert "step 10" in told.sentence
    assert advice_of(steps(40), measured([1.0] * 5), rolled_back=10).code != "rolled_back"


def test_overfitting_is_spoken_of_after_enough_steps_since_what_is_kept():
    rising = measured([1, 0.6] + [0.5] * 5 + [0.7] * 8)
    told = [advice_of(steps(), rising[:n]).code for n in range(1, len(rising) + 1)]
    first = told.index("overfitting")
    verdict = judge(rising[: first + 1])
    assert verdict.worse
    assert verdict.steps >= 30
    assert judge(rising[:first]).steps < 30


def test_what_is_kept_is_what_is_spoken_of():
    rising = measured([1, 0.6] + [0.5] * 5 + [0.7] * 8)
    assert f"since step {judge(rising).kept}:" in advice_of(steps(), rising).sentence


def test_no_record_at_all_is_a_beginning():
    assert advice_of([], []).code == "starting"

"""Which weights are kept: made-up curves of held-out pictures, few and many."""

import numpy as np
import pytest

from vae.keeping import EARLY, LEAST_STEPS, judge, rises, student

STEPS = 10
"""Steps between two measurements."""


def curve(mean, pictures, *, shake=0.0, noise=0.0, seed=0):
    """Records of a curve of means: each picture has its own level, noise and reach.

    ``shake`` moves all pictures of one measurement, ``noise`` each by itself; both are shares.
    """
    rng = np.random.default_rng(seed)
    mean = np.asarray(mean)
    level = rng.uniform(0.5, 1.5, pictures)
    level /= level.mean()
    wobble = 1 + shake * rng.standard_normal((len(mean), 1))
    own = 1 + noise * rng.standard_normal((len(mean), pictures))
    losses = mean[:, None] * level * wobble * own
    return [
        {
            "step": STEPS * i,
            "progress": i / (len(mean) - 1),
            "reconstruction": float(row.mean()),
            "pictures": row.tolist(),
        }
        for i, row in enumerate(losses)
    ]


FLAT = np.concatenate((np.geomspace(0.10, 0.067, 6), np.full(35, 0.067)))
GAIN = np.geomspace(0.10, 0.05, 41)
SPOILT = np.concatenate((np.geomspace(0.10, 0.06, 13), np.linspace(0.061, 0.10, 28)))
"""Best at measurement 12 of 40, then clearly worse by two thirds."""


@pytest.mark.parametrize("pictures", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("seed", range(5))
def test_steady_gain_keeps_the_last_weights(pictures, seed):
    verdict = judge(curve(GAIN, pictures, shake=0.02, noise=0.05, seed=seed))
    assert (verdict.kept, verdict.worse, verdict.steps) == (400, False, 0)
    assert not verdict.may_stop


@pytest.mark.parametrize("pictures", [1, 2, 3, 10, 40])
@pytest.mark.parametrize("seed", range(8))
def test_flat_noise_keeps_late_weights_and_never_stops(pictures, seed):
    records = curve(FLAT, pictures, shake=0.015, noise=0.05, seed=seed)
    verdicts = [judge(records[:n]) for n in range(1, len(records) + 1)]
    assert verdicts[-1].kept >= 300
    assert not any(v.may_stop for v in verdicts)


def test_the_run_that_showed_it():
    """30 drawings, 3 held out: lowest at step 9 of 68, 3 % higher in the end."""
    rng = np.random.default_rng(1)
    mean = np.concatenate(([0.1035, 0.085, 0.0672], np.linspace(0.074, 0.0693, 38)))
    records = curve(mean, 3, shake=0.02, noise=0.03, seed=int(rng.integers(99)))
    assert judge(records).kept == 400


@pytest.mark.parametrize("pictures", [3, 10, 40])
@pytest.mark.parametrize("seed", range(5))
def test_clear_overfitting_keeps_the_weights_of_before_and_stops(pictures, seed):
    records = curve(SPOILT, pictures, noise=0.03, seed=seed)
    verdict = judge(records)
    assert verdict.worse
    assert 120 <= verdict.kept <= 250  # the mean and the doubt of few pictures come later
    ends = [judge(records[:n]) for n in range(1, len(records) + 1)]
    stops = [v for v in ends if v.may_stop]
    assert stops
    assert stops[0].progress >= EARLY
    assert stops[0].steps >= LEAST_STEPS
    assert stops[0].kept == verdict.kept


def test_more_pictures_see_it_sooner():
    def kept(pictures):
        return [judge(curve(SPOILT, pictures, noise=0.03, seed=s)).kept for s in range(20)]

    assert np.mean(kept(40)) < np.mean(kept(3)) - 2 * STEPS


def test_a_single_picture_must_be_half_as_bad_again():
    worse = np.concatenate((GAIN[:30], np.full(11, 1.4 * GAIN[29])))
    assert judge(curve(worse, 1)).kept == 400
    assert judge(curve(SPOILT, 1)).kept > 300
    assert judge(curve(np.maximum(SPOILT, 4 * SPOILT - 0.2), 1)).kept < 300
    assert judge(curve(worse, 40)).kept < 330


def test_what_a_few_pictures_disagree_on_is_not_clear():
    assert not rises(np.log([1.0, 1.0, 1.5]))
    agreed = np.log([1.15, 1.17, 1.18])
    assert rises(agreed)
    assert not rises(agreed, factor=3)
    assert rises(np.log(np.full(40, 1.03)))
    assert not rises(np.log(np.full(40, 1.03)), factor=2)
    assert not rises(np.log(np.full(40, 1.01)))


def test_weights_of_the_first_half_are_kept_only_where_it_is_twice_as_clear():
    fall = np.geomspace(0.1, 0.05, 9)

    def after(rise, before):
        """Best at measurement ``before`` of 40, then worse by a share."""
        head = np.concatenate((fall, np.full(before - 8, 0.05)))
        return judge(curve(np.concatenate((head, np.full(40 - before, 0.05 * rise))), 40)).kept

    assert after(1.03, before=10) == 400
    assert after(1.03, before=26) < 300
    assert after(1.10, before=10) < 150


def test_a_loss_that_is_not_finite_is_never_kept():
    records = curve(GAIN, 3)
    broken = [*records[:20], *({**r, "pictures": [float("nan")] * 3} for r in records[20:])]
    assert judge(broken).kept == 190
    broken[0] = {**broken[0], "pictures": [float("inf")] * 3}
    assert judge(broken).kept == 190


def test_it_says_of_a_whole_run_what_was_decided_within_it():
    records = curve(SPOILT, 10, shake=0.03, noise=0.1, seed=7)
    kept = None
    for n in range(1, len(records) + 1):
        verdict = judge(records[:n])
        if verdict.kept == records[n - 1]["step"]:
            kept = verdict.kept
        assert verdict.kept == kept


def test_records_without_single_pictures_are_of_one():
    records = [{k: v for k, v in r.items() if k != "pictures"} for r in curve(GAIN, 9)]
    assert judge(records).kept == 400
    assert judge([]).kept is None
    assert judge(records[:1]).kept == 0


def test_an_extended_run_counts_its_share_anew():
    records = curve(SPOILT, 40)
    for record in records[21:]:
        record["progress"] /= 2
    verdict = judge(records)
    assert verdict.share == pytest.approx(0.5 * verdict.steps / 400)


def test_student_has_the_known_points():
    known = {1: 6.314, 2: 2.920, 5: 2.015, 10: 1.812, 15: 1.753, 39: 1.685, 200: 1.653}
    for freedom, point in known.items():
        assert student(freedom) == pytest.approx(point, abs=6e-3)


def test_measurements_far_apart_are_not_averaged():
    """Of a run that is measured seldom, the mean is of the last eighth and no older."""
    seldom = curve(SPOILT, 40)[::8]
    assert judge(seldom).kept == 160  # two thirds of the way down are not mixed in
    single = [seldom[0], *curve(GAIN, 40)[32:33]]
    assert judge(single).kept == 320

"""Disentanglement scores on made-up codes whose scores are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score

from vae.errors import ShapeError
from vae.evaluation.disentanglement import (
    completeness,
    dci,
    disentanglement,
    explicitness,
    factor_vae,
    infomec,
    mig,
    mutual_information,
    sap,
    score_all,
)

N, TEST = 900, 300


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 4, (N + TEST, 3))


def jittered(codes: np.ndarray, amount: float = 0.05) -> np.ndarray:
    return codes + amount * np.random.default_rng(1).normal(size=codes.shape)


def noise(factors: np.ndarray, width: int = 3) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(len(factors), width))


def rotated(factors: np.ndarray) -> np.ndarray:
    """Codes that each see every factor: a rotation with entries of ±1/√3 and the like."""
    turn = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])
    return jittered((factors - 1.5) @ turn.T)


def votes(codes: np.ndarray, factors: np.ndarray) -> float:
    return factor_vae(codes, factors, rng=np.random.default_rng(0), num_train=600, num_test=600)


def split(codes: np.ndarray, factors: np.ndarray) -> tuple[np.ndarray, ...]:
    return codes[:N], factors[:N], codes[N:], factors[N:]


def test_mutual_information_is_that_of_scikit_learn(factors):
    other = factors[:, 0] * 2 + (factors[:, 1] > 1)
    for column in factors.T:
        expected = mutual_info_score(column, other)
        assert mutual_information(column, other) == pytest.approx(expected, abs=1e-12)


def test_identity_codes_are_perfect_and_so_are_permuted_ones(factors):
    for order in ([0, 1, 2], [2, 0, 1]):
        codes = jittered(factors[:, order].astype(float))
        assert mig(codes, factors) == pytest.approx(1, abs=0.02)
        assert votes(codes, factors) == 1
        m, e, c, active = infomec(codes, factors)
        assert (m, c) == pytest.approx((1, 1), abs=0.05)
        assert e > 0.9
        assert active == 3


def test_trees_find_identity_codes(factors):
    result = dci(*split(jittered(factors.astype(float)), factors))
    assert result == pytest.approx((1, 1, 1), abs=0.03)
    assert sap(*split(jittered(factors.astype(float)), factors)) > 0.3


def test_duplicated_codes_have_no_gap(factors):
    twice = np.concatenate([jittered(factors.astype(float))] * 2, axis=1)
    assert mig(twice, factors) == pytest.approx(0, abs=1e-12)
    assert sap(*split(twice, factors)) == pytest.approx(0, abs=1e-12)
    assert votes(twice, factors) == 1  # the score does not see it
    m, _, c, active = infomec(twice, factors)
    assert active == 6
    assert m == pytest.approx(1, abs=0.05)
    assert c == pytest.approx((1 / 2 - 1 / 6) / (1 - 1 / 6), abs=0.03)


def test_rotated_codes_know_all_and_tell_nothing_apart(factors):
    codes = rotated(factors)
    assert mig(codes, factors) < 0.25
    m, e, c, _ = infomec(codes, factors)
    assert m < 0.5
    assert c < 0.5
    assert e > 0.9  # a linear reader turns them back
    result = dci(*split(codes, factors))
    assert result.disentanglement < 0.5
    assert result.informativeness > 0.6
    assert sap(*split(codes, factors)) < 0.2


def test_noise_scores_nothing(factors):
    codes = noise(factors)
    assert mig(codes, factors) < 0.03
    assert votes(codes, factors) < 0.55
    m, e, c, _ = infomec(codes, factors)
    assert e < 0.03
    assert max(m, c) <= 1  # a share of what is next to nothing says nothing
    assert dci(*split(codes, factors)).informativeness < 0.4
    assert sap(*split(codes, factors)) < 0.1


def test_a_code_of_noise_beside_good_ones_changes_little(factors):
    codes = np.concatenate([jittered(factors.astype(float)), noise(factors, 1)], axis=1)
    assert mig(codes, factors) > 0.95
    assert votes(codes, factors) == 1
    assert dci(*split(codes, factors)).disentanglement > 0.95


def test_collapsed_codes_are_left_out(factors):
    dead = 1e-4 * noise(factors, 2)
    codes = np.concatenate([jittered(factors.astype(float)), dead, np.zeros((len(dead), 1))], 1)
    assert votes(codes, factors) == 1
    assert infomec(codes, factors).active == 3
    nothing = np.zeros((len(factors), 2))
    assert votes(nothing, factors) == 0
    assert infomec(nothing, factors) == pytest.approx((0, 0, 0, 0), abs=1e-9)
    alone = np.concatenate([jittered(factors[:, :1].astype(float)), dead], axis=1)
    assert infomec(alone, factors).compactness == 1


@pytest.mark.parametrize(
    ("importance", "d", "c"),
    [
        (np.eye(3), 1, 1),
        (np.eye(3)[[2, 0, 1]], 1, 1),
        (np.ones((3, 3)) / 3, 0, 0),
        (np.concatenate([np.eye(3), np.eye(3)]) / 2, 1, 1 - np.log(2) / np.log(6)),
        (np.array([[1, 1], [0, 0]]), 0, 1),  # one code for both factors
        (np.zeros((3, 2)), 0, 0),
    ],
)
def test_dci_of_importances_by_hand(importance, d, c):
    assert disentanglement(importance) == pytest.approx(d, abs=1e-6)
    assert completeness(importance) == pytest.approx(c, abs=1e-6)


def test_with_nothing_to_go_by_a_balanced_regression_is_even(factors):
    skewed = np.where(factors[:, 0] == 3, 2, factors[:, 0])
    nothing = np.zeros((len(skewed), 3))
    model = LogisticRegression(C=np.inf, class_weight="balanced").fit(nothing, skewed)
    assert log_loss(skewed, model.predict_proba(nothing)) == pytest.approx(np.log(3), abs=1e-6)
    assert explicitness(nothing, skewed[:, None]) == pytest.approx(0, abs=1e-6)


def test_all_scores_come_by_name_and_repeat(factors):
    codes = jittered(factors.astype(float))
    rows = [score_all(codes, factors, num_test=TEST, num_trees=200, seed=3) for _ in range(2)]
    assert rows[0] == rows[1]
    assert set(rows[0]) == {
        *("mig", "factor_vae", "dci_d", "dci_c", "dci_i", "sap"),
        *("info_m", "info_e", "info_c", "active"),
    }


def test_what_cannot_be_scored_is_refused(factors):
    codes = jittered(factors.astype(float))
    with pytest.raises(ShapeError, match="expected codes"):
        mig(codes[:5], factors)
    with pytest.raises(ShapeError, match="whole numbers"):
        mig(codes, codes)
    with pytest.raises(ShapeError, match="not finite"):
        mig(np.where(codes > 2, np.nan, codes), factors)
    with pytest.raises(ShapeError, match="one value only"):
        mig(codes, np.zeros_like(factors))

"""Disentanglement scores of codes against known factors: MIG, FactorVAE, DCI, SAP, InfoMEC.

All take codes (N, D), a model's posterior means, and factors (N, F), whole numbers. The first four
are those of disentanglement_lib (Locatello et al. 2019, arXiv:1811.12359) with the settings of
its studies, InfoMEC that of its authors' code; where either divides by zero, what is done instead
is said below.

* MIG (Chen et al. 2018): is a factor in one code and no other? Histograms of 20 bins a code.
* FactorVAE (Kim & Mnih 2018): does the code that varies least tell which factor was held? Votes.
* DCI (Eastwood & Williams 2018): does a code serve one factor (D), does a factor take one code (C),
  and how well is it predicted (I)? Gradient boosted trees.
* SAP (Kumar et al. 2018): how much better does the best code predict a factor than the next?
  Linear SVMs of one code.
* InfoMEC (Hsu et al. 2023): modularity and compactness by nearest neighbours, explicitness by
  logistic regression.

1 is best in all. Codes that tell nothing have about 0 in MIG, SAP and InfoE and 1/F in FactorVAE;
D, C, InfoM and InfoC are shares of what is told, and where that is nothing they say nothing.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from scipy.stats import entropy

from vae.errors import ShapeError

BINS = 20
NEIGHBOURS = 10
BATCH, TRAIN_VOTES, TEST_VOTES = 64, 10_000, 5_000
COLLAPSED = 0.05
"""Standard deviation below which FactorVAE leaves a code out (``prune_dims.threshold``)."""
ACTIVE = 1 / 20
"""Share of the widest code's range from which InfoMEC counts a code as active."""


class Dci(NamedTuple):
    """Disentanglement, completeness, and informativeness: accuracy on codes not fitted to."""

    disentanglement: float
    completeness: float
    informativeness: float


class InfoMec(NamedTuple):
    """InfoM, InfoE and InfoC, and how many codes are active."""

    modularity: float
    explicitness: float
    compactness: float
    active: int


def check(codes: np.ndarray, factors: np.ndarray) -> None:
    """Raise a ShapeError unless there are two codes, a factor, and as many rows of either."""
    fits = codes.ndim == factors.ndim == 2 and len(codes) == len(factors)
    if not fits or codes.shape[1] < 2 or factors.shape[1] < 1 or len(codes) < 2:
        raise ShapeError(
            "expected codes (N, D) and factors (N, F) of 2 codes and 1 factor at least, "
            f"found {codes.shape} and {factors.shape}"
        )
    if not np.issubdtype(factors.dtype, np.integer):
        raise ShapeError(f"expected factors as whole numbers, found {factors.dtype}")
    if not np.isfinite(codes).all():
        raise ShapeError("some codes are not finite; the model has not trained")


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mutual information in nats of two columns (N,) of whole numbers."""
    a, b = (np.unique(column, return_inverse=True)[1] for column in (a, b))
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / apart[seen])).sum())


def _entropies(factors: np.ndarray) -> np.ndarray:
    """Return the entropy of every factor, nats; a factor that never varies raises ShapeError."""
    nats = np.array([mutual_information(column, column) for column in factors.T])
    if (nats < 1e-9).any():
        raise ShapeError("a factor has one value only, so nothing can be known of it")
    return nats


def mig(codes: np.ndarray, factors: np.ndarray, *, num_bins: int = BINS) -> float:
    """Return the mutual information gap, Eq. 6 of Chen et al. (2018), arXiv:1802.04942."""
    check(codes, factors)
    binned = [np.digitize(c, np.histogram(c, num_bins)[1][:-1]) for c in codes.T]
    table = np.array([[mutual_information(c, f) for f in factors.T] for c in binned])
    return float((_gap(table) / _entropies(factors)).mean())


def _gap(table: np.ndarray) -> np.ndarray:
    """Return the best minus the second best of every column of (D, F)."""
    ordered = np.sort(table, axis=0)
    return ordered[-1] - ordered[-2]


def factor_vae(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    rng: np.random.Generator,
    num_train: int = TRAIN_VOTES,
    num_test: int = TEST_VOTES,
    threshold: float = COLLAPSED,
) -> float:
    """Return the FactorVAE score, section 4 of Kim & Mnih (2018), arXiv:1802.05983.

    Where the library draws new pictures for every vote, the batch is drawn from the rows given, so
    give some thousands.

    Args:
        codes: (N, D).
        factors: (N, F).
        rng: Of the votes.
        num_train: Votes that a factor is assigned to each code by.
        num_test: Votes that are scored.
        threshold: Codes of a smaller standard deviation are left out; 0 where all are.
    """
    check(codes, factors)
    variances = codes.var(axis=0, ddof=1)
    active = (np.sqrt(variances) >= threshold) & (variances > 0)
    if not active.any():
        return 0.0
    scaled = codes[:, active] / np.sqrt(variances[active])
    rows = [[np.flatnonzero(column == value) for value in range(column.max() + 1)]
            for column in factors.T]  # fmt: skip

    def votes(num: int) -> np.ndarray:
        counts = np.zeros((factors.shape[1], scaled.shape[1]))
        for held in rng.integers(0, factors.shape[1], num):
            value = factors[rng.integers(len(factors)), held]
            batch = scaled[rng.choice(rows[held][value], BATCH)]
            counts[held, batch.var(axis=0).argmin()] += 1
        return counts

    chosen = votes(num_train).argmax(axis=0)
    test = votes(num_test)
    return float(test[chosen, np.arange(test.shape[1])].sum() / test.sum())


def dci(
    codes: np.ndarray,
    factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    *,
    seed: int = 0,
) -> Dci:
    """Return DCI of Eastwood & Williams (2018), openreview By-7dz-AZ.

    Importances are those of scikit-learn's ``GradientBoostingClassifier`` as it comes, one for
    every factor, as in the library. It is slow: some minutes for a thousand rows of thirty codes.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    check(codes, factors)
    check(test_codes, test_factors)
    columns, right = [], []
    for known, asked in zip(factors.T, test_factors.T, strict=True):
        trees = GradientBoostingClassifier(random_state=seed).fit(codes, known)
        columns.append(trees.feature_importances_)
        right.append((trees.predict(test_codes) == asked).mean())
    table = np.stack(columns, axis=1)
    return Dci(disentanglement(table), completeness(table), float(np.mean(right)))


def disentanglement(importance: np.ndarray) -> float:
    """Return D of importances (D, F): how far a code serves one factor, weighted by its use."""
    return _concentration(importance.T)


def completeness(importance: np.ndarray) -> float:
    """Return C of importances (D, F): how far a factor takes one code, weighted by its use."""
    return _concentration(importance)


def _concentration(importance: np.ndarray) -> float:
    """Return 1 - entropy of the columns of (A, B), in base A, weighted by their sums."""
    apart = 1 - entropy(importance + 1e-11, base=len(importance))
    weight = importance.sum(axis=0)
    if not weight.sum():
        weight = np.ones_like(weight)
    return float((apart * weight).sum() / weight.sum())


def sap(
    codes: np.ndarray,
    factors: np.ndarray,
    test_codes: np.ndarray,
    test_factors: np.ndarray,
    *,
    seed: int = 0,
) -> float:
    """Return the SAP score, section 3 of Kumar et al. (2018), arXiv:1711.00848.

    Factors count as classes, as in the library's study: balanced linear SVMs of one code each.
    """
    from sklearn.svm import LinearSVC

    check(codes, factors)
    check(test_codes, test_factors)
    table = np.zeros((codes.shape[1], factors.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a code that says nothing need not converge
        for i, j in np.ndindex(*table.shape):
            machine = LinearSVC(C=0.01, class_weight="balanced", random_state=seed)
            machine.fit(codes[:, [i]], factors[:, j])
            table[i, j] = np.mean(machine.predict(test_codes[:, [i]]) == test_factors[:, j])
    return float(_gap(table).mean())


def infomec(codes: np.ndarray, factors: np.ndarray, *, seed: int = 0) -> InfoMec:
    """Return InfoM, InfoE and InfoC, section 4 of Hsu et al. (2023), arXiv:2305.18378.

    Args:
        codes: (N, D), continuous. Those with less than :data:`ACTIVE` of the widest one's range
            count for nothing in M and C.
        factors: (N, F).
        seed: Of the estimator's tiny noise.

    Returns:
        The three, at most 1. Where the authors' code would divide by zero: a code that tells of no
        factor counts as telling of all alike, a factor in no code as being in all alike, and one
        active code alone is compact.
    """
    check(codes, factors)
    ranges = np.ptp(codes, axis=0)
    active = ranges > ranges.max() * ACTIVE
    explicit = explicitness(codes, factors)
    if not active.any():
        return InfoMec(0.0, explicit, 0.0, 0)
    table = neighbour_information(codes[:, active], factors, seed=seed)
    return InfoMec(_share(table), explicit, _share(table.T), int(active.sum()))


def neighbour_information(codes: np.ndarray, factors: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Return I(code; factor) over H(factor), (F, D), by the ten nearest neighbours (Ross 2014)."""
    from sklearn.feature_selection import mutual_info_classif

    scaled = _standard(codes)
    rows = [
        mutual_info_classif(
            scaled,
            column,
            discrete_features=False,  # type: ignore[arg-type]  # its types know of text alone
            n_neighbors=NEIGHBOURS,
            random_state=seed,
        )
        for column in factors.T
    ]
    return np.stack(rows) / _entropies(factors)[:, None]


def _share(table: np.ndarray) -> float:
    """Return the mean share of the largest in the columns of (A, B), 0 for all alike, 1 for one."""
    if len(table) == 1:
        return 1.0
    total = table.sum(axis=0)
    share = np.where(total > 0, table.max(axis=0) / np.maximum(total, 1e-12), 1 / len(table))
    return float((share.mean() - 1 / len(table)) / (1 - 1 / len(table)))


def explicitness(codes: np.ndarray, factors: np.ndarray) -> float:
    """Return InfoE: the share of a factor's entropy that a linear model of all codes predicts.

    A multinomial logistic regression without penalty, classes balanced, 100 iterations, judged on
    the rows it was fitted to. With no code to go by it says every class alike: log K nats.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    scaled, shares = _standard(codes), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the authors stop at 100 iterations, converged or not
        for column in factors.T:
            model = LogisticRegression(C=math.inf, class_weight="balanced", max_iter=100)
            left = log_loss(column, model.fit(scaled, column).predict_proba(scaled))
            shares.append(1 - float(left) / math.log(len(model.classes_)))
    return float(np.mean(shares))


def _standard(codes: np.ndarray) -> np.ndarray:
    spread = codes.std(axis=0)
    return (codes - codes.mean(axis=0)) / np.where(spread > 0, spread, 1)


def score_all(
    codes: np.ndarray,
    factors: np.ndarray,
    *,
    num_test: int,
    num_trees: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Return every score by name.

    Args:
        codes: (N, D).
        factors: (N, F).
        num_test: How many of the rows, the last, DCI and SAP are judged on.
        num_trees: Rows that DCI's trees are fitted to, at most; None for all there are.
        seed: Of everything random.
    """
    known, test = slice(None, -num_test), slice(-num_test, None)
    pairs = codes[known], factors[known], codes[test], factors[test]
    some = slice(None, num_trees)
    trees = dci(codes[known][some], factors[known][some], *pairs[2:], seed=seed)
    info = infomec(*pairs[:2], seed=seed)
    return {
        "mig": mig(*pairs[:2]),
        "factor_vae": factor_vae(*pairs[:2], rng=np.random.default_rng(seed)),
        "dci_d": trees.disentanglement,
        "dci_c": trees.completeness,
        "dci_i": trees.informativeness,
        "sap": sap(*pairs, seed=seed),
        "info_m": info.modularity,
        "info_e": info.explicitness,
        "info_c": info.compactness,
        "active": float(info.active),
    }

"""The mean correlation coefficient on codes whose agreement is known, and the command."""

import json
from itertools import permutations

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_fruit
from vae.errors import ConfigError, ShapeError
from vae.evaluation.identifiability import agreement, correlations, format_rows, main, mcc
from vae.infer import get_infer_model


def codes(num: int = 400, dim: int = 5, seed: int = 0) -> np.ndarray:
    """Whitened, so that different columns are uncorrelated exactly."""
    draws = np.random.default_rng(seed).normal(size=(num, dim))
    left, _, _ = np.linalg.svd(draws - draws.mean(axis=0), full_matrices=False)
    return left * np.sqrt(num)


def test_a_code_agrees_with_itself():
    found = mcc(codes(), codes())
    assert found.score == pytest.approx(1.0)
    assert found.pairs.tolist() == [[i, i] for i in range(5)]


def test_order_sign_scale_and_shift_do_not_matter():
    order, sign = [3, 0, 4, 1, 2], np.array([1, -1, 2.5, -0.1, 7])
    found = mcc(codes(), (codes() * sign + 3)[:, order])
    assert found.score == pytest.approx(1.0)
    assert found.pairs[:, 1].tolist() == [order.index(i) for i in range(5)]


def test_a_duplicated_code_counts_once():
    """(a, b) beside (a, a): one is matched at 1, the other is left with b beside a: 0."""
    first = codes(dim=2)
    found = mcc(first, first[:, [0, 0]])
    assert sorted(found.correlations) == pytest.approx([0.0, 1.0], abs=1e-9)
    assert found.score == pytest.approx(0.5)


def test_a_rotation_by_45_degrees_is_not_identified():
    turn = np.array([[1, 1], [-1, 1]]) / np.sqrt(2)
    assert mcc(codes(dim=2), codes(dim=2) @ turn).score == pytest.approx(np.sqrt(0.5))


def test_known_noise_gives_the_known_correlation():
    """Signal and noise of equal size: 1/√2, the two being uncorrelated exactly."""
    both = codes(dim=6)
    assert mcc(both[:, :3], both[:, :3] + both[:, 3:]).score == pytest.approx(np.sqrt(0.5))


def test_a_dead_latent_agrees_with_nothing():
    other = codes().copy()
    other[:, 2] = 1.5
    assert mcc(codes(), other).score == pytest.approx(0.8)
    assert np.array_equal(correlations(codes(), other)[:, 2], np.zeros(5))


def test_the_matching_is_the_best_of_all():
    rng = np.random.default_rng(3)
    first, second = codes(), codes() @ rng.normal(size=(5, 5))
    table = np.abs(np.corrcoef(first.T, second.T)[:5, 5:])
    best = max(table[range(5), list(order)].mean() for order in permutations(range(5)))
    assert mcc(first, second).score == pytest.approx(best)


def test_ranks_forgive_any_monotone_change():
    bent = np.exp(3 * codes())
    assert mcc(codes(), bent, ranks=True).score == pytest.approx(1.0)
    assert mcc(codes(), bent).score < 0.8


def test_widths_may_differ_and_pictures_may_not():
    assert mcc(codes(), codes()[:, :3]).score == pytest.approx(1.0)
    with pytest.raises(ShapeError, match="of the same pictures"):
        mcc(codes(), codes(num=399))


def run(order: list[int]) -> dict[str, np.ndarray]:
    return {"key": codes(dim=4)[:, order], "z": codes(dim=3, seed=1)}


def test_permuted_runs_agree_matched_and_not_in_place():
    named, whole, content = agreement("vae", [run([0, 1, 2, 3]), run([1, 0, 2, 3])], num_named=2)
    assert [row.part for row in (named, whole, content)] == ["named keys", "whole key", "content z"]
    assert (named.mean, whole.mean, content.mean) == pytest.approx((1.0, 1.0, 1.0))
    assert (named.in_place, whole.in_place) == pytest.approx((0.0, 0.5), abs=1e-9)
    assert content.in_place == pytest.approx(1.0)
    assert named.chance < 0.2
    assert "| vae | named keys | 1.000 ± 0.000 |" in format_rows([named])


def test_every_pair_of_runs_counts():
    """Two runs agree, the third knows nothing of them: pairs of 1, 0 and 0."""
    stranger = {"key": codes(dim=8)[:, 4:], "z": codes(dim=3, seed=1)}
    same = {"key": codes(dim=8)[:, :4], "z": codes(dim=3, seed=1)}
    _, whole, _ = agreement("vae", [same, same, stranger])
    assert whole.mean == pytest.approx(1 / 3)
    assert whole.sd == pytest.approx(np.std([1, 0, 0]))
    assert whole.num_runs == 3


def test_one_run_is_nothing_to_compare():
    with pytest.raises(ConfigError, match="at least 2 runs of vae to compare, found 1"):
        agreement("vae", [run([0, 1, 2, 3])])


def test_too_few_held_out_pictures_are_one_line(tiny_world, fruit_folder, tmp_path, capsys):
    """A folder of 20 holds 2 out."""
    path, world = tmp_path / "numbers.json", str(tiny_world)
    assert main(["--data", str(fruit_folder), "--worlds", world, world, "--json", str(path)]) == 1
    assert "at least 3" in capsys.readouterr().err
    assert not path.exists()


def test_seeds_are_trained_kept_and_not_trained_again(
    tiny_world, tmp_path, capsys, monkeypatch, many_fruit
):
    asked = []

    def train(variant, training, held_out, *, steps, seed):
        asked.append((variant.title, steps, seed, training.size))
        return get_infer_model(tiny_world)

    monkeypatch.setattr("vae.evaluation.ablations.train_variant", train)
    out, path = tmp_path / "runs", tmp_path / "numbers.json"
    command = ["--data", str(many_fruit), "--seeds", "2", "--steps", "3", "--size", "32"]
    command += ["--out", str(out), "--json", str(path)]
    assert main(command) == 0
    table = capsys.readouterr().out
    titles = [title for title, *_ in asked]
    assert [row[1:] for row in asked] == [(3, 0, 32), (3, 1, 32)] * 3
    assert titles[:2] == ["base", "base"]
    assert titles[2:4] == ["p(k) = N(0, I) instead of p(k|u)"] * 2
    assert titles[4].startswith("plain vae")
    assert len(list(out.glob("*/model.safetensors"))) == 6
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(row["kind"], row["part"]) for row in rows[::3]] == [
        ("im-pivae", "named keys"),
        ("im-pivae-no-prior", "named keys"),
        ("vae", "named keys"),
    ]
    assert all(row["mean"] == pytest.approx(1.0, abs=1e-6) for row in rows)
    assert main(command) == 0
    assert len(asked) == 6
    assert capsys.readouterr().out == table

    kept = [str(folder) for folder in sorted(out.iterdir())[:2]]
    assert main(["--data", str(many_fruit), "--worlds", *kept, "--plain", *kept]) == 0
    assert "| vae | whole key | 1.000 ± 0.000 |" in capsys.readouterr().out


@pytest.fixture
def many_fruit(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(40):
        Image.fromarray(draw_fruit(i, 32)).save(folder / f"{i:02d}.png")
    return folder

"""Peers: equal time for all, rows that are kept, and our nets unchanged inside pythae's classes."""

import json

import pytest
import torch

from tests.conftest import draw_fruit, image_set, to_images
from vae.errors import ConfigError
from vae.evaluation import peers, pythae_peers
from vae.evaluation.peers import CAVEAT, MODELS, Plan, Trained, format_rows, main, measure, run
from vae.evaluation.pythae_peers import Budget, BudgetSpentError, straight
from vae.losses import premultiply

PLAN = Plan(data="fruit", seconds=0.2, threads=1, size=28, latent_dim=4, latent_key_dim=18)


def row(psnr: float, *, images: int = 100) -> dict:
    levels = {"28": 2.0, "14": 1.0}
    return {
        **{"psnr": psnr, "images": images, "seconds": 4.0},
        **{"reconstructions": levels, "samples": levels},
    }


def test_the_table_gives_means_and_deviations_over_seeds():
    rows = {"im-pivae/0": row(20), "im-pivae/1": row(22, images=300), "vae-ours/0": row(18)}
    lines = format_rows(rows, list(MODELS)).splitlines()
    assert lines[2] == (
        "| im-pivae, `pretrain` | 2 | 21.00 ± 1.41 | 2.0 ± 0.0 / 1.0 ± 0.0 | 2.0 ± 0.0 / 1.0 ± 0.0 "
        "| 50.0 ± 35.4 | 4 ± 0 |"
    )
    assert lines[3].startswith("| pythae VAE, our nets | 1 | 18.00 | 2.0 / 1.0 |")
    assert format_rows(rows, list(MODELS)).endswith(CAVEAT)


def test_a_budget_stops_when_it_is_spent():
    budget = Budget(1e9)
    budget.start()
    budget.check()
    budget.seconds = 0.0
    with pytest.raises(BudgetSpentError):
        budget.check()
    assert budget.spent > 0


def test_straight_pictures_are_what_they_were_before_they_were_premultiplied():
    x = to_images([draw_fruit(0, 32)])
    seen = x[:, 3:] > 0.5
    assert torch.allclose((straight(premultiply(x)) * seen)[:, :3], (x * seen)[:, :3], atol=1e-4)
    grey = torch.rand(2, 1, 28, 28)
    assert straight(grey) is grey


@pytest.mark.parametrize("judge", [False, True])
def test_ours_is_trained_for_its_seconds_and_measured(judge):
    training, validation = image_set(40, 28), image_set(12, 28)
    trained = peers.train_ours(PLAN, training, validation, judge=judge, seed=1)
    assert trained.images % peers.BATCH == 0
    assert trained.images > 0
    assert trained.seconds >= PLAN.seconds
    found = measure(trained, training, validation)
    assert found["psnr"] > 0
    assert set(found["samples"]) == set(found["reconstructions"])
    assert all(value > 0 for value in found["samples"].values())


def test_what_copies_has_no_error():
    pictures = image_set(12, 28)
    x = premultiply(pictures.floats(slice(None)))
    perfect = Trained(reconstruct=premultiply, sample=lambda n: x[:n], images=8, seconds=2)
    found = measure(perfect, image_set(12, 28), pictures)
    assert found["psnr"] > 45  # of rounding to 8 bits
    assert found["images"] / found["seconds"] == 4


def test_a_finished_row_is_not_trained_again(fruit_folder, tmp_path, monkeypatch):
    trained = []

    def train(name, plan, training, validation, *, seed):
        trained.append((name, seed))
        return Trained(
            reconstruct=lambda x: 0.9 * premultiply(x),
            sample=lambda n: premultiply(training.floats(slice(0, n))), images=8, seconds=2,
        )  # fmt: skip

    monkeypatch.setattr(peers, "train", train)
    path = tmp_path / "rows.json"
    first = run(PLAN, fruit_folder, ["im-pivae"], 1, path)
    assert json.loads(path.read_text())["rows"] == first
    both = run(PLAN, fruit_folder, ["im-pivae"], 2, path)
    assert trained == [("im-pivae", 0), ("im-pivae", 1)]
    assert both["im-pivae/0"] == first["im-pivae/0"]
    with pytest.raises(ConfigError, match=r"other settings \(seconds\)"):
        run(Plan(**vars(PLAN) | {"seconds": 9.0}), fruit_folder, ["im-pivae"], 1, path)


def test_bad_input_is_one_line(tmp_path, capsys, monkeypatch):
    data = ["--data", str(tmp_path)]
    assert main([*data, "--seconds", "0"]) == 1
    assert "--seconds must be more than 0" in capsys.readouterr().err
    monkeypatch.setattr(pythae_peers.importlib.util, "find_spec", lambda name: None)
    assert main([*data, "--seconds", "1"]) == 1
    line = capsys.readouterr().err
    assert "pythae's, which is not installed; install this project with its extra" in line
    assert main([*data, "--seconds", "1", "--models", "im-pivae"]) == 1
    assert "no PNG, JPEG or WebP" in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("nets", ["ours", "stock"])
@pytest.mark.parametrize("kind", ["vae", "betatcvae", "vaegan"])
def test_a_peer_is_trained_in_its_own_trainer_and_measured(kind, nets):
    pytest.importorskip("pythae", reason="pythae is not installed")
    training, validation = image_set(40, 28), image_set(12, 28)
    trained = pythae_peers.train_pythae(kind, nets, PLAN, training, seed=1)
    assert trained.seconds >= PLAN.seconds
    assert trained.images > 0
    assert measure(trained, training, validation)["psnr"] > 0


@pytest.mark.filterwarnings("default")
def test_our_nets_give_the_same_inside_pythae():
    pytest.importorskip("pythae", reason="pythae is not installed")
    encoder, decoder, judge = pythae_peers.our_nets(PLAN)
    for part in (encoder, decoder, judge):
        part.eval()
    x = premultiply(to_images([draw_fruit(i, 28) for i in range(2)]))
    code = encoder(x)
    inner = encoder.net(straight(x), std_encoder_loc=False)
    assert torch.allclose(code.embedding, torch.cat((inner.z.mean, inner.key.mean), 1), atol=1e-5)
    drawn = decoder(code.embedding).reconstruction
    plain = decoder.net(inner.z.mean, inner.key.mean, size=28)
    assert torch.allclose(drawn, premultiply(plain), atol=1e-5)
    verdict = judge(x, output_layer_levels=[1])
    assert ((verdict.embedding > 0) & (verdict.embedding < 1)).all()

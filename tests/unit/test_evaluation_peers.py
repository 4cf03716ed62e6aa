"""The table of peers: nets that are the same inside pythae, budgets that stop, rows, a sentence."""

from __future__ import annotations

import importlib.util
import json
import time

import numpy as np
import pytest
import torch

from vae.data import ImageSet
from vae.errors import ConfigError, DatasetError
from vae.evaluation import peers, pythae_peers
from vae.evaluation.peers import (
    MODELS,
    Plan,
    Trained,
    format_rows,
    load_pictures,
    main,
    measure,
    train_ours,
)
from vae.evaluation.pythae_peers import Budget, BudgetSpentError, require_pythae
from vae.losses import premultiply, straighten

WITHOUT = "pythae is optional: the extra `peers`"
PLAN = Plan(
    data="made", seconds=0.2, threads=1, size=28, channels=4, latent_dim=4, latent_key_dim=18
)


def pictures(count=40, channels=4, size=28, seed=3):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, channels, size, size), generator=generator)
    return ImageSet(images.to(torch.uint8), [str(i) for i in range(count)])


def row(psnr):
    return {
        "psnr": psnr, "images": 640, "seconds": 4.0,
        "reconstructions": {"32": 2.0, "16": 1.0}, "samples": {"32": 4.0, "16": 3.0},
    }  # fmt: skip


def test_the_table_has_means_and_deviations_by_level():
    rows = {"im-pivae/0": row(20.0), "im-pivae/1": row(22.0), "vae-stock/0": row(18.0)}
    lines = format_rows(rows, list(MODELS)).splitlines()
    assert lines[2].startswith(f"| {MODELS['im-pivae']} | 2 | 21.00 ± 1.41 | 2.0 ± 0.0 / 1.0 ± 0.0")
    assert lines[3].endswith("| 1 | 18.00 | 2.0 / 1.0 | 4.0 / 3.0 | 160.0 | 4 |")
    assert lines[4] == ""  # no row for a model that was not trained


def test_a_perfect_model_is_perfect_and_its_samples_are_as_far_as_they_are():
    validation, training = pictures(20, seed=4), pictures(40)
    perfect = Trained(
        reconstruct=premultiply,
        sample=lambda count: premultiply(training.floats(slice(0, count))),
        images=64,
        seconds=2.0,
    )
    found = measure(perfect, training, validation)
    assert found["psnr"] == 100
    assert found["reconstructions"] == {"28": 0.0}
    assert found["samples"]["28"] == pytest.approx(1, abs=0.5)


def test_a_spent_budget_stops():
    Budget(1e6).check()
    spent = Budget(1e-6)
    until = time.process_time() + 1e-3
    while time.process_time() < until:
        pass
    with pytest.raises(BudgetSpentError):
        spent.check()
    assert spent.spent >= 1e-3


def test_straight_is_the_inverse_of_premultiply():
    x = pictures(4).floats()
    x[:, 3:].clamp_(min=0.1)
    assert torch.allclose(straighten(premultiply(x)), x, atol=1e-5)
    grey = torch.rand(2, 1, 28, 28)
    assert straighten(grey) is grey


def test_ours_stops_at_its_seconds_and_gives_pictures():
    trained = train_ours(PLAN, pictures(), pictures(8), judge=False, seed=0)
    assert trained.images >= 32
    assert trained.seconds >= PLAN.seconds
    with torch.no_grad():
        assert trained.sample(3).shape == (3, 4, 28, 28)
        assert trained.reconstruct(pictures(2).floats()).shape == (2, 4, 28, 28)


def test_a_missing_pythae_is_said_in_one_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="not installed"):
        require_pythae()
    assert main(["--data", str(tmp_path), "--seconds", "1", "--models", "vae-ours"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "peers" in error


def test_finished_rows_are_not_trained_again(monkeypatch, tmp_path, capsys):
    trained = []
    monkeypatch.setattr(peers, "load_pictures", lambda *a, **k: (pictures(), pictures(8)))
    monkeypatch.setattr(peers, "train", lambda name, *a, seed: trained.append((name, seed)))
    monkeypatch.setattr(peers, "measure", lambda *a: row(20.0))
    path = tmp_path / "rows.json"
    command = [
        "--data",
        str(tmp_path),
        "--seconds",
        "1",
        "--models",
        "im-pivae",
        "--json",
        str(path),
    ]
    assert main([*command, "--seeds", "1"]) == main([*command, "--seeds", "2"]) == 0
    assert trained == [("im-pivae", 0), ("im-pivae", 1)]
    assert set(json.loads(path.read_text())["rows"]) == {"im-pivae/0", "im-pivae/1"}
    assert main(
        ["--data", str(tmp_path), "--seconds", "2", "--models", "im-pivae", "--json", str(path)]
    )
    assert "seconds" in capsys.readouterr().err


def test_no_time_is_refused():
    with pytest.raises(ConfigError, match="seconds"):
        Plan(data="", seconds=0, threads=1)


def test_a_pack_of_grey_tiles_is_split(tmp_path):
    tiles = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "pack.npz", images=tiles)
    training, validation = load_pictures(tmp_path, size=28, channels=1)
    assert len(training) + len(validation) == 30
    assert training.images.shape[1:] == (1, 28, 28)
    assert (training.images[0, 0].numpy() == tiles[int(training.names[0].split(".")[0])]).all()


@pytest.mark.parametrize("damage", [b"torn", None])
def test_a_pack_without_images_is_refused(tmp_path, damage):
    np.savez(tmp_path / "pack.npz", labels=np.zeros(3))
    if damage is not None:
        (tmp_path / "pack.npz").write_bytes(damage)
    with pytest.raises(DatasetError, match=r"pack.npz holds no array of images"):
        load_pictures(tmp_path, size=28, channels=1)


def test_our_nets_give_the_same_inside_pythae():
    pytest.importorskip("pythae", reason=WITHOUT)
    torch.manual_seed(0)
    encoder, decoder, judge = pythae_peers.our_nets(PLAN)
    x = pictures(4).floats()
    x[:, 3:].clamp_(min=0.1)
    with torch.no_grad():
        inside, q = encoder(premultiply(x)), encoder.net(x, std_encoder_loc=False)
        assert torch.allclose(inside.embedding, torch.cat((q.z.mean, q.key.mean), 1), atol=1e-4)
        z = torch.randn(4, 22)
        drawn = decoder(z).reconstruction
        assert torch.equal(drawn, premultiply(decoder.net(z[:, :4], z[:, 4:], size=28)))
        judge.eval()
        said, verdict = judge(premultiply(x), output_layer_levels=[3]), judge.net(x)
        assert torch.allclose(said["embedding_layer_3"], verdict.features[2], atol=1e-4)
        assert said.embedding.shape == (4, 1)


@pytest.mark.parametrize("kind", ["vae", "betatcvae"])
@pytest.mark.parametrize("size", [28, 64])
def test_stock_nets_fit_a_peer_without_a_judge(kind, size):
    pytest.importorskip("pythae", reason=WITHOUT)
    plan = Plan(data="", seconds=1, threads=1, size=size)
    model = pythae_peers.make_peer(kind, "stock", plan)
    with torch.no_grad():
        assert torch.isfinite(model({"data": torch.rand(2, 4, size, size)}).loss)


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (28, 4), (64, 3), (64, 4)])
def test_stock_nets_take_our_channels(size, channels):
    pytest.importorskip("pythae", reason=WITHOUT)
    plan = Plan(data="", seconds=1, threads=1, size=size, channels=channels)
    model = pythae_peers.make_peer("vaegan", "stock", plan)
    x = torch.rand(2, channels, size, size)
    with torch.no_grad():
        latent = model.encoder(x).embedding
        assert latent.shape == (2, 60)
        assert model.decoder(latent).reconstruction.shape == x.shape
        assert model.discriminator(x).embedding.shape == (2, 1)


@pytest.mark.parametrize("kind", ["vae", "betatcvae", "vaegan"])
@pytest.mark.filterwarnings("ignore")  # pythae's own
def test_a_budget_stops_pythaes_own_trainer(kind):
    pytest.importorskip("pythae", reason=WITHOUT)
    model = pythae_peers.make_peer(kind, "ours", PLAN)
    before = [p.clone() for p in model.decoder.parameters()]
    budget = Budget(0.05)
    data = premultiply(pictures().floats())
    pythae_peers.fit(model, data, budget, adversarial=kind == "vaegan", seed=0)
    assert budget.images >= 32
    assert budget.spent >= 0.05
    assert any(
        not torch.equal(a, b) for a, b in zip(before, model.decoder.parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "rate"), [("vae-ours", 1e-4), ("vae-ours-quick", 1e-3), ("vaegan-stock", 1e-4)]
)
def test_a_rows_name_says_its_nets_and_its_rate(monkeypatch, name, rate):
    asked = []
    monkeypatch.setattr(
        pythae_peers, "train_pythae", lambda *a, **options: asked.append((*a[:2], options["rate"]))
    )
    peers.train(name, PLAN, pictures(), pictures(8), seed=0)
    assert asked == [(*name.split("-")[:2], rate)]


@pytest.mark.filterwarnings("ignore")  # pythae's own
def test_our_nets_begin_inside_pythae_as_in_ours(monkeypatch):
    pytest.importorskip("pythae", reason=WITHOUT)
    started = []
    monkeypatch.setattr(pythae_peers, "fit", lambda model, *_, **__: started.append(model))
    training = ImageSet(torch.randint(0, 256, (40, 1, 28, 28), dtype=torch.uint8), ["x"] * 40)
    plan = Plan(data="", seconds=1, threads=1, size=28, channels=1)
    pythae_peers.train_pythae("vae", "ours", plan, training, seed=0)
    [model] = started
    with torch.no_grad():
        z = model.encoder.net(training.floats(), std_encoder_loc=False).z.mean
    assert torch.allclose(z.std(0, correction=0), torch.ones(z.shape[1]), atol=0.02)

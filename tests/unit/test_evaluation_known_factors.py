"""The table of models on known factors: fair beginnings, right losses, rows that are kept."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from vae.batches import BatchSource
from vae.config import ModelConfig
from vae.distributions import DiagonalGaussian, kl_to_standard_normal
from vae.encodings import ATTRIBUTES
from vae.errors import ConfigError
from vae.evaluation import known_factors
from vae.evaluation.known_factors import (
    NAT,
    PEERS,
    PeerObjective,
    Plan,
    decompose_kl,
    format_rows,
    main,
    read_rows,
    train_peer,
)
from vae.evaluation.sprites import sprite_set
from vae.model import build_model
from vae.protocols import get_protocol

PLAN = Plan(steps=2, batch=8, pictures=64, samples=100, trees=100)


def objective_of(name):
    """The losses of one step of a fresh peer, by name, and their weights."""
    peer = PEERS[name]
    torch.manual_seed(0)
    model = build_model(ModelConfig(image_size=32, std_encoder_loc=peer.conditional))
    if not peer.conditional:
        model.latent_decoder.prior = None
    protocol = get_protocol("pretrain", steps=1, batch_size=16, augment="none", **peer.protocol)
    training, _ = sprite_set(64, size=32, seed=1)
    source = BatchSource(model, training, protocol, device=torch.device("cpu"))
    objective = PeerObjective(model, protocol, peer, 64)
    losses, _ = objective(source.next())
    return {name: float(value.detach()) for name, value in losses.items()}, protocol


def test_every_peer_changes_settings_that_exist_and_says_what_it_sees():
    for peer in PEERS.values():
        get_protocol("pretrain", **peer.protocol)
        assert bool(peer.sees) == (peer.conditional or peer.ordered > 0)
    assert len({peer.title for peer in PEERS.values()}) == len(PEERS)


def test_each_peer_has_the_losses_of_its_paper():
    beta, protocol = objective_of("beta-vae")
    assert set(beta) == {"reconstruction", "kl_z", "kl_key"}
    assert protocol.beta_z == protocol.beta_key == pytest.approx(4 * NAT)
    assert protocol.free_bits == 0
    ordered, protocol = objective_of("ar-vae")
    assert set(ordered) == {"reconstruction", "kl_z", "kl_key", "order"}
    assert protocol.order_weight / protocol.beta_z == pytest.approx(160)
    assert ordered["kl_z"] == pytest.approx(beta["kl_z"], rel=1e-5)  # the same first weights
    assert ordered["reconstruction"] == pytest.approx(beta["reconstruction"], rel=1e-5)
    assert set(objective_of("beta-tcvae")[0]) == {"reconstruction", "kl_z"}
    assert {"loop", "likeness", "order", "kl_key"} <= set(objective_of("im-pivae")[0])


def gaussian(mean, std):
    mean = torch.as_tensor(mean, dtype=torch.float64)
    return DiagonalGaussian(mean, torch.full_like(mean, 2 * float(np.log(std))))


def test_the_parts_of_the_kl_add_up():
    generator = torch.Generator().manual_seed(0)
    posterior = gaussian(torch.randn(400, 3, generator=generator), 0.5)
    noise = torch.randn(400, 3, generator=generator, dtype=torch.float64)
    parts = decompose_kl(posterior, posterior.rsample(noise), 400)
    expected = kl_to_standard_normal(posterior).sum(1).mean()
    assert float(sum(parts)) == pytest.approx(float(expected), abs=0.1)


def test_total_correlation_is_seen_where_dimensions_go_together():
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(500, 2, generator=generator, dtype=torch.float64)
    line = torch.randn(500, 1, generator=generator).repeat(1, 2)
    std = 0.4

    def correlation(mean):
        posterior = gaussian(mean, std)
        return float(decompose_kl(posterior, posterior.rsample(noise), 500)[1])

    # By hand: -log(1 - ρ²) / 2 with ρ = 1 / (1 + std²), plus what the sampler's own bias adds.
    together, apart = correlation(line), correlation(torch.randn(500, 2, generator=generator))
    rho = 1 / (1 + std**2)
    bias = np.log(500)  # log(N M) once for the joint, D times for the marginals
    assert apart - bias == pytest.approx(0, abs=0.15)
    assert together - apart == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.25)


def test_peers_start_from_the_same_weights(monkeypatch):
    training, _ = sprite_set(64, size=32, seed=1)
    first = {}

    class Still(known_factors.PeerTrainer):
        def run(self):
            first[self.peer.title] = {
                name: value.clone() for name, value in self.model.state_dict().items()
            }
            return iter(())

    monkeypatch.setattr(known_factors, "PeerTrainer", Still)
    for peer in PEERS.values():
        train_peer(peer, PLAN, training, training, seed=3)
    ours = first.pop(PEERS["im-pivae"].title)
    for state in first.values():
        assert set(ours) - set(state) == {n for n in ours if ".prior." in n}
        for name, value in state.items():
            if name.startswith(("latent_decoder", "output_encoder")):  # fitted, so rounded
                assert torch.allclose(value, ours[name], atol=1e-4), name
            elif not name.startswith("standardizer"):
                assert torch.equal(value, ours[name]), name


def fake_scores(*_, **__):
    return dict.fromkeys([c for c in known_factors.COLUMNS if c not in ("psnr", "seconds")], 0.5)


def test_rows_are_written_and_not_trained_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(known_factors, "score_all", fake_scores)
    path = tmp_path / "rows.json"
    command = ["--steps", "1", "--seeds", "2", "--pictures", "64", "--samples", "100"]
    command += ["--trees", "100", "--only", "beta-tcvae", "im-pivae", "--json", str(path)]
    assert main([*command[:3], "1", *command[4:]]) == 0
    assert set(json.loads(path.read_text())["rows"]) == {"beta-tcvae/0", "im-pivae/0"}
    capsys.readouterr()
    assert main(command) == 0
    table = capsys.readouterr().out
    written = json.loads(path.read_text())
    assert set(written["rows"]) == {f"{n}/{s}" for n in ("beta-tcvae", "im-pivae") for s in (0, 1)}
    assert written["supervision"]["beta-tcvae"] == "nothing"
    assert all(np.isfinite(list(row.values())).all() for row in written["rows"].values())
    assert "0.500 ± 0.000" in table
    assert "16 measured attributes" in table
    assert "No row sees a true factor" in table
    assert "Nothing at all has 14." in table
    monkeypatch.setattr(known_factors, "train_peer", lambda *_, **__: pytest.fail("trained again"))
    assert main(command) == 0
    assert capsys.readouterr().out == table
    assert main(["--steps", "9", *command[2:]]) == 1
    assert "other settings (steps)" in capsys.readouterr().err


def test_the_attributes_themselves_have_a_row_without_a_training(tmp_path, capsys, monkeypatch):
    seen = {}

    def scored(codes, factors, **_):
        seen.update(codes=codes, factors=factors)
        return fake_scores()

    monkeypatch.setattr(known_factors, "score_all", scored)
    monkeypatch.setattr(known_factors, "train_peer", lambda *_, **__: pytest.fail("trained"))
    command = ["--steps", "1", "--pictures", "64", "--samples", "100", "--trees", "100"]
    assert main([*command, "--only", "attributes", "--json", str(tmp_path / "rows.json")]) == 0
    assert seen["codes"].shape == (150, 16)
    coverage = seen["codes"][:, ATTRIBUTES.index("coverage")]
    assert max(abs(np.corrcoef(coverage, factor)[0, 1]) for factor in seen["factors"].T) > 0.5
    row = next(line for line in capsys.readouterr().out.splitlines() if "themselves" in line)
    assert row.startswith("| the 16 attributes themselves | they are measured | 1 | 0.500 |")
    assert row.endswith("|  |  |")  # no PSNR, no seconds


def test_a_single_seed_has_no_deviation_and_absent_models_no_row():
    row = fake_scores() | {"psnr": 20.0, "seconds": 12.3}
    table = format_rows({"beta-vae/0": row}, list(PEERS))
    assert "| β-VAE (β = 4) | nothing | 1 | 0.500 |" in table
    assert "±" not in table.split("\n\n")[0]
    assert "| im-pivae |" not in table


def test_files_and_settings_that_do_not_fit_are_refused(tmp_path):
    other = tmp_path / "other.json"
    other.write_text("[]")
    with pytest.raises(ConfigError, match="no rows of this table"):
        read_rows(other, PLAN)
    assert read_rows(tmp_path / "none.json", PLAN) == {}
    with pytest.raises(ConfigError, match="steps must be at least 1"):
        Plan(steps=0)

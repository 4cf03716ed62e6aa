"""The ablation table: every variant trains, is measured, and is not trained twice."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.distributions import Normal
from torch.distributions import kl_divergence as torch_kl

from tests.conftest import TINY, draw_art, image_set, tiny_model
from vae.data import load_split
from vae.evaluation import ablations
from vae.evaluation.ablations import (
    VARIANTS,
    UnconditionalObjective,
    format_rows,
    main,
    train_variant,
)
from vae.finish import write_world
from vae.infer import get_infer_model
from vae.protocols import get_protocol
from vae.trainer import Trainer


@pytest.fixture
def art_folder(tmp_path):
    folder = tmp_path / "art"
    folder.mkdir()
    for i in range(40):
        Image.fromarray(draw_art(i, 32)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """The variants as they are, in narrow networks."""
    for name, variant in VARIANTS.items():
        monkeypatch.setitem(VARIANTS, name, replace(variant, model=TINY | dict(variant.model)))


def test_every_variant_changes_settings_that_exist():
    for variant in VARIANTS.values():
        get_protocol("pretrain", **variant.protocol)
    titles = [variant.title for variant in VARIANTS.values()]
    assert len(set(titles)) == len(titles)


def test_rows_are_measured_written_and_read_again(art_folder, tmp_path, capsys, monkeypatch):
    rows = tmp_path / "rows.json"
    command = ["--data", str(art_folder), "--size", "32", "--steps", "2", "--num-images", "2"]
    command += ["--only", "base", "vae", "--workers", "0", "--json", str(rows)]
    assert main(command) == 0
    table = capsys.readouterr().out
    written = json.loads(rows.read_text())
    assert list(written) == ["base", "vae"]
    for row in written.values():
        assert np.isfinite([row["psnr"], row["kl_z"], row["purity"], *row["swd"]]).all()
        assert len(row["swd"]) == 2  # 32² and 16²
    assert format_rows(written) in table
    monkeypatch.setattr(ablations, "train_variant", lambda *_, **__: pytest.fail("trained again"))
    assert main(command) == 0
    assert capsys.readouterr().out == table


def test_the_judge_comes_after_and_moves_the_decoder_alone(art_folder):
    sets = load_split(art_folder, size=32, channels=4)
    base, judged = (
        train_variant(VARIANTS[name], *sets, steps=2, seed=1).model.state_dict()
        for name in ("base", "adversarial")
    )
    same = {name: bool((base[name] == judged[name]).all()) for name in base}
    assert all(same[name] for name in base if name.startswith("latent_encoder."))
    assert not all(same[name] for name in base if name.startswith("output_encoder.head"))


def test_without_the_conditional_prior_its_divergence_alone_is_another():
    trainer = Trainer(
        tiny_model(), image_set(16), image_set(4), get_protocol("pretrain", steps=2, batch_size=8)
    )
    batch = trainer.source.next()
    trainer.model.eval()
    with_prior, _ = trainer.objective(batch)
    objective = UnconditionalObjective(trainer.model, trainer.protocol)
    without, _ = objective(batch)
    assert without.keys() == with_prior.keys() >= {"order", "likeness", "loop", "read_back"}
    assert [n for n in without if not torch.equal(without[n], with_prior[n])] == ["kl_key"]
    key = trainer.model.posterior(batch.x).key
    plain = Normal(torch.zeros(()), torch.ones(()))
    expected = torch_kl(Normal(key.mean, (key.logvar / 2).exp()), plain).sum(1).mean()
    assert without["kl_key"].item() == pytest.approx(expected.item(), rel=1e-4)
    objective.total(without, step=1).backward()
    assert all(p.grad is None for p in trainer.model.latent_decoder.prior.parameters())


def test_a_model_without_the_conditional_prior_trains_to_a_world(art_folder, tmp_path):
    sets = load_split(art_folder, size=32, channels=4)
    base, without = (
        train_variant(VARIANTS[name], *sets, steps=3, seed=1) for name in ("base", "no-prior")
    )
    first, second = base.model.state_dict(), without.model.state_dict()
    assert first.keys() == second.keys()
    assert any(
        not torch.equal(first[name], second[name]) for name in first if "latent_encoder" in name
    )
    write_world(tmp_path / "world", without.model, without.table, "# A world\n")
    kept = get_infer_model(tmp_path / "world")
    assert torch.allclose(
        kept.encode(sets[1].floats()).key, without.encode(sets[1].floats()).key, atol=0.05
    )


def test_a_missing_folder_is_one_sentence(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "nowhere")]) == 1
    assert "there is no folder" in capsys.readouterr().err


def test_a_number_of_processes_that_cannot_be_is_one_sentence(art_folder, capsys):
    assert main(["--data", str(art_folder), "--workers", "-1"]) == 1
    assert capsys.readouterr().err == "error: --workers must be 0 or more, found -1\n"

"""The command line: train, resume, sample, encode, info; errors are one line and change nothing."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.conftest import TINY, draw_fruit, snapshot
from vae.__main__ import main
from vae.checkpoint import read_tensors
from vae.config import ModelConfig
from vae.infer import get_infer_model
from vae.lock import alone
from vae.model import load_model, save_model
from vae.run import saved_run
from vae.tracker import Tracker
from vae.trainer import STATE_FILE, Trainer

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--size", "28", "--latent-dim", "3", "--key-dim", "17"]


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch):
    monkeypatch.setattr("vae.run.ModelConfig", partial(ModelConfig, **TINY))


def refused(capsys, arguments: list[str]) -> str:
    """Run a command that must fail with one line on stderr; return the line."""
    capsys.readouterr()
    assert main(arguments) == 1
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert captured.out == ""
    assert lines[0].startswith("error: ")
    return lines[0]


def test_train_resume_and_use_a_world(fruit_folder, tmp_path, capsys):
    out = tmp_path / "world"
    train = ["train", "--data", str(fruit_folder), "--out", str(out), *SMALL]
    assert main([*train, "--steps", "3", "--set", "log_every=1", "--set", "batch_size=8",
                 "--set", "cosine=False", "--set", "adversarial=false"]) == 0  # fmt: skip
    wanted = {"model.safetensors", "config.json", "sliders.json", "README.md", STATE_FILE}
    assert {p.name for p in out.iterdir()} == wanted | {"run.jsonl"}
    assert [r["step"] for r in Tracker(out / "run.jsonl").read()] == [1, 2, 3, 3]
    protocol, model = saved_run(out)
    assert (protocol.name, protocol.steps, protocol.batch_size) == ("pretrain", 3, 8)
    assert (model.latent_dim, model.latent_key_dim) == (3, 17)

    resumed = ["train", "--data", str(fruit_folder), "--out", str(out), "--resume", "--steps", "5"]
    assert main(resumed) == 0  # size and widths need not be said again
    records = Tracker(out / "run.jsonl").read()
    assert [r["step"] for r in records if r["kind"] == "step"] == [1, 2, 3, 4, 5]
    world = get_infer_model(out)
    assert (world.image_size, world.latent_dim, world.latent_key_dim) == (28, 3, 17)

    capsys.readouterr()
    assert main(["info", "--world", str(out)]) == 0
    told = capsys.readouterr().out
    assert "world: 4 channels, 28x28, 3 + 17 latents" in told
    assert all(s.name in told for s in world.sliders)

    sheet = tmp_path / "sheet.png"
    assert main(["sample", "--world", str(out), "--out", str(sheet), "--num", "4"]) == 0
    with Image.open(sheet) as image:
        assert image.mode == "RGBA"
    again = tmp_path / "again.png"
    main(["sample", "--world", str(out), "--out", str(again), "--num", "4"])
    assert again.read_bytes() == sheet.read_bytes()

    before = snapshot(out)
    line = refused(capsys, [*train, "--steps", "3"])
    assert "already holds a world or a run; add --resume or choose another" in line
    assert snapshot(out) == before


def test_a_fine_tune_starts_from_a_world_and_keeps_its_shape(fruit_folder, tiny_world, tmp_path):
    out = tmp_path / "mine"
    data = ["--data", str(fruit_folder), "--out", str(out)]
    assert main(["train", *data, "--world", str(tiny_world), "--steps", "2"]) == 0
    assert saved_run(out)[0].name == "finetune"
    assert get_infer_model(out).config == get_infer_model(tiny_world).config
    assert "started from" in (out / "README.md").read_text()


@pytest.mark.parametrize(
    ("protocol", "reaches", "bounds"),
    [
        ("pretrain", True, "strength"),
        ("adversarial", True, "strength"),
        ("finetune", False, "value"),
        ("encoder", False, "value"),
        ("grain", False, "strength"),
    ],
)
def test_a_world_of_before_takes_up_what_it_is_trained_for(
    fruit_folder, tiny_world, tmp_path, protocol, reaches, bounds
):
    before = get_infer_model(tiny_world).model
    assert before.config is not None
    before.config = replace(before.config, loc_margin=0.0, grain_bound="value")
    old = shutil.copytree(tiny_world, tmp_path / "old")
    save_model(old, before)
    data = ["train", "--data", str(fruit_folder), "--world", str(old), "--steps", "2"]
    assert main([*data, "--out", str(tmp_path / "mine"), "--protocol", protocol]) == 0
    config = get_infer_model(tmp_path / "mine").model.config
    assert config is not None
    assert (config.loc_margin > 0) is reaches
    assert config.grain_bound == bounds


def test_a_world_can_be_given_more_content_latents_or_fewer(
    fruit_folder, tiny_world, tmp_path, capsys
):
    data = ["train", "--data", str(fruit_folder), "--world", str(tiny_world), "--steps", "2"]
    assert main([*data, "--out", str(tmp_path / "wide"), "--latent-dim", "7"]) == 0
    world = get_infer_model(tmp_path / "wide")
    assert (world.latent_dim, world.latent_key_dim) == (7, 18)
    assert world.sample(2).z.shape == (2, 7)
    protocol, _ = saved_run(tmp_path / "wide")
    assert (protocol.encoder_rate, protocol.grainless, protocol.steps) == (0.05, True, 2)
    asked = ["--set", "encoder_rate=0.5"]
    assert main([*data, "--out", str(tmp_path / "own"), "--latent-dim", "7", *asked]) == 0
    assert saved_run(tmp_path / "own")[0].encoder_rate == 0.5
    assert main([*data, "--out", str(tmp_path / "thin"), "--latent-dim", "3"]) == 0
    assert get_infer_model(tmp_path / "thin").latent_dim == 3
    assert saved_run(tmp_path / "thin")[0].encoder_rate == 1.0
    line = refused(capsys, [*data, "--out", str(tmp_path / "none"), "--latent-dim", "0"])
    assert "latent_dim" in line
    assert not (tmp_path / "none").exists()


def test_a_world_can_be_trained_on_at_another_size(fruit_folder, tiny_world, tmp_path, capsys):
    data = ["train", "--data", str(fruit_folder), "--world", str(tiny_world), "--steps", "2"]
    assert get_infer_model(tiny_world).image_size == 32
    assert main([*data, "--out", str(tmp_path / "large"), "--size", "64"]) == 0
    world = get_infer_model(tmp_path / "large")
    assert world.image_size == 64
    assert world.decode(world.sample(1)).shape[-2:] == (64, 64)
    line = refused(capsys, [*data, "--out", str(tmp_path / "odd"), "--size", "33"])
    assert "image_size" in line
    assert not (tmp_path / "odd").exists()


@pytest.mark.parametrize(("last", "which"), [(21.0, "of the last step"), (20.05, "averaged")])
def test_an_average_that_fits_no_statistics_is_not_the_world(
    fruit_folder, tiny_world, tmp_path, monkeypatch, last, which
):
    def measured(trainer, model=None):
        assert model in (None, trainer.model)
        return {"psnr": last if model else 20.0}

    monkeypatch.setattr(Trainer, "test", measured)
    out = tmp_path / "world"
    train = ["train", "--data", str(fruit_folder), "--out", str(out), "--world", str(tiny_world)]
    assert main([*train, "--protocol", "pretrain", "--steps", "3"]) == 0
    card = (out / "README.md").read_text()
    assert f"| weights | {which} |" in card
    averaged = which == "averaged"
    assert ("| 20.00 dB |" if averaged else "| 21.00 dB |") in card
    state, _ = read_tensors(out / STATE_FILE)
    prefix = "average/module." if averaged else "model/"
    for name, weight in load_model(out).named_parameters():
        kept = state[prefix + name]
        assert torch.equal(weight, kept.half().float() if kept.ndim > 1 else kept)


def test_a_corrupt_file_is_left_out_by_name(fruit_folder, tmp_path, capfd):
    (fruit_folder / "07.png").write_bytes(b"no picture")
    out = ["--out", str(tmp_path / "w"), *SMALL, "--steps", "1"]
    assert main(["train", "--data", str(fruit_folder), *out]) == 0
    assert "left out: 07.png is not a readable" in capfd.readouterr().err


def test_encode_writes_latents_and_metadata(tiny_world, tmp_path, capsys):
    paths = []
    for seed in range(2):
        paths.append(str(tmp_path / f"{seed}.png"))
        Image.fromarray(draw_fruit(seed, 50)).save(paths[-1])
    assert main(["encode", *paths, "--world", str(tiny_world)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["world"] == "tiny"
    assert [row["file"] for row in printed["images"]] == paths
    assert {len(row["z"]) for row in printed["images"]} == {4}
    assert {len(row["key"]) for row in printed["images"]} == {18}
    assert {len(row["metadata"]) for row in printed["images"]} == {16}
    out = tmp_path / "latents.json"
    assert main(["encode", *paths, "--world", str(tiny_world), "--out", str(out)]) == 0
    assert json.loads(out.read_text()) == printed


def test_bad_input_is_one_line_and_changes_nothing(fruit_folder, tiny_world, tmp_path, capsys):
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    damaged = Path(shutil.copytree(tiny_world, tmp_path / "damaged"))
    (damaged / "model.safetensors").write_bytes(b"torn")
    train = ["train", "--out", str(out), "--data"]
    fruit = str(fruit_folder)
    cases = {
        "no PNG, JPEG or WebP image": [*train, str(empty)],
        "there is no folder": [*train, str(tmp_path / "gone")],
        "damaged or cut short": [*train, fruit, "--world", str(damaged)],
        "there is no world called atlantis": [*train, fruit, "--world", "atlantis"],
        "finetune starts from a world": [*train, fruit, "--protocol", "finetune"],
        "adversarial protocol starts from a trained": [*train, fruit, "--protocol", "adversarial"],
        "there is no file": [*train, fruit, "--resume"],
        "steps must be a whole number from 1": [*train, fruit, "--steps", "0"],
        "does not know speed": [*train, fruit, "--set", "speed=3"],
        "lr must be a number": [*train, fruit, "--set", "lr=fast"],
        "image_size must be one of 28, 32, 64": [*train, fruit, "--size", "50"],
        "channels must be one of 1, 3, 4": [*train, fruit, "--channels", "2"],
        "--num must be a whole number from 1 to 1024": [
            "sample",
            "--world",
            str(tiny_world),
            "--out",
            str(out),
            "--num",
            "0",
        ],
        "gone.png is not a readable": ["encode", "gone.png", "--world", str(tiny_world)],
        "no world called nowhere": ["info", "--world", "nowhere"],
    }
    before = snapshot(tmp_path)
    for says, arguments in cases.items():
        assert says in refused(capsys, arguments)
    assert snapshot(tmp_path) == before
    assert not out.exists()


def test_a_disk_that_refuses_is_one_line(tiny_world, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    sheet = str(tmp_path / "file" / "sheet.png")
    line = refused(capsys, ["sample", "--world", str(tiny_world), "--out", sheet, "--num", "1"])
    assert "file" in line


def test_a_finished_run_says_that_it_has_had_the_length_asked_for(fruit_folder, tmp_path, capsys):
    out = tmp_path / "world"
    train = ["train", "--data", str(fruit_folder), "--out", str(out)]
    assert main([*train, *SMALL, "--steps", "2"]) == 0
    before = snapshot(out)
    line = refused(capsys, [*train, "--resume", "--steps", "2"])
    assert "has had 2 steps; its length counts from its beginning" in line
    assert "minutes; its length" in refused(capsys, [*train, "--resume", "--minutes", "0.001"])
    assert snapshot(out) == before
    (out / "model.safetensors").unlink()  # killed before its world was written
    assert main([*train, "--resume", "--steps", "2"]) == 0
    assert (out / "model.safetensors").exists()


def test_a_second_run_in_one_folder_is_refused(fruit_folder, tmp_path, capsys):
    out = tmp_path / "world"
    train = ["train", "--data", str(fruit_folder), "--out", str(out)]
    out.mkdir()
    with alone(out / "lock") as got:
        assert got
        before = snapshot(out)
        says = f"another run is at work in {out}"
        assert says in refused(capsys, [*train, *SMALL, "--steps", "1"])
        assert snapshot(out) == before
    assert main([*train, *SMALL, "--steps", "1"]) == 0
    assert not (out / "lock").exists()
    with alone(out / "lock"):
        assert says in refused(capsys, [*train, "--resume", "--steps", "2"])


def test_a_folder_that_cannot_be_made_is_one_line(fruit_folder, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    out = str(tmp_path / "file" / "world")
    line = refused(capsys, ["train", "--data", str(fruit_folder), "--out", out, *SMALL])
    assert f"could not write {out}" in line


def test_sliders_are_found_anew_where_their_file_is_damaged(
    fruit_folder, tiny_world, tmp_path, capsys
):
    folder = Path(shutil.copytree(tiny_world, tmp_path / "world"))
    (folder / "sliders.json").write_text('{"format": 1, "sliders": ["warmth"]}')
    assert "measure them again" in refused(capsys, ["info", "--world", str(folder)])
    weights = (folder / "model.safetensors").read_bytes()
    again = ["measure", "--world", str(folder), "--data", str(fruit_folder)]
    assert main([*again, "--num-images", "3"]) == 0
    told = capsys.readouterr().out
    world = get_infer_model(folder)
    assert all(s.name in told for s in world.sliders)
    assert (folder / "model.safetensors").read_bytes() == weights
    plain = world.table.directions
    assert main([*again, "--num-images", "3", "--refine"]) == 0
    assert get_infer_model(folder).table.directions.shape == plain.shape


def test_a_density_fitted_anew_leaves_the_weights_as_they_are(
    fruit_folder, tiny_world, tmp_path, capsys
):
    folder = Path(shutil.copytree(tiny_world, tmp_path / "world"))
    spoilt = load_model(folder)
    spoilt.density.means.fill_(7.0)
    save_model(folder, spoilt)
    again = ["measure", "--world", str(folder), "--data", str(fruit_folder), "--num-images", "3"]
    assert main(again) == 0  # without being asked to, it is left alone
    assert (load_model(folder).density.means == 7).all()
    assert main([*again, "--density"]) == 0
    capsys.readouterr()
    before, after = (load_model(world) for world in (tiny_world, folder))
    assert (after.density.means != 7).all()
    drawn = after.density.sample(64, generator=torch.Generator().manual_seed(1))
    assert before.density.log_prob(drawn).mean() > spoilt.density.log_prob(drawn).mean()
    weights = dict(before.named_parameters())
    assert all(torch.equal(weights[name], value) for name, value in after.named_parameters())


def test_measuring_what_cannot_be_measured_changes_nothing(
    fruit_folder, tiny_world, tmp_path, capsys
):
    empty = tmp_path / "empty"
    empty.mkdir()
    world, fruit = ["--world", str(tiny_world)], ["--data", str(fruit_folder)]
    before = snapshot(tiny_world)
    assert "is not a world" in refused(capsys, ["measure", "--world", str(empty), *fruit])
    assert "no PNG" in refused(capsys, ["measure", *world, "--data", str(empty)])
    assert "from 2 to" in refused(capsys, ["measure", *world, *fruit, "--num-images", "1"])
    assert snapshot(tiny_world) == before


def test_a_resume_keeps_its_protocol(fruit_folder, tmp_path, capsys):
    out = tmp_path / "world"
    train = ["train", "--data", str(fruit_folder), "--out", str(out)]
    assert main([*train, *SMALL, "--steps", "1"]) == 0
    before = snapshot(out)
    capsys.readouterr()
    line = refused(capsys, [*train, "--resume", "--protocol", "43-vae"])
    assert "the run to resume is of the protocol pretrain, not 43-vae" in line
    (fruit_folder / "00.png").unlink()
    (fruit_folder / "01.png").unlink()
    (fruit_folder / "02.png").unlink()
    assert "training images" in refused(capsys, [*train, "--resume", "--steps", "2"])
    assert snapshot(out) == before


def test_mistyped_options_are_explained():
    with pytest.raises(SystemExit) as caught:
        main(["train", "--data", "x", "--out", "y", "--steps", "3", "--minutes", "1"])
    assert caught.value.code == 2


def test_the_module_runs_as_a_program(tmp_path):
    command = [sys.executable, "-m", "vae", "info", "--world", str(tmp_path / "none")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []

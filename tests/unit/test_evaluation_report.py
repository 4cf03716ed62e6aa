"""The table of a world's numbers, from a tiny world on a folder made here."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from vae.__main__ import main as vae_main
from vae.config import ModelConfig
from vae.data import ImageSet, load_split
from vae.distributions import LatentDensity
from vae.encodings import ATTRIBUTES
from vae.evaluation.__main__ import main
from vae.evaluation.overhead import BareLoop, Overhead, format_lines, measure_overhead
from vae.evaluation.report import (
    Options,
    Row,
    format_table,
    pick,
    report_distribution,
    report_reconstruction,
    report_sliders,
    report_speed,
    report_swd,
)
from vae.evaluation.rows import premultiplied
from vae.evaluation.speed import time_calls, torch_threads
from vae.evaluation.swd import swd_levels_of
from vae.finish import write_world
from vae.infer import World, get_infer_model
from vae.model import build_model
from vae.protocols import get_protocol
from vae.sliders import Slider, SliderTable
from vae.trainer import Trainer

SIDE = 32
CONFIG = ModelConfig(
    channels=4,
    image_size=SIDE,
    latent_dim=3,
    latent_key_dim=16,
    encoder_widths=(8, 8, 8, 8),
    decoder_widths=(8, 8, 8, 8),
)


def blobs(num: int) -> np.ndarray:
    """Coloured ellipses with soft edges and grain, straight uint8 (N, H, W, 4)."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    pictures = np.zeros((num, SIDE, SIDE, 4))
    for picture in pictures:
        wide, high = generator.uniform(6, 13, 2)
        colour = generator.uniform(0.2, 0.8, 3)
        picture[..., :3] = colour + generator.normal(0, 0.05, (SIDE, SIDE, 1))
        picture[..., 3] = np.clip(6 * (1 - np.hypot(x / wide, y / high)), 0, 1)
    return np.rint(255 * pictures.clip(0, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("blobs")
    for index, picture in enumerate(blobs(40)):
        Image.fromarray(picture).save(path / f"{index:02}.png")
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    torch.manual_seed(0)
    model = build_model(CONFIG).eval()
    dim = CONFIG.latent_dim + CONFIG.latent_key_dim
    model.density = LatentDensity(dim, 1)
    rows = [
        Slider(
            name=name, kind="style", attribute=name, low=-2.5, high=2.5,
            gain=1.0, purity=1.0, spearman=1.0,
        )
        for name in ("warmth", "coverage")
    ]  # fmt: skip
    directions = torch.eye(dim)[[3 + ATTRIBUTES.index(row.name) for row in rows]]
    path = tmp_path_factory.mktemp("worlds") / "tiny"
    write_world(path, model, SliderTable(tuple(rows), directions), "A world for tests.")
    return get_infer_model(path)


@pytest.fixture(scope="module")
def sets(folder) -> tuple[ImageSet, ImageSet]:
    return load_split(folder, size=SIDE, channels=4, held_out=0.4)


def by_name(rows) -> dict[str, Row]:
    return {row.what: row for row in rows}


OPTIONS = Options(num_images=8, workers=0, threads=1, steps=3, num_calls=4)


def test_an_untrained_world_is_far_worse_than_linear_components(world, sets):
    rows = by_name(report_reconstruction(world, *sets, OPTIONS))
    assert rows["PCA-19"].value > rows["PSNR of the set (headline)"].value + 3
    assert "8 validation images" in rows["PSNR of the set (headline)"].remark
    grained = rows["PSNR of the set (headline)"].value
    assert rows["PSNR without grain"].value == pytest.approx(grained, abs=1)
    assert rows["PSNR without grain"].value != grained
    assert 0 < rows["alpha, mean absolute error"].value < 1
    assert rows["alpha, share clear or solid"].value == 0  # untrained, it is neither anywhere
    alpha = pick(sets[1].images, OPTIONS.cap(len(sets[1])))[:, 3]
    ends = np.isin(alpha.numpy(), (0, 255)).mean()
    assert rows["alpha, share clear or solid"].remark == f"{ends:.4f} of originals"
    assert 0.3 < ends < 1
    said = rows["content latents of a bit or more"]
    assert 0 <= said.value <= CONFIG.latent_dim
    assert said.remark.startswith(f"of {CONFIG.latent_dim}; ")
    assert rows["key latents of a bit or more"].remark.startswith(f"of {CONFIG.latent_key_dim}; ")


def test_an_untrained_world_is_far_from_the_floor(world, sets):
    rows = by_name(report_swd(world, *sets, OPTIONS))
    for size in (32, 16):
        floor = rows[f"{size}² real to real"].value
        samples = rows[f"{size}² samples"]
        assert samples.value > 1.5 * floor
        assert samples.remark.startswith(f"{samples.value / floor:.2f} × floor, ± ")
        assert samples.remark.endswith(" over 3 draws")
        assert samples.details["ratio"] == pytest.approx(samples.value / floor)
        colour, floor = (
            rows[f"{size}² without alpha samples"],
            rows[f"{size}² without alpha real to real"],
        )
        assert colour.value != samples.value
        assert colour.details["ratio"] == pytest.approx(colour.value / floor.value)


def test_the_floor_is_the_mean_over_parts_that_share_no_picture(world, sets):
    train, validation = sets
    num = OPTIONS.cap(len(validation))
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(OPTIONS.seed))
    parts = {str(i): premultiplied(train.images[order[i * num :][:num]]) for i in range(3)}
    assert [len(part) for part in parts.values()] == [num] * 3
    levels = swd_levels_of(
        premultiplied(pick(validation.images, num)),
        parts,
        generator=torch.Generator().manual_seed(OPTIONS.seed),
    )
    rows = by_name(report_swd(world, *sets, OPTIONS))
    for size in (32, 16):
        values = [levels[name][size] for name in parts]
        assert rows[f"{size}² real to real"].value == pytest.approx(np.mean(values), rel=1e-4)
        assert rows[f"{size}² real to real"].remark.endswith(f"± {np.std(values):.2g} over 3 parts")


def test_an_untrained_world_neither_looks_real_nor_varies(world, sets):
    rows = by_name(report_distribution(world, *sets, OPTIONS))
    assert rows["precision, samples"].value < 0.5
    assert rows["diversity, samples"].value < 0.5 < rows["diversity, real to real"].value
    assert rows["KID, samples"].value > 10 * abs(rows["KID, real to real"].value)
    assert len(rows["memorisation ratio"].details["values"]) == 3
    assert rows["KID, samples"].remark.startswith("± ")
    few = Options(num_images=4, workers=0)
    assert list(report_distribution(world, *sets, few)) == []


def test_every_slider_has_a_row_with_its_leakage(world, sets):
    *scores, working, steady, purity, beyond = report_sliders(world, *sets, OPTIONS)
    assert [row.what for row in scores] == ["warmth: Spearman", "coverage: Spearman"]
    assert set(scores[0].details["leakage"]) <= set(ATTRIBUTES)
    assert working.remark == steady.remark == "of 2"
    assert working.value >= steady.value
    assert 0 <= beyond.value <= 1
    assert purity.value == pytest.approx(np.mean([row.details["purity"] for row in scores]))


def test_speed_is_told_at_both_sizes(world, sets):
    rows = by_name(report_speed(world, *sets, OPTIONS))
    assert list(rows) == [f"decode {size}² {p}" for size in (128, 256) for p in ("p50", "p95")]
    assert all(row.value > 0 for row in rows.values())


def test_calls_are_counted_and_threads_set_back():
    calls = []
    speed = time_calls(lambda: calls.append(torch.get_num_threads()), num_calls=5, warmup=2)
    assert (len(calls), speed.num_calls) == (7, 5)
    assert 0 <= speed.p50 <= speed.p95
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_command_prints_one_table_and_writes_the_same_numbers(world, folder, tmp_path, capsys):
    path = tmp_path / "numbers.json"
    arguments = ["--world", str(world.path), "--data", str(folder), "--part", "swd"]
    assert main([*arguments, "--num-images", "4", "--json", str(path)]) == 0
    table = capsys.readouterr().out
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (content["world"], content["data"]) == ("tiny", folder.name)
    assert len(content["rows"]) == 12
    for row in content["rows"]:
        assert f"{row['what']}" in table
        assert f"{row['value']:.4g}" in table


def test_the_same_is_a_command_of_the_package(world, folder, tmp_path, capsys):
    path = tmp_path / "numbers.json"
    arguments = ["--world", str(world.path), "--data", str(folder), "--part", "reconstruction"]
    assert main([*arguments, "--num-images", "4"]) == 0
    table = capsys.readouterr().out
    assert vae_main(["evaluate", *arguments, "--num-images", "4", "--json", str(path)]) == 0
    assert capsys.readouterr().out == table
    assert json.loads(path.read_text(encoding="utf-8"))["seconds"].keys() == {"reconstruction"}


def test_a_wrong_folder_is_one_line_and_exit_code_one(world, tmp_path, capsys):
    assert main(["--world", str(world.path), "--data", str(tmp_path / "nowhere")]) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert message.count("\n") == 1


def test_columns_line_up():
    table = format_table([Row("swd", "16²", 1.23456, "×1000"), Row("speed", "decode", 12.0, "ms")])
    header, rule, first, second = table.splitlines()
    assert header.split() == ["part", "what", "value", "unit"]
    assert set(rule) == {"-"}
    assert first.index("1.235") + len("1.235") == second.index("12") + len("12")
    assert first.index("×1000") == second.index("ms") == header.index("unit")


def test_fewer_images_are_picked_evenly():
    images = torch.arange(10)[:, None]
    assert pick(images, 4).flatten().tolist() == [0, 3, 6, 9]
    assert pick(images, 20) is images


def test_overhead_is_what_the_trainer_adds_in_the_middle_of_the_rounds():
    own = (108.0, 210.0, 56.0)
    found = Overhead(bare=(100.0, 200.0, 50.0), inline=own, wall=(150.0, 300.0, 90.0))
    assert found.share == pytest.approx(0.08)
    assert found.share_beside is None
    assert format_lines("pretrain", found, own_core=True) == (
        "pretrain, closed loop inline: 108.0 ms of work a step, bare 100.0 ms, overhead +8.0%"
    )
    found = replace(found, beside=(120.0, 220.0, 80.0))
    assert found.share_beside == pytest.approx(-0.2)
    apart, after = (format_lines("x", found, own_core=own).splitlines()[1] for own in (True, False))
    assert apart.startswith("x, closed loop beside, on a core of its own: 120.0 ms a step on the")
    assert apart.endswith("wall, inline 150.0 ms, -20.0%")
    assert "no core to spare" in after


@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_overhead_times_a_real_trainer_without_breaking_it(sets, name, monkeypatch):
    torch.manual_seed(0)
    protocol = get_protocol(name, steps=99, log_every=2, batch_size=4)
    trainer = Trainer(build_model(CONFIG), *sets, protocol)
    beside = trainer.beside
    ways = []
    real = Trainer.train_step

    def watched(self):
        ways.append(self.beside)
        return real(self)

    monkeypatch.setattr(Trainer, "train_step", watched)
    overhead = measure_overhead(trainer, rounds=2, block=2)
    for times in (overhead.bare, overhead.inline, overhead.wall, overhead.beside):
        assert len(times) == 2
        assert min(times) > 0
    # The ways take turns: a warm-up of each, and rounds that begin with another.
    assert ways == [w for way in (None, beside, None, beside, None, beside) for w in (way, way)]
    assert trainer.step == 12  # bare steps are not counted as the run's
    assert trainer.beside is beside


@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_a_bare_step_is_the_trainers_own(sets, name):
    """The same nets, losses, clipping, step and average: weights and judge are the same after."""
    protocol = get_protocol(name, steps=9, batch_size=4, warmup=0, cosine=False, loop_warmup=0)
    trainers = []
    for _ in range(2):
        torch.manual_seed(0)
        trainers.append(Trainer(build_model(CONFIG), *sets, protocol))
        trainers[-1].beside = None
        trainers[-1].step, trainers[-1].balance = 1, 0.3  # a step that measures no balance anew
    real, other = trainers
    values = real.train_step()
    total = BareLoop(other).step(other.source.next())
    assert total.item() == pytest.approx(values["total"].item(), rel=1e-6)
    for part in ("model", "average", *(["judge"] if real.judge is not None else [])):
        first, second = (getattr(t, part).state_dict() for t in (real, other))
        for key, tensor in first.items():
            assert torch.allclose(tensor.float(), second[key].float(), atol=1e-6), (part, key)


def test_steps_so_slow_that_each_is_told_are_counted_as_they_are(sets, monkeypatch):
    monkeypatch.setattr("vae.trainer.LONGEST_SILENCE", 0.0)
    protocol = get_protocol("pretrain", steps=99, log_every=4, batch_size=4)
    trainer = Trainer(build_model(CONFIG), *sets, protocol)
    measure_overhead(trainer, rounds=2, block=3)
    assert trainer.step == 2 * (3 + 2 * 3)

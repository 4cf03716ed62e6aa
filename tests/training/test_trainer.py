"""The trainer: protocols, events, averages, refusals, and a resume that is the same to the bit."""

import math
import time
from types import SimpleNamespace

import pytest
import torch

from tests.conftest import image_set, snapshot, tiny_model
from vae import trainer as trainer_module
from vae.errors import CheckpointError, ShapeError, TrainingError
from vae.protocols import NAMES, Protocol, get_protocol
from vae.run import saved_run
from vae.trainer import STATE_FILE, Trainer


def make(protocol: Protocol, folder=None, *, num: int = 16, **changes) -> Trainer:
    torch.manual_seed(0)
    channels = int(changes.get("channels", 4))
    model = tiny_model(**changes)
    return Trainer(model, image_set(num, 32, channels), image_set(4, 32, channels), protocol,
                   folder=folder)  # fmt: skip


def short(name: str, steps: int = 4, **changes) -> Protocol:
    small = {"batch_size": 8, "log_every": 1, "warmup": 2, "loop_warmup": 2}
    return get_protocol(name, steps=steps, **(small | changes))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 4])
def test_every_protocol_runs_to_its_end(name, channels):
    trainer = make(short(name), channels=channels)
    events = list(trainer.run())
    assert [e.kind for e in events] == ["step"] * 4 + ["end"]
    assert [e.step for e in events] == [1, 2, 3, 4, 4]
    for event in events:
        assert all(math.isfinite(v) for v in event.values.values())
    assert ("judge" in events[0].values) is (name == "adversarial")
    assert ("kl_z" in events[0].values) is not get_protocol(name).rests_encoder
    assert ("draws_texture" in events[0].values) is get_protocol(name).rests_encoder
    assert trainer.progress == 1.0


@pytest.mark.parametrize("name", ["finetune", "pretrain"])
def test_a_world_that_is_taught_new_pictures_keeps_the_frame_of_its_latents(name):
    model = make(short("pretrain")).model
    before = {k: v.clone() for k, v in model.latent_encoder.named_buffers()}
    others = image_set(16, 32)
    others.images.copy_(255 - others.images)
    trainer = Trainer(model, others, others, short(name))
    assert any(before[k].abs().max() > 0 for k in before if k.endswith("content.mean"))
    list(trainer.run())
    for taught in (trainer.model, trainer.averaged_model()):
        now = dict(taught.latent_encoder.named_buffers())
        assert all(torch.equal(before[k], now[k]) for k in before)


def test_training_from_nothing_begins_with_an_encoder_that_is_fitted_to_the_pictures():
    trainer = make(short("pretrain"))
    posterior = trainer.model.eval().posterior(image_set(16, 32).images.float() / 255)
    locations = posterior.mean.joined()
    assert locations.mean(0).abs().max() < 1e-3
    assert (locations.std(0, correction=0) - 1).abs().max() < 1e-2


def test_features_do_not_run_away_under_fast_steps():
    """Where locations followed the batches nothing held the mean of what they are read from."""
    trainer = make(short("pretrain", 80, lr=4e-3))
    first, *_, last = [e.values["reconstruction"] for e in trainer.run() if e.kind == "step"]
    assert last < 0.8 * first
    pictures = image_set(16, 32).images.float() / 255
    flat, _ = trainer.model.latent_encoder.features(pictures)
    assert flat.mean(0).norm() < 3 * flat.std(0).norm()


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder_type": "vae", "decoder_type": "vae"},
        {"ivae_model": "pivae"},
        {"ivae_model": "ivae"},
        {"use_std_encoder": False},
        {"std_encoder_loc": False},
        {"std_decoder_loc": False},
        {"latent_key_dim": 5},
    ],
)
@pytest.mark.parametrize("name", ["pretrain", "adversarial"])
def test_every_ablation_trains(name, changes):
    events = list(make(short(name, 2), **changes).run())
    assert math.isfinite(events[-2].values["total"])


def test_the_source_protocol_tests_after_each_epoch():
    protocol = get_protocol("43-vae", epochs=2, batch_size=8, log_every=1)
    events = list(make(protocol).run())
    assert [e.kind for e in events] == ["step", "step", "test", "step", "step", "test", "end"]
    assert events[0].values["lr"] == pytest.approx(1e-3)
    assert events[4].values["lr"] == pytest.approx(1e-3)
    assert "psnr" in events[2].values


def test_the_schedule_warms_up_and_comes_down():
    run = make(short("pretrain", 32, warmup=3)).run()
    rates = [e.values["lr"] for e in run if e.kind == "step"]
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] > rates[16] > rates[31]
    assert rates[31] < 0.1 * max(rates)


def test_only_the_decoder_learns_against_the_judge():
    trainer = make(short("adversarial"))
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    list(trainer.run())
    changed = {n for n, p in trainer.model.named_parameters() if not torch.equal(p, before[n])}
    assert not any(n.startswith("latent_encoder.") for n in changed)
    assert any(n.startswith("latent_decoder.head") for n in changed)
    assert trainer.model.density is not None


def steps_of(trainer: Trainer) -> list[dict[str, float]]:
    clock = {"seconds", "images_per_second"}
    events = [e for e in trainer.run() if e.kind == "step"]
    return [{k: v for k, v in e.values.items() if k not in clock} for e in events]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["pretrain", "adversarial", "finetune"])
def test_a_resumed_run_is_the_unbroken_one_to_the_bit(tmp_path, name, precision):
    protocol = short(name, 6, precision=precision)
    unbroken = make(protocol)
    whole = steps_of(unbroken)

    first = make(protocol, tmp_path)
    running = first.run()
    begun = [next(running) for _ in range(3)]
    first.save()
    _, model = saved_run(tmp_path)
    if name != "adversarial":  # there, the stored latents are those of the first weights
        torch.manual_seed(99)
        model = tiny_model()
    second = Trainer(model, image_set(16), image_set(4), protocol, folder=tmp_path)
    second.load()
    resumed = steps_of(second)

    assert [e.step for e in begun] == [1, 2, 3]
    assert resumed == whole[3:]
    for a, b in ((unbroken.model, second.model), (unbroken.average, second.average)):
        theirs = b.state_dict()
        assert all(torch.equal(t, theirs[n]) for n, t in a.state_dict().items())


def test_the_encoder_can_have_a_rate_of_its_own_and_keeps_it_over_a_break(tmp_path):
    protocol = short("pretrain", 6, encoder_rate=0.25, precision="fp32")
    unbroken = make(protocol)
    rates = [group["lr"] for group in unbroken.optimizer.param_groups]
    assert rates == [protocol.lr, 0.25 * protocol.lr]  # before the trainer has set any
    whole = steps_of(unbroken)
    rates = [group["lr"] for group in unbroken.optimizer.param_groups]
    assert rates[1] == pytest.approx(0.25 * rates[0])
    encoder = set(unbroken.model.latent_encoder.parameters())
    assert set(unbroken.optimizer.param_groups[1]["params"]) == encoder

    first = make(protocol, tmp_path)
    running = first.run()
    for _ in range(3):
        next(running)
    first.save()
    second = make(protocol, tmp_path)
    second.load()
    assert steps_of(second) == whole[3:]

    still = make(short("pretrain", 2, encoder_rate=0.0))
    before = still.model.latent_encoder.content.weight.clone()
    assert len(steps_of(still)) == 2
    assert torch.equal(still.model.latent_encoder.content.weight, before)


def test_the_encoder_alone_is_trained_for_the_decoder_as_it_is():
    trainer = make(short("encoder", 3, ema=0.0))
    model = trainer.model
    drawn = {n: v.clone() for n, v in model.latent_decoder.state_dict().items()}
    read = {n: v.clone() for n, v in model.latent_encoder.named_parameters()}
    assert len(steps_of(trainer)) == 3
    for name, value in model.latent_decoder.state_dict().items():
        assert torch.equal(value, drawn[name]), name
    for name, value in model.latent_encoder.named_parameters():
        assert not torch.equal(value, read[name]), name


def test_the_average_trails_the_weights():
    trainer = make(short("pretrain", 3, ema=0.5, ema_warmup=4.0))
    weight = trainer.model.output_encoder.head_weight
    expected = None
    for step in range(3):
        trainer.train_step()
        if expected is None:
            expected = weight.detach().clone()
        else:
            decay = min(0.5, (1 + step) / (4 + step))
            expected = expected + (1 - decay) * (weight.detach() - expected)
    averaged = trainer.averaged_model()
    assert expected is not None
    assert torch.allclose(averaged.output_encoder.head_weight, expected, atol=1e-6)
    assert not torch.equal(averaged.output_encoder.head_weight, weight)
    assert not averaged.training


def test_a_loss_that_is_not_a_number_stops_the_run_and_keeps_the_last_good_state(tmp_path):
    trainer = make(short("pretrain", 20, save_every=0.0), tmp_path)
    running = trainer.run()
    assert [next(running).kind for _ in range(2)] == ["step", "save"]
    before = snapshot(tmp_path)
    with torch.no_grad():
        trainer.model.output_encoder.head_weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite at step 2; start again from the last"):
        list(running)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(("seconds", "told"), [(0.01, [4, 8]), (0.15, [2, 4, 6, 8]), (0.3, None)])
def test_slow_steps_are_told_of_more_often_than_the_protocol_says(monkeypatch, seconds, told):
    clock = iter(i * seconds for i in range(100))
    made_up = SimpleNamespace(monotonic=time.monotonic, perf_counter=lambda: next(clock))
    monkeypatch.setattr(trainer_module, "time", made_up)
    trainer = make(short("pretrain", 8, log_every=4))
    steps = [e.step for e in trainer.run() if e.kind == "step"]
    assert steps == (told or list(range(1, 9)))


@pytest.mark.parametrize("length", [1, 3, 7])
def test_the_last_step_is_told_of_however_short_the_run(length, monkeypatch):
    monkeypatch.setattr(trainer_module, "LONGEST_SILENCE", float("inf"))
    events = list(make(short("pretrain", length, log_every=5)).run())
    assert [e.step for e in events if e.kind == "step"] == [s for s in (5, length) if s <= length]
    assert events[-1].kind == "end"


def test_a_rare_look_does_not_miss_a_loss_that_is_not_a_number(tmp_path):
    trainer = make(short("pretrain", 3, log_every=100), tmp_path)
    with torch.no_grad():
        trainer.model.output_encoder.head_weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="not finite"):
        list(trainer.run())
    assert snapshot(tmp_path) == {}


def test_metadata_is_standardised_on_the_training_set():
    trainer = make(short("pretrain"))
    assert trainer.model.standardizer.fitted
    batch = trainer.source.next()
    assert batch.u.shape == (8, 16)
    assert batch.u.abs().max() <= 4


def test_pictures_are_flipped_with_their_metadata():
    trainer = make(short("pretrain", precision="fp32"), num=40)
    for _ in range(5):
        batch = trainer.source.next()
        u = trainer.model.metadata(batch.x).clamp(-4, 4)
        assert torch.allclose(u, batch.u, atol=0.05)


def test_every_picture_comes_once_an_epoch():
    trainer = make(short("pretrain", augment="none"), num=16)
    seen = torch.cat([trainer.source.next().x for _ in range(2)])
    assert len({picture.numpy().tobytes() for picture in seen}) == 16


def test_runs_of_one_seed_agree_and_of_two_do_not():
    totals = [
        [s["total"] for s in steps_of(make(short("pretrain", 3, seed=seed)))] for seed in (1, 1, 2)
    ]
    assert totals[0] == totals[1]
    assert totals[0] != totals[2]


def test_pictures_that_do_not_fit_are_refused():
    with pytest.raises(TrainingError, match="takes 4-channel pictures, the set has 3"):
        Trainer(tiny_model(), image_set(8, 32, 3), image_set(2, 32, 3), short("pretrain"))
    odd = image_set(8, 32)
    odd.images = odd.images[..., :30, :30]
    with pytest.raises(ShapeError, match="side 28, 32, 64, 128, 256, found 30x30"):
        Trainer(tiny_model(), odd, odd, short("pretrain")).train_step()


def test_what_cannot_be_resumed_says_why(tmp_path):
    with pytest.raises(CheckpointError, match="no folder to resume from"):
        make(short("pretrain")).load()
    with pytest.raises(CheckpointError, match="there is no file"):
        make(short("pretrain"), tmp_path).load()
    make(short("pretrain"), tmp_path).save()
    with pytest.raises(CheckpointError, match="on 16 training images, the folder now gives 12"):
        make(short("pretrain"), tmp_path, num=12).load()
    with pytest.raises(CheckpointError, match="does not fit this model"):
        make(short("pretrain"), tmp_path, latent_dim=7).load()
    path = tmp_path / STATE_FILE
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match=r"training.safetensors is damaged or cut short"):
        make(short("pretrain"), tmp_path).load()


def test_a_run_without_a_folder_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list(make(short("pretrain", 1)).run())
    assert snapshot(tmp_path) == {}


def test_draws_are_remembered_until_they_are_as_many_as_the_pictures_beside_them():
    one = make(short("adversarial", 8))
    batches = []
    take = one.source.next
    one.source.next = lambda: batches.append(take()) or batches[-1]
    list(one.run())
    assert batches[0].recent is None
    assert len(batches[1].recent) == len(batches[0].drawn.z)
    assert len(batches[-1].recent) + len(batches[-1].drawn.z) == len(batches[-1].others)

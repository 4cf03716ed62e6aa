"""The trainer: yields events, draws nothing, resumes bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vae.batches import Batch
from vae.beside import LoopBeside
from vae.checkpoint import (
    flatten_optimizer,
    load_state,
    parted,
    read_tensors,
    restore_optimizer,
    state_of,
    write_tensors,
)
from vae.data import ImageSet
from vae.discriminator import Discriminator
from vae.errors import CheckpointError, TrainingError
from vae.held_out import HeldOut, Kept, psnr_of
from vae.ledger import STATE_FILE
from vae.losses import adaptive_weight, hinge_discriminator_loss, translate
from vae.model import IvAE, model_header
from vae.objective import Moves, Objective, choose_trained, parted_by_rate
from vae.precision import autocast
from vae.protocols import LENGTHS, Protocol
from vae.replay import make_source
from vae.schedule import Schedule, warming_ema

BALANCE_EVERY = 16
"""Steps between two measurements of the adaptive adversarial weight."""
_COUNTS = ("step", "elapsed", "balance", "extended")  # of a saved state, as they are
LONGEST_SILENCE = 0.25
"""Seconds of training until the next event, however rare the protocol has them."""


class Event(NamedTuple):
    """What happened: ``kind`` is ``'step'``, ``'test'``, ``'save'`` or ``'end'``."""

    kind: str
    step: int
    values: dict[str, float]


class NotFiniteError(TrainingError):
    """A loss or a gradient is not a number, or infinite."""


class Trainer:
    """Train a model on images held in memory.

    Args:
        model: From :func:`vae.model.build_model`; trained in place.
        training: Training pictures of the model's size and channels.
        validation: Held-out pictures.
        protocol: Settings of the run.
        folder: Where ``training.safetensors`` is written; None writes nothing.
        accelerator: Hugging Face Accelerate's; made here where it is not given.
        replay: Pictures of the world it started from, against forgetting.
        replay_share: Of a batch that they take.

    Raises:
        TrainingError: The pictures do not fit the model or the batch.
    """

    def __init__(
        self,
        model: IvAE,
        training: ImageSet,
        validation: ImageSet,
        protocol: Protocol,
        *,
        folder: Path | None = None,
        accelerator: Accelerator | None = None,
        replay: ImageSet | None = None,
        replay_share: float = 0.0,
    ):
        self.protocol, self.folder = protocol, folder
        self.accelerator = accelerator or Accelerator()
        self.device = self.accelerator.device
        processes = self.accelerator.num_processes
        if protocol.batch_size % processes:
            raise TrainingError(
                f"a batch of {protocol.batch_size} cannot be shared by {processes} processes; "
                "choose a multiple"
            )
        if model.output_encoder.output_dim != training.channels:
            raise TrainingError(
                f"the model takes {model.output_encoder.output_dim}-channel pictures, "
                f"the set has {training.channels}"
            )
        self.model = model.to(self.device).train()
        self.validation = validation
        self.num_images = len(training)
        self.step, self.elapsed, self.balance = 0, 0.0, 0.0
        self.schedule, self.extended, self.kept = Schedule(), 0.0, Kept()
        self._held_out: HeldOut | None = None
        self.source = make_source(
            self.model, training, protocol, replay=replay, share=replay_share, device=self.device,
            rank=self.accelerator.process_index, num_processes=processes,
        )  # fmt: skip
        self._prepare_networks()

    # Preparation

    def _prepare_networks(self) -> None:
        p = self.protocol
        trained = choose_trained(self.model, p)
        self.judge: nn.Module | None = None
        if p.adversarial:
            with torch.random.fork_rng():
                torch.manual_seed(p.seed)
                judge = Discriminator(self.model.output_encoder.output_dim)
            judge = judge.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            optimizer = torch.optim.Adam(judge.parameters(), p.judge_lr, p.betas, fused=True)
            self.judge, self.judge_optimizer = self.accelerator.prepare(judge, optimizer)
        fused = torch.optim.Adam(parted_by_rate(self.model, trained, p), p.lr, p.betas, fused=True)
        objective = Objective(self.model, p)
        self.objective, self.optimizer = self.accelerator.prepare(objective, fused)
        alone = self.device.type == "cpu" and self.accelerator.num_processes == 1
        self.beside = LoopBeside(trained, self._autocast) if alone else None
        rule = warming_ema(p.ema, p.ema_warmup)
        self.average = AveragedModel(self.model, multi_avg_fn=rule, use_buffers=True)
        self.average.requires_grad_(False)

    # The loop

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass over the training set."""
        return max(1, self.num_images // self.protocol.batch_size)

    @property
    def progress(self) -> float:
        """How much of the run is behind, 0 to 1."""
        done, total = self._length()
        return min(1.0, done / total)

    def _length(self) -> tuple[float, float]:
        """What is done and what there is to do, in seconds of training or in steps."""
        p = self.protocol
        if p.minutes is not None:
            return self.elapsed, 60 * p.minutes
        return self.step, p.steps or (p.epochs or 1) * self.steps_per_epoch

    def extend(self, minutes: float, *, from_here: bool = False) -> None:
        """Go on for some minutes longer; the rate starts to come down anew from where it is.

        A run counted in steps goes on for as many as it takes in that time. ``from_here`` counts
        them from now and not from where the run would have ended.
        """
        done, total = self._length()
        self.schedule = self.schedule.next(self.protocol, step=self.step, done=done, total=total)
        end, pace = done if from_here else total, self.elapsed / max(self.step, 1)
        if self.protocol.minutes is not None:
            self.protocol = self.protocol.changed(minutes=end / 60 + minutes)
        else:
            more = max(1, round(60 * minutes / max(pace, 1e-3)))
            self.protocol = self.protocol.changed(steps=round(end) + more)
        self.extended += minutes

    def follow(self, step: int, elapsed: float) -> None:
        """Go on counting after another trainer's run, as its next stage."""
        self.step, self.elapsed = step, elapsed
        self.schedule = Schedule(began=self._length()[0], first_step=step)

    def run(self) -> Iterator[Event]:
        """Train to the protocol's end, yielding events; resumes where :meth:`load` left off."""
        p, saved, told = self.protocol, time.monotonic(), self.elapsed
        while self.progress < 1:
            began = time.perf_counter()
            values = self.train_step()
            self.elapsed += self._mean(time.perf_counter() - began)
            due = self.step % p.log_every == 0 or self.elapsed - told >= LONGEST_SILENCE
            if due or self.progress >= 1:  # the last step, too, however short the run
                told = self.elapsed
                means = {name: self._mean(float(value)) for name, value in values.items()}
                yield Event("step", self.step, self._numbers(means))
            if p.epochs is not None and self.step % self.steps_per_epoch == 0:
                yield Event("test", self.step, self.test())
            if self.folder is not None and time.monotonic() - saved >= p.save_every:
                self._check(values)  # a broken state shall not take a good one's place
                self.save()
                saved = time.monotonic()
                yield Event("save", self.step, {})
        if self.folder is not None:
            self.save()
        yield Event("end", self.step, self.test())

    def train_step(self) -> dict[str, Tensor]:
        """Take one step of the generator and, in the game, one of the judge."""
        p, judge = self.protocol, self.judge
        self._set_rate()
        batch = self.source.next()
        with self._autocast():
            losses, output, moves = self._losses(batch)
        beside = self.beside
        loop = beside.begin(self._objective, moves, self.step) if beside and moves else None
        if judge is not None and self.step % BALANCE_EVERY == 0:
            value = adaptive_weight(
                p.pixel_weight * losses["reconstruction"],
                losses["adversarial"],
                self.model.output_encoder.head_weight,
                reduce=lambda g: self.accelerator.reduce(g, "mean"),  # type: ignore[return-value]
            )
            self.balance = float(value)
        total = self._objective.total(
            losses, step=self.step, adversarial_weight=p.judge_weight * self.balance
        )
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        if beside and loop:
            more, of_loop = beside.add(loop)
            losses, total = losses | more, total.detach() + of_loop
        self.source.remember(batch, output)
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), p.grad_clip)
        self.optimizer.step()
        self.step += 1
        self.average.update_parameters(self.model)
        losses = losses | {"total": total, "grad_norm": torch.as_tensor(norm)}
        if judge is not None:
            losses["judge"] = self._judge_step(batch, output)
        return {name: value.detach() for name, value in losses.items()}

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Moves | None]:
        # The bare judge: it only looks here, and its wrapper would wait for gradients.
        if self.beside is not None:
            return self._objective.first(batch, self._bare_judge)
        return *self.objective(batch, self._bare_judge), None

    def _judge_step(self, batch: Batch, output: Tensor) -> Tensor:
        assert self.judge is not None
        with self._autocast():
            verdict = self.judge(translate(torch.cat((batch.x, output)), batch.offset))
        n = len(batch.x)
        loss = hinge_discriminator_loss(
            [v[:n] for v in verdict.logits], [v[n:] for v in verdict.logits]
        )
        self.judge_optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.judge_optimizer.step()
        return loss

    @property
    def _objective(self) -> Objective:
        return self.accelerator.unwrap_model(self.objective)

    @property
    def _bare_judge(self) -> Discriminator | None:
        return None if self.judge is None else self.accelerator.unwrap_model(self.judge)

    def _set_rate(self) -> None:
        done, total = self._length()
        scale = self.schedule.scale(self.protocol, step=self.step, done=done, total=total)
        for group in self.optimizer.param_groups:
            rate = self.protocol.lr * scale * self.schedule.ease
            group["lr"] = rate * group.get("share", 1.0)

    def _autocast(self) -> AbstractContextManager[Any]:
        return autocast(self.device, self.protocol)

    # Numbers and files

    def _mean(self, value: float) -> float:
        """Mean over processes, all of which must call this."""
        if self.accelerator.num_processes == 1:
            return value
        mine = torch.tensor(value, device=self.device)
        return float(torch.as_tensor(self.accelerator.reduce(mine, "mean")))

    def _check(self, values: Mapping[str, Tensor | float]) -> None:
        names = values.keys() & {"total", "grad_norm", "judge"}
        if not all(math.isfinite(values[name]) for name in names):
            raise NotFiniteError(
                f"the loss is not finite at step {self.step}; start again from the last "
                "checkpoint with a smaller learning rate"
            )

    def _numbers(self, numbers: dict[str, float]) -> dict[str, float]:
        self._check(numbers)
        return numbers | {
            "lr": self.optimizer.param_groups[0]["lr"],
            "balance": self.balance,
            "progress": self.progress,
            "seconds": self.elapsed,
            "images_per_second": self.step * self.protocol.batch_size / max(self.elapsed, 1e-9),
        }

    def held_out(self) -> dict[str, Any]:
        """Measure the averaged weights on held-out pictures, see :meth:`HeldOut.losses`.

        Always the same pictures and random numbers, none of the run's own: it is the same without.
        """
        if self._held_out is None:
            self._held_out = HeldOut(self.validation, self.protocol, self.device)
        return self._held_out.losses(
            self.averaged_model(),
            step=self.step,
            judge=self._bare_judge,
            adversarial_weight=self.protocol.judge_weight * self.balance,
            autocast=self._autocast(),
        )

    def test(self, model: IvAE | None = None) -> dict[str, float]:
        """Measure a model, else the averaged weights, on the validation set: premultiplied PSNR."""
        with self._autocast():
            return {"psnr": psnr_of(model or self.averaged_model(), self.validation, self.device)}

    def averaged_model(self) -> IvAE:
        """The model with averaged weights, in evaluation mode."""
        model = self.average.module.eval()
        assert isinstance(model, IvAE)
        return model

    def keep(self) -> None:
        """Keep a copy of the averaged weights as they are now, instead of those kept before."""
        self.kept.take(self.averaged_model(), self.step)

    def kept_model(self) -> IvAE:
        """A copy of the weights that are kept, or of the averaged ones where none are."""
        return self.kept.model(self.averaged_model())

    def save(self) -> None:
        """Write the whole state of the run into the folder, as one file."""
        if self.folder is None or not self.accelerator.is_main_process:
            return
        parts = {"model": state_of(self.model), "average": state_of(self.average)}
        tensors, groups = flatten_optimizer(self.optimizer)
        parts["optimizer"] = tensors
        header: dict[str, Any] = {"optimizer": groups}
        if self.judge is not None:
            parts["judge"] = state_of(self.accelerator.unwrap_model(self.judge))
            parts["judge_optimizer"], header["judge_optimizer"] = flatten_optimizer(
                self.judge_optimizer
            )
        parts["data"] = self.source.state()
        if self.kept.state is not None:
            parts["kept"] = self.kept.state
            header["kept"] = self.kept.header()
        flat = {f"{part}/{k}": v for part, named in parts.items() for k, v in named.items()}
        header |= {
            **{name: getattr(self, name) for name in _COUNTS},
            "schedule": asdict(self.schedule),
            "num_images": self.num_images,
            "protocol": self.protocol.to_dict(),
            **model_header(self.model),
        }
        write_tensors(self.folder / STATE_FILE, flat, header)

    def go_back(self) -> None:
        """Go back to the folder's state, and to the length that the run had then."""
        then = self.load()["protocol"]
        self.protocol = self.protocol.changed(**{name: then[name] for name in LENGTHS})

    def load(self) -> dict[str, Any]:
        """Continue from the folder's state, bit for bit on the CPU; returns its header.

        Raises:
            CheckpointError: There is no state, it is damaged, or of another set of pictures.
        """
        if self.folder is None:
            raise CheckpointError("this trainer has no folder to resume from")
        flat, header = read_tensors(self.folder / STATE_FILE)
        if header["num_images"] != self.num_images:
            raise CheckpointError(
                f"the run was on {header['num_images']} training images, the folder now gives "
                f"{self.num_images}; resume with the same images"
            )
        parts = parted(flat)
        load_state(self.model, parts["model"], STATE_FILE)
        load_state(self.average, parts["average"], STATE_FILE)
        restore_optimizer(self.optimizer, parts.get("optimizer", {}), header["optimizer"])
        if self.judge is not None:
            load_state(self.accelerator.unwrap_model(self.judge), parts["judge"], STATE_FILE)
            restore_optimizer(
                self.judge_optimizer, parts["judge_optimizer"], header["judge_optimizer"]
            )
        self.source.restore(parts["data"])
        for name in _COUNTS:
            setattr(self, name, header.get(name, 0.0))
        self.schedule = Schedule(**header.get("schedule", {}))
        self.kept = Kept.restored(header.get("kept"), parts.get("kept", {}), self.device)
        return header

"""The trainer: yields events, draws nothing, resumes bit for bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from vae.batches import Batch, BatchSource
from vae.checkpoint import (
    flatten_optimizer,
    load_state,
    read_tensors,
    restore_optimizer,
    state_of,
    write_tensors,
)
from vae.config import from_dict
from vae.data import ImageSet
from vae.discriminator import Discriminator
from vae.errors import CheckpointError, TrainingError
from vae.losses import adaptive_weight, hinge_discriminator_loss, premultiply, translate
from vae.model import IvAE, model_header, restore_model
from vae.objective import Objective
from vae.protocols import Protocol

STATE_FILE = "training.safetensors"
BALANCE_EVERY = 16
"""Steps between two measurements of the adaptive adversarial weight."""


class Event(NamedTuple):
    """What happened: ``kind`` is ``'step'``, ``'test'``, ``'save'`` or ``'end'``."""

    kind: str
    step: int
    values: dict[str, float]


class Trainer:
    """Train a model on images held in memory.

    Args:
        model: From :func:`vae.model.build_model`; trained in place.
        training: Training pictures of the model's size and channels.
        validation: Held-out pictures.
        protocol: Settings of the run.
        folder: Where ``training.safetensors`` is written; None writes nothing.
        accelerator: Hugging Face Accelerate's; made here where it is not given.

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
        self.source = BatchSource(
            self.model,
            training,
            protocol,
            device=self.device,
            rank=self.accelerator.process_index,
            num_processes=processes,
        )
        self._prepare_networks()

    # Preparation

    def _prepare_networks(self) -> None:
        p = self.protocol
        self.model.requires_grad_(True)
        trained: list[nn.Parameter] = list(self.model.parameters())
        self.judge: nn.Module | None = None
        if p.adversarial:
            self.model.latent_encoder.requires_grad_(False)
            if self.model.latent_decoder.prior is not None:
                self.model.latent_decoder.prior.requires_grad_(False)
            trained = [t for t in self.model.parameters() if t.requires_grad]
            with torch.random.fork_rng():
                torch.manual_seed(p.seed)
                judge = Discriminator(self.model.output_encoder.output_dim)
            judge = judge.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            optimizer = torch.optim.Adam(judge.parameters(), p.judge_lr, p.betas, fused=True)
            self.judge, self.judge_optimizer = self.accelerator.prepare(judge, optimizer)
        fused = torch.optim.Adam(trained, p.lr, p.betas, fused=True)
        objective = Objective(self.model, p)
        self.objective, self.optimizer = self.accelerator.prepare(objective, fused)
        self.average = AveragedModel(self.model, multi_avg_fn=warming_ema(p.ema), use_buffers=True)
        self.average.requires_grad_(False)

    # The loop

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one pass over the training set."""
        return max(1, self.num_images // self.protocol.batch_size)

    @property
    def progress(self) -> float:
        """How much of the run is behind, 0 to 1."""
        p = self.protocol
        if p.minutes is not None:
            return min(1.0, self.elapsed / (60 * p.minutes))
        total = p.steps if p.steps is not None else (p.epochs or 1) * self.steps_per_epoch
        return min(1.0, self.step / total)

    def run(self) -> Iterator[Event]:
        """Train to the protocol's end, yielding events; resumes where :meth:`load` left off."""
        p, saved = self.protocol, time.monotonic()
        while self.progress < 1:
            began = time.perf_counter()
            values = self.train_step()
            self.elapsed += self._mean(time.perf_counter() - began)
            if self.step % p.log_every == 0:
                means = {name: self._mean(float(value)) for name, value in values.items()}
                yield Event("step", self.step, self._numbers(means))
            if p.epochs is not None and self.step % self.steps_per_epoch == 0:
                yield Event("test", self.step, self.test())
            if self.folder is not None and time.monotonic() - saved >= p.save_every:
                self._check(values)  # a broken state shall not take a good one's place
                self.save()
                saved = time.monotonic()
                yield Event("save", self.step, {})
            if self.progress >= 1:
                self._check(values)
        if self.folder is not None:
            self.save()
        yield Event("end", self.step, self.test())

    def train_step(self) -> dict[str, Tensor]:
        """Take one step of the generator and, in the game, one of the judge."""
        p, judge = self.protocol, self.judge
        self._set_rate()
        batch = self.source.next()
        with self._autocast():
            # The bare judge: it only looks here, and its wrapper would wait for gradients.
            losses, output = self.objective(batch, self._bare_judge)
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
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), p.grad_clip)
        self.optimizer.step()
        self.step += 1
        self.average.update_parameters(self.model)
        losses = losses | {"total": total, "grad_norm": torch.as_tensor(norm)}
        if judge is not None:
            losses["judge"] = self._judge_step(batch, output)
        return {name: value.detach() for name, value in losses.items()}

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
        p = self.protocol
        scale = min(1.0, (self.step + 1) / p.warmup) if p.warmup else 1.0
        if p.cosine:
            scale *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * self.progress))
        for group in self.optimizer.param_groups:
            group["lr"] = p.lr * scale

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.protocol.precision == "fp32" or not computes_bf16(self.device, self.protocol):
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    # Numbers and files

    def _mean(self, value: float) -> float:
        """Mean over processes, all of which must call this."""
        if self.accelerator.num_processes == 1:
            return value
        mean = self.accelerator.reduce(torch.tensor(value, device=self.device), "mean")
        assert isinstance(mean, Tensor)
        return float(mean)

    def _check(self, values: Mapping[str, Tensor | float]) -> None:
        if not math.isfinite(values["total"]):
            raise TrainingError(
                f"the loss is not finite at step {self.step}; start again from the last "
                "checkpoint with a smaller learning rate"
            )

    def _numbers(self, numbers: dict[str, float]) -> dict[str, float]:
        self._check(numbers)
        seconds = self.elapsed
        return numbers | {
            "lr": self.optimizer.param_groups[0]["lr"],
            "balance": self.balance,
            "progress": self.progress,
            "seconds": seconds,
            "images_per_second": self.step * self.protocol.batch_size / max(seconds, 1e-9),
        }

    @torch.no_grad()
    def test(self) -> dict[str, float]:
        """Measure the averaged weights on the validation set: premultiplied PSNR in dB."""
        model = self.averaged_model()
        squared, count = 0.0, 0
        for i in range(0, len(self.validation), 64):
            x = self.validation.floats(slice(i, i + 64)).to(self.device)
            with self._autocast():
                output = model(x)[0]
            error = premultiply(output.float()) - premultiply(x)
            squared += float(error.square().sum())
            count += error.numel()
        return {"psnr": -10 * math.log10(max(squared / count, 1e-10))}

    def averaged_model(self) -> IvAE:
        """The model with averaged weights, in evaluation mode."""
        model = self.average.module.eval()
        assert isinstance(model, IvAE)
        return model

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
        flat = {f"{part}/{k}": v for part, named in parts.items() for k, v in named.items()}
        header |= {
            "step": self.step,
            "elapsed": self.elapsed,
            "balance": self.balance,
            "num_images": self.num_images,
            "protocol": self.protocol.to_dict(),
            **model_header(self.model),
        }
        write_tensors(self.folder / STATE_FILE, flat, header)

    def load(self) -> None:
        """Continue from the folder's state, bit for bit on the CPU.

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
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in flat.items():
            part, key = name.split("/", 1)
            parts.setdefault(part, {})[key] = tensor
        load_state(self.model, parts["model"], STATE_FILE)
        load_state(self.average, parts["average"], STATE_FILE)
        restore_optimizer(self.optimizer, parts.get("optimizer", {}), header["optimizer"])
        if self.judge is not None:
            load_state(self.accelerator.unwrap_model(self.judge), parts["judge"], STATE_FILE)
            restore_optimizer(
                self.judge_optimizer, parts["judge_optimizer"], header["judge_optimizer"]
            )
        self.source.restore(parts["data"])
        self.step, self.elapsed = header["step"], header["elapsed"]
        self.balance = header["balance"]


def saved_run(folder: Path) -> tuple[Protocol, IvAE]:
    """Return the protocol and the model, as far as it was trained, of the run in ``folder``.

    Raises:
        CheckpointError: There is no such run, or its file is damaged.
    """
    flat, header = read_tensors(folder / STATE_FILE)
    if "protocol" not in header:
        raise CheckpointError(f"{STATE_FILE} in {folder} is not of a training run")
    state = {k.removeprefix("model/"): v for k, v in flat.items() if k.startswith("model/")}
    model = restore_model(state, header, STATE_FILE)
    return from_dict(Protocol, header["protocol"]), model


def warming_ema(decay: float) -> Callable[[Any, Any, Tensor | int], None]:
    """Exponential weight average whose decay warms up, so that short runs forget their start."""

    def update(averaged: Any, current: Any, num_averaged: Tensor | int) -> None:
        step = int(num_averaged)
        weight = 1 - min(decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(averaged, current, weight)  # type: ignore[reportPrivateImportUsage]

    return update


def computes_bf16(device: torch.device, protocol: Protocol) -> bool:
    """Whether bf16 autocast pays on this device."""
    if protocol.precision == "bf16":
        return True
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return (
        device.type == "cpu"
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
        and (torch.ops.mkldnn._is_mkldnn_bf16_supported())
    )

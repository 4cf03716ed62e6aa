"""Two processes under ``accelerate launch`` give the losses of one with the whole batch."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch

from tests.conftest import image_set, tiny_model
from tests.training.first_losses import first_losses
from vae.errors import TrainingError
from vae.protocols import get_protocol
from vae.trainer import Trainer

if TYPE_CHECKING:
    from accelerate import Accelerator

SCRIPT = Path(__file__).with_name("first_losses.py")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(out: Path) -> dict[str, Any]:
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch"),
        # Its --cpu starts one process alone unless there is MPI; this starts two of any kind.
        *("--multi_gpu", "--num_processes", "2", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no"),
        *("--main_process_port", str(free_port())),
        *(str(SCRIPT), str(out)),
    ]
    environment = os.environ | {
        "ACCELERATE_USE_CPU": "true",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "HF_HOME": str(out.parent),
    }
    done = subprocess.run(
        command, env=environment, cwd=out.parent, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(out.read_text())


def test_two_processes_give_the_first_losses_of_one(tmp_path):
    found = launch(tmp_path / "losses.json")
    assert found["processes"] == 2
    for name, steps in found["losses"].items():
        alone = first_losses(name)
        assert len(steps) == len(alone) == 4
        for number, (two, one) in enumerate(zip(steps, alone, strict=True), start=1):
            assert two.keys() == one.keys()
            # Adam's first steps go by the sign of a gradient alone, and where sums cancel (the
            # amounts of grain; the judge's last biases) that is the sign of their rounding.
            if number == 1:
                rel, absolute = 1e-4, 1e-5
            else:
                rel, absolute = (5e-4, 5e-5) if name == "pretrain" else (0.02, 3e-3)
            for loss, value in one.items():
                told = (name, number, loss)
                assert two[loss] == pytest.approx(value, rel=rel, abs=absolute), told


def test_a_batch_that_cannot_be_shared_is_refused():
    accelerator = SimpleNamespace(device=torch.device("cpu"), num_processes=3, process_index=0)
    with pytest.raises(TrainingError, match="a batch of 16 cannot be shared by 3 processes"):
        Trainer(
            tiny_model(),
            image_set(8),
            image_set(2),
            get_protocol("pretrain", steps=1, batch_size=16),
            accelerator=cast("Accelerator", accelerator),
        )

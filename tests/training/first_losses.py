"""Take the first steps of a run and write their losses; started by ``accelerate launch`` too."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.conftest import image_set, tiny_model
from vae.protocols import get_protocol
from vae.trainer import Trainer


def first_losses(name: str, steps: int = 4) -> list[dict[str, float]]:
    """Losses of the first steps of a tiny run on 32 pictures, batch 16, in single precision."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    protocol = get_protocol(
        name, steps=steps, batch_size=16, log_every=1, warmup=0, loop_warmup=0, precision="fp32"
    )
    trainer = Trainer(tiny_model(), image_set(32), image_set(4), protocol)
    kept = ("total", "kl_z", "kl_key", "order", "reconstruction", "loop", "likeness", "read_back",
            "texture", "draws_texture", "adversarial", "features", "judge",
            "grad_norm", "balance")  # fmt: skip
    return [
        {k: v for k, v in event.values.items() if k in kept}
        for event in trainer.run()
        if event.kind == "step"
    ]


if __name__ == "__main__":
    found = {name: first_losses(name) for name in ("pretrain", "adversarial")}
    from accelerate import PartialState

    if PartialState().is_main_process:
        losses = {"processes": PartialState().num_processes, "losses": found}
        Path(sys.argv[1]).write_text(json.dumps(losses), encoding="utf-8")
    PartialState().destroy_process_group()

"""``torch.compile`` of encoder and decoder, tried once, in a process of its own with a time limit.

Compiling may take minutes, fail, or want a C++ compiler that is not there: none of it may take the
measuring process along. The child prints one JSON line; see `vae.evaluation.training_speed`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from vae.evaluation.speed import own_clock
from vae.precision import autocast

ROUNDS = 4


def try_compiler(options: argparse.Namespace, *, seconds: float) -> str:
    """Return one sentence on what compiling gave, or why it gave nothing.

    Args:
        options: ``size``, ``channels``, ``batch`` and ``threads``.
        seconds: After which the attempt is ended.
    """
    wanted = ["--size", options.size, "--channels", options.channels]
    wanted += ["--batch", options.batch[0], "--threads", options.threads]
    command = [sys.executable, "-m", "vae.evaluation.compiled", *map(str, wanted)]
    with tempfile.TemporaryDirectory() as cache:  # an empty one: what a first run has to wait
        # One thread compiles: a pool of others would outlive the limit.
        own = {"TORCHINDUCTOR_CACHE_DIR": cache, "TORCHINDUCTOR_COMPILE_THREADS": "1"}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                env=os.environ | own,
            )
        except subprocess.TimeoutExpired:
            return f"torch.compile: not done within {seconds:g} seconds, and ended."
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"torch.compile: not possible here ({why[:200]})."
    return describe(json.loads(done.stdout.strip().splitlines()[-1]))


def describe(found: dict[str, float]) -> str:
    """Return what the child measured as a sentence."""
    first, eager, compiled = (found[name] for name in ("first", "eager", "compiled"))
    pays = (
        f"pays after {first / (eager - compiled):.0f} steps" if compiled < eager else "never pays"
    )
    return (
        f"torch.compile of encoder and decoder, forward and backward: {1000 * compiled:.1f} ms "
        f"against {1000 * eager:.1f} ({compiled / eager:.2f} ×); the first call takes {first:.0f} "
        f"s, so it {pays}."
    )


def measure(draw: Callable[[Tensor], Tensor], x: Tensor, *, rounds: int) -> dict[str, float]:
    """Return seconds of the first compiled call and medians of eager and compiled ones, in turn."""
    compiled, begun = torch.compile(draw), time.perf_counter()
    _seconds(compiled, x)
    first = time.perf_counter() - begun
    _seconds(draw, x)
    pairs = [(_seconds(draw, x), _seconds(compiled, x)) for _ in range(rounds)]
    eager, fast = np.median(pairs, axis=0)
    return {"first": first, "eager": float(eager), "compiled": float(fast)}


def _seconds(draw: Callable[[Tensor], Tensor], x: Tensor) -> float:
    clock = own_clock(x.device)
    begun = clock()
    draw(x).float().square().mean().backward()
    return clock() - begun


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure with pictures of noise, and print one JSON line."""
    from vae.config import ModelConfig
    from vae.model import build_model
    from vae.protocols import get_protocol

    parser = argparse.ArgumentParser(prog="python -m vae.evaluation.compiled")
    for name in ("size", "channels", "batch", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    side = options.size
    model = build_model(
        ModelConfig(channels=options.channels, image_size=side, latent_dim=32, latent_key_dim=28)
    )
    protocol, device = get_protocol("pretrain"), torch.device("cpu")
    grain = torch.randn(options.batch, 1, side, side)

    def draw(x: Tensor) -> Tensor:
        with autocast(device, protocol):
            return model.decode(model.posterior(x).mean, size=side, noise=grain)

    x = torch.rand(options.batch, options.channels, side, side)
    print(json.dumps(measure(draw, x, rounds=ROUNDS)))


if __name__ == "__main__":
    main()

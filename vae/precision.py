"""Which numbers a run computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from vae.protocols import Protocol


def autocast(device: torch.device, protocol: Protocol) -> AbstractContextManager[Any]:
    """Return a context that computes in bf16 where that is asked for, or pays."""
    if protocol.precision == "fp32" or not computes_bf16(device, protocol):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


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

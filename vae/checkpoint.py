"""Weights on disk: safetensors with a JSON header, written atomically, read with clear errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from vae.errors import CheckpointError
from vae.utils import write_atomic

FORMAT = 1
"""Version of the files; a file of another version is refused."""
CAME_LATER = (("grain.weight", "grain.bias"), ("content.mean", "style.2.mean"))
"""Ends of names that older files lack. With zeros in their place a model draws and reads as it did:
the grain laid on the picture, and the means that the encoder's heads leave out."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> Path:
    """Write tensors and a JSON header as one safetensors file, atomically.

    Raises:
        CheckpointError: The disk refuses (full, read-only, gone).
    """
    ready = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    text = json.dumps({"format": FORMAT, **header})
    data = safetensors.torch.save(ready, metadata={"vae": text})
    try:
        return write_atomic(path, data)
    except OSError as error:
        raise CheckpointError(f"could not write {path.name}: {error.strerror}") from error


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_tensors` wrote.

    Raises:
        CheckpointError: The file is missing, may not be read, is damaged, not one of ours, or of
            another version; which of them it says.
    """
    try:
        path.open("rb").close()  # safetensors calls whatever it cannot open a missing file
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            header = json.loads((file.metadata() or {}).get("vae", "null"))
            check_format(path, header)
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except PermissionError as error:
        raise CheckpointError(f"{path.name} may not be read: its permissions forbid it") from error
    except OSError as error:
        why = error.strerror or error
        raise CheckpointError(f"{path.name} cannot be read ({why}); try again") from error
    except (safetensors.SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path.name} is damaged or cut short; fetch it again") from error


def check_format(path: Path, header: Any) -> None:
    """Raise a CheckpointError unless a header is ours and of this version."""
    if not isinstance(header, dict) or "format" not in header:
        raise CheckpointError(f"{path.name} was not written by this project")
    if header["format"] != FORMAT:
        raise CheckpointError(
            f"{path.name} is of format {header['format']}, this version reads format {FORMAT}; "
            "use the version that wrote it, or train again"
        )


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Return a module's state with shared tensors named once."""
    seen: set[int] = set()
    state = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            state[name] = tensor.detach()
    return state


def parted(flat: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return tensors named ``part/name`` by their part."""
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        part, key = name.split("/", 1)
        parts.setdefault(part, {})[key] = tensor
    return parts


def load_state(module: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Load :func:`state_of` back; what :data:`CAME_LATER` than a file is 0.

    Raises:
        CheckpointError: Names or shapes differ; the first that does is named, and the module is
            as it was.
    """
    expected = state_of(module)
    for ends in CAME_LATER:
        if not any(name.endswith(ends) for name in state):
            new = [name for name in expected if name.endswith(ends)]
            state = {**state, **{name: torch.zeros_like(expected[name]) for name in new}}
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys())
    if missing or extra:
        odd = (missing or extra)[0]
        raise CheckpointError(
            f"{what} does not fit this model: {'lacks' if missing else 'has an unknown'} {odd}"
        )
    for name, target in expected.items():
        if target.shape != state[name].shape:
            raise CheckpointError(
                f"{what} does not fit this model: {name} has shape "
                f"{tuple(state[name].shape)}, expected {tuple(target.shape)}"
            )
    with torch.no_grad():
        for name, target in expected.items():
            target.copy_(state[name])


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[Any]]:
    """Split an optimiser's state into tensors and JSON-ready parameter groups."""
    state = optimizer.state_dict()
    tensors = {
        f"{index}.{key}": torch.as_tensor(value)
        for index, entry in state["state"].items()
        for key, value in entry.items()
    }
    return tensors, state["param_groups"]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: list[Any]
) -> None:
    """Load what :func:`flatten_optimizer` split.

    A file has no memory layout, and a fused step trusts that moments lie as their weights do:
    otherwise it would update the wrong ones.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        weight = parameters[int(index)]
        if tensor.shape == weight.shape:
            tensor = torch.empty_like(weight, dtype=tensor.dtype).copy_(tensor)
        state.setdefault(int(index), {})[key] = tensor
    lists = [{k: tuple(v) if k == "betas" else v for k, v in g.items()} for g in groups]
    optimizer.load_state_dict({"state": state, "param_groups": lists})

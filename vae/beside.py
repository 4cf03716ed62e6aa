"""The closed loop's gradients, on a second core while the first is at those of the other losses.

A layer of one small picture is soon split over two cores, and then they wait for each other at its
end; where a page takes a part of one of them, most of the time. The closed loop is a graph of its
own: it draws and measures moved pictures, and shares nothing with the other losses but the weights.
So both are differentiated side by side and wait once a step. Which core is at it changes nothing in
the numbers: where there is none to spare the one follows the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from vae.objective import Moves, Objective
from vae.utils import num_cores

Found = tuple[dict[str, Tensor], Tensor, Sequence[Tensor | None]]


class LoopBeside:
    """Differentiates the closed loop of one step after another.

    Args:
        parameters: Those that are trained.
        autocast: Makes the context to compute in.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self._parameters, self._autocast = parameters, autocast
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="closed-loop")

    def begin(self, objective: Objective, moves: Moves, step: int) -> Future[Found]:
        """Begin with the moves of a step; give what is returned to :meth:`add`."""
        if torch.get_num_threads() == 1 and num_cores() > 1:
            return self._pool.submit(self._alone, objective, moves, step)
        done: Future[Found] = Future()
        done.set_result(self._found(objective, moves, step))
        return done

    def add(self, begun: Future[Found]) -> tuple[dict[str, Tensor], Tensor]:
        """Wait, add the gradients to those there are; return losses and their weighted sum."""
        losses, total, gradients = begun.result()
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient is None:
                continue
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        return losses, total

    def _alone(self, objective: Objective, moves: Moves, step: int) -> Found:
        torch.set_num_threads(1)  # a thread begins with as many as there are cores
        return self._found(objective, moves, step)

    def _found(self, objective: Objective, moves: Moves, step: int) -> Found:
        with self._autocast():
            losses = objective.closed_loop(moves)
        total = objective.total(losses, step=step)
        gradients = torch.autograd.grad(total, self._parameters, allow_unused=True)
        return {name: value.detach() for name, value in losses.items()}, total.detach(), gradients

"""The child process of a run: ``python -m vae.worker run FOLDER WORLDS | estimate WORLDS``.

Started by `vae.child`, gentle to the page beside it, free of Gradio. It says everything in the
run's folder; its exit code only tells whether it came to say it.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vae.allocator import keep_freed_memory
from vae.errors import VAEError, sentence
from vae.guard import Authority, Grant, train
from vae.ledger import BUSY, DATA, Ledger, TrainRequest
from vae.shortage import is_memory

if TYPE_CHECKING:
    from vae.screening import Manifest

NICENESS = 10


def main(arguments: list[str]) -> int:
    """Do one run, or one estimate; see the module."""
    be_gentle(NICENESS if arguments[0] == "run" else NICENESS // 2)  # an artist waits for the other
    if arguments[0] == "estimate":
        request = TrainRequest.from_dict(json.loads(sys.stdin.read()))
        print(json.dumps(estimate(request, Path(arguments[1]))))
        return 0
    return work(Ledger(Path(arguments[1])), Path(arguments[2]))


def be_gentle(niceness: int) -> None:
    """Stand behind everything else on this machine, with bounded threads."""
    if hasattr(os, "nice"):
        with suppress(OSError):
            os.nice(niceness)
    keep_freed_memory()
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or 1))


def work(ledger: Ledger, worlds: Path, **session: Any) -> int:
    """Train a run to whatever end it comes to, and say which; returns an exit code.

    Args:
        ledger: The run's folder.
        worlds: Where worlds are.
        session: Passed on to `vae.session.Session`.
    """
    with ledger.at_work() as alone:
        if not alone:
            return BUSY
        ledger.sweep()
        status = ledger.status()
        ledger.write_status(status.changed(state="preparing", pid=os.getpid()))
        try:
            _train(ledger, worlds, **session)
        except KeyboardInterrupt:
            ledger.write_status(ledger.status().changed(state="paused", pid=None))
            raise
        except Exception as error:
            failed = ledger.status().changed(state="failed", message=explain(error), pid=None)
            try:
                ledger.write_status(failed)
            except OSError:
                return 1  # the page's process tells it from memory
            if not isinstance(error, VAEError | OSError | MemoryError) and not is_memory(error):
                raise
        return 0


def _train(ledger: Ledger, worlds: Path, **session: Any) -> None:
    from vae.screening import Manifest
    from vae.session import Session

    job = ledger.job()
    grant = Grant.from_dict(job["grant"])
    one = Session(ledger, worlds, **session)

    def run(manifest: Manifest, grant: Grant) -> str:
        return one.run(manifest, grant)

    train(
        Manifest.load(ledger.folder / DATA),
        grant,
        authority=Authority(ledger.folder.parent),
        session=run,
        at=job["submitted"],
    )


def explain(error: Exception) -> str:
    """Return what went wrong as a sentence for the artist."""
    if isinstance(error, VAEError):
        return sentence(error)
    if is_memory(error):
        return (
            "There was not enough memory. Close other programs, or take fewer images or a smaller "
            "batch; the last saved state is kept."
        )
    if isinstance(error, OSError):
        return f"The disk refused ({error.strerror}); the last saved state is kept."
    return f"Something unforeseen went wrong ({type(error).__name__}); see worker.log of this run."


def estimate(request: TrainRequest, worlds: Path) -> dict[str, Any]:
    """Take three real steps and return what they tell, or ``error`` and its ``kind``."""
    from vae.rehearsal import rehearse

    try:
        return rehearse(request, worlds)
    except VAEError as error:
        return {"error": str(error), "kind": type(error).__name__}
    except (MemoryError, RuntimeError, OSError) as error:
        return {"error": explain(error), "kind": "TrainingError"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

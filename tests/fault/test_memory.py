"""Memory that is really refused: a run under a bound of the system's, and the retry after it."""

import os
import subprocess
import sys

import pytest

from tests.jobs_support import request, screened, submitted, worlds_with
from vae.infer import get_infer_model
from vae.jobs import Jobs
from vae.ledger import Ledger
from vae.worker import work

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_AS, /proc")

BOUND = """
import ctypes, resource, sys
from pathlib import Path
from vae.ledger import Ledger
from vae.worker import work

def watch(progress, words):
    if words.startswith("step 3,"):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        room = pages * resource.getpagesize() + 2**20
        resource.setrlimit(resource.RLIMIT_AS, (room, resource.RLIM_INFINITY))
        take_what_is_free()

def take_what_is_free():
    # What earlier steps gave back is kept by the process, and would do for the next ones.
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    taken = []
    while block := libc.malloc(2**18):
        taken.append(block)
    for block in taken[-48:]:  # enough to say so
        libc.free(block)

sys.exit(work(Ledger(Path(sys.argv[1])), Path(sys.argv[2]), watch=watch))
"""


def test_a_run_without_memory_fails_with_a_sentence_and_goes_on_when_tried_again(
    tmp_path, tiny_world
):
    worlds = worlds_with(tiny_world, tmp_path / "worlds")
    jobs = Jobs(tmp_path / "runs", worlds, run=False)
    ledger = submitted(jobs, request(screened(tmp_path, 24), batch_size=20))
    command = [sys.executable, "-c", BOUND, str(ledger.folder), str(worlds)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    status = Ledger(ledger.folder).status()
    assert status.state == "failed", done.stderr
    assert status.message.startswith("There was not enough memory."), (status, done.stderr)
    assert status.saved >= 2
    assert not (worlds / "Mine").exists()

    assert jobs.resume(ledger.id).state == "queued"
    assert work(ledger, worlds) == 0
    status = ledger.status()
    assert (status.state, status.step, status.message) == ("done", 8, "")
    assert get_infer_model(worlds / "Mine").sliders
    jobs.close()

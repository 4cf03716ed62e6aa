"""A warm process draws a large picture without asking the kernel for memory."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="page faults are counted on Linux")

PROGRAM = """
import resource, sys, threading
import torch
from vae.allocator import keep_freed_memory
from vae.decoder import Decoder

if sys.argv[1] == "keep":
    if not keep_freed_memory():
        print(-1)
        sys.exit()
torch.set_num_threads(1)
decoder = Decoder(4, 2, 2, widths=(8, 8, 8, 32)).eval()

def draw():
    z = torch.zeros(1, 2)
    with torch.inference_mode():
        for _ in range(4):
            decoder(z, z, size=256)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(10):
            decoder(z, z, size=256)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 10)

thread = threading.Thread(target=draw)
thread.start()
thread.join()
"""


def faults(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_drawn_picture_leaves_its_memory_for_the_next():
    kept = faults("keep")
    if kept < 0:
        pytest.skip("this C library has no mallopt")
    assert kept < 100 < faults("plain")

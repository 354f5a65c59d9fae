"""Memory that is freed and taken again is not fetched from the operating system anew."""

import subprocess
import sys

import pytest

from camseg_core.training.host_memory import keep_freed_memory

# The allocator of a process of its own: it stays as it was told to its end.
PROGRAM = """
import resource, sys
import torch
from camseg_core.training.host_memory import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()
for index in range(20):
    if index == 10:  # by then the blocks have found their places
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.full((8, 1024, 1024), 1.0)  # 32 MiB, freed at once
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(setting):
    result = subprocess.run([sys.executable, "-c", PROGRAM, setting], capture_output=True, text=True, check=True)
    return int(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_blocks_that_come_again_cost_no_page_faults():
    as_it_is = page_faults("as it is")
    # A fault a page of 2 MiB at the largest, in ten blocks of 32 MiB.
    assert as_it_is >= 10 * 16
    assert page_faults("kept") < as_it_is / 5


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()

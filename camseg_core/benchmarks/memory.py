"""How much memory this process holds."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Memory:
    """Bytes.

    Attributes:
        resident: of main memory, now.
        resident_peak: of main memory, the most so far.
        device: that tensors on the GPU take, now; 0 without one.
        device_peak: that torch has held of the GPU's memory, the most so far; 0 without one.
    """

    resident: int
    resident_peak: int
    device: int
    device_peak: int


def memory_now(device: torch.device) -> Memory:
    """Of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    cuda = device.type == "cuda"
    return Memory(
        resident=pages * os.sysconf("SC_PAGE_SIZE"),
        resident_peak=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        device=torch.cuda.memory_allocated(device) if cuda else 0,
        device_peak=torch.cuda.max_memory_reserved(device) if cuda else 0,
    )

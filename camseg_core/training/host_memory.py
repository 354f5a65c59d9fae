"""How the process gets memory from the operating system."""

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8

GROWTH_BYTES = 64 << 20
"""What the heap grows by at least, so that it grows seldom."""


def keep_freed_memory() -> bool:
    """Keep what the process frees for its next allocations, from here to its end.

    glibc maps large blocks one by one and gives them back when they are freed. A network on the CPU that allocates its
    feature maps anew in each step then gets fresh pages, which the kernel has to clear at the first touch: two to ten
    times what an elementwise operation itself takes.

    Returns:
        Whether the process's allocator is one that can be told so: glibc's. Elsewhere nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # One heap for all threads: what the thread of gradients frees, the forward pass allocates.
    options = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1, _M_TOP_PAD: GROWTH_BYTES, _M_ARENA_MAX: 1}
    return all(mallopt(option, value) == 1 for option, value in options.items())

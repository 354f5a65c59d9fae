"""What a run was made on, in words."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def hardware() -> str:
    """Processor, number of cores, memory and, where ``nvidia-smi`` tells, graphics cards."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return ", ".join([f"{_processor()}, {os.cpu_count()} cores", f"{memory_gib:.0f} GiB memory", *_graphics_cards()])


def versions(*packages: str) -> dict[str, str]:
    """Version of Python and of those of ``packages`` that are installed, by name."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _graphics_cards() -> list[str]:
    if shutil.which("nvidia-smi") is None:
        return []
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20.0)
    return answer.stdout.splitlines() if answer.returncode == 0 else []

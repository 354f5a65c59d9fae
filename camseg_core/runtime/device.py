"""Choice of device by name."""

import torch

from camseg_core.errors import ConfigurationError


def resolve_device(name: str) -> torch.device:
    """The device called ``auto`` (a GPU where there is one), ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        ConfigurationError: the name is none of these, or the GPU is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()):
        raise ConfigurationError(f"device {name!r} is unknown; expected auto, cpu or cuda:N")
    count = torch.cuda.device_count()
    if int(index or 0) >= count:
        raise ConfigurationError(f"device {name!r} is not there; this machine has {count} CUDA devices")
    return torch.device("cuda", int(index or 0))


def limit_gpu_memory(device: torch.device, fraction: float) -> None:
    """Let this process allocate no more than that share of the GPU's memory; nothing on a CPU.

    Raises:
        ConfigurationError: the share is not above 0 and at most 1.
    """
    if not 0.0 < fraction <= 1.0:
        raise ConfigurationError(f"gpu_memory_fraction is {fraction}; expected above 0, at most 1")
    if device.type == "cuda":
        # torch refuses the integer 1.
        torch.cuda.set_per_process_memory_fraction(float(fraction), device)


def wait_for(device: torch.device) -> None:
    """Let the host wait for all that was put on a GPU, as before a clock is read; a CPU has ended when a call has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)

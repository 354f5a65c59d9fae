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

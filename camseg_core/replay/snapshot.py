"""The state of drift detectors as bytes and back, without trust in the bytes."""

import io
import pickle
from collections.abc import Mapping
from typing import Any

from camseg_core.drift.detector import DriftDetector
from camseg_core.errors import CamsegError

_NUMPY = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer"}
_STANDARD = {("collections", "deque"), ("builtins", "set"), ("builtins", "frozenset")}


def freeze(detectors: Mapping[str, DriftDetector]) -> bytes:
    """The detectors of all cameras, with everything they remember."""
    return pickle.dumps(dict(detectors), protocol=5)


def thaw(state: bytes) -> dict[str, DriftDetector]:
    """What ``freeze`` was given; raises CamsegError where the bytes are something else."""
    try:
        detectors = _DataUnpickler(io.BytesIO(state)).load()
    except Exception as error:
        raise CamsegError(f"stored drift state cannot be read: {error}") from error
    return detectors


class _DataUnpickler(pickle.Unpickler):
    """Makes objects of our own classes, arrays and plain containers; a file can have nothing else called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) in _STANDARD:
            return super().find_class(module_name, global_name)
        if module_name.partition(".")[0] == "numpy" and global_name in _NUMPY:
            return super().find_class(module_name, global_name)
        if module_name.startswith("camseg_core.") and "." not in global_name:
            found = super().find_class(module_name, global_name)
            if isinstance(found, type) and found.__module__.startswith("camseg_core."):
                return found
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a drift detector")

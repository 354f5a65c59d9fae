"""The state of drift detectors as bytes and back, without trust in the bytes."""

import inspect
import io
import pickle
from collections.abc import Mapping
from enum import EnumMeta
from typing import Any

from camseg_core.errors import CamsegError

_STANDARD = {
    ("builtins", "frozenset"),
    ("builtins", "set"),
    ("collections", "deque"),
    ("functools", "partial"),
}
_NUMPY = {"ndarray", "dtype", "_reconstruct", "scalar", "_frombuffer"}
_OWN = ("camseg_core.drift.", "camseg_core.frames")


def freeze(detectors: Mapping[str, Any]) -> bytes:
    """The drift detectors of all cameras, with everything they remember."""
    return pickle.dumps(dict(detectors), protocol=5)


def thaw(state: bytes) -> dict[str, Any]:
    """What ``freeze`` was given; raises CamsegError where the bytes are something else."""
    try:
        detectors = _DetectorUnpickler(io.BytesIO(state)).load()
    except Exception as error:
        raise CamsegError(f"stored drift state cannot be read: {error}") from error
    return detectors


class _DetectorUnpickler(pickle.Unpickler):
    """Knows what detectors are made of: the drift package, arrays, containers. A file can have nothing else called."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) == ("builtins", "getattr"):
            return _attribute
        is_own = module_name.startswith(_OWN) and "." not in global_name
        is_numpy = module_name.partition(".")[0] == "numpy" and global_name in _NUMPY
        if is_own or is_numpy or (module_name, global_name) in _STANDARD:
            found = super().find_class(module_name, global_name)
            if not is_own or getattr(found, "__module__", "").startswith(_OWN):
                return found
        raise pickle.UnpicklingError(f"{module_name}.{global_name} is no part of a drift detector")


def _attribute(owner: Any, name: str) -> Any:
    """How pickle stores a bound method, and Python 3.11.0 to 3.11.3 the members of enumerations."""
    if isinstance(owner, EnumMeta) and owner.__module__.startswith(_OWN) and name in owner.__members__:
        return owner[name]
    method = getattr(owner, name)
    if not (type(owner).__module__.startswith(_OWN) and inspect.ismethod(method)):
        raise pickle.UnpicklingError(f"{name} of a {type(owner).__name__} is no method of a drift detector's part")
    return method

"""Checkpoints of other people's code: read without running anything they hold, and handed out tensor by tensor."""

import pickle
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from camseg_core.errors import WeightsError, first_line

INERT_PACKAGES = ("argparse", "lightning", "lightning_fabric", "numpy", "omegaconf", "pytorch_lightning")
"""Training scripts leave their arguments, callbacks and figures in checkpoints. Objects of these packages are read as
empty shells; of any other, they make a file refused."""


class ForeignState:
    """Tensors under the names that somebody else's code gave them.

    Args:
        path: file that they come from; every error names it.
        tensors: by name.
    """

    def __init__(self, path: Path, tensors: dict[str, Tensor]) -> None:
        self.path = path
        self.tensors = tensors
        self._taken: set[str] = set()

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Shape of a tensor; raises WeightsError where there is none of that name with so many dimensions."""
        shape = self._shape(name)
        if len(shape) != dimensions:
            raise WeightsError(f"{self.path}: {name!r} is {shape}; expected {dimensions} dimensions")
        return shape

    def count(self, pattern: str) -> int:
        """How many tensors there are with 0, 1, 2, … in the braces of ``pattern``, before the first gap."""
        return next(number for number in count() if pattern.format(number) not in self.tensors)

    def take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """A tensor in float32; raises WeightsError where it is missing or of another shape."""
        if (found := self._shape(name)) != shape:
            raise WeightsError(f"{self.path}: {name!r} is {found}; expected {shape}")
        self._taken.add(name)
        return self.tensors[name].to(torch.float32)

    def refuse_rest(self) -> None:
        """Raise WeightsError if a tensor has not been taken: the file is of another model than it seems."""
        if rest := sorted(self.tensors.keys() - self._taken):
            raise WeightsError(f"{self.path}: holds {rest[0]!r} and {len(rest) - 1} more tensors without a place")

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self.tensors:
            raise WeightsError(f"{self.path}: holds no {name!r} among its {len(self.tensors)} tensors")
        return tuple(self.tensors[name].shape)


def read_checkpoint(path: Path, key: str) -> ForeignState:
    """The state dict under ``key`` of a file that ``torch.save`` wrote.

    Only tensors and plain containers are built from it (``weights_only``), whatever else it holds.

    Raises:
        WeightsError: there is no such file, it is no checkpoint or is cut short, holds objects of packages outside
            ``INERT_PACKAGES``, or has no state dict under ``key``.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected a checkpoint written by torch.save")
    try:
        foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        refused = sorted(name for name in foreign if name.partition(".")[0] not in INERT_PACKAGES)
        if refused:
            raise WeightsError(f"{path}: holds {refused[0]} objects, whose code is not run; expected tensors")
        shells: list[Any] = [(_Shell, name) for name in foreign]
        with torch.serialization.safe_globals(shells):
            # Mapped, because a checkpoint holds three times what is taken from it: averages and the optimiser's state.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, ValueError, LookupError, OSError, EOFError, pickle.UnpicklingError) as error:
        cause = first_line(error)
        raise WeightsError(f"{path}: is not a whole checkpoint ({path.stat().st_size} bytes; {cause})") from error
    if not isinstance(content, dict) or not isinstance(content.get(key), dict):
        found = sorted(map(str, content)) if isinstance(content, dict) else type(content).__name__
        raise WeightsError(f"{path}: holds no state dict under {key!r}; found {found}")
    return ForeignState(path, {name: value for name, value in content[key].items() if isinstance(value, Tensor)})


class _Shell(dict):
    """Takes the place of an object whose code is neither needed nor to be run."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, _: object) -> None:
        """Forget the state."""

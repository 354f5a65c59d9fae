"""How far the inputs of a model's layers range: found on frames, kept in a file beside the model's weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from camseg_core.autoencoders.fast_decoder import FILE_NAME as FAST_DECODER
from camseg_core.errors import WeightsError
from camseg_core.model_files import WEIGHTS_NAME
from camseg_core.weights_files import file_hash, save_tensors

FILE_NAME = "int8_ranges.safetensors"
"""In a model's folder, beside its weights."""

_OF = "found_with"


@dataclass(frozen=True)
class InputRanges:
    """What a layer has to tell apart in its input, for all layers that may be computed in int8.

    Attributes:
        by_layer: (low, high) by the name of the layer in its model, low ≤ 0 ≤ high and low < high. Of the decoders
            that a model can have, those of all of them.
    """

    by_layer: Mapping[str, tuple[float, float]]

    def save(self, folder: Path) -> Path:
        """Write them beside the weights that they were found with, in the model's ``folder``, and return the path."""
        path = folder / FILE_NAME
        ends = {name: torch.tensor(range_, dtype=torch.float32) for name, range_ in self.by_layer.items()}
        save_tensors(ends, path, {_OF: json.dumps(_weights_in(folder))})
        return path

    @classmethod
    def load(cls, folder: Path) -> "InputRanges":
        """Those of the model in ``folder``.

        Raises:
            WeightsError: there is no such file, it is not whole, or it was made with other weights.
        """
        path = folder / FILE_NAME
        how = "`camseg weights quantize`"
        if not path.is_file():
            raise WeightsError(f"{path}: no such file; expected what int8 needs, made by {how}")
        try:
            with safe_open(path, framework="pt") as file:
                found_with = json.loads((file.metadata() or {})[_OF])
                ends = {name: file.get_tensor(name).tolist() for name in file.keys()}  # noqa: SIM118 # no mapping
            by_layer = {name: (float(low), float(high)) for name, (low, high) in ends.items()}
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"{path}: holds no ranges of inputs ({error!r}); make it anew with {how}") from error
        if unusable := [
            f"{name}: {ends}" for name, ends in by_layer.items() if not ends[0] <= 0.0 <= ends[1] > ends[0]
        ]:
            raise WeightsError(f"{path}: {unusable[0]} is no range about 0; make it anew with {how}")
        for name, expected in _weights_in(folder).items():
            if (found := found_with.get(name)) != expected:
                raise WeightsError(
                    f"{path}: was made with a {name} of hash {found}; expected {expected}, the one beside it: make it "
                    f"anew with {how}"
                )
        return cls(by_layer)


def _weights_in(folder: Path) -> dict[str, str]:
    """Hashes of all weights in a model's folder that a frame is computed with, by file."""
    return {name: file_hash(folder / name) for name in (WEIGHTS_NAME, FAST_DECODER) if (folder / name).is_file()}

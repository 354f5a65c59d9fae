"""A part of a model, computed by OpenVINO."""

import sys
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from camseg_core.errors import ConfigurationError
from camseg_core.runtime.precision import supports_bfloat16

_CPU = torch.device("cpu")


class OpenVinoPart(nn.Module):
    """Stands for a part, called as it is: tensors and integers in, tensors out, of their own but for rounding.

    Layers from ``round_layers`` are computed in int8, all others in bfloat16 where the processor has it. The part is
    translated and compiled when it is called with tensors of these sizes for the first time, which takes seconds.

    Args:
        part: in evaluation mode on the CPU, float32, returning a tensor or a tuple of them. It is no submodule of this
            module, so that whoever changes the model's layers later leaves it as it is.
        threads: to compute with.

    Raises:
        ConfigurationError: OpenVINO is not installed.
    """

    def __init__(self, part: nn.Module, threads: int) -> None:
        super().__init__()
        openvino = _import_openvino()
        self._hidden = (part,)
        self._threads = threads
        # As autocast has them: what follows a convolution takes its maps in bfloat16.
        self._map_dtype = torch.bfloat16 if supports_bfloat16(_CPU) else torch.float32
        self._core = openvino.Core()
        self._requests: dict[tuple[Any, ...], Any] = {}

    def forward(self, *arguments: Tensor | int) -> Tensor | tuple[Tensor, ...]:
        """What the part returns, of which maps are bfloat16 where the processor has it."""
        tensors = [_laid_out(value.float()) for value in arguments if isinstance(value, Tensor)]
        others = [None if isinstance(value, Tensor) else value for value in arguments]
        key = (*(tensor.shape for tensor in tensors), *others)
        if key not in self._requests:
            self._requests[key] = self._compile([tensor.shape for tensor in tensors], others)
        found = self._requests[key].infer([tensor.numpy() for tensor in tensors], share_inputs=True, share_outputs=True)
        outputs = tuple(self._keep(found[index]) for index in range(len(found)))
        return outputs if len(outputs) > 1 else outputs[0]

    def _keep(self, values: np.ndarray) -> Tensor:
        """A copy as torch orders it: the next call writes over ``values``."""
        tensor = torch.from_numpy(values)
        if tensor.ndim == 4:
            return tensor.to(self._map_dtype, copy=True).permute(0, 3, 1, 2)
        return tensor.clone()

    def _compile(self, shapes: list[torch.Size], others: list[int | None]) -> Any:
        openvino = _import_openvino()
        laid_out = _LaidOut(self._hidden[0], others).eval()
        with warnings.catch_warnings():
            # Of how OpenVINO copies what torch has exported.
            warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
            # The caller's modes are none of the translation's.
            with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
                program = torch.export.export(laid_out, tuple(torch.zeros(shape) for shape in shapes))
                network = openvino.convert_model(program)
        network.reshape({index: list(shape) for index, shape in enumerate(shapes)})
        return self._core.compile_model(
            network,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self._threads,
                "INFERENCE_PRECISION_HINT": "bf16" if self._map_dtype == torch.bfloat16 else "f32",
                # Other processes of a vehicle want the cores too.
                "ENABLE_CPU_PINNING": False,
            },
        ).create_infer_request()


class _LaidOut(nn.Module):
    """A part with its maps as OpenVINO gets and returns them: channels last, in which both keep them in memory."""

    def __init__(self, part: nn.Module, others: list[int | None]) -> None:
        super().__init__()
        self.part = part
        self.others = others

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        left = iter(tensors)
        arguments = [_as_maps(next(left)) if other is None else other for other in self.others]
        found = self.part(*arguments)
        return tuple(_laid_out(output) for output in (found if isinstance(found, tuple) else (found,)))


def _laid_out(tensor: Tensor) -> Tensor:
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).contiguous()


def _as_maps(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor


def _import_openvino() -> Any:
    """OpenVINO, which is optional and takes a second to import, without what it reports home.

    Unless its user has declined, its import and its translations tell Intel of themselves; a vehicle shall not.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so Python notes what is not there
    try:
        import openvino
    except ImportError as error:
        raise ConfigurationError(
            f"int8 is true, but OpenVINO cannot be imported ({error}); expected it (`pip install openvino`), or int8 "
            "false"
        ) from error
    return openvino

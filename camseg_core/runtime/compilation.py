"""A model's parts by torch.compile: kernels that do more at once, for minutes of waiting at the start."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from camseg_core.errors import ConfigurationError, first_line
from camseg_core.models.base import SegmentationModel


def compile_parts(model: SegmentationModel) -> SegmentationModel:
    """Have every part of ``model`` that an inference calls compiled at its first call, in place, and return the model.

    Each part by itself, so that stages begin and end between parts and equal parts are compiled once. The second size
    of a batch compiles them again, for all sizes from then on. Masks differ by rounding from those without.
    """
    for part in model.inference_parts():
        part.compile()
    return model


@contextmanager
def compilation() -> Iterator[None]:
    """Parts from ``compile_parts`` are called for the first time inside.

    Raises:
        ConfigurationError: they cannot be compiled on this machine.
    """
    # Not at the top of the file: it takes a second to import, which only those wait for who compile.
    from torch._dynamo.exc import TorchDynamoException

    try:
        with warnings.catch_warnings():
            # Of diffusers' checks of versions, whose answers do not change.
            warnings.filterwarnings("ignore", message="Dynamo detected a call to a `functools.lru_cache`")
            yield
    except TorchDynamoException as error:
        raise ConfigurationError(
            f"torch_compile is true, but the model cannot be compiled here ({first_line(error)}); expected a C++ "
            "compiler for a CPU, Triton and a C compiler for a GPU, or torch_compile false"
        ) from error

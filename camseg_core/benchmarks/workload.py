"""What a frame needs at least: operations and bytes, counted, and the time that a device's ceilings make of them."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from camseg_core.benchmarks.ceilings import Ceilings
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.merged_convolutions import merge_convolutions

Result = TypeVar("Result")

_ATTENTION_ON_CPU = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: (
        lambda query, key, value, *_, **__: sdpa_flop_count(query, key, value)
    )
}
"""torch's counter knows attention on GPUs alone."""


@dataclass(frozen=True)
class Workload:
    """Of one call on a batch of images of the model's input size, one mask drawn of each.

    Operations are those of matrix products, convolutions and attention, a multiplication and an addition being two.

    Attributes:
        image_encoder_flop: from pixels to image latents.
        condition_flop: from there to the conditions: features and transformer.
        draw_flop: of all denoising steps and of decoding the mask latents.
        bytes: each weight read once, in the precision computed in, each image read and each mask written once.
    """

    image_encoder_flop: int
    condition_flop: int
    draw_flop: int
    bytes: int

    @property
    def flop(self) -> int:
        """All of it."""
        return self.image_encoder_flop + self.condition_flop + self.draw_flop


@dataclass(frozen=True)
class Floor:
    """The time below which no version can come: the longer of two.

    Attributes:
        arithmetic_ms: operations over the measured rate.
        memory_ms: bytes over the measured rate.
    """

    arithmetic_ms: float
    memory_ms: float

    @property
    def ms(self) -> float:
        """The floor."""
        return max(self.arithmetic_ms, self.memory_ms)


@torch.inference_mode()
def count_workload(model: SegmentationModel, sampling: SamplingSettings, images: int, bytes_per_value: int) -> Workload:
    """Run the model, as it was loaded, on noise and count.

    Bytes are those of its own weights. Operations are counted with convolutions merged with what is done before them,
    since no version needs more.

    Args:
        model: in evaluation mode.
        sampling: how masks are drawn.
        images: in a batch.
        bytes_per_value: of the weights where they are computed with: 2 for bfloat16.
    """
    height, width = model.input_size
    device = next(model.parameters()).device
    pixels = torch.rand((images, 3, height, width), device=device) * 2.0 - 1.0
    merged = copy.deepcopy(model)
    merge_convolutions(merged)
    latent, encoder = _counted(lambda: merged.image_latent(pixels))
    prepared, prepare = _counted(lambda: merged.prepare(pixels, latent))
    _, draw = _counted(lambda: merged.draw(prepared, sampling))
    # Not all weights are needed: no image is decoded and no mask encoded.
    with _TensorsRead() as read:
        model.draw(model.prepare(pixels, model.image_latent(pixels)), sampling)
    needed = (value for value in model.parameters() if value.untyped_storage().data_ptr() in read.addresses)
    values = sum(value.numel() for value in needed)
    return Workload(encoder, prepare, draw, values * bytes_per_value + images * height * width * (3 + 1))


def floor(workload: Workload, ceilings: Ceilings) -> Floor:
    """The floor of a workload on a device with these ceilings."""
    return Floor(
        1e3 * workload.flop / ceilings.flop_per_s,
        1e3 * workload.bytes / ceilings.copy_bytes_per_s,
    )


def _counted(work: Callable[[], Result]) -> tuple[Result, int]:
    """What the work gives, and its operations."""
    with FlopCounterMode(display=False, custom_mapping=_ATTENTION_ON_CPU) as counter:
        result = work()
    return result, int(counter.get_total_flops())


class _TensorsRead(TorchDispatchMode):
    """Keeps the addresses of all storage that operations read."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for value in tree_leaves((args, kwargs)):
            if isinstance(value, Tensor):
                self.addresses.add(value.untyped_storage().data_ptr())
        return func(*args, **(kwargs or {}))

"""What a device can do at most, measured: arithmetic by a matrix product and a convolution, bytes by a copy."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from camseg_core.benchmarks.timing import median_seconds

_MATRIX = {"cpu": 1024, "cuda": 8192}
"""Side of the square matrices: large enough that starting the work does not count."""

_CONVOLUTION = {"cpu": (1, 256, 64, 64), "cuda": (8, 512, 128, 128)}
"""Images, channels in and out, height and width of the 3×3 convolution."""

_COPY_BYTES = {"cpu": 2**27, "cuda": 2**31}
"""Far more than caches hold."""


@dataclass(frozen=True)
class Ceilings:
    """Measured rates of a device.

    Attributes:
        dtype: of matrix product and convolution, such as ``bfloat16``.
        matmul_flop_per_s, convolution_flop_per_s: a multiplication and an addition are two operations.
        copy_bytes_per_s: bytes read plus bytes written.
    """

    dtype: str
    matmul_flop_per_s: float
    convolution_flop_per_s: float
    copy_bytes_per_s: float

    @property
    def flop_per_s(self) -> float:
        """The higher of the two."""
        return max(self.matmul_flop_per_s, self.convolution_flop_per_s)


@torch.inference_mode()
def measure_ceilings(device: torch.device, dtype: torch.dtype, repeats: int = 10) -> Ceilings:
    """Measure ``device`` with operands of ``dtype``, random ones: some devices are faster on zeros."""
    side = _MATRIX[device.type]
    left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    product = torch.empty_like(left)
    matmul_s = median_seconds(lambda: torch.mm(left, right, out=product), device, repeats)

    images, channels, height, width = _CONVOLUTION[device.type]
    pixels = torch.randn(images, channels, height, width, device=device).to(dtype)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    kernel = torch.randn(channels, channels, 3, 3, device=device).to(dtype)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    convolution_s = median_seconds(lambda: functional.conv2d(pixels, kernel, padding=1), device, repeats)

    source = torch.randint(0, 256, (_COPY_BYTES[device.type],), device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    copy_s = median_seconds(lambda: target.copy_(source), device, repeats)
    return Ceilings(
        dtype=str(dtype).removeprefix("torch."),
        matmul_flop_per_s=2.0 * side**3 / matmul_s,
        convolution_flop_per_s=2.0 * 9 * channels**2 * images * height * width / convolution_s,
        copy_bytes_per_s=2.0 * source.numel() / copy_s,
    )

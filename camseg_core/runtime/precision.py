"""Choice of arithmetic by device."""

import torch

_BFLOAT16_CAPABILITY = 8
"""Major compute capability of Ampere, Nvidia's first with such instructions; every GPU of ROCm has them."""


def supports_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions that multiply bfloat16 numbers."""
    if device.type == "cuda":
        # torch.cuda.is_bf16_supported asks the current device, whichever is meant here.
        return torch.version.hip is not None or torch.cuda.get_device_capability(device)[0] >= _BFLOAT16_CAPABILITY
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))

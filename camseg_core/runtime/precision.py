"""Choice of arithmetic by device."""

import torch


def supports_bfloat16(device: torch.device) -> bool:
    """Whether ``device`` has instructions that multiply bfloat16 numbers."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))

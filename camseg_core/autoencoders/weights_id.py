"""What tells the weights of two autoencoders apart."""

import hashlib

import torch

from camseg_core.autoencoders.kl import KLAutoencoder


def weights_id(autoencoder: KLAutoencoder, parts: tuple[str, ...] = ("",), beside: str = "") -> str:
    """First 16 hexadecimal digits of a SHA-256 of weights, the same on any device and in whatever folder they lie.

    Args:
        autoencoder: float32.
        parts: how the names of the tensors begin that count; all without.
        beside: what else counts.
    """
    digest = hashlib.sha256(beside.encode())
    for name, value in sorted(autoencoder.state_dict().items()):
        if name.startswith(parts):
            digest.update(name.encode())
            digest.update(value.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]

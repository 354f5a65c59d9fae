"""A small network from mask latents straight to class logits: what a mask autoencoder's decoder says, in less time."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders.kl import KLAutoencoder
from camseg_core.autoencoders.weights_id import weights_id
from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.weights_files import save_tensors

FILE_NAME = "fast_decoder.safetensors"
"""In a model's folder, beside its weights."""


@dataclass(frozen=True)
class FastDecoderConfig:
    """Size of a fast decoder.

    Attributes:
        latent_channels: channels of a mask latent.
        classes: logits of a pixel.
        upsampling: pixels that a latent position spans in each direction, an even number.
        width: of the convolutions at the latents' resolution.
        blocks: residual blocks there.
        fine_width: of the convolutions at twice that resolution.
        fine_blocks: residual blocks there.

    Raises:
        ConfigurationError: the upsampling is odd.
    """

    latent_channels: int
    classes: int
    upsampling: int
    width: int = 64
    blocks: int = 3
    fine_width: int = 48
    fine_blocks: int = 2

    def __post_init__(self) -> None:
        if self.upsampling % 2:
            raise ConfigurationError(f"upsampling is {self.upsampling}; expected an even number")


class GatedBlock(nn.Module):
    """Two 3×3 convolutions, channels scaled by a function of their means over the image, residual connection.

    The gate (squeeze and excitation, Hu et al. 2018) stands for what the decoder's group normalisation sees of the
    whole image; there is no normalisation to compute.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.gate = nn.Linear(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """(N, width, h, w) → (N, width, h, w)."""
        hidden = self.conv2(functional.relu(self.conv1(features)))
        gate = torch.sigmoid(self.gate(hidden.mean(dim=(2, 3))))
        return functional.relu(features + hidden * gate[:, :, None, None])


class FastDecoder(nn.Module):
    """Convolutions at the latents' resolution, where they cost least, and a few at twice that, where poles are drawn.

    A last 1×1 convolution gives all logits of the pixels of each position.
    """

    def __init__(self, config: FastDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.first = nn.Conv2d(config.latent_channels, config.width, 3, padding=1)
        self.blocks = nn.Sequential(*(GatedBlock(config.width) for _ in range(config.blocks)))
        self.finer = nn.Conv2d(config.width, config.fine_width * 4, 1)
        self.fine_blocks = nn.Sequential(*(GatedBlock(config.fine_width) for _ in range(config.fine_blocks)))
        self.last = nn.Conv2d(config.fine_width, config.classes * (config.upsampling // 2) ** 2, 1)

    def forward(self, latent: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of scaled latents (N, C, h, w), as a KLAutoencoder decodes them."""
        features = self.blocks(functional.relu(self.first(latent)))
        fine = self.fine_blocks(functional.relu(functional.pixel_shuffle(self.finer(features), 2)))
        return functional.pixel_shuffle(self.last(fine), self.config.upsampling // 2)


def decoder_id(autoencoder: KLAutoencoder) -> str:
    """First 16 hexadecimal digits of the SHA-256 of all that ``autoencoder.decode`` computes with, on any device."""
    decoder = ("network.decoder.", "network.post_quant_conv.")
    return weights_id(autoencoder, decoder, beside=repr(autoencoder.config.scaling_factor))


def save_fast_decoder(decoder: FastDecoder, autoencoder: KLAutoencoder, path: Path) -> None:
    """Write the decoder, as bfloat16, with the id of the autoencoder that it was distilled from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # What the decoder is run in where the processor has it; half the bytes of a file that is under version control.
    weights = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous() for name, value in decoder.state_dict().items()
    }
    metadata = {"config": json.dumps(asdict(decoder.config)), "mask_decoder": decoder_id(autoencoder)}
    save_tensors(weights, path, metadata)


def load_fast_decoder(path: Path, autoencoder: KLAutoencoder, classes: int) -> FastDecoder:
    """The decoder in ``path``, float32 on the CPU, in evaluation mode.

    Args:
        path: written by ``save_fast_decoder``.
        autoencoder: the mask autoencoder, float32 and as it was loaded, whose decoder it is to stand for.
        classes: of the model.

    Raises:
        WeightsError: there is no such file, it is not whole, or it was distilled from another decoder.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected a fast decoder made by `camseg train fast-decoder`")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name).to(torch.float32) for name in file.keys()}  # noqa: SIM118 # no mapping
        config = FastDecoderConfig(**json.loads(metadata["config"]))
        source = metadata["mask_decoder"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: is not a fast decoder ({error})") from error
    if source != (expected := decoder_id(autoencoder)):
        raise WeightsError(
            f"{path}: stands for the mask decoder {source}; expected {expected}, the model's own: make it anew with "
            "`camseg train fast-decoder`"
        )
    if config.classes != classes:
        raise WeightsError(f"{path}: tells {config.classes} classes apart; expected the model's {classes}")
    decoder = FastDecoder(config)
    try:
        decoder.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{path}: belongs to a decoder of another shape: {error}") from error
    return decoder.eval()

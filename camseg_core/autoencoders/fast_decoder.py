"""A small network from mask latents straight to class logits: what a mask autoencoder's decoder says, in less time."""

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.nn import functional

from camseg_core.autoencoders.kl import KLAutoencoder
from camseg_core.autoencoders.weights_id import weights_id
from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.weights_files import save_tensors

FILE_NAME = "fast_decoder.safetensors"
"""In a model's folder, beside its weights."""

NORM_EPSILON = 1e-6
"""Of the group normalisations, as in diffusers' decoders."""


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
        norm_groups: groups of the group normalisation, a divisor of both widths.

    Raises:
        ConfigurationError: the upsampling is odd, or a width does not fall into so many groups.
    """

    latent_channels: int
    classes: int
    upsampling: int
    width: int = 64
    blocks: int = 1
    fine_width: int = 48
    fine_blocks: int = 1
    norm_groups: int = 16

    def __post_init__(self) -> None:
        if self.upsampling % 2:
            raise ConfigurationError(f"upsampling is {self.upsampling}; expected an even number")
        for name in ("width", "fine_width"):
            if (width := getattr(self, name)) % self.norm_groups:
                raise ConfigurationError(f"{name} is {width}; expected a multiple of {self.norm_groups}")


class FastDecoder(nn.Module):
    """The layers of a KL autoencoder's decoder, fewer of them.

    Residual blocks at the latents' resolution, where they cost least, and at twice that, where poles are drawn. A last
    1×1 convolution gives all logits of the pixels of each position.
    """

    def __init__(self, config: FastDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width, fine_width = config.width, config.fine_width
        self.first = nn.Conv2d(config.latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(_block(width, width, config.norm_groups) for _ in range(config.blocks))
        self.finer = Upsample2D(width, use_conv=True)
        widths = [width, *[fine_width] * config.fine_blocks]
        self.fine_blocks = nn.ModuleList(_block(*pair, config.norm_groups) for pair in pairwise(widths))
        self.norm = nn.GroupNorm(config.norm_groups, widths[-1], eps=NORM_EPSILON)
        self.last = nn.Conv2d(widths[-1], config.classes * (config.upsampling // 2) ** 2, 1)

    def forward(self, latent: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of scaled latents (N, C, h, w), as a KLAutoencoder decodes them."""
        features = self.first(latent)
        for block in self.blocks:
            features = block(features, None)
        features = self.finer(features)
        for block in self.fine_blocks:
            features = block(features, None)
        logits = self.last(functional.silu(self.norm(features)))
        return functional.pixel_shuffle(logits, self.config.upsampling // 2)

    @torch.no_grad()
    def start_from(self, autoencoder: KLAutoencoder) -> int:
        """Take over those of the full decoder's layers that are laid out like this one's, so that less is to learn.

        Blocks are its first ones at either end; those in between are left out. The last convolution, of 3×3 there,
        becomes the sum over its window, as if neighbours were alike.

        Returns:
            How many layers or blocks were taken over.
        """
        full = autoencoder.network.decoder
        pairs: list[tuple[nn.Module, nn.Module]] = [
            *zip(self.blocks, full.mid_block.resnets, strict=False),
            *zip(self.fine_blocks, full.up_blocks[-1].resnets, strict=False),
            (self.norm, full.conv_norm_out),
            (self.first, _with_latents_scaled(full.conv_in, autoencoder)),
            (self.last, _summed_over_window(full.conv_out)),
        ]
        if len(full.up_blocks) > 1:
            pairs.append((self.finer.conv, full.up_blocks[-2].upsamplers[0].conv))
        taken = [(own, other) for own, other in pairs if _layout(own) == _layout(other)]
        for own, other in taken:
            own.load_state_dict(other.state_dict())
        return len(taken)


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


def _block(channels: int, width: int, norm_groups: int) -> nn.Module:
    return ResnetBlock2D(
        in_channels=channels, out_channels=width, temb_channels=None, groups=norm_groups, eps=NORM_EPSILON
    )


def _layout(layer: nn.Module) -> tuple[dict[str, torch.Size], list[int]]:
    """What two layers have in common that compute the same with the same weights."""
    groups = [part.num_groups for part in layer.modules() if isinstance(part, nn.GroupNorm)]
    return {name: value.shape for name, value in layer.state_dict().items()}, groups


def _with_latents_scaled(conv_in: nn.Conv2d, autoencoder: KLAutoencoder) -> nn.Conv2d:
    """The full decoder's first convolution with the scaling and the 1×1 convolution before it; equal but at borders."""
    before = autoencoder.network.post_quant_conv
    weight = torch.einsum("omyx,mi->oiyx", conv_in.weight, before.weight[..., 0, 0])
    bias = conv_in.weight.sum(dim=(2, 3)) @ before.bias + conv_in.bias
    merged = nn.Conv2d(before.in_channels, conv_in.out_channels, 3, padding=1)
    merged.load_state_dict({"weight": weight / autoencoder.config.scaling_factor, "bias": bias})
    return merged


def _summed_over_window(conv: nn.Conv2d) -> nn.Conv2d:
    summed = nn.Conv2d(conv.in_channels, conv.out_channels, 1)
    summed.load_state_dict({"weight": conv.weight.sum(dim=(2, 3), keepdim=True), "bias": conv.bias})
    return summed

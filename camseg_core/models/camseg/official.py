"""The published checkpoints (mahmed10/CAM-Seg on the Hugging Face hub) as a model of ours."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from huggingface_hub import hf_hub_download
from torch import Tensor

from camseg_core.autoencoders.ldm_layout import ldm_config, ldm_weights
from camseg_core.errors import WeightsError, first_line
from camseg_core.foreign_weights import ForeignState, read_checkpoint
from camseg_core.models.camseg.configuration import CamSegConfig, camseg_base
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import save_module

REPOSITORY = "mahmed10/CAM-Seg"
AUTOENCODER_FILE = "pretrained_models/vae/modelf16.ckpt"
TRANSFORMER_FILE = "pretrained_models/mar/city768.16.pth"

# Ours, in the order they are tried, and theirs.
_NAMES = (
    (r"^head\.res_blocks\.(\d+)\.modulation\.", r"diffloss.net.res_blocks.\1.adaLN_modulation.1."),
    (r"^head\.final_modulation\.", "diffloss.net.final_layer.adaLN_modulation.1."),
    (r"^head\.final_linear\.", "diffloss.net.final_layer.linear."),
    (r"^head\.", "diffloss.net."),
    (r"^transformer\.image_projection\.", "z_proj1."),
    (r"^transformer\.mask_projection\.", "z_proj2."),
    (r"^transformer\.input_norm\.", "z_proj_ln."),
    (r"^transformer\.(encoder|decoder)_position$", r"\1_pos_embed_learned"),
    (r"^transformer\.diffusion_position$", "diffusion_pos_embed_learned"),
    (r"^transformer\.", ""),
)


def convert(
    autoencoder: Path, transformer: Path, out: Path, ema: bool = False, heads: int | None = None
) -> CamSegConfig:
    """Write the model of two published files into ``out``, as config.json and model.safetensors.

    Args:
        autoencoder: KL-f16 in Latent Diffusion's layout, under ``state_dict``.
        transformer: transformer and diffusion head, under ``model`` and ``model_ema``.
        out: folder to write.
        ema: take the averaged weights; the published evaluation takes the others.
        heads: attention heads of the transformer, which the weights do not tell; None stands for the published 12 and
            is for the published width of 768 alone.

    Returns:
        The configuration, with the sizes that the weights have: ``camseg_base()`` at the published ones; at others,
        ``model_id`` is the name of ``out``.

    Raises:
        WeightsError: a file is missing or no checkpoint, or a tensor is missing, has no place or does not fit the rest.
    """
    pixels = read_checkpoint(autoencoder, "state_dict")
    # The autoencoder was trained with a discriminator and a perceptual loss, whose weights are in the file.
    pixels = ForeignState(
        autoencoder, {name: value for name, value in pixels.tensors.items() if not name.startswith("loss.")}
    )
    tokens = read_checkpoint(transformer, "model_ema" if ema else "model")
    # Distributed training puts a prefix before every name.
    tokens = ForeignState(transformer, {name.removeprefix("module."): value for name, value in tokens.tensors.items()})
    config = _config(pixels, tokens, heads)
    if config != camseg_base():
        config = replace(config, model_id=out.resolve().name)
    with torch.device("meta"):
        model = CamSeg(config)
    weights = _transformer_weights(model, tokens)
    for name, value in ldm_weights(model.image_autoencoder, pixels).items():
        weights[f"image_autoencoder.{name}"] = weights[f"mask_autoencoder.{name}"] = value
    model.load_state_dict(weights, assign=True)
    save_module(model, config, out)
    return config


def pull(out: Path, ema: bool = False, download: Callable[[str, str], str] = hf_hub_download) -> CamSegConfig:
    """Fetch the published files from the Hugging Face hub, or its cache on this machine, and ``convert`` them.

    Args:
        out: folder to write.
        ema: see ``convert``.
        download: from repository and file name to the path of the file here.

    Raises:
        WeightsError: a file cannot be fetched, or see ``convert``.
    """

    def fetch(name: str) -> Path:
        try:
            return Path(download(REPOSITORY, name))
        except Exception as error:  # of any kind: the hub's own are OSErrors, those of its HTTP client are not
            cause = first_line(error)
            raise WeightsError(f"{REPOSITORY}: {name} cannot be fetched from the Hugging Face hub ({cause})") from error

    return convert(fetch(AUTOENCODER_FILE), fetch(TRANSFORMER_FILE), out, ema)


def _config(pixels: ForeignState, tokens: ForeignState, heads: int | None) -> CamSegConfig:
    """The published configuration with the sizes of these weights."""
    base = camseg_base()
    autoencoder = ldm_config(pixels, base.image_autoencoder.scaling_factor)
    width, channels = tokens.shape("z_proj1.weight", 2)
    if channels != autoencoder.latent_channels:
        raise WeightsError(
            f"{tokens.path}: 'z_proj1.weight' takes {channels} channels; expected {autoencoder.latent_channels}, "
            f"those of the latents of {pixels.path}"
        )
    if heads is None and width != base.width:
        raise WeightsError(
            f"{tokens.path}: is {width} wide, not {base.width} as published; expected its number of heads"
        )
    heads = base.heads if heads is None else heads
    if width % heads:
        raise WeightsError(f"{tokens.path}: is {width} wide, which {heads} heads do not divide")
    positions = tokens.shape("encoder_pos_embed_learned", 3)[1]
    side = math.isqrt(positions // 2)
    if positions != 2 * side**2:
        raise WeightsError(
            f"{tokens.path}: 'encoder_pos_embed_learned' has {positions} positions; expected those of two square grids"
        )
    return replace(
        base,
        input_height_px=side * autoencoder.downsampling,
        input_width_px=side * autoencoder.downsampling,
        image_autoencoder=autoencoder,
        mask_autoencoder=autoencoder,
        width=width,
        heads=heads,
        mlp_ratio=tokens.shape("encoder_blocks.0.mlp.fc1.weight", 2)[0] / width,
        encoder_blocks=tokens.count("encoder_blocks.{}.norm1.weight"),
        decoder_blocks=tokens.count("decoder_blocks.{}.norm1.weight"),
        head_width=tokens.shape("diffloss.net.input_proj.weight", 2)[0],
        head_blocks=tokens.count("diffloss.net.res_blocks.{}.in_ln.weight"),
    )


def _transformer_weights(model: CamSeg, tokens: ForeignState) -> dict[str, Tensor]:
    """Weights of the transformer and the head under our names."""
    weights = {}
    for name, expected in model.state_dict().items():
        if name.startswith(("transformer.", "head.")):
            weights[name] = tokens.take(_official_name(name), tuple(expected.shape))
    tokens.refuse_rest()
    return weights


def _official_name(name: str) -> str:
    """The published name: ``transformer.input_norm.bias`` is ``z_proj_ln.bias``."""
    ours, theirs = next(pair for pair in _NAMES if re.match(pair[0], name))
    return re.sub(ours, theirs, name)

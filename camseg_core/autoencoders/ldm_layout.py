"""Weights of a KL autoencoder in Latent Diffusion's layout (Rombach et al., 2022), for ours, which is diffusers'."""

import re
from collections.abc import Mapping

from torch import Tensor

from camseg_core.autoencoders.kl import KLAutoencoder, KLAutoencoderConfig
from camseg_core.foreign_weights import ForeignState

NORM_GROUPS = 32
"""Of every group normalisation in that code; not to be seen in the weights."""

_ATTENTION_LAYERS = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def ldm_config(state: ForeignState, scaling_factor: float) -> KLAutoencoderConfig:
    """The sizes that the weights have; raises WeightsError naming what is missing."""
    levels = state.count("encoder.down.{}.block.0.conv2.weight")
    return KLAutoencoderConfig(
        channels=state.shape("encoder.conv_in.weight", 4)[1],
        latent_channels=state.shape("post_quant_conv.weight", 4)[1],
        block_channels=tuple(
            state.shape(f"encoder.down.{level}.block.0.conv2.weight", 4)[0] for level in range(levels)
        ),
        layers_per_block=state.count("encoder.down.0.block.{}.conv1.weight"),
        norm_groups=NORM_GROUPS,
        scaling_factor=scaling_factor,
        attention="encoder.mid.attn_1.q.weight" in state.tensors,
    )


def ldm_weights(autoencoder: KLAutoencoder, state: ForeignState) -> Mapping[str, Tensor]:
    """The weights under the names of ``autoencoder``'s state dict.

    Raises:
        WeightsError: a tensor is missing, has another shape than ``autoencoder`` asks for, or has no place in it.
    """
    levels = len(autoencoder.config.block_channels)
    weights = {}
    for name, expected in autoencoder.state_dict().items():
        # There, attention's projections are 1×1 convolutions; here they are linear.
        convolution = ".attentions." in name and expected.ndim == 2
        shape = (*expected.shape, 1, 1) if convolution else tuple(expected.shape)
        weights[name] = state.take(ldm_name(name.removeprefix("network."), levels), shape).view(expected.shape)
    state.refuse_rest()
    return weights


def ldm_name(name: str, levels: int) -> str:
    """Latent Diffusion's name of what diffusers calls ``name``.

    Of five levels: ``decoder.up_blocks.0.resnets.1.conv1.bias`` is ``decoder.up.4.block.1.conv1.bias``.
    """
    for ours, theirs in _ATTENTION_LAYERS.items():
        name = re.sub(rf"(\.attentions\.\d+\.){ours}\.", rf"\g<1>{theirs}.", name)
    # Inside the middle, blocks are counted from one and by an underscore.
    name = re.sub(r"mid_block\.resnets\.(\d+)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = re.sub(r"mid_block\.attentions\.(\d+)", lambda found: f"mid.attn_{int(found[1]) + 1}", name)
    # The decoder's levels are counted from the finest.
    name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{levels - 1 - int(found[1])}", name)
    for ours, theirs in {
        "down_blocks.": "down.",
        ".resnets.": ".block.",
        ".attentions.": ".attn.",
        ".downsamplers.0.": ".downsample.",
        ".upsamplers.0.": ".upsample.",
        ".conv_shortcut.": ".nin_shortcut.",
        ".conv_norm_out.": ".norm_out.",
    }.items():
        name = name.replace(ours, theirs)
    return name

"""Models with random weights: as large and as fast as trained ones, and their masks mean nothing.

For whatever does not depend on what the masks show: memory, throughput, whether a size runs on a machine at all.
"""

from pathlib import Path

import torch

from camseg_core.autoencoders import KLAutoencoderConfig
from camseg_core.autoencoders.fast_decoder import FILE_NAME, FastDecoder, FastDecoderConfig, save_fast_decoder
from camseg_core.models.camseg.configuration import CamSegConfig, FeatureConfig, camseg_base
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import save_module


def camseg_tiny() -> CamSegConfig:
    """A CAM-Seg of every part, small enough to run in milliseconds: 48×64 pixels, CamVid's classes."""
    return CamSegConfig(
        model_id="camseg-tiny",
        label_set="camvid",
        input_height_px=48,
        input_width_px=64,
        image_autoencoder=KLAutoencoderConfig(3, 4, (8, 8), pixel_unshuffle=4, norm_groups=4),
        mask_autoencoder=KLAutoencoderConfig(11, 4, (8, 8), pixel_unshuffle=4, norm_groups=4),
        patch_size=2,
        width=16,
        heads=2,
        encoder_blocks=1,
        decoder_blocks=1,
        head_width=16,
        head_blocks=1,
        features=FeatureConfig(channels=(4, 6, 8, 8), blocks=(1, 1, 1), condition_channels=8),
    )


SIZES = {"camseg-tiny": camseg_tiny, "camseg-base": camseg_base}
"""What can be made, by the name of the model whose size it has."""


def write_random_model(config: CamSegConfig, folder: Path, seed: int = 0) -> None:
    """Writes a model folder with a fast decoder; it has no drift reference, the node takes ``drift_reference: auto``.

    Args:
        config: its size.
        folder: made where it does not exist.
        seed: of the weights.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = CamSeg(config).eval()
        save_module(model, config, folder)
        masks = config.mask_autoencoder
        decoder = FastDecoder(FastDecoderConfig(masks.latent_channels, len(model.label_set), masks.downsampling))
        save_fast_decoder(decoder, model.mask_autoencoder, folder / FILE_NAME)

"""A model wide enough to be rounded, with ranges found on noise."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from camseg_core.drift.embedding import embed
from camseg_core.drift.fitting import fit_reference
from camseg_core.models.camseg.configuration import CamSegConfig
from camseg_core.models.camseg.random_weights import camseg_tiny, write_random_model
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.quantization.calibration import find_ranges
from camseg_core.runtime.engine import SHIPPED_REFERENCE
from camseg_core.runtime.prediction import image_latent
from camseg_core.weights_files import save_module

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def wide_config() -> CamSegConfig:
    config = camseg_tiny()
    return replace(
        config,
        model_id="camseg-wide",
        width=32,
        head_width=32,
        features=replace(config.features, channels=(8, 32, 32, 32), condition_channels=32),
        mask_autoencoder=replace(config.mask_autoencoder, block_channels=(32, 32)),
    )


@pytest.fixture(scope="session")
def images() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), dtype=np.uint8))


@pytest.fixture(scope="session")
def wide_model(wide_config, images, tmp_path_factory) -> Path:
    """Its folder, with fast decoder, ranges and a drift reference."""
    folder = tmp_path_factory.mktemp("camseg-wide")
    write_random_model(wide_config, folder)
    model = load_model(str(folder), CPU)
    torch.manual_seed(0)
    for parameter in model.head.parameters():
        if not parameter.any():  # as they are before training, when masks do not depend on the image
            nn.init.normal_(parameter, std=0.3)
    save_module(model, wide_config, folder)
    models = [load_model(str(folder), CPU, decoder) for decoder in ("full", "fast")]
    find_ranges(models, images).save(folder)
    noise = np.random.default_rng(1).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
    embeddings = np.stack([embed(image_latent(models[0], image)) for image in noise])
    fit_reference([embeddings], wide_config.model_id, embedding_hash(str(folder))).save(folder / SHIPPED_REFERENCE)
    return folder

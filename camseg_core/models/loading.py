"""Models by name or folder."""

import json

import torch

from camseg_core.autoencoders.fast_decoder import FILE_NAME as FAST_DECODER
from camseg_core.autoencoders.fast_decoder import load_fast_decoder
from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.model_files import CONFIG_NAME, model_folder, named_in_config
from camseg_core.models.base import SegmentationModel
from camseg_core.models.camseg import configuration as camseg
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.discriminative import configuration as discriminative
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.settings import DECODERS
from camseg_core.weights_files import load_config, load_weights, part_hash


def embedding_hash(model: str) -> str:
    """Hash of all that decides a model's image latents, of which the drift detector's embeddings are made.

    Those are its image autoencoder and the size of its input. What was fitted on embeddings, of a vehicle's own camera
    say, so goes on being valid when the rest of the model is trained anew.

    Args:
        model: name or folder.

    Raises:
        WeightsError: there is no such model, or its files are not whole.
    """
    folder = model_folder(model)
    try:
        config = json.loads((folder / CONFIG_NAME).read_text())
        settings = {name: config[name] for name in ("image_autoencoder", "input_height_px", "input_width_px")}
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIG_NAME}: names no image autoencoder or input size ({error!r})") from error
    return part_hash(folder, "image_autoencoder", settings)


def load_model(model: str, device: torch.device, decoder: str = DECODERS[0]) -> SegmentationModel:
    """The model of that name or in that folder, in evaluation mode on ``device``.

    Args:
        model: name or folder.
        device: where it shall run.
        decoder: one of DECODERS; ``fast`` is for models that come with a fast decoder.

    Raises:
        WeightsError: there is no such model, or its files are not whole or not of a known architecture; or it has no
            fast decoder, or one of another mask autoencoder.
        ConfigurationError: ``decoder`` is unknown.
    """
    if decoder not in DECODERS:
        raise ConfigurationError(f"decoder is {decoder!r}; expected one of {', '.join(DECODERS)}")
    folder = model_folder(model)
    architecture = named_in_config(folder, "architecture")
    network: SegmentationModel
    if architecture == camseg.ARCHITECTURE:
        network = CamSeg(load_config(camseg.CamSegConfig, folder))
    elif architecture == discriminative.ARCHITECTURE:
        network = DiscriminativeNetwork(load_config(discriminative.DiscriminativeConfig, folder))
    else:
        known = f"{camseg.ARCHITECTURE} or {discriminative.ARCHITECTURE}"
        raise WeightsError(f"{folder / CONFIG_NAME}: architecture {architecture!r}; expected {known}")
    load_weights(network, folder)
    if decoder == "fast":
        if not isinstance(network, CamSeg):
            raise WeightsError(f"{folder}: architecture {architecture!r} has no fast decoder; expected decoder full")
        network.fast_decoder = load_fast_decoder(
            folder / FAST_DECODER, network.mask_autoencoder, len(network.label_set)
        )
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
    return network.eval()

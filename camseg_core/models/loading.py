"""Models by name or folder."""

import json
from pathlib import Path

import torch

from camseg_core.errors import WeightsError
from camseg_core.models.base import SegmentationModel
from camseg_core.models.camseg import configuration as camseg
from camseg_core.models.camseg.model import CamSeg
from camseg_core.weights_files import CONFIG_NAME, load_config, load_weights

SHIPPED_WEIGHTS = Path(__file__).parent.parent / "weights"


def model_folder(model: str) -> Path:
    """The folder of a shipped model's name or of a path; raises WeightsError naming the shipped ones."""
    for folder in (SHIPPED_WEIGHTS / model, Path(model)):
        if (folder / CONFIG_NAME).is_file():
            return folder
    shipped = sorted(path.parent.name for path in SHIPPED_WEIGHTS.glob(f"*/{CONFIG_NAME}"))
    raise WeightsError(f"model {model!r} is not there; expected one of {shipped} or a folder with {CONFIG_NAME}")


def load_model(model: str, device: torch.device) -> SegmentationModel:
    """The model of that name or in that folder, in evaluation mode on ``device``.

    Raises:
        WeightsError: there is no such model, or its files are not whole or not of a known architecture.
    """
    folder = model_folder(model)
    try:
        architecture = json.loads((folder / CONFIG_NAME).read_text())["architecture"]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIG_NAME}: names no architecture ({error!r})") from error
    if architecture != camseg.ARCHITECTURE:
        raise WeightsError(f"{folder / CONFIG_NAME}: architecture {architecture!r}; expected {camseg.ARCHITECTURE!r}")
    network = CamSeg(load_config(camseg.CamSegConfig, folder))
    load_weights(network, folder)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
    return network.eval()

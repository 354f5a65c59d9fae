"""What a model's configuration says of it, without loading its weights."""

import json
from dataclasses import dataclass

from camseg_core.errors import WeightsError
from camseg_core.model_files import CONFIG_NAME, model_folder


@dataclass(frozen=True)
class ModelFacts:
    """Of a model by name or folder.

    Attributes:
        model_id: what it calls itself, whatever its folder is called.
        input_size: (height, width) of the pixels that it takes.
        architecture: name of what its weights are for.
    """

    model_id: str
    input_size: tuple[int, int]
    architecture: str


def model_facts(model: str) -> ModelFacts:
    """Of the model of that name or in that folder; raises WeightsError."""
    path = model_folder(model) / CONFIG_NAME
    try:
        config = json.loads(path.read_text())
        return ModelFacts(
            model_id=str(config["model_id"]),
            input_size=(int(config["input_height_px"]), int(config["input_width_px"])),
            architecture=str(config["architecture"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: says no name, input size or architecture ({error!r})") from error

"""Where models lie, what their files are called, and what their configuration says; nothing here loads torch."""

import json
import os
from pathlib import Path

from camseg_core.errors import WeightsError
from camseg_core.labels import LabelSet, get_label_set

CONFIG_NAME = "config.json"
WEIGHTS_NAME = "model.safetensors"

SHIPPED_WEIGHTS = Path(__file__).parent / "weights"


def pulled_weights() -> Path:
    """Where ``camseg weights pull`` puts models, a folder each: the user's data folder (XDG Base Directory)."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "camseg"


def model_folder(model: str) -> Path:
    """The folder of a shipped or pulled model's name or of a path; raises WeightsError naming those there are."""
    named = (SHIPPED_WEIGHTS, pulled_weights())
    for folder in (*(parent / model for parent in named), Path(model)):
        if (folder / CONFIG_NAME).is_file():
            return folder
    names = sorted(path.parent.name for parent in named for path in parent.glob(f"*/{CONFIG_NAME}"))
    raise WeightsError(
        f"model {model!r} is not there; expected one of {names} or a folder with {CONFIG_NAME} "
        "(`camseg weights pull camseg-base` fetches the published model)"
    )


def named_in_config(folder: Path, key: str) -> str:
    """What the configuration in ``folder`` has under ``key``; raises WeightsError where it has nothing."""
    path = folder / CONFIG_NAME
    try:
        return json.loads(path.read_text())[key]
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path}: names no {key.replace('_', ' ')} ({error!r})") from error


def label_set_of(model: str) -> LabelSet:
    """The classes of a model, by name or folder, without loading it.

    Raises:
        WeightsError: there is no such model, or its configuration names no label set.
        ConfigurationError: it names one that is unknown.
    """
    return get_label_set(named_in_config(model_folder(model), "label_set"))

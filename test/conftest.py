"""What all tests share: data beside the repository, and skips with a reason where a machine lacks something."""

import importlib.util
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from camseg_core.drift.embedding import embed
from camseg_core.drift.fitting import fit_reference
from camseg_core.model_files import WEIGHTS_NAME
from camseg_core.models.camseg.configuration import CamSegConfig
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.random_weights import camseg_tiny, write_random_model
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.models.settings import DECODERS
from camseg_core.quantization.calibration import find_ranges
from camseg_core.runtime.engine import SHIPPED_REFERENCE
from camseg_core.runtime.prediction import image_latent
from camseg_core.weights_files import save_module

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def camvid_root() -> Path:
    """The CamVid frames and labels, which are not part of the repository."""
    root = ROOT.parent / "shared" / "camvid"
    if not root.is_dir():
        pytest.skip(f"no CamVid at {root}")
    return root


@pytest.fixture(scope="session")
def tiny_config() -> CamSegConfig:
    """A CAM-Seg of every part, small enough to run in milliseconds."""
    return camseg_tiny()


@pytest.fixture(scope="session")
def tiny_model(tiny_config, tmp_path_factory) -> Path:
    """Folder of a CAM-Seg with random weights and a drift reference fitted on noise images."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("camseg-tiny")
    model = CamSeg(tiny_config).eval()
    save_module(model, tiny_config, folder)
    save_reference(model, noise_images(model), folder)
    return folder


def noise_images(model: CamSeg) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, *model.input_size, 3), dtype=np.uint8)


def save_reference(model: CamSeg, images: np.ndarray, folder: Path) -> None:
    """Fit a drift reference on images and write it into the model's folder."""
    embeddings = np.stack([embed(image_latent(model, image)) for image in images])
    fit_reference([embeddings], model.model_id, embedding_hash(str(folder))).save(folder / SHIPPED_REFERENCE)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory) -> Path:
    """Folder of a CAM-Seg wide enough for int8, with fast decoder, ranges found on noise and a drift reference."""
    folder = tmp_path_factory.mktemp("camseg-wide")
    tiny = camseg_tiny()
    config = replace(
        tiny,
        model_id="camseg-wide",
        width=32,
        head_width=32,
        features=replace(tiny.features, channels=(8, 32, 32, 32), condition_channels=32),
        mask_autoencoder=replace(tiny.mask_autoencoder, block_channels=(32, 32)),
    )
    write_random_model(config, folder)
    cpu = torch.device("cpu")
    model = load_model(str(folder), cpu)
    torch.manual_seed(0)
    for parameter in model.head.parameters():
        if not parameter.any():  # as they are before training, when masks do not depend on the image
            torch.nn.init.normal_(parameter, std=0.3)
    save_module(model, config, folder)
    images = noise_images(model)
    find_ranges([load_model(str(folder), cpu, decoder) for decoder in DECODERS], images[:8]).save(folder)
    save_reference(model, images, folder)
    return folder


@pytest.fixture
def altered_model(tiny_model, tmp_path) -> Callable[[str], Path]:
    """Makes a copy of ``tiny_model``, drift reference and all, with another weight in one part of it."""

    def alter(part: str) -> Path:
        folder = shutil.copytree(tiny_model, tmp_path / "altered")
        state = load_file(folder / WEIGHTS_NAME)
        name = next(name for name in state if name.startswith(f"{part}.") and name.endswith("weight"))
        state[name].view(-1)[0] += 1.0
        save_file(state, folder / WEIGHTS_NAME)
        return folder

    return alter


@pytest.fixture
def file_size_limit() -> Callable[[int], AbstractContextManager[None]]:
    """Makes a context in which no file gets larger than so many bytes: a disk that fills, but for the error's words."""

    @contextmanager
    def limit(size: int) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit


def why_no_ros() -> str | None:
    """What a test with ROS lacks here, or None."""
    if importlib.util.find_spec("rclpy") is None:
        return "rclpy is not installed: run `make test`"
    if importlib.util.find_spec("camseg_ros.msg") is None:
        return "camseg_ros.msg is not built or not on the path: run `make test`, or source tools/environment.sh"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons = {"ros": why_no_ros(), "cuda": None if torch.cuda.is_available() else "no CUDA GPU"}
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))

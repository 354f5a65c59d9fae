"""How far two ways to compute a model's masks agree is counted pixel by pixel."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from camseg_core.autoencoders.fast_decoder import FILE_NAME, FastDecoder, FastDecoderConfig, save_fast_decoder
from camseg_core.benchmarks.agreement import Damage, measure_agreement
from camseg_core.cli.main import app
from camseg_core.corruptions import corrupt
from camseg_core.data.datasets import LabelledImage
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import Prediction, predict

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model_folder(tiny_model, tmp_path_factory):
    """A model with a fast decoder of random weights, which agrees where it does by chance."""
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("decoder") / "model")
    torch.manual_seed(0)
    decoder = FastDecoder(FastDecoderConfig(latent_channels=4, classes=11, upsampling=8, width=16, blocks=1))
    save_fast_decoder(decoder, load_model(str(folder), CPU).mask_autoencoder, folder / FILE_NAME)
    return folder


@pytest.fixture
def frames() -> list[LabelledImage]:
    random = np.random.default_rng(0)
    return [
        LabelledImage(
            random.integers(0, 256, (48, 64, 3), dtype=np.uint8), random.integers(0, 11, (48, 64), dtype=np.uint8), "a"
        )
        for _ in range(3)
    ]


def test_a_decoder_agrees_with_itself_everywhere(tiny_model, frames):
    model = load_model(str(tiny_model), CPU)
    found = measure_agreement((model, model), frames, range(3), SamplingSettings())
    assert found.agreement == found.worst_agreement == 1.0
    assert found.metrics[0] == found.metrics[1]


def test_agreement_is_the_share_of_equal_pixels(model_folder, frames):
    full, fast = (load_model(str(model_folder), CPU, name) for name in ("full", "fast"))
    equal = [
        (predict(full, frame.image, SamplingSettings()).labels == predict(fast, frame.image, SamplingSettings()).labels)
        for frame in frames
    ]
    found = measure_agreement((full, fast), frames, range(3), SamplingSettings())
    assert 0.0 < found.agreement < 1.0
    assert found.agreement == pytest.approx(np.mean(equal))
    assert found.worst_agreement == pytest.approx(min(frame.mean() for frame in equal))


def test_damage_is_done_to_the_image_that_both_see(tiny_model, frames, monkeypatch):
    model, seen = load_model(str(tiny_model), CPU), []

    def look(model, image, sampling):
        seen.append(image)
        return Prediction(np.zeros(image.shape[:2], np.uint8), torch.zeros(1))

    monkeypatch.setattr("camseg_core.benchmarks.agreement.predict", look)
    measure_agreement((model, model), frames, [0, 2], SamplingSettings(), Damage("gaussian noise", 4, seed=7))
    expected = [corrupt(frames[index].image, "gaussian noise", 4, 7 + index) for index in (0, 0, 2, 2)]
    np.testing.assert_array_equal(seen, expected)


def test_command_writes_figures_and_page(model_folder, tmp_path):
    random = np.random.default_rng(0)
    for folder, shape in (("val", (48, 64, 3)), ("valannot", (48, 64))):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "0.png"), random.integers(0, 11, shape, dtype=np.uint8))
    command = ["eval", "decoder", "--root", str(tmp_path), "--model", str(model_folder), "--device", "cpu"]
    result = CliRunner().invoke(app, [*command, "--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.md")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert figures["frames"] == 1
    assert f"{100.0 * figures['agreement']:.3f} %" in (tmp_path / "a.md").read_text()

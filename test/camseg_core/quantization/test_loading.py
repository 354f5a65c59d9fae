"""A model in int8 draws the masks that its rounded layers draw, from the latents that it has without."""

import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.frames import Frame
from camseg_core.models.discriminative.configuration import discriminative_small
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.quantization.calibration import find_ranges
from camseg_core.quantization.loading import load_int8_model
from camseg_core.quantization.openvino_part import OpenVinoPart
from camseg_core.quantization.ranges import FILE_NAME, InputRanges
from camseg_core.quantization.rounding import round_layers
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.prediction import predict
from camseg_core.runtime.settings import EngineSettings
from camseg_core.weights_files import save_module

CPU = torch.device("cpu")


@pytest.fixture
def settings(wide_model) -> EngineSettings:
    return EngineSettings(model=str(wide_model), device="cpu", int8=True)


@pytest.mark.parametrize("decoder", ["full", "fast"])
def test_masks_are_those_of_rounded_layers_and_latents_those_of_the_model(wide_model, images, decoder):
    plain, rounded = (load_model(str(wide_model), CPU, decoder) for _ in range(2))
    ranges = InputRanges.load(wide_model).by_layer
    there = dict(rounded.named_modules())
    round_layers(rounded, {name: ends for name, ends in ranges.items() if name in there})
    computed = load_int8_model_in_a_thread(wide_model, decoder)
    equal_to_rounded, equal_to_plain = [], []
    for image in images:
        found, simulated, unrounded = (predict(one, image, SamplingSettings(2)) for one in (computed, rounded, plain))
        equal_to_rounded.append(np.mean(found.labels == simulated.labels))
        equal_to_plain.append(np.mean(found.labels == unrounded.labels))
        torch.testing.assert_close(found.image_latent, unrounded.image_latent, rtol=0.05, atol=0.02)
    # A random model's logits hardly differ from class to class, so that rounding to bfloat16 alone changes some.
    assert np.mean(equal_to_rounded) > 0.9
    assert np.mean(equal_to_plain) > 0.9


@pytest.mark.parametrize("decoder", ["full", "fast"])
def test_every_part_with_ranges_computes_in_integers_and_the_image_encoder_does_not(wide_model, images, decoder):
    computed = load_int8_model_in_a_thread(wide_model, decoder)
    predict(computed, images[0], SamplingSettings())
    parts = {name: part for name, part in computed.named_modules() if isinstance(part, OpenVinoPart)}
    ranges = InputRanges.load(wide_model).by_layer
    rounded = {name: any(layer.startswith(f"{name}.") for layer in ranges) for name in parts}
    assert {name: bool(integer_layers(part)) for name, part in parts.items()} == rounded
    assert sum(rounded.values()) > 3
    assert not rounded["image_autoencoder.network.encoder"]


def integer_layers(part):
    """Names of the layers of a part that has been called which OpenVINO computes in integers of eight bits."""
    (request,) = part._requests.values()
    nodes = request.get_compiled_model().get_runtime_model().get_ordered_ops()
    kinds = ("Convolution", "FullyConnected")
    infos = {node.get_friendly_name(): node.get_rt_info() for node in nodes}
    return [
        name
        for name, info in infos.items()
        if info["layerType"].astype(str) in kinds and info["runtimePrecision"].astype(str) in ("i8", "u8")
    ]


def load_int8_model_in_a_thread(folder, decoder):
    """As an engine does, so that the threads of this one stay as they are."""
    loaded = []
    thread = threading.Thread(target=lambda: loaded.append(load_int8_model(str(folder), decoder)))
    thread.start()
    thread.join()
    return loaded[0]


def test_torch_computes_alone_in_that_thread_and_in_no_other(wide_model):
    code = """
import sys, threading, torch
from camseg_core.quantization.loading import load_int8_model

torch.set_num_threads(2)
found = []
for load in (lambda: load_int8_model(sys.argv[1]), lambda: None):
    thread = threading.Thread(target=lambda: (load(), found.append(torch.get_num_threads())))
    thread.start()
    thread.join()
print(found, torch.get_num_threads())
"""
    command = [sys.executable, "-c", code, str(wide_model)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[1, 2] 2", result.stderr


def test_an_engine_judges_drift_as_without(settings, wide_model, images):
    plain = InferenceEngine(EngineSettings(model=str(wide_model), device="cpu"))
    rounded = InferenceEngine(settings)
    for number, image in enumerate(images):
        frame = Frame(image, 100_000_000 * (number + 1))
        expected, found = plain.infer(frame), rounded.infer(frame)
        # Two libraries' bfloat16, in a random model: of the shipped one scores agree to 0.02 at least.
        assert found.drift.score == pytest.approx(expected.drift.score, abs=0.1)
        assert found.drift.reference_id == expected.drift.reference_id


def test_no_camera_frame_waits_for_a_translation(wide_model, images, monkeypatch):
    engine = InferenceEngine(EngineSettings(model=str(wide_model), device="cpu", int8=True, max_batch=2))

    def translate(*_):
        raise AssertionError("translated while frames come")

    monkeypatch.setattr("camseg_core.quantization.openvino_part.OpenVinoPart._compile", translate)
    frames = [Frame(image, number + 1, f"camera_{number}") for number, image in enumerate(images[:2])]
    assert engine.infer(frames[0]).labels.shape == (48, 64)
    assert len(engine.infer_batch(frames)) == 2
    # Steps, sampler and number of masks are none of the parts' business.
    assert engine.infer_batch(frames, SamplingSettings(3, "dpmsolver++", num_samples=2))


def test_a_model_without_ranges_says_how_to_make_them(wide_model, tmp_path):
    folder = shutil.copytree(wide_model, tmp_path / "model")
    (folder / FILE_NAME).unlink()
    with pytest.raises(WeightsError, match="camseg weights quantize"):
        InferenceEngine(EngineSettings(model=str(folder), device="cpu", int8=True))


def test_a_processor_that_would_overflow_is_refused(settings, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_vnni": False})
    with pytest.raises(
        ConfigurationError, match=r"int8 is true, but this processor has none of avx512_vnni, .*int8 false"
    ):
        InferenceEngine(settings)


def test_on_a_gpu_it_is_refused(settings, monkeypatch):
    monkeypatch.setattr("camseg_core.runtime.engine.resolve_device", lambda _: torch.device("cuda:0"))
    with pytest.raises(ConfigurationError, match="int8 is true on cuda:0; expected device cpu, or int8 false"):
        InferenceEngine(settings)


def test_it_is_one_of_two_ways_to_compile():
    with pytest.raises(ConfigurationError, match="int8 and torch_compile are both true; expected one"):
        EngineSettings(int8=True, torch_compile=True)


@pytest.mark.slow
def test_it_serves_another_kind_of_model_too(tmp_path, images):
    torch.manual_seed(0)
    config = discriminative_small()
    save_module(DiscriminativeNetwork(config).eval(), config, tmp_path)
    plain = load_model(str(tmp_path), CPU)
    find_ranges([plain], images[:2]).save(tmp_path)
    computed = load_int8_model_in_a_thread(tmp_path, "full")
    found, expected = (predict(model, images[5], SamplingSettings()) for model in (computed, plain))
    assert len(np.unique(expected.labels)) > 1
    assert np.mean(found.labels == expected.labels) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["full", "fast"])
def test_the_shipped_model_gives_nearly_the_same_masks_and_scores(camvid_root, decoder):
    from camseg_core.data.datasets import get_dataset

    engines = [InferenceEngine(EngineSettings(device="cpu", decoder=decoder, int8=int8)) for int8 in (False, True)]
    samples = get_dataset("camvid", camvid_root, "val", engines[0].label_set)
    for index in range(0, len(samples), 25):
        frame = Frame(samples[index].image, 1_000_000_000 * (index + 1))
        plain, rounded = (engine.infer(frame) for engine in engines)
        assert np.mean(plain.labels == rounded.labels) > 0.99
        assert rounded.drift.score == pytest.approx(plain.drift.score, abs=0.02)

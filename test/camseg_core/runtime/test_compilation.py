"""torch.compile: the same masks but for rounding, nothing compiled under a camera's frames, a clear refusal."""

import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch
from torch import nn

from camseg_core.frames import Frame
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.discriminative.configuration import discriminative_small
from camseg_core.models.discriminative.model import DiscriminativeNetwork
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.compilation import compilation, compile_parts
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings

CPU = torch.device("cpu")


@pytest.fixture
def without_code_generation(monkeypatch):
    """Parts are traced and guarded as they are when they are compiled, and then run as they are."""
    compile_module = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module: compile_module(module, backend="eager"))
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.slow
def test_logits_stay_but_for_rounding(tiny_model):
    images = torch.rand((1, 3, 48, 64), generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    expected = load_model(str(tiny_model), CPU).segment(images, SamplingSettings(steps=2)).logits
    compiled = compile_parts(load_model(str(tiny_model), CPU))
    with compilation():
        found = compiled.segment(images, SamplingSettings(steps=2)).logits
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    assert not torch.equal(found, expected)  # else nothing would have been compiled


@pytest.mark.usefixtures("without_code_generation")
def test_no_camera_frame_waits_for_a_compilation(tiny_model):
    engine = InferenceEngine(EngineSettings(model=str(tiny_model), device="cpu", torch_compile=True, max_batch=3))
    traced = graphs()
    assert traced > 0
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for stamp in range(3):
        engine.infer_batch([Frame(image, stamp + 1, camera) for camera in ("left", "front", "right")[: stamp + 1]])
    assert graphs() == traced


@pytest.mark.usefixtures("without_code_generation")
def test_masks_of_traced_parts_are_those_of_the_model(tiny_model):
    frame = Frame(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), 1)
    settings = EngineSettings(model=str(tiny_model), device="cpu")
    compiled = InferenceEngine(EngineSettings(model=str(tiny_model), device="cpu", torch_compile=True))
    expected, found = InferenceEngine(settings).infer(frame), compiled.infer(frame)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.drift == expected.drift


@pytest.mark.usefixtures("without_code_generation", "no_garbage_collection")
@pytest.mark.parametrize("torch_compile", [False, True])
def test_a_closed_engine_lets_go_of_its_model(tiny_model, torch_compile, monkeypatch):
    models = []

    def load(*arguments):
        model = load_model(*arguments)
        models.append(weakref.ref(model))
        return model

    monkeypatch.setattr("camseg_core.runtime.engine.load_model", load)
    engine = InferenceEngine(EngineSettings(model=str(tiny_model), device="cpu", torch_compile=torch_compile))
    assert models[0]() is not None
    engine.close()
    assert models[0]() is None


def test_parts_are_those_that_an_inference_calls_and_not_inside_one_another(tiny_model):
    for model in (load_model(str(tiny_model), CPU), DiscriminativeNetwork(discriminative_small()).eval()):
        parts = model.inference_parts()
        called = set()
        for part in parts:
            part.register_forward_hook(lambda part, *_, called=called: called.add(part))
        model.segment(torch.zeros(1, 3, *model.input_size), SamplingSettings())
        assert called == set(parts)
        inside = [child for part in parts for child in list(part.modules())[1:]]
        assert not set(parts) & set(inside)


def test_with_a_fast_decoder_that_is_the_part_and_the_full_one_is_not(tiny_config):
    model = CamSeg(tiny_config)
    full = model.mask_autoencoder.network.decoder
    assert full in model.inference_parts()
    model.fast_decoder = nn.Identity()
    assert full not in model.inference_parts()
    assert model.fast_decoder in model.inference_parts()


@pytest.mark.slow
def test_without_a_compiler_the_setting_is_named(tiny_model, tmp_path):
    command = ["bench", "inference", "--device", "cpu", "--model", str(tiny_model), "--frames", "1", "--compile"]
    result = subprocess.run(
        [sys.executable, "-m", "camseg_core.cli.main", *command],
        env={**os.environ, "CXX": "/nowhere/c++", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "torch_compile is true, but the model cannot be compiled here" in result.stderr
    assert "/nowhere/c++" in result.stderr
    assert "Traceback" not in result.stderr


def graphs() -> int:
    """How many have been traced in this process."""
    from torch._dynamo.utils import counters

    return counters["stats"]["unique_graphs"]

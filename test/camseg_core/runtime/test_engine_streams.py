"""An engine on a GPU, with doubles of its streams, and with the CPU in the place of its arithmetic."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from camseg_core.drift.embedding import embed
from camseg_core.frames import Frame
from camseg_core.models.loading import load_model
from camseg_core.runtime.device_model import DeviceModel
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.runner import MAX_IN_FLIGHT
from camseg_core.runtime.settings import EngineSettings
from camseg_core.runtime.stream_runner import StreamRunner

_SPEC = importlib.util.spec_from_file_location("deferred_streams", Path(__file__).with_name("deferred_streams.py"))
deferred_streams = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(deferred_streams)

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")
MODULE = "camseg_core.runtime.engine"


class Streams(deferred_streams.DeferredStreams):
    def stream(self, name):
        """What a graph would be captured in."""
        return name


@pytest.fixture
def waited_for(monkeypatch):
    """The devices that the host waited for; weights are not a number before it has, as in a copy that has not begun."""
    pending, devices = [], []

    def load_slowly(name, device, decoder):
        model = load_model(name, CPU, decoder)
        for parameter in model.parameters():
            pending.append((parameter, parameter.detach().clone()))
            parameter.data.fill_(torch.nan)
        return model

    def synchronize(device):
        devices.append(device)
        while pending:
            parameter, value = pending.pop()
            parameter.data.copy_(value)

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(f"{MODULE}.resolve_device", lambda _: GPU)
    monkeypatch.setattr(f"{MODULE}.limit_gpu_memory", lambda *_: None)
    monkeypatch.setattr(f"{MODULE}.load_model", load_slowly)
    monkeypatch.setattr(f"{MODULE}.CudaStreams", lambda _: Streams())
    monkeypatch.setattr(f"{MODULE}.DeviceModel", lambda model, _: DeviceModel(model, CPU))
    monkeypatch.setattr(f"{MODULE}.StreamRunner", lambda streams, model, _: StreamRunner(streams, model, CPU))
    return devices


def test_no_stream_reads_weights_that_are_still_on_their_way_where_nothing_is_captured(
    tiny_model, request, monkeypatch
):
    # Which makes of a model on a CPU what rounds otherwise.
    monkeypatch.setattr(f"{MODULE}.optimize_for_inference", lambda model, _: model)
    settings = EngineSettings(model=str(tiny_model), device="cpu", sampler="ddpm")  # which no graph can hold
    frame = Frame(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), 1)
    expected = InferenceEngine(settings).infer(frame)
    waited_for = request.getfixturevalue("waited_for")
    found = InferenceEngine(settings).infer(frame)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.drift == expected.drift
    assert set(waited_for) == {GPU}


@pytest.mark.parametrize("on_gpu", [False, True])
def test_a_frame_that_cannot_be_judged_costs_its_own_result_alone(tiny_model, request, monkeypatch, on_gpu):
    if on_gpu:
        request.getfixturevalue("waited_for")
        monkeypatch.setattr(f"{MODULE}.optimize_for_inference", lambda model, _: model)  # which would ask the device
    engine = InferenceEngine(EngineSettings(model=str(tiny_model), device="cpu", sampler="ddpm"))
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)

    def fail(latent):
        raise MemoryError("no room for an embedding")

    monkeypatch.setattr(f"{MODULE}.embed", fail)
    for stamp in range(1, MAX_IN_FLIGHT + 2):  # each gives its place back
        with pytest.raises(MemoryError, match="no room"):
            engine.infer(Frame(image, stamp))
    monkeypatch.setattr(f"{MODULE}.embed", embed)
    assert engine.infer(Frame(image, MAX_IN_FLIGHT + 2)).labels.shape == (48, 64)

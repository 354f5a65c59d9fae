"""What only a GPU can show: the masks of the CPU, with graphs and without, frame after frame, in memory that stays."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.benchmarks.frames import camera_buffers
from camseg_core.benchmarks.model_facts import model_facts
from camseg_core.frames import Frame
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device_model import CAPTURE_AFTER, DeviceModel
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.optimization import optimize_for_inference
from camseg_core.runtime.runner import MAX_IN_FLIGHT, Request
from camseg_core.runtime.settings import EngineSettings
from camseg_core.runtime.stream_runner import StreamRunner
from camseg_core.runtime.streams import CudaStreams

GPU = torch.device("cuda:0")

SETTINGS = EngineSettings(device="cuda:0", max_batch=3)
"""Of the model that ships: one with random weights gives almost the same mask to every frame."""


@pytest.fixture(scope="module")
def drive():
    return camera_buffers(model_facts(SETTINGS.model).input_size)


@pytest.fixture
def frame(drive):
    """Makes a camera's frame of a number, unlike its neighbours: upside down, mirrored, both or neither."""

    def make(number: int, camera: str = "front", height: int = 360) -> Frame:
        image = drive.frame(number).image[:height]
        turned = (image, image[::-1], image[:, ::-1], image[::-1, ::-1])[number % 4]
        return Frame(np.ascontiguousarray(turned), number * 100_000_000, camera)

    return make


def test_no_two_frames_have_one_mask(frame):
    # What the tests below compare would not tell one frame's result from another's otherwise.
    engine = InferenceEngine(replace(SETTINGS, device="cpu"))
    masks = [engine.infer(frame(number)).labels for number in range(4)]
    for index, mask in enumerate(masks):
        for other in masks[index + 1 :]:
            assert (mask == other).mean() < 0.95


@pytest.mark.cuda
def test_the_gpu_gives_the_hosts_masks(frame):
    on_gpu, on_cpu = InferenceEngine(SETTINGS), InferenceEngine(replace(SETTINGS, device="cpu"))
    for number in range(1, 6):
        expected = on_cpu.infer(frame(number), with_confidence=True)
        found = on_gpu.infer(frame(number), with_confidence=True)
        assert (expected.labels == found.labels).mean() > 0.99
        assert np.abs(expected.confidence - found.confidence).mean() < 0.02
        assert found.drift.score == pytest.approx(expected.drift.score, rel=0.02)


@pytest.mark.cuda
@pytest.mark.parametrize("ahead", [1, MAX_IN_FLIGHT])
def test_each_frame_gets_its_own_result_however_many_are_on_their_way(frame, ahead):
    one_by_one, pipelined = InferenceEngine(SETTINGS), InferenceEngine(SETTINGS)
    frames = [frame(number, height=300 + number % 3 * 30) for number in range(1, 40)]
    expected = [one_by_one.infer(each) for each in frames]
    handles, found = [], []
    for each in frames:
        handles.append(pipelined.submit([each]))
        if len(handles) == ahead:
            found += pipelined.result(handles.pop(0))
    for handle in handles:
        found += pipelined.result(handle)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.drift == other.drift


@pytest.mark.cuda
def test_cameras_at_once_get_the_masks_that_each_gets_alone(frame):
    together, alone = InferenceEngine(SETTINGS), InferenceEngine(SETTINGS)
    for number in range(1, 6):
        frames = [frame(3 * number + index, camera) for index, camera in enumerate(("left", "front", "right"))]
        for each, found in zip(frames, together.infer_batch(frames), strict=True):
            assert (alone.infer(each).labels == found.labels).mean() > 0.98


@pytest.mark.cuda
@pytest.mark.parametrize("sampler", ["ddim", "dpmsolver++"])
def test_a_graph_gives_what_its_kernels_give_for_every_image(frame, sampler):
    request = Request(SamplingSettings(steps=3, sampler=sampler), with_confidence=True)
    model, streams = optimize_for_inference(load_model(SETTINGS.model, GPU), GPU), CudaStreams(GPU)
    torch.cuda.synchronize()
    plain, graphed = DeviceModel(model, GPU), DeviceModel(model, GPU)
    graphed.capture(2, request, streams.stream("compute"))
    runners = [StreamRunner(streams, each, GPU) for each in (plain, graphed)]
    for number in range(1, 9):
        images = [frame(number).image, frame(number + 10, height=300).image]
        expected, found = (runner.collect(runner.submit(images, request)) for runner in runners)
        for one, other in zip(expected, found, strict=True):
            assert (one.labels == other.labels).mean() > 0.999
            torch.testing.assert_close(one.image_latent, other.image_latent, rtol=1e-2, atol=1e-2)
            assert np.abs(one.confidence - other.confidence).mean() < 1e-3


@pytest.mark.cuda
def test_settings_that_are_changed_while_frames_are_on_their_way_get_a_graph_too(frame):
    engine, sampling = InferenceEngine(SETTINGS), SamplingSettings(steps=2)
    expected = InferenceEngine(replace(SETTINGS, steps=2))
    for number in range(1, 2 * CAPTURE_AFTER):
        handles = [engine.submit([frame(number + ahead)], sampling) for ahead in range(MAX_IN_FLIGHT)]
        for ahead, handle in enumerate(handles):
            (found,) = engine.result(handle)
            assert (found.labels == expected.infer(frame(number + ahead)).labels).mean() > 0.999


@pytest.mark.cuda
def test_gpu_memory_does_not_grow(frame):
    engine = InferenceEngine(SETTINGS)

    def run(count: int) -> int:
        handles = []
        for number in range(count):
            handles.append(engine.submit([frame(number % 50)]))
            if len(handles) == MAX_IN_FLIGHT:
                engine.result(handles.pop(0))
        for handle in handles:
            engine.result(handle)
        return torch.cuda.memory_reserved()

    before = run(50)
    assert run(500) == before


LOSE = """
import numpy, torch
from camseg_core.errors import InferenceError
from camseg_core.frames import Frame
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings

engine = InferenceEngine(EngineSettings(device="cuda:0"))
frame = Frame(numpy.zeros((360, 480, 3), dtype=numpy.uint8), 1)
engine.infer(frame)
handles = [engine.submit([frame]), engine.submit([frame])]
try:
    torch.zeros(3, device="cuda:0")[torch.tensor([7], device="cuda:0")]
    torch.cuda.synchronize()
except torch.AcceleratorError:
    pass
for attempt in range(3):
    try:
        engine.result(handles[attempt] if attempt < 2 else engine.submit([frame]))
        print("a result")
    except InferenceError as error:
        print(error)
engine.close()
print("closed")
"""


@pytest.mark.cuda
def test_a_lost_device_is_reported_and_the_process_lives():
    # In a process of its own: on a GPU that has run into an assertion nothing works any more.
    lost = subprocess.run([sys.executable, "-c", LOSE], capture_output=True, text=True, check=False)
    assert lost.returncode == 0, lost.stderr[-2000:]
    first, second, third, end = lost.stdout.splitlines()
    assert "the device was lost" in first
    assert "expected" in second
    assert "expected the process to be restarted" in third
    assert end == "closed"

"""Stages: an inference passes the named ones, each for its own time, and only whoever asks has them measured."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.frames import Frame
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.settings import EngineSettings
from camseg_core.runtime.stages import STAGES, is_recording, record_stages, stage

CPU = torch.device("cpu")


@pytest.fixture
def settings(tiny_model):
    return EngineSettings(model=str(tiny_model), device="cpu")


def frame(stamp_ns: int = 1) -> Frame:
    return Frame(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), stamp_ns)


def test_an_inference_passes_the_named_stages(settings):
    engine = InferenceEngine(settings)
    with record_stages() as times:
        engine.infer(frame(1))
        engine.infer(frame(2))
    passes = {name: len(seconds) for name, seconds in times.seconds().items()}
    once = dict.fromkeys(("convert", "image_encoder", "transformer", "head", "decoder", "labels", "drift"), 2)
    assert passes == once | {"features": 4}  # before the transformer and after it
    assert set(passes) <= set(STAGES)


def test_each_mask_drawn_is_a_pass_of_its_own(settings):
    engine = InferenceEngine(replace(settings, num_samples=3))
    with record_stages() as times:
        engine.infer(frame())
    passes = {name: len(seconds) for name, seconds in times.seconds().items()}
    assert (passes["image_encoder"], passes["head"], passes["decoder"]) == (1, 3, 3)


def test_stages_lie_within_the_time_of_the_inference(settings):
    engine = InferenceEngine(settings)
    with record_stages() as times:
        result = engine.infer(frame())
    assert 0.0 < sum(sum(seconds) for seconds in times.seconds().values()) <= result.inference_s


def test_a_pass_takes_what_happens_inside():
    with record_stages() as times:
        started = time.perf_counter()
        with stage("head", CPU):
            time.sleep(0.01)
        outside = time.perf_counter() - started
    (seconds,) = times.seconds()["head"]
    assert 0.01 <= seconds <= outside


def test_nothing_is_measured_before_and_after():
    with record_stages() as times:
        assert is_recording()
    assert not is_recording()
    with stage("head", CPU):
        pass
    assert times.seconds() == {}


def test_another_thread_is_not_measured():
    with record_stages() as times:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(is_recording()))
        thread.start()
        thread.join()
    assert seen == [False]
    assert times.seconds() == {}


def test_cleared_times_begin_anew():
    with record_stages() as times:
        for _ in range(2):
            times.clear()
            with stage("labels", CPU):
                pass
    assert len(times.seconds()["labels"]) == 1


@pytest.mark.cuda
def test_a_gpu_stage_takes_what_its_kernels_take():
    device = torch.device("cuda:0")
    matrix = torch.randn(4096, 4096, device=device)
    matrix @ matrix
    torch.cuda.synchronize()
    with record_stages() as times:
        with stage("head", device):
            matrix @ matrix
        with stage("decoder", device):
            for _ in range(50):
                matrix @ matrix
    assert 0.0 < times.seconds()["head"][0] < times.seconds()["decoder"][0]

"""Handing in and waiting: results in order, no more on their way than said, errors where the result is asked for."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.errors import ConfigurationError, FrameError, InferenceError
from camseg_core.frames import Frame
from camseg_core.runtime.engine import InferenceEngine
from camseg_core.runtime.prediction import predict_batch
from camseg_core.runtime.runner import MAX_IN_FLIGHT
from camseg_core.runtime.settings import EngineSettings


@pytest.fixture
def settings(tiny_model):
    return EngineSettings(model=str(tiny_model), device="cpu")


@pytest.fixture
def engine(settings):
    return InferenceEngine(settings)


def frame(number: int, camera: str = "front") -> Frame:
    image = np.random.default_rng(number).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    return Frame(image, number * 100_000_000, camera)


def test_handed_in_ahead_or_one_by_one_the_results_are_the_same(settings, engine):
    frames = [frame(number) for number in range(1, 4)]
    other = InferenceEngine(settings)
    expected = [other.infer(one) for one in frames]
    handles = [engine.submit([one]) for one in frames]
    for handle, one in zip(handles, expected, strict=True):
        (result,) = engine.result(handle)
        np.testing.assert_array_equal(result.labels, one.labels)
        assert result.drift == one.drift


def test_drift_is_judged_in_the_order_of_handing_in_whoever_is_asked_for_first(settings, engine):
    black = Frame(np.zeros((48, 64, 3), dtype=np.uint8), 0, "front")
    frames = [frame(1), replace(black, stamp_ns=200_000_000), frame(3)]
    other = InferenceEngine(settings)
    expected = [other.infer(one).drift for one in frames]
    handles = [engine.submit([one]) for one in frames]
    drifts = [engine.result(handles[index])[0].drift for index in (2, 0, 1)]
    assert drifts == [expected[2], expected[0], expected[1]]


def test_no_more_on_their_way_than_said(engine):
    handles = [engine.submit([frame(number)]) for number in range(MAX_IN_FLIGHT)]
    with pytest.raises(InferenceError, match=rf"{MAX_IN_FLIGHT} batches are on their way.*expected a call of result"):
        engine.submit([frame(9)])
    engine.result(handles[0])
    engine.result(engine.submit([frame(9)]))


def test_a_result_can_be_had_again(engine):
    handle = engine.submit([frame(1)])
    assert engine.result(handle) is engine.result(handle)


def test_a_handle_of_another_engine_is_refused(settings, engine):
    with pytest.raises(InferenceError, match="expected a handle from this engine"):
        engine.result(InferenceEngine(settings).submit([frame(1)]))


def test_a_bad_image_is_refused_when_handed_in_and_takes_no_place(engine):
    for _ in range(2 * MAX_IN_FLIGHT):
        with pytest.raises(FrameError):
            engine.submit([Frame(np.zeros((4, 4), np.uint8), 1)])
    assert engine.infer(frame(1)).labels.shape == (48, 64)


def test_what_goes_wrong_comes_with_its_own_result(engine, monkeypatch):
    broken = frame(2)

    def fragile(model, images, *rest):
        if images[0] is broken.image:
            raise RuntimeError("no memory")
        return predict_batch(model, images, *rest)

    monkeypatch.setattr("camseg_core.runtime.runner.predict_batch", fragile)
    handles = [engine.submit([one]) for one in (frame(1), broken, frame(3))]
    assert engine.result(handles[2])[0].labels.shape == (48, 64)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="no memory"):
            engine.result(handles[1])
    assert engine.result(handles[0])[0].labels.shape == (48, 64)


@pytest.mark.usefixtures("no_garbage_collection")
def test_an_error_keeps_nothing_of_its_batch_alive(engine, monkeypatch):
    computed = []

    def fragile(*_):
        activations = torch.zeros(1)
        computed.append(weakref.ref(activations))
        raise RuntimeError("no memory")

    monkeypatch.setattr("camseg_core.runtime.runner.predict_batch", fragile)
    first, second = (engine.submit([frame(number)]) for number in (1, 2))
    held = [weakref.ref(first), weakref.ref(second)]
    for handle in (second, first):
        with pytest.raises(RuntimeError, match="no memory") as error:
            engine.result(handle)
        assert [reference() for reference in computed] == [None, None]
        assert "fragile" in [entry.name for entry in error.traceback]  # it still says where
    del first, second, handle, error
    assert [reference() for reference in held] == [None, None]


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan")])
def test_a_memory_fraction_out_of_range_is_named(settings, fraction):
    with pytest.raises(ConfigurationError, match=f"gpu_memory_fraction is {fraction}; expected above 0"):
        InferenceEngine(replace(settings, gpu_memory_fraction=fraction))


def test_a_largest_batch_below_one_is_named():
    with pytest.raises(ConfigurationError, match="max_batch is 0; expected 1 or more"):
        EngineSettings(max_batch=0)

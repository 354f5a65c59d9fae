"""The runner of a CPU: one thread has the model, from making it on."""

import threading

import numpy as np
import pytest
import torch

from camseg_core.errors import WeightsError
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import predict
from camseg_core.runtime.runner import HostRunner, Request

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_the_thread_that_infers_has_made_the_model_too(tiny_model):
    threads = []

    def make():
        model = load_model(str(tiny_model), torch.device("cpu"))
        threads.append(threading.current_thread())
        model.head.register_forward_pre_hook(lambda *_: threads.append(threading.current_thread()))
        return model

    runner = HostRunner(make)
    (prediction,) = runner.collect(runner.submit([IMAGE], Request(SamplingSettings())))
    made_in, inferred_in = threads
    assert made_in is inferred_in is not threading.main_thread()
    expected = predict(load_model(str(tiny_model), torch.device("cpu")), IMAGE, SamplingSettings())
    np.testing.assert_array_equal(prediction.labels, expected.labels)
    runner.close()
    assert not made_in.is_alive()


def test_what_goes_wrong_in_making_it_is_raised_and_no_thread_stays():
    made_in = []

    def make():
        made_in.append(threading.current_thread())
        raise WeightsError("no such model")

    with pytest.raises(WeightsError, match="no such model"):
        HostRunner(make)
    made_in[0].join(timeout=60.0)
    assert not made_in[0].is_alive()

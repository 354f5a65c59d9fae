"""A GPU without memory gets smaller batches, a lost one a new runner; the engine lives either way."""

import numpy as np
import pytest
import torch

from camseg_core.errors import InferenceError
from camseg_core.models.base import SamplingSettings
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.recovery import RecoveringRunner
from camseg_core.runtime.runner import Request

REQUEST = Request(SamplingSettings())


class FailingRunner:
    """Has memory for so many images at once; is lost on the image that is white."""

    def __init__(self, memory_images: int) -> None:
        self.memory_images = memory_images
        self.batches = []

    def submit(self, images, request):
        return images

    def collect(self, images):
        self.batches.append(len(images))
        if any(image.min() == 255 for image in images):
            raise torch.AcceleratorError("CUDA error: unspecified launch failure\nmore lines")
        if len(images) > self.memory_images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore lines")
        return [Prediction(image[..., 0], torch.zeros(1, 1, 1)) for image in images]

    def close(self):
        pass


def gray(level: int) -> np.ndarray:
    return np.full((4, 5, 3), level, dtype=np.uint8)


def levels(predictions) -> list[int]:
    return [int(prediction.labels[0, 0]) for prediction in predictions]


@pytest.mark.parametrize(("memory_images", "batches"), [(5, [5]), (3, [5, 2, 3]), (1, [5, 2, 1, 1, 3, 1, 2, 1, 1])])
def test_batches_are_halved_until_they_fit(memory_images, batches):
    freed = []
    inner = FailingRunner(memory_images)
    runner = RecoveringRunner(lambda: inner, lambda: freed.append(1))
    images = [gray(level) for level in range(5)]
    assert levels(runner.collect(runner.submit(images, REQUEST))) == [0, 1, 2, 3, 4]
    assert inner.batches == batches
    assert len(freed) == sum(size > memory_images for size in batches)


def test_a_single_image_without_memory_is_an_error_and_the_runner_lives():
    inner = FailingRunner(0)
    runner = RecoveringRunner(lambda: inner, lambda: None)
    with pytest.raises(InferenceError, match=r"one image of 4×5: CUDA out of memory.*expected a larger gpu_memory"):
        runner.collect(runner.submit([gray(1)], REQUEST))
    inner.memory_images = 1
    assert levels(runner.collect(runner.submit([gray(1)], REQUEST))) == [1]


def test_a_lost_device_is_reported_and_set_up_anew():
    made = []

    def make():
        made.append(FailingRunner(4))
        return made[-1]

    runner = RecoveringRunner(make, lambda: None)
    lost, beside = runner.submit([gray(255)], REQUEST), runner.submit([gray(2)], REQUEST)
    with pytest.raises(InferenceError, match=r"lost and has been set up anew: CUDA error: unspecified launch failure$"):
        runner.collect(lost)
    with pytest.raises(InferenceError, match="on its way when the device was lost"):
        runner.collect(beside)
    assert levels(runner.collect(runner.submit([gray(3)], REQUEST))) == [3]
    assert len(made) == 2


def test_a_device_that_does_not_come_back_is_tried_again_with_every_batch():
    is_there = True

    def make():
        if not is_there:
            raise RuntimeError("no device")
        return FailingRunner(4)

    runner = RecoveringRunner(make, lambda: None)
    is_there = False
    lost = runner.submit([gray(255)], REQUEST)
    with pytest.raises(InferenceError, match=r"cannot be set up anew \(no device\); expected the process"):
        runner.collect(lost)
    with pytest.raises(InferenceError, match="was lost before"):
        runner.submit([gray(1)], REQUEST)
    is_there = True
    assert levels(runner.collect(runner.submit([gray(1)], REQUEST))) == [1]


def test_other_errors_pass():
    class Broken(FailingRunner):
        def collect(self, images):
            raise ValueError("a mistake")

    runner = RecoveringRunner(lambda: Broken(1), lambda: None)
    with pytest.raises(ValueError, match="a mistake"):
        runner.collect(runner.submit([gray(1)], REQUEST))

"""A GPU without memory gets smaller batches, a lost one a new runner; the engine lives either way."""

import weakref

import numpy as np
import pytest
import torch

from camseg_core.errors import InferenceError
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.prediction import Prediction
from camseg_core.runtime.recovery import REBUILD_AGAIN_AFTER_S, RecoveringRunner
from camseg_core.runtime.runner import Request

REQUEST = Request(SamplingSettings())


class FailingRunner:
    """Has memory for so many images at once; is lost on the image that is white."""

    def __init__(self, memory_images: int) -> None:
        self.memory_images = memory_images
        self.batches = []
        self.is_abandoned = False

    def submit(self, images, request):
        return images

    def latents(self, images):
        return [torch.full((1, 1, 1), float(image[0, 0, 0])) for image in images]

    def collect(self, images):
        self.batches.append(len(images))
        if any(image.min() == 255 for image in images):
            raise torch.AcceleratorError("CUDA error: unspecified launch failure\nmore lines")
        if len(images) > self.memory_images:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nmore lines")
        return [Prediction(image[..., 0], torch.zeros(1, 1, 1)) for image in images]

    def close(self):
        pass

    def abandon(self):
        self.is_abandoned = True


class FakeClock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def recovering(make, free_memory=lambda: None, clock=None) -> RecoveringRunner:
    return RecoveringRunner(make, free_memory, clock or FakeClock())


def gray(level: int) -> np.ndarray:
    return np.full((4, 5, 3), level, dtype=np.uint8)


def levels(predictions) -> list[int]:
    return [int(prediction.labels[0, 0]) for prediction in predictions]


@pytest.mark.parametrize(("memory_images", "batches"), [(5, [5]), (3, [5, 2, 3]), (1, [5, 2, 1, 1, 3, 1, 2, 1, 1])])
def test_batches_are_halved_until_they_fit(memory_images, batches):
    freed = []
    inner = FailingRunner(memory_images)
    runner = recovering(lambda: inner, lambda: freed.append(1))
    images = [gray(level) for level in range(5)]
    assert levels(runner.collect(runner.submit(images, REQUEST))) == [0, 1, 2, 3, 4]
    assert inner.batches == batches
    assert len(freed) == sum(size > memory_images for size in batches)


def test_latents_come_first_and_only_from_the_device_that_computes_them():
    runner = recovering(lambda: FailingRunner(1))
    batch, lost, beside = (
        runner.submit([gray(level) for level in levels], REQUEST) for levels in ((1, 2), (255,), (3,))
    )
    assert [float(latent) for latent in runner.latents(batch)] == [1.0, 2.0]
    assert levels(runner.collect(batch)) == [1, 2]  # in halves
    assert [float(latent) for latent in runner.latents(lost)] == [255.0]
    with pytest.raises(InferenceError, match="set up anew"):
        runner.collect(lost)
    assert runner.latents(beside) is None


@pytest.mark.usefixtures("no_garbage_collection")
def test_what_a_batch_had_allocated_is_gone_when_memory_is_freed_and_the_halves_are_tried():
    allocated, alive = [], []

    def count_alive():
        alive.append(sum(reference() is not None for reference in allocated))

    class Hungry(FailingRunner):
        def collect(self, images):
            count_alive()
            activations = torch.zeros(1)
            allocated.append(weakref.ref(activations))
            return super().collect(images)

    runner = recovering(lambda: Hungry(1), count_alive)
    runner.collect(runner.submit([gray(level) for level in range(4)], REQUEST))
    assert alive == [0] * (7 + 3)  # the batch and all its parts, of which three failed


def test_a_single_image_without_memory_is_an_error_and_the_runner_lives():
    inner = FailingRunner(0)
    runner = recovering(lambda: inner)
    with pytest.raises(InferenceError, match=r"one image of 4×5: CUDA out of memory.*expected a larger gpu_memory"):
        runner.collect(runner.submit([gray(1)], REQUEST))
    inner.memory_images = 1
    assert levels(runner.collect(runner.submit([gray(1)], REQUEST))) == [1]


def test_a_lost_device_is_reported_and_set_up_anew():
    made = []

    def make():
        made.append(FailingRunner(4))
        return made[-1]

    runner = recovering(make)
    lost, beside = runner.submit([gray(255)], REQUEST), runner.submit([gray(2)], REQUEST)
    with pytest.raises(InferenceError, match=r"lost and has been set up anew: CUDA error: unspecified launch failure$"):
        runner.collect(lost)
    with pytest.raises(InferenceError, match="on its way when the device was lost"):
        runner.collect(beside)
    assert levels(runner.collect(runner.submit([gray(3)], REQUEST))) == [3]
    assert len(made) == 2


class Buffers:
    """What a runner, a batch of its, or a call has on the device."""


class HeavyRunner(FailingRunner):
    """Keeps track of all that it holds on the device, in the set given."""

    def __init__(self, held: weakref.WeakSet) -> None:
        super().__init__(4)
        self.held = held
        self.weights = self.held_buffers()

    def held_buffers(self) -> Buffers:
        buffers = Buffers()
        self.held.add(buffers)
        return buffers

    def submit(self, images, request):
        return images, self.held_buffers()

    def collect(self, ticket):
        images, _ = ticket
        activations = self.held_buffers()
        try:
            predictions = super().collect(images)
        except torch.AcceleratorError as error:
            # As libraries wrap what a kernel failed with.
            raise torch.AcceleratorError(str(error)) from error
        del activations
        return predictions


def test_a_lost_runner_is_abandoned_before_it_is_let_go_of():
    made = [FailingRunner(9), FailingRunner(9)]
    runner = recovering(iter(made).__next__)
    with pytest.raises(InferenceError, match="lost"):
        runner.collect(runner.submit([gray(255)], REQUEST))
    assert [each.is_abandoned for each in made] == [True, False]


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_lost_runner_is_gone_with_all_that_is_its_when_the_new_one_is_made():
    held, before = weakref.WeakSet(), []

    def make():
        before.append(len(held))
        return HeavyRunner(held)

    runner = recovering(make)
    lost, beside = runner.submit([gray(255)], REQUEST), runner.submit([gray(2)], REQUEST)
    assert len(held) == 3
    with pytest.raises(InferenceError, match="set up anew") as raised:
        runner.collect(lost)
    assert before == [0, 0]
    assert len(held) == 1  # of the new runner: neither the error nor the other batch keeps any of the old one
    assert isinstance(raised.value.__cause__, torch.AcceleratorError)
    with pytest.raises(InferenceError, match="on its way when the device was lost"):
        runner.collect(beside)
    assert levels(runner.collect(runner.submit([gray(3)], REQUEST))) == [3]


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_runner_that_cannot_be_set_up_anew_keeps_nothing_of_what_it_had_begun_with():
    held, is_there = weakref.WeakSet(), True

    def make():
        made = HeavyRunner(held)
        if not is_there:
            raise RuntimeError("no device")
        return made

    runner = recovering(make)
    is_there = False
    lost = runner.submit([gray(255)], REQUEST)
    with pytest.raises(InferenceError, match="cannot be set up anew") as raised:
        runner.collect(lost)
    assert raised.value.__cause__ is not None
    assert len(held) == 0


def test_a_device_that_does_not_come_back_is_tried_again_after_a_while():
    is_there, tries, clock = True, [], FakeClock()

    def make():
        tries.append(clock.now_s)
        if not is_there:
            raise RuntimeError("no device")
        return FailingRunner(4)

    def refusal(call) -> str:
        with pytest.raises(InferenceError) as error:
            call()
        return str(error.value)

    runner = recovering(make, clock=clock)
    is_there = False
    lost = runner.submit([gray(255)], REQUEST)
    first = refusal(lambda: runner.collect(lost))
    assert first == (
        "the device was lost (CUDA error: unspecified launch failure) and cannot be set up anew (no device); "
        "expected the process to be restarted"
    )
    assert len(tries) == 2
    clock.now_s += 0.9 * REBUILD_AGAIN_AFTER_S
    for _ in range(3):  # batches fail at once, and all with the same
        assert refusal(lambda: runner.submit([gray(1)], REQUEST)) == first
    assert len(tries) == 2
    clock.now_s += 0.1 * REBUILD_AGAIN_AFTER_S
    for _ in range(3):
        assert refusal(lambda: runner.submit([gray(1)], REQUEST)) == first
    assert len(tries) == 3
    clock.now_s += REBUILD_AGAIN_AFTER_S
    is_there = True
    assert levels(runner.collect(runner.submit([gray(1)], REQUEST))) == [1]


def test_other_errors_pass():
    class Broken(FailingRunner):
        def collect(self, images):
            raise ValueError("a mistake")

    runner = recovering(lambda: Broken(1))
    with pytest.raises(ValueError, match="a mistake"):
        runner.collect(runner.submit([gray(1)], REQUEST))

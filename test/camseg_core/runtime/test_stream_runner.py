"""Streams: any number of batches, in whatever order a GPU happens to work, each gets its own result and no other's."""

import gc
import importlib.util
import weakref
from collections import Counter, deque
from pathlib import Path

import numpy as np
import pytest
import torch

from camseg_core.errors import InferenceError
from camseg_core.models.base import KEPT_NOISE
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device_model import CAPTURE_AFTER, MAX_LATER_GRAPHS, DeviceModel
from camseg_core.runtime.prediction import predict
from camseg_core.runtime.recovery import RecoveringRunner
from camseg_core.runtime.runner import MAX_IN_FLIGHT, Request
from camseg_core.runtime.stages import record_stages
from camseg_core.runtime.stream_runner import EncodedBatch, StreamRunner

_SPEC = importlib.util.spec_from_file_location("deferred_streams", Path(__file__).with_name("deferred_streams.py"))
deferred_streams = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(deferred_streams)
DeferredStreams = deferred_streams.DeferredStreams

CPU = torch.device("cpu")
PLAIN = Request(SamplingSettings())
WITH_CONFIDENCE = Request(SamplingSettings(), with_confidence=True)


class Inversion:
    """Stands for the model; what it gives between its two parts is of the last batch, as where graphs are replayed."""

    def __init__(self) -> None:
        self.calls = []
        self.encoded = EncodedBatch([], [])

    def encode(self, images):
        self.calls.append("encode")
        self.encoded.pixels[:] = [image.clone() for image in images]
        self.encoded.latents[:] = [image.float().mean(dim=(0, 1)).view(3, 1, 1) for image in images]
        return self.encoded

    def segment(self, encoded, sizes, request):
        self.calls.append("segment")
        outputs = []
        for image, size in zip(encoded.pixels, sizes, strict=True):
            assert image.shape[:2] == size
            outputs.append(255 - image[..., 0])
            if request.with_confidence:
                outputs.append(image[..., 1].float() / 255.0)
        return outputs


def picture(number: int, height: int = 6, width: int = 8) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)


def runner_on(streams) -> StreamRunner:
    return StreamRunner(streams, Inversion(), CPU)


def pipelined(runner: StreamRunner, images: list[np.ndarray]) -> list[np.ndarray]:
    """The labels of each image, with as many on their way as may be."""
    tickets, labels = deque(), []
    for image in images:
        if len(tickets) == MAX_IN_FLIGHT:
            labels.append(runner.collect(tickets.popleft())[0].labels)
        tickets.append(runner.submit([image], PLAIN))
        image[...] = 0  # the caller may use it again: what was handed in has been copied
    return labels + [runner.collect(ticket)[0].labels for ticket in tickets]


@pytest.mark.parametrize("seed", range(8))
def test_each_batch_gets_its_own_result(seed):
    images = [picture(number) for number in range(12)]
    expected = [255 - image[..., 0] for image in images]
    np.testing.assert_array_equal(pipelined(runner_on(DeferredStreams(seed)), images), expected)


def test_without_its_events_the_pipeline_would_be_wrong():
    # What the double is for: on a GPU this failure would come now and then.
    def is_right(seed: int) -> bool:
        images = [picture(number) for number in range(12)]
        expected = [255 - image[..., 0] for image in images]
        try:
            labels = pipelined(runner_on(DeferredStreams(seed, ignores_events=True)), images)
        except Exception:
            return False
        return np.array_equal(labels, expected)

    assert not all(is_right(seed) for seed in range(8))


def test_the_host_waits_for_nothing_when_it_hands_in():
    streams = DeferredStreams()
    streams.synchronize = None
    tickets = [runner_on(streams).submit([picture(0)], PLAIN)]
    assert all(ticket.error is None for ticket in tickets)


class PromptDownloads(DeferredStreams):
    """Downloads as soon as events allow, and computes no more until then."""

    def __post_init__(self):
        super().__post_init__()
        self._random = self

    def choice(self, ready):
        return next((queue for queue in ready if queue is self._queues["download"]), ready[0])


def test_latents_are_here_before_masks_are_computed():
    model, image = Inversion(), picture(0)
    runner = StreamRunner(PromptDownloads(), model, CPU)
    ticket = runner.submit([image], PLAIN)
    (latent,) = runner.latents(ticket)
    np.testing.assert_allclose(latent.flatten(), image.mean(axis=(0, 1)), rtol=1e-5)
    assert model.calls == ["encode"]
    (prediction,) = runner.collect(ticket)
    np.testing.assert_array_equal(prediction.labels, 255 - image[..., 0])
    assert torch.equal(prediction.image_latent, latent)
    assert model.calls == ["encode", "segment"]


@pytest.mark.parametrize("seed", range(8))
def test_latents_are_those_of_their_batch(seed):
    runner, images = runner_on(DeferredStreams(seed)), [picture(number) for number in range(MAX_IN_FLIGHT)]
    tickets = [runner.submit([image], PLAIN) for image in images]
    for ticket, image in zip(tickets, images, strict=True):
        (latent,) = runner.latents(ticket)
        np.testing.assert_allclose(latent.flatten(), image.mean(axis=(0, 1)), rtol=1e-5)
        np.testing.assert_array_equal(runner.collect(ticket)[0].labels, 255 - image[..., 0])


@pytest.mark.parametrize("part", ["encode", "segment"])
def test_without_latents_the_error_comes_with_the_predictions(part):
    def fail(*_):
        raise RuntimeError("no memory")

    model = Inversion()
    setattr(model, part, fail)
    runner = StreamRunner(HastyStreams(), model, CPU)
    for _ in range(2 * MAX_IN_FLIGHT):
        ticket = runner.submit([picture(0)], PLAIN)
        assert runner.latents(ticket) is None
        with pytest.raises(RuntimeError, match="no memory"):
            runner.collect(ticket)


def test_an_error_that_comes_out_when_latents_are_waited_for_is_not_lost():
    class Faulty(DeferredStreams):
        waits = 0

        def synchronize(self, event):
            self.waits += 1
            if self.waits == 1:
                raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
            super().synchronize(event)

    runner = runner_on(Faulty())
    ticket = runner.submit([picture(0)], PLAIN)
    assert runner.latents(ticket) is None
    with pytest.raises(torch.AcceleratorError, match="illegal memory access"):
        runner.collect(ticket)


def test_no_more_batches_than_slots():
    runner = runner_on(DeferredStreams())
    tickets = [runner.submit([picture(number)], PLAIN) for number in range(MAX_IN_FLIGHT)]
    with pytest.raises(InferenceError, match=f"{MAX_IN_FLIGHT} batches are on their way"):
        runner.submit([picture(9)], PLAIN)
    runner.collect(tickets[0])
    runner.submit([picture(9)], PLAIN)


def test_buffers_go_around_and_grow_only_for_larger_images():
    streams = DeferredStreams()
    runner = runner_on(streams)
    pipelined(runner, [picture(number) for number in range(2 * MAX_IN_FLIGHT)])
    used = streams.allocations
    pipelined(runner, [picture(number) for number in range(4 * MAX_IN_FLIGHT)])
    pipelined(runner, [picture(number, 3, 5) for number in range(2 * MAX_IN_FLIGHT)])
    assert streams.allocations == used
    larger = picture(1, 40, 50)
    expected = 255 - larger[..., 0]
    np.testing.assert_array_equal(pipelined(runner, [larger])[0], expected)
    assert streams.allocations > used


def test_a_slot_that_found_no_memory_to_grow_grows_when_there_is_some_again():
    class ShortStreams(DeferredStreams):
        is_short = False

        def device_buffer(self, size_bytes):
            if self.is_short:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().device_buffer(size_bytes)

    streams = ShortStreams()
    runner = runner_on(streams)
    larger = picture(1, 40, 50)
    expected = 255 - larger[..., 0]
    streams.is_short = True
    for _ in range(MAX_IN_FLIGHT):
        ticket = runner.submit([larger], PLAIN)
        with pytest.raises(torch.OutOfMemoryError):
            runner.collect(ticket)
    streams.is_short = False
    for _ in range(MAX_IN_FLIGHT):
        np.testing.assert_array_equal(runner.collect(runner.submit([larger], PLAIN))[0].labels, expected)


def test_images_of_several_sizes_in_a_batch():
    images = [picture(0, 5, 7), picture(1, 1, 1), picture(2, 9, 4)]
    runner = runner_on(DeferredStreams())
    predictions = runner.collect(runner.submit(images, WITH_CONFIDENCE))
    for image, prediction in zip(images, predictions, strict=True):
        np.testing.assert_array_equal(prediction.labels, 255 - image[..., 0])
        np.testing.assert_allclose(prediction.confidence, image[..., 1] / 255.0, rtol=1e-6)
        np.testing.assert_allclose(prediction.image_latent.flatten(), image.mean(axis=(0, 1)), rtol=1e-5)


def test_a_result_does_not_change_when_its_slot_is_used_again():
    runner = runner_on(DeferredStreams())
    image = picture(0)
    (first,) = runner.collect(runner.submit([image], PLAIN))
    pipelined(runner, [picture(number) for number in range(1, 9)])
    np.testing.assert_array_equal(first.labels, 255 - image[..., 0])


class EagerStreams(DeferredStreams):
    """Fails where a GPU's driver does: when work is handed in."""

    def enqueue(self, stream, work):
        if stream == "compute":
            raise RuntimeError("no kernel image")
        super().enqueue(stream, work)


class LostStreams(DeferredStreams):
    """Of a device that an earlier kernel's fault has taken down, which comes out at the last call of handing in."""

    is_lost = True

    def record(self, stream):
        if self.is_lost and stream == "download":
            raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
        return super().record(stream)


@pytest.mark.parametrize(
    ("streams", "error"), [(EagerStreams(), "no kernel image"), (LostStreams(), "illegal memory access")]
)
def test_what_goes_wrong_when_handed_in_comes_with_the_result(streams, error):
    runner = runner_on(streams)
    for _ in range(2 * MAX_IN_FLIGHT):  # each gives its slot back
        ticket = runner.submit([picture(0)], PLAIN)
        with pytest.raises(RuntimeError, match=error):
            runner.collect(ticket)


def test_a_fault_that_comes_out_when_handed_in_is_a_lost_device():
    made = []

    def make():
        made.append(LostStreams())
        made[-1].is_lost = len(made) == 1
        return runner_on(made[-1])

    runner = RecoveringRunner(make, lambda: None, lambda: 0.0)
    ticket = runner.submit([picture(0)], PLAIN)
    with pytest.raises(InferenceError, match="lost and has been set up anew: CUDA error: an illegal memory access"):
        runner.collect(ticket)
    image = picture(1)
    np.testing.assert_array_equal(runner.collect(runner.submit([image], PLAIN))[0].labels, 255 - image[..., 0])


class HastyStreams(DeferredStreams):
    """Computes at once, so that it fails where a GPU's memory does: when work is handed in."""

    def enqueue(self, stream, work):
        work()


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_batch_that_failed_keeps_nothing_that_was_computed_for_it():
    computed = []

    class Hungry(Inversion):
        def encode(self, images):
            encoded = super().encode(images)
            computed.append(weakref.ref(encoded.latents[0]))
            self.encoded = EncodedBatch([], [])
            return encoded

        def segment(self, encoded, sizes, request):
            activations = torch.zeros(8)
            computed.append(weakref.ref(activations))
            raise torch.OutOfMemoryError(f"CUDA out of memory beside {activations.nbytes} bytes")

    runner = StreamRunner(HastyStreams(), Hungry(), CPU)
    ticket = runner.submit([picture(0)], PLAIN)
    assert [each() for each in computed] == [
        None,
        None,
    ]  # before its result is asked for: until then others are on their way
    held = weakref.ref(ticket)
    with pytest.raises(torch.OutOfMemoryError, match="beside 32 bytes"):
        runner.collect(ticket)
    del ticket
    assert held() is None


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_batch_whose_latents_find_no_room_keeps_neither_them_nor_its_pixels():
    class ShortStreams(HastyStreams):
        def device_buffer(self, size_bytes):
            if self.allocations > 2:  # beyond those of the images
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().device_buffer(size_bytes)

    model = Inversion()
    runner = StreamRunner(ShortStreams(), model, CPU)
    ticket = runner.submit([picture(0)], PLAIN)
    computed = [weakref.ref(model.encoded.pixels[0]), weakref.ref(model.encoded.latents[0])]
    model.encoded = EncodedBatch([], [])
    assert [each() for each in computed] == [None, None]
    with pytest.raises(torch.OutOfMemoryError):
        runner.collect(ticket)


def test_what_goes_wrong_later_costs_only_its_batch():
    class Fragile(Inversion):
        def segment(self, encoded, sizes, request):
            if sizes[0][0] == 1:
                raise RuntimeError("too small")
            return super().segment(encoded, sizes, request)

    runner = StreamRunner(DeferredStreams(), Fragile(), CPU)
    bad = runner.submit([picture(0, 1, 1)], PLAIN)
    with pytest.raises(RuntimeError, match="too small"):
        runner.collect(bad)
    image = picture(1)
    good = runner.submit([image], PLAIN)
    np.testing.assert_array_equal(runner.collect(good)[0].labels, 255 - image[..., 0])


def test_the_device_model_gives_the_hosts_masks(tiny_model):
    images = [picture(0, 48, 64), picture(1, 96, 128), picture(2, 30, 100)]
    model = load_model(str(tiny_model), CPU)
    runner = StreamRunner(DeferredStreams(), DeviceModel(model, CPU), CPU)
    predictions = runner.collect(runner.submit(images, WITH_CONFIDENCE))
    for image, prediction in zip(images, predictions, strict=True):
        expected = predict(model, image, PLAIN.sampling, with_confidence=True)
        assert prediction.labels.shape == image.shape[:2]
        assert prediction.labels.dtype == np.uint8
        # Sizes are changed with other roundings, and the classes of an untrained model lie close together.
        assert (prediction.labels == expected.labels).mean() > 0.9
        assert np.abs(prediction.confidence - expected.confidence).mean() < 0.01


def test_the_device_model_passes_every_stage_of_a_gpu(tiny_model):
    runner = StreamRunner(DeferredStreams(), DeviceModel(load_model(str(tiny_model), CPU), CPU), CPU)
    with record_stages() as times:
        runner.collect(runner.submit([picture(0, 48, 64)], PLAIN))
    assert {"upload", "convert", "image_encoder", "head", "decoder", "labels", "download"} <= set(times.seconds())


def test_more_masks_than_noise_is_kept_for_are_left_to_their_kernels(tiny_model):
    # Of which a CPU knows no capture: it would be an error here.
    model = DeviceModel(load_model(str(tiny_model), CPU), CPU)
    model.capture(1, Request(SamplingSettings(num_samples=KEPT_NOISE + 1)), None)


@pytest.fixture
def captured(monkeypatch):
    """How often the graphs of each batch's size have been replayed, by what they give: latents or labels.

    As on a GPU, a graph reads and writes where it was captured, whatever it is asked for.
    """
    replays = Counter()

    class Graph:
        def __init__(self, function, stream, pool):
            assert (stream, pool) == ("compute", "pool")
            self.function, self.outputs = function, function()
            kind = "labels" if self.outputs[0].dtype == torch.uint8 else "latents"
            self.key = (kind, len(self.outputs[0]))
            replays[self.key] += 0

        def replay(self):
            replays[self.key] += 1
            for kept, output in zip(self.outputs, self.function(), strict=True):
                kept.copy_(output)
            return self.outputs

    module = "camseg_core.runtime.device_model"
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: "pool")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: "compute")
    monkeypatch.setattr(f"{module}.capture", Graph)
    return replays


def compute(model: DeviceModel, batch: int, request: Request, number: int = 0) -> list[torch.Tensor]:
    """The latents and labels of so many images, which follow from the number."""
    images = [torch.from_numpy(picture(10 * number + index, 48, 64)) for index in range(batch)]
    encoded = model.encode(images)
    latents = encoded.latents.clone()
    return [latents, *model.segment(encoded, [(48, 64)] * batch, request)]


def test_settings_that_stay_get_a_graph_of_their_own(tiny_model, captured):
    model, plain = (DeviceModel(load_model(str(tiny_model), CPU), CPU) for _ in range(2))
    model.capture(1, PLAIN, "compute")
    compute(model, 1, PLAIN)
    assert captured == {("latents", 1): 1, ("labels", 1): 1}
    two_steps, batches = Request(SamplingSettings(steps=2)), CAPTURE_AFTER + 2
    for number in range(batches):
        # Of images that change: where its graphs come to be, between its latents and its masks, a batch goes without.
        for found, expected in zip(
            compute(model, 2, two_steps, number), compute(plain, 2, two_steps, number), strict=True
        ):
            assert torch.equal(found, expected)
    assert captured == {("latents", 1): 1, ("labels", 1): 1, ("latents", 2): 2, ("labels", 2): 2}
    other_seed = Request(SamplingSettings(seed=7))
    for number in range(CAPTURE_AFTER):
        compute(model, 1, other_seed, number)
    # Latents are the same whatever is asked for: there is one graph of them, and at once.
    assert captured[("latents", 1)] == 1 + CAPTURE_AFTER
    assert captured[("labels", 1)] == 2


def test_what_finds_no_memory_for_a_graph_goes_on_without(tiny_model, captured, monkeypatch, caplog):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    model = DeviceModel(load_model(str(tiny_model), CPU), CPU)
    model.capture(1, PLAIN, "compute")
    monkeypatch.setattr("camseg_core.runtime.device_model.capture", fail)
    for _ in range(3 * CAPTURE_AFTER):
        compute(model, 2, PLAIN)
    (record,) = caplog.records
    assert "with batches of 2 gets no CUDA graph, for lack of GPU memory: CUDA out of memory" in record.message


def test_no_more_graphs_are_captured_later_than_there_is_to_be_memory_for(tiny_model, captured):
    model = DeviceModel(load_model(str(tiny_model), CPU), CPU)
    model.capture(1, PLAIN, "compute")
    for seed in range(1, MAX_LATER_GRAPHS + 3):
        for _ in range(CAPTURE_AFTER):
            compute(model, 1, Request(SamplingSettings(seed=seed)))
    assert captured[("labels", 1)] == MAX_LATER_GRAPHS


@pytest.mark.parametrize("is_lost", [False, True])
def test_page_locked_memory_outlives_a_lost_device_and_nothing_else(is_lost):
    # Whose freeing would end the process; a mock cannot show that, only that it is not freed.
    buffers = []

    class Recorded(DeferredStreams):
        def host_buffer(self, size_bytes):
            buffer = super().host_buffer(size_bytes)
            buffers.append(weakref.ref(buffer))
            return buffer

        def device_buffer(self, size_bytes):
            return torch.empty(size_bytes, dtype=torch.uint8)

    runner = runner_on(Recorded())
    runner.collect(runner.submit([picture(0)], PLAIN))
    waiting = runner.submit([picture(1)], PLAIN)
    if is_lost:
        runner.abandon()
    del runner, waiting
    gc.collect()
    assert {buffer() is not None for buffer in buffers} == {is_lost}

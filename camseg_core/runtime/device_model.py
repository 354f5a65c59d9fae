"""A model on a GPU with all that lies between images and masks, so that only the masks come back."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from camseg_core.models.base import KEPT_NOISE, SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.graphs import CapturedGraph, capture, lack_of_memory
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.resampling import Resampler
from camseg_core.runtime.runner import Request
from camseg_core.runtime.stages import is_recording, stage
from camseg_core.runtime.stream_runner import EncodedBatch
from camseg_core.sampling import CAPTURABLE_SAMPLERS

CAPTURE_AFTER = 10
"""Batches with settings that no graph was captured for at the start, after which one is: they are there to stay."""

MAX_LATER_GRAPHS = 16
"""Captured so at most: each keeps memory of the GPU's for as long as the model lives."""


@dataclass(frozen=True)
class _Encoder:
    """The first graph of a batch's size, whatever the request: what it reads and writes, graphs of requests read."""

    graph: CapturedGraph
    held: EncodedBatch


class DeviceModel:
    """See ``stream_runner.Computation``; by CUDA graphs where a request has been captured.

    Args:
        model: in evaluation mode on ``device``.
        device: a GPU; a CPU works too and shows the same results, but has no graphs.
    """

    def __init__(self, model: SegmentationModel, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._resampler = Resampler(model.input_size, device)
        self._has_bfloat16 = supports_bfloat16(device)
        self._encoders: dict[int, _Encoder] = {}
        self._graphs: dict[tuple[int, SamplingSettings, bool], CapturedGraph] = {}
        self._read_by_graphs: list[list[Tensor]] = []  # which their maker may let go of
        self._pool: Any = None
        self._without_graph: Counter[tuple[int, SamplingSettings, bool]] = Counter()
        self._later_graphs = 0
        self._captures = False

    @torch.inference_mode()
    def encode(self, images: Sequence[Tensor]) -> EncodedBatch:
        """See ``stream_runner.Computation``."""
        with stage("convert", self._device):
            pixels = torch.stack([self._resampler.to_input(image) for image in images])
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        encoder = None if is_recording() else self._encoders.get(len(images))
        if encoder is None:
            return EncodedBatch(pixels, self._image_latent(pixels))
        encoder.held.pixels.copy_(pixels)
        encoder.graph.replay()
        return encoder.held

    @torch.inference_mode()
    def segment(self, encoded: EncodedBatch, sizes: Sequence[tuple[int, int]], request: Request) -> list[Tensor]:
        """See ``stream_runner.Computation``."""
        graph = None if is_recording() else self._graph(len(sizes), request)
        # Its encoder may have been captured with it just now, after these images were encoded without.
        if graph is not None and encoded is self._encoders[len(sizes)].held:
            maps = graph.replay()
        else:
            maps = self._maps(encoded, request)
        with stage("labels", self._device):
            return [
                self._resampler.to_size(map_[index], self._model.input_size if request.at_model_size else size)
                for index, size in enumerate(sizes)
                for map_ in maps
            ]

    @torch.inference_mode()
    def capture(self, batch: int, request: Request, stream: torch.cuda.Stream) -> None:
        """Capture a request at a batch's size in the stream it will be computed in; waits for all work of the device.

        Nothing happens for what no graph can hold: some samplers, and more masks of an image than noise is kept for.
        """
        self._captures = True
        key = (batch, request.sampling, request.with_confidence)
        is_capturable = request.sampling.sampler in CAPTURABLE_SAMPLERS and request.sampling.num_samples <= KEPT_NOISE
        if key in self._graphs or not is_capturable:
            return
        if self._pool is None:
            self._pool = torch.cuda.graph_pool_handle()
        if batch not in self._encoders:
            self._encoders[batch] = self._capture_encoder(batch, stream)
        held = self._encoders[batch].held
        self._graphs[key] = capture(lambda: self._maps(held, request), stream, self._pool)
        self._read_by_graphs.append(self._model.kept_noise())

    def _capture_encoder(self, batch: int, stream: torch.cuda.Stream) -> _Encoder:
        pixels = torch.zeros((batch, 3, *self._model.input_size), device=self._device)
        pixels = pixels.contiguous(memory_format=torch.channels_last)
        graph = capture(lambda: (self._image_latent(pixels),), stream, self._pool)
        return _Encoder(graph, EncodedBatch(pixels, *graph.outputs))

    def _graph(self, batch: int, request: Request) -> CapturedGraph | None:
        """The graph of a request at a batch's size, if there is one; that of changed settings comes after a while."""
        key = (batch, request.sampling, request.with_confidence)
        if self._captures and key not in self._graphs:
            self._without_graph[key] += 1
            # Once: what finds no memory then is not tried with every frame.
            if self._without_graph[key] == CAPTURE_AFTER and self._later_graphs < MAX_LATER_GRAPHS:
                capture_now = partial(self.capture, batch, request, torch.cuda.current_stream(self._device))
                if reason := lack_of_memory(capture_now, torch.cuda.empty_cache):
                    logging.getLogger(__name__).warning(
                        f"{request.sampling} with batches of {batch} gets no CUDA graph, for lack of GPU memory: "
                        f"{reason}"
                    )
                self._later_graphs += key in self._graphs
        return self._graphs.get(key)

    def _image_latent(self, pixels: Tensor) -> Tensor:
        with self._autocast():
            return self._model.image_latent(pixels)

    def _maps(self, encoded: EncodedBatch, request: Request) -> tuple[Tensor, ...]:
        """(N, H, W) uint8 labels and, if asked for, (N, H, W) float32 confidence."""
        with self._autocast():
            prepared = self._model.prepare(encoded.pixels, encoded.latents)
            segmentation = self._model.segment_prepared(prepared, request.sampling)
        with stage("labels", self._device):
            if request.with_confidence:
                return segmentation.labels(), segmentation.confidence()
            return (segmentation.labels(),)

    def _autocast(self) -> torch.autocast:
        # Without its cache: weights are stored in bfloat16, and what is cached in a capture must not outlive it.
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._has_bfloat16, cache_enabled=False)

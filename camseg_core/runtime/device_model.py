"""A model on a GPU with all that lies between images and masks, so that only the masks come back."""

import logging
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from camseg_core.models.base import KEPT_NOISE, SamplingSettings, SegmentationModel
from camseg_core.runtime.graphs import CapturedGraph, capture, lack_of_memory
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.resampling import Resampler
from camseg_core.runtime.runner import Request
from camseg_core.runtime.stages import is_recording, stage
from camseg_core.sampling import CAPTURABLE_SAMPLERS

CAPTURE_AFTER = 10
"""Batches with settings that no graph was captured for at the start, after which one is: they are there to stay."""

MAX_LATER_GRAPHS = 16
"""Captured so at most: each keeps memory of the GPU's for as long as the model lives."""


class DeviceModel:
    """Computes what ``StreamRunner`` downloads; by CUDA graph where a request has been captured.

    Args:
        model: in evaluation mode on ``device``.
        device: a GPU; a CPU works too and shows the same results, but has no graphs.
    """

    def __init__(self, model: SegmentationModel, device: torch.device) -> None:
        self._model = model
        self._device = device
        self._resampler = Resampler(model.input_size, device)
        self._has_bfloat16 = supports_bfloat16(device)
        self._graphs: dict[tuple[int, SamplingSettings, bool], CapturedGraph] = {}
        self._read_by_graphs: list[list[Tensor]] = []  # which their maker may let go of
        self._pool: Any = None
        self._without_graph: Counter[tuple[int, SamplingSettings, bool]] = Counter()
        self._later_graphs = 0
        self._captures = False

    @torch.inference_mode()
    def compute(self, images: Sequence[Tensor], request: Request) -> list[Tensor]:
        """See ``stream_runner.Compute``."""
        with stage("convert", self._device):
            pixels = torch.stack([self._resampler.to_input(image) for image in images])
            pixels = pixels.contiguous(memory_format=torch.channels_last)
        graph = None if is_recording() else self._graph(len(images), request)
        if graph is not None:
            maps = graph.replay(pixels)
        else:
            maps = self._segment(pixels, request.sampling, request.with_confidence)
        outputs = []
        with stage("labels", self._device):
            for index, image in enumerate(images):
                labels, latent, *confidence = (map_[index] for map_ in maps)
                size = self._model.input_size if request.at_model_size else (image.shape[0], image.shape[1])
                outputs += [self._resampler.to_size(labels, size), latent]
                outputs += [self._resampler.to_size(map_, size) for map_ in confidence]
        return outputs

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
        pixels = torch.zeros((batch, 3, *self._model.input_size), device=self._device)
        self._graphs[key] = capture(
            lambda held: self._segment(held, request.sampling, request.with_confidence),
            pixels.contiguous(memory_format=torch.channels_last),
            stream,
            self._pool,
        )
        self._read_by_graphs.append(self._model.kept_noise())

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

    def _segment(self, pixels: Tensor, sampling: SamplingSettings, with_confidence: bool) -> tuple[Tensor, ...]:
        """(N, H, W) uint8 labels, (N, C, h, w) float32 latents and, if asked for, (N, H, W) float32 confidence."""
        # Without its cache: weights are stored in bfloat16, and what is cached in a capture must not outlive it.
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._has_bfloat16, cache_enabled=False):
            segmentation = self._model.segment(pixels, sampling)
        with stage("labels", self._device):
            labels = segmentation.labels()
            if with_confidence:
                return labels, segmentation.image_latent, segmentation.confidence()
            return labels, segmentation.image_latent

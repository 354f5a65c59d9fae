"""From an RGB image to class ids: resize, normalise, segment, argmax, back to the image's size."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from camseg_core.models.base import PreparedImages, SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.runtime.resampling import resize
from camseg_core.runtime.stages import stage


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes:
        labels: (H, W) uint8 class ids at the image's own size.
        image_latent: (C, h, w) float32, posterior mean of the image's latent.
        confidence: (H, W) float32 in [0, 1] as ``Segmentation.confidence`` defines it; None unless asked for.
    """

    labels: np.ndarray
    image_latent: Tensor
    confidence: np.ndarray | None = None


def predict(
    model: SegmentationModel, image: np.ndarray, sampling: SamplingSettings, with_confidence: bool = False
) -> Prediction:
    """Segment one (H, W, 3) uint8 RGB image with a model in evaluation mode, on the device that the model is on."""
    return predict_prepared(model, prepare(model, image), sampling, image.shape[:2], with_confidence)


def predict_batch(
    model: SegmentationModel,
    images: Sequence[np.ndarray],
    sampling: SamplingSettings,
    with_confidence: bool = False,
    at_model_size: bool = False,
) -> list[Prediction]:
    """Segment several images at once, each (H, W, 3) uint8 RGB of a size of its own.

    Each prediction is as ``predict`` would give it but for rounding, which depends on the number of images.
    ``at_model_size`` leaves labels and confidence at the model's input size.
    """
    with stage("convert", next(model.parameters()).device):
        inputs = [_to_input(model, image) for image in images]
        pixels = inputs[0] if len(inputs) == 1 else torch.cat(inputs)
    prepared = _prepare(model, pixels)
    sizes = [model.input_size if at_model_size else image.shape[:2] for image in images]
    return _draw(model, prepared, sampling, sizes, with_confidence)


def prepare(model: SegmentationModel, image: np.ndarray) -> PreparedImages:
    """What ``predict`` does before it draws, for several draws of one image."""
    return _prepare(model, _to_input(model, image))


def predict_prepared(
    model: SegmentationModel,
    prepared: PreparedImages,
    sampling: SamplingSettings,
    size: tuple[int, int],
    with_confidence: bool = False,
) -> Prediction:
    """The rest of ``predict``, at the size (height, width) of the image that was prepared."""
    return _draw(model, prepared, sampling, [size], with_confidence)[0]


@torch.inference_mode()
def _prepare(model: SegmentationModel, pixels: Tensor) -> PreparedImages:
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=supports_bfloat16(pixels.device)):
        return model.prepare(pixels, model.image_latent(pixels))


@torch.inference_mode()
def _draw(
    model: SegmentationModel,
    prepared: PreparedImages,
    sampling: SamplingSettings,
    sizes: Sequence[tuple[int, int]],
    with_confidence: bool,
) -> list[Prediction]:
    """The prediction of each prepared image at the size (height, width) given for it."""
    device = prepared.image_latent.device
    with torch.autocast(device.type, torch.bfloat16, enabled=supports_bfloat16(device)):
        segmentation = model.segment_prepared(prepared, sampling)
    with stage("labels", device):
        labels = segmentation.labels()
        confidence = segmentation.confidence() if with_confidence else None
        return [
            Prediction(
                _to_size(labels[index], size),
                segmentation.image_latent[index],
                None if confidence is None else _to_size(confidence[index], size),
            )
            for index, size in enumerate(sizes)
        ]


@torch.inference_mode()
def image_latent(model: SegmentationModel, image: np.ndarray) -> Tensor:
    """The latent that ``predict`` gives for the image, (C, h, w) float32, without segmenting it."""
    pixels = _to_input(model, image)
    with torch.autocast(pixels.device.type, torch.bfloat16, enabled=supports_bfloat16(pixels.device)):
        return model.image_latent(pixels)[0]


def _to_input(model: SegmentationModel, image: np.ndarray) -> Tensor:
    """An RGB image as the model takes it: (1, 3, H, W) float32 in [−1, 1], of its input size, on its device."""
    image = resize(image, model.input_size)
    device = next(model.parameters()).device
    # Writable, because torch warns of what is not: pixels that lie in the camera's message.
    pixels = torch.from_numpy(np.require(image, requirements=["C", "W"])).to(device).permute(2, 0, 1).unsqueeze(0)
    return pixels.float().div(127.5).sub(1.0).contiguous(memory_format=torch.channels_last)


def _to_size(map_: Tensor, size: tuple[int, int]) -> np.ndarray:
    """A map of the model's input size at that of the image, (height, width), each pixel from the nearest."""
    array = map_.cpu().numpy()
    return array if array.shape == size else cv2.resize(array, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)

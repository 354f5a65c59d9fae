"""Finds how far the inputs of a model's layers range when it segments frames."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from torch import Tensor, nn

from camseg_core.errors import ConfigurationError
from camseg_core.models.base import SegmentationModel
from camseg_core.models.settings import SamplingSettings
from camseg_core.quantization.ranges import InputRanges
from camseg_core.runtime.prediction import image_latent, predict

MIN_CHANNELS = 32
"""Layers with fewer inputs or outputs stay as they are: they do little of the work, and their rounding shows most."""

CUT = 1e-5
"""Share of the values of an input, in a frame, that lie above the range, and below: all others get finer steps."""

SAMPLING_STEPS = 4
"""Denoising steps while ranges are found: the first of them is that of a single one, the others have less noise."""


def find_ranges(models: Sequence[SegmentationModel], images: Iterable[np.ndarray]) -> InputRanges:
    """The ranges for the layers of models that differ by their decoders alone.

    A layer's range is the mean over the frames of each frame's ends. What computes image latents gets none: drift is
    judged by them, and a reference that was fitted without int8 shall hold.

    Args:
        models: in evaluation mode, as loaded.
        images: (H, W, 3) uint8 RGB; what is like them will be segmented best.

    Raises:
        ConfigurationError: there are no images, or no model has a layer that may be rounded.
    """
    lows: dict[str, list[float]] = defaultdict(list)
    highs: dict[str, list[float]] = defaultdict(list)
    layers = [_roundable_layers(model) for model in models]
    if not any(layers):
        raise ConfigurationError(
            f"{models[0].model_id} has no layer to round; expected some of {MIN_CHANNELS} channels"
        )
    for number, image in enumerate(images):
        ends: dict[str, tuple[float, float]] = {}
        for model, names in zip(models, layers, strict=True):
            with _watch(names, ends):
                predict(model, image, SamplingSettings(SAMPLING_STEPS, seed=number))
        for name, (low, high) in ends.items():
            lows[name].append(low)
            highs[name].append(high)
    if not lows:
        raise ConfigurationError("there are no images; expected some to find ranges on")
    means = {name: (float(np.mean(lows[name])), float(np.mean(highs[name]))) for name in lows}
    # The input of a layer that was 0 in all frames has nothing to tell apart.
    return InputRanges({name: (low, high) for name, (low, high) in means.items() if low < high})


def _roundable_layers(model: SegmentationModel) -> dict[nn.Module, str]:
    """Wide layers in the model's parts that have no share in its image latents, with their names."""
    inside = {layer for part in model.inference_parts() for layer in part.modules()}
    wide: dict[nn.Module, str] = {
        layer: name
        for name, layer in model.named_modules()
        if layer in inside and isinstance(layer, nn.Conv2d | nn.Linear) and min(layer.weight.shape[:2]) >= MIN_CHANNELS
    }
    of_latents: dict[str, tuple[float, float]] = {}
    with _watch(wide, of_latents):
        image_latent(model, np.zeros((*model.input_size, 3), dtype=np.uint8))
    return {layer: name for layer, name in wide.items() if name not in of_latents}


@contextmanager
def _watch(layers: dict[nn.Module, str], ends: dict[str, tuple[float, float]]) -> Iterator[None]:
    """Extend ``ends`` by those of the inputs that layers are called with inside."""

    def look(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        name = layers[layer]
        values = arguments[0].detach().float().flatten()
        outside = max(1, int(CUT * len(values)))
        low, high = ends.get(name, (0.0, 0.0))
        ends[name] = (
            min(low, -float((-values).topk(outside).values[-1])),
            max(high, float(values.topk(outside).values[-1])),
        )

    handles = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()

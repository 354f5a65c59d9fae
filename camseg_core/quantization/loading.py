"""Models that compute in int8."""

import torch
from threadpoolctl import threadpool_limits

from camseg_core.errors import ConfigurationError
from camseg_core.model_files import model_folder
from camseg_core.models.base import SegmentationModel
from camseg_core.models.loading import load_model
from camseg_core.models.settings import DECODERS
from camseg_core.quantization.openvino_part import OpenVinoPart
from camseg_core.quantization.ranges import InputRanges
from camseg_core.quantization.rounding import round_layers

VNNI = ("avx512_vnni", "avx_vnni", "amx_int8")
"""A processor with one of these multiplies integers of eight bits without loss; older ones may overflow."""


def load_int8_model(model: str, decoder: str = DECODERS[0]) -> SegmentationModel:
    """The model of that name or in that folder on the CPU, its wide layers in int8, the others as OpenVINO has them.

    To be called in the thread that will infer, in which torch computes without help from then on: its threads wait
    busily for more work, on the cores that OpenVINO's want.

    Args:
        model: name or folder, with ranges from ``camseg weights quantize``.
        decoder: one of ``camseg_core.models.settings.DECODERS``.

    Raises:
        WeightsError: there is no such model, its files are not whole, or it has no ranges, or some of other weights.
        ConfigurationError: ``decoder`` is unknown, OpenVINO is not installed, or the processor has no such arithmetic.
    """
    capabilities = torch.cpu.get_capabilities()
    if not any(capabilities.get(name) for name in VNNI):
        raise ConfigurationError(f"int8 is true, but this processor has none of {', '.join(VNNI)}; expected int8 false")
    network = load_model(model, torch.device("cpu"), decoder)
    ranges = InputRanges.load(model_folder(model))
    layers = dict(network.named_modules())
    round_layers(network, {name: ends for name, ends in ranges.by_layer.items() if name in layers})
    names = {module: name for name, module in layers.items()}
    threads = torch.get_num_threads()
    for part in network.inference_parts():
        network.set_submodule(names[part], OpenVinoPart(part, threads))
    # Not by torch.set_num_threads, which all threads begin with that come later.
    threadpool_limits(1, user_api="openmp")
    return network

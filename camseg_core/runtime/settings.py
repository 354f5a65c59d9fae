"""What an inference engine is asked for; nothing here loads torch, so that whoever only asks starts at once."""

import os
from dataclasses import dataclass, field

from camseg_core.drift.settings import DriftSettings
from camseg_core.errors import ConfigurationError
from camseg_core.models.settings import DECODERS, SamplingSettings

AUTO_REFERENCE = "auto"
"""As ``drift_reference``: take the first frames of each camera for clear ones."""


@dataclass(frozen=True)
class EngineSettings:
    """What to run and where.

    Attributes:
        model: name of a shipped model, or a folder with config.json and model.safetensors.
        device: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda:N``.
        steps: denoising steps a frame, 1 or more.
        sampler: one of ``camseg_core.models.settings.SAMPLERS``.
        seed: of the starting noise; the same seed and frame give the same mask.
        num_samples: masks drawn of each frame, 1 or more; their majority is the result, their agreement its confidence.
        decoder: what turns mask latents into classes, one of ``camseg_core.models.settings.DECODERS``.
        drift_reference: path of a reference made by ``camseg drift fit``, in which ~ is the home folder; "" takes the
            model's own; AUTO_REFERENCE fits one for each camera on its first frames.
        drift: how frames are judged over time.
        torch_compile: have torch.compile make kernels of the model's own at the start, which takes minutes; whether it
            pays, ``camseg bench inference`` tells. Masks differ by rounding from those without.
        int8: have OpenVINO compute the model, its wide layers in integers of eight bits; for CPUs, and for models with
            ranges from ``camseg weights quantize``. Masks differ more than by rounding, drift scores do not.
        max_batch: largest batch that a GPU is made ready for at the start, 1 or more; also a CPU with
            ``torch_compile`` or ``int8``. Larger ones work too, and so do other samplings than the settings'. On a GPU
            each of their kernels is launched by itself until they have come so often that a graph pays.
        gpu_memory_fraction: share of the GPU's memory that this process may allocate, above 0 to 1; no limit on a CPU.
    """

    model: str = "camseg-small"
    device: str = "auto"
    steps: int = SamplingSettings.steps
    sampler: str = SamplingSettings.sampler
    seed: int = SamplingSettings.seed
    num_samples: int = SamplingSettings.num_samples
    decoder: str = DECODERS[0]
    drift_reference: str = ""
    drift: DriftSettings = field(default_factory=DriftSettings)
    torch_compile: bool = False
    int8: bool = False
    max_batch: int = 1
    gpu_memory_fraction: float = 1.0

    def __post_init__(self) -> None:
        if self.max_batch < 1:
            raise ConfigurationError(f"max_batch is {self.max_batch}; expected 1 or more")
        if self.int8 and self.torch_compile:
            raise ConfigurationError("int8 and torch_compile are both true; expected one of them at most")
        # A shell leaves the ~ of a parameter as it is. That of a user who is not known stays, and names no file then.
        object.__setattr__(self, "drift_reference", os.path.expanduser(self.drift_reference))

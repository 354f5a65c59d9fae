"""What a replay is asked for."""

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from camseg_core.data.images import IMAGE_SUFFIXES
from camseg_core.errors import ConfigurationError
from camseg_core.model_files import model_folder
from camseg_core.replay.output_bag import DEFAULT_OUTPUTS, STORAGES
from camseg_core.replay.topics import OUTPUT_TYPES
from camseg_core.runtime.settings import EngineSettings


@dataclass(frozen=True)
class ReplaySettings:
    """What decides the result of a replay, besides the bag.

    Attributes:
        engine: model, device and sampling.
        camera_topics: the cameras; empty takes every topic with images.
        label_topics: of true labels, as ``find_cameras`` takes them.
        labels: folder of true labels; None without.
        storage: of the bag written, one of ``STORAGES``.
        outputs: that it holds, of ``OUTPUT_TYPES``, each once.

    Raises:
        ConfigurationError: the storage or an output is unknown, or labels are given twice.
    """

    engine: EngineSettings = field(default_factory=EngineSettings)
    camera_topics: tuple[str, ...] = ()
    label_topics: tuple[str, ...] = ()
    labels: Path | None = None
    storage: str = "mcap"
    outputs: tuple[str, ...] = DEFAULT_OUTPUTS

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise ConfigurationError(f"storage {self.storage!r} is unknown; expected one of {', '.join(STORAGES)}")
        if unknown := [output for output in self.outputs if output not in OUTPUT_TYPES]:
            raise ConfigurationError(f"output {unknown[0]!r} is unknown; expected some of {', '.join(OUTPUT_TYPES)}")
        if self.labels is not None and self.label_topics:
            raise ConfigurationError(
                f"labels come from the folder {self.labels} and from {', '.join(self.label_topics)}; "
                "expected one of them"
            )

    @property
    def wants_confidence(self) -> bool:
        """Whether it must be asked for at inference."""
        return "confidence" in self.outputs

    def inference_as_json(self) -> dict[str, Any]:
        """What of it decides the masks and drift of given cameras, by name, as JSON can say it."""
        return self._engine_as_json() | {"confidence": self.wants_confidence}

    def as_json(self) -> dict[str, Any]:
        """All of it by name, as JSON can say it."""
        return {
            **self._engine_as_json(),
            "camera_topics": list(self.camera_topics),
            "label_topics": list(self.label_topics),
            "labels": "" if self.labels is None else str(self.labels),
            "storage": self.storage,
            "outputs": [output for output in OUTPUT_TYPES if output in self.outputs],
        }

    def inference_files(self, bag: Path) -> dict[str, str]:
        """Size and time of change of every file that masks and drift are made of."""
        # Images in a bag's folder are none of the bag's, but may well be its true labels.
        of_bag = {name: state for name, state in _files(bag).items() if Path(name).suffix.lower() not in IMAGE_SUFFIXES}
        reference = _files(Path(self.engine.drift_reference)) if self.engine.drift_reference else {}
        return of_bag | _files(model_folder(self.engine.model)) | reference

    def files(self, bag: Path) -> dict[str, str]:
        """Size and time of change of every file that is read: changed ones make another replay."""
        labels = {} if self.labels is None else _files(self.labels)
        return _files(bag) | self.inference_files(bag) | labels

    def _engine_as_json(self) -> dict[str, Any]:
        engine = asdict(self.engine)
        for name in [name for name, value in engine.items() if isinstance(value, dict)]:
            engine |= {f"{name}_{part}": value for part, value in engine.pop(name).items()}
        return engine


def _files(path: Path) -> dict[str, str]:
    """Size and time of change of a file, or of every file in a folder, by path."""
    return {
        str(file): f"{file.stat().st_size} bytes, changed {file.stat().st_mtime_ns} ns"
        for file in ([path] if path.is_file() else sorted(path.rglob("*")))
        if file.is_file()
    }


@dataclass(frozen=True)
class Playback:
    """How a bag is played to a node, as ``ros2 bag play`` does.

    Attributes:
        rate: multiple of the speed at which it was recorded, above 0.
        loop: whether it begins again at its end, until Ctrl-C.
        clock_hz: how often ``/clock`` says the time of the recording; 0 never, and the node then takes the system's.

    Raises:
        ConfigurationError: a number is out of its range.
    """

    rate: float = 1.0
    loop: bool = False
    clock_hz: float = 40.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise ConfigurationError(f"rate is {self.rate}; expected a finite number above 0")
        if not 0.0 <= self.clock_hz <= 1000.0:
            raise ConfigurationError(f"clock is {self.clock_hz} Hz; expected 0 to 1000")

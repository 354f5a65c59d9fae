"""What a replay is asked for."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from camseg_core.errors import ConfigurationError
from camseg_core.models.loading import model_folder
from camseg_core.replay.output_bag import STORAGES
from camseg_core.runtime.engine import EngineSettings


@dataclass(frozen=True)
class ReplaySettings:
    """What decides the result of a replay, besides the bag.

    Attributes:
        engine: model, device and sampling.
        camera_topics: the cameras; empty takes every topic with images.
        label_topics: of true labels, as ``find_cameras`` takes them.
        labels: folder of true labels; None without.
        storage: of the bag written, one of ``STORAGES``.

    Raises:
        ConfigurationError: the storage is unknown, or labels are given twice.
    """

    engine: EngineSettings = field(default_factory=EngineSettings)
    camera_topics: tuple[str, ...] = ()
    label_topics: tuple[str, ...] = ()
    labels: Path | None = None
    storage: str = "mcap"

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise ConfigurationError(f"storage {self.storage!r} is unknown; expected one of {', '.join(STORAGES)}")
        if self.labels is not None and self.label_topics:
            raise ConfigurationError(
                f"labels come from the folder {self.labels} and from {', '.join(self.label_topics)}; "
                "expected one of them"
            )

    def as_json(self) -> dict[str, Any]:
        """All of it by name, as JSON can say it."""
        return {
            **asdict(self.engine),
            "camera_topics": list(self.camera_topics),
            "label_topics": list(self.label_topics),
            "labels": "" if self.labels is None else str(self.labels),
            "storage": self.storage,
        }

    def files(self, bag: Path) -> dict[str, str]:
        """Size and time of change of every file that is read: changed ones make another replay."""
        read = [bag, model_folder(self.engine.model)]
        if self.engine.drift_reference:
            read.append(Path(self.engine.drift_reference))
        if self.labels is not None:
            read.append(self.labels)
        files = [file for path in read for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
        return {
            str(file): f"{file.stat().st_size} bytes, changed {file.stat().st_mtime_ns} ns"
            for file in files
            if file.is_file()
        }

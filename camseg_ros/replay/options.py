"""What a demo plays, and through which node."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from camseg_core.data.sources import FrameSource, open_source
from camseg_core.evaluation.report.machine import hardware, versions
from camseg_core.evaluation.report.run import RunSetup
from camseg_core.labels import CAMVID
from camseg_core.model_files import label_set_of

_CLIP_LABEL_SET = CAMVID
"""The classes of the built-in clip's labels, whatever the model's are."""


@dataclass(frozen=True)
class DemoOptions:
    """The options of a demo.

    Attributes:
        images, labels, bag, topic, rate_hz: as ``open_source`` takes them; labels are of the model's classes.
        seed: of the built-in clip and of the node's diffusion noise.
        model, device, steps, drift_reference: the node's parameters; an empty reference is the model's own.
        drift_run_length_s: likewise, mean time between false drift alarms, seconds.
    """

    images: Path | None
    labels: Path | None
    bag: Path | None
    topic: str | None
    rate_hz: float
    seed: int
    model: str
    device: str
    steps: int
    drift_reference: str
    drift_run_length_s: float

    def labels_are_of_model(self) -> bool:
        """Whether the frames' labels are of the model's classes: a folder's are, the built-in clip has its own."""
        return self.images is not None or self.bag is not None or label_set_of(self.model) == _CLIP_LABEL_SET

    def open_source(self) -> FrameSource:
        """The frames to play; raises ConfigurationError, DatasetError or, for want of the model, WeightsError."""
        return open_source(
            self.images,
            self.labels,
            self.bag,
            self.topic,
            rate_hz=self.rate_hz,
            seed=self.seed,
            label_set=label_set_of(self.model),
        )

    def inputs(self) -> dict[str, Path]:
        """Files and folders that are read during the demo, by option; the name of a shipped model is none of them."""
        given = {
            "images": self.images,
            "labels": self.labels,
            "bag": self.bag,
            "model": Path(self.model),
            "drift-reference": Path(self.drift_reference) if self.drift_reference else None,
        }
        return {option: path for option, path in given.items() if path is not None and path.exists()}

    def player_arguments(self) -> list[str]:
        """The same frames as options of camseg_player."""
        arguments = ["--rate", str(self.rate_hz), "--seed", str(self.seed)]
        for option, value in (("--images", self.images), ("--bag", self.bag), ("--topic", self.topic)):
            if value is not None:
                arguments += [option, str(value)]
        return arguments

    def node_parameters(self) -> dict[str, str | int | float]:
        """The node's parameters by name."""
        return {
            "model": self.model,
            "device": self.device,
            "steps": self.steps,
            "seed": self.seed,
            "drift_reference": self.drift_reference,
            "drift_run_length_s": self.drift_run_length_s,
        }

    def setup(self, start: datetime) -> RunSetup:
        """What is run, on what, for the report."""
        return RunSetup(
            source=self.describe_source(),
            model=self.model,
            device=self.device,
            steps=self.steps,
            seed=self.seed,
            drift_reference=self.drift_reference,
            rate_hz=self.rate_hz,
            date=start.isoformat(timespec="seconds"),
            hardware=hardware(),
            versions=versions("torch", "diffusers", "numpy", "opencv-python-headless", "rclpy", "ros-rclpy"),
        )

    def describe_source(self) -> str:
        """The frames to play, in words."""
        if self.images is not None:
            return f"images {self.images}"
        if self.bag is not None:
            return f"bag {self.bag}"
        clip = f"built-in clip, seed {self.seed}"
        if self.labels_are_of_model():
            return clip
        return f"{clip} (without labels: they are {_CLIP_LABEL_SET.name}, the model is {label_set_of(self.model).name})"

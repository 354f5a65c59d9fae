"""What a training run is given, whatever it trains: two runs of one recipe differ in nothing else."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset

from camseg_core.data.datasets import CamVid, LabelledDataset
from camseg_core.data.datasets.rendered_drives import RenderedDrives
from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID, UNLABELLED
from camseg_core.training.augmentation import AugmentationSettings
from camseg_core.training.batches import BatchSource
from camseg_core.training.losses import class_weights
from camseg_core.training.task import TrainingTask
from camseg_core.training.trainer import Trainer, TrainerSettings
from camseg_core.whole_file import write_whole

RECIPE_NAME = "recipe.json"
RARE_SHARE = 0.02
"""Of the pixels, below which a class is pasted from frame to frame: CamVid's pole, sign, fence, pedestrian and
bicyclist."""


@dataclass(frozen=True)
class Recipe:
    """Data, views and schedule of a run.

    Attributes:
        root: CamVid's folder.
        steps: optimiser steps in all.
        size: (height, width) of the views, pixels.
        batch_size: images a step.
        learning_rate: at its peak.
        drives: rendered drives of ten frames to train on too.
        drives_share: share of a batch taken from them.
        validate_every: steps between validations.
        seed: of first weights, batches and noise.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        optimizer: one of ``camseg_core.training.optimizers.OPTIMIZERS``.
        with_validation: train on the frames that are validated on too, for a last run; its validation then tells
            nothing of frames that were never seen.
    """

    root: Path
    steps: int
    size: tuple[int, int]
    batch_size: int = 8
    learning_rate: float = TrainerSettings.learning_rate
    drives: int = 0
    drives_share: float = 0.25
    validate_every: int = TrainerSettings.validate_every
    seed: int = TrainerSettings.seed
    device: str = TrainerSettings.device
    optimizer: str = TrainerSettings.optimizer
    with_validation: bool = False

    def hold(
        self,
        folder: Path,
        start: str = "random",
        adjustable: Sequence[str] = (),
        views: AugmentationSettings | None = None,
        given: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Note the recipe in ``folder``, so that what is trained there later, and compared, is trained by the same.

        Where the data lies and what computes may change.

        Args:
            folder: where it is trained.
            start: what the weights are in the beginning, in a word or a hash.
            adjustable: names of further attributes that may change.
            views: how views differ from the frames, where the folder holds a run and not several.
            given: what else decides the run, by name, as JSON has it; what an older recipe does not note may be any.

        Raises:
            ConfigurationError: the folder has another recipe.
        """
        free = {"root", "device", *adjustable}
        settings = {name: value for name, value in asdict(self).items() if name not in free}
        settings |= {"size": list(self.size), "start": start}
        if views is not None:
            settings["views"] = asdict(views)
        settings |= given
        path = folder / RECIPE_NAME
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, (json.dumps(settings, indent=2) + "\n").encode())
            return
        try:
            noted = json.loads(path.read_text())
            if not isinstance(noted, dict):
                raise ValueError(f"a {type(noted).__name__} and no object")
        except ValueError as error:
            raise ConfigurationError(f"{path}: is no recipe ({error}); expected JSON; remove it to go on") from error
        # Recipes noted before there was a choice of these have them.
        found = {"start": "random", "optimizer": "adamw", "with_validation": False, **given, **noted}
        differ = [
            f"{name} {found.get(name)}, now {value}" for name, value in settings.items() if found.get(name) != value
        ]
        if differ:
            raise ConfigurationError(
                f"{path}: was begun with {'; '.join(differ)}; expected the same; name another folder or remove this one"
            )

    def check_normalisation(self, stride_px: int) -> None:
        """Find out before anything is read whether a batch can be normalised in a model's coarsest features.

        Args:
            stride_px: pixels that one of these spans in each direction.

        Raises:
            ConfigurationError: there is one of them in a whole batch, which has no deviation.
        """
        rows, columns = (-(-pixels // stride_px) for pixels in self.size)
        if self.batch_size * rows * columns == 1:
            raise ConfigurationError(
                f"batch size is 1 with views of {self.size[0]}×{self.size[1]}; expected 2 or more, or views larger "
                f"than {stride_px}×{stride_px}"
            )

    def training_frames(self) -> LabelledDataset:
        """The real frames that are trained on."""
        splits = ("train", "val") if self.with_validation else ("train",)
        return ConcatDataset([CamVid(self.root, split) for split in splits])  # type: ignore[misc]  # wants a base class

    def autoencoder_frames(self) -> CamVid:
        """The frames that scale the latents: the same whatever else is trained on, so that the factors stay."""
        return CamVid(self.root, "train")

    def validation_frames(self) -> CamVid:
        """The frames that are validated on."""
        return CamVid(self.root, "val")

    def class_weights(self) -> Tensor:
        """Weights of the classes in the losses, from their shares of the real training frames' pixels."""
        return class_weights(torch.from_numpy(self._class_shares).float())

    def rare_classes(self) -> list[int]:
        """Ids of the classes that have some, but less than RARE_SHARE, of the real training frames' pixels."""
        shares = self._class_shares
        return np.flatnonzero((shares > 0) & (shares < RARE_SHARE)).tolist()

    @cached_property
    def _class_shares(self) -> np.ndarray:
        """Of the real training frames' pixels; all of them are read for it."""
        frames = self.training_frames()
        counts = np.zeros(UNLABELLED + 1, dtype=np.int64)
        for index in range(len(frames)):
            counts += np.bincount(frames[index].labels.ravel(), minlength=UNLABELLED + 1)
        return counts[: len(CAMVID)] / counts[:UNLABELLED].sum()

    def train(
        self,
        task: TrainingTask,
        augmentation: AugmentationSettings,
        out: Path,
        start: str = "random",
        given: Mapping[str, Any] = MappingProxyType({}),
    ) -> dict[str, float]:
        """Train ``task`` in the folder ``out``, resuming what is there; returns the last validation's figures.

        Args:
            task: what is trained.
            augmentation: how views differ from the frames.
            out: folder of the run.
            start: what the weights are in the beginning, in a word or a hash.
            given: what else decides the run, by name, as JSON has it, such as what is frozen in it.

        Raises:
            ConfigurationError: the run in ``out`` was begun with another recipe, start or views, or given something
                else. It may be trained for more steps, and validated more or less often.
        """
        self.hold(out, start, adjustable=("steps", "validate_every"), views=augmentation, given=given)
        datasets: list[tuple[LabelledDataset, float]] = [(self.training_frames(), 1.0)]
        if self.drives:
            rendered = RenderedDrives(self.drives, seed=self.seed)
            datasets = [(self.training_frames(), 1.0 - self.drives_share), (rendered, self.drives_share)]
        pasted = self.rare_classes() if augmentation.paste_probability > 0.0 else []
        batches = BatchSource(datasets, self.batch_size, self.size, augmentation, self.seed, pasted)
        settings = TrainerSettings(
            self.steps,
            self.learning_rate,
            validate_every=self.validate_every,
            device=self.device,
            seed=self.seed,
            optimizer=self.optimizer,
        )
        return Trainer(task, batches, settings, out).run()

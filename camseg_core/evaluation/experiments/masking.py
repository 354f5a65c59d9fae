"""Whether hiding all mask tokens in training does as well as hiding a random 70–100 % of them."""

from collections.abc import Mapping
from pathlib import Path

import torch

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.per_class import per_class_plot, per_class_table, thin_classes
from camseg_core.evaluation.experiments.publication import Provenance, Publication
from camseg_core.evaluation.segmentation import SegmentationEvaluation
from camseg_core.model_files import model_folder
from camseg_core.models.base import SegmentationModel
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.stages import train_segmentation
from camseg_core.models.camseg.training_task import CamSegLossSettings
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.training.recipe import Recipe
from camseg_core.weights_files import weights_hash

VARIANTS = {"fixed": 1.0, "random": CamSegLossSettings.mask_ratio_min}
"""Smallest share of mask tokens that are masked in training; the largest is 1."""


def train_variants(
    recipe: Recipe, image_autoencoder: Path, mask_autoencoder: Path, folder: Path, start: str | None = None
) -> dict[str, SegmentationModel]:
    """A model of each variant, trained by one recipe in folders of their own; resumes what is there.

    Args:
        recipe: data, views and schedule.
        image_autoencoder: folder of the trained image autoencoder, or of a model that has it.
        mask_autoencoder: folder of the trained mask autoencoder, or of a model that has it.
        folder: holds a folder for each variant.
        start: name or folder of a trained model that both begin with; None: with the same random weights.

    Raises:
        ConfigurationError: the folder was begun with another recipe or with other autoencoders.
    """
    initial_weights = None if start is None else model_folder(start)
    recipe.hold(folder, "random" if initial_weights is None else weights_hash(initial_weights))
    for variant, minimum in VARIANTS.items():
        losses = CamSegLossSettings(mask_ratio_min=minimum)
        out = folder / variant
        train_segmentation(
            recipe, image_autoencoder, mask_autoencoder, losses, SamplingSettings(), out, initial_weights
        )
    models = {variant: load_model(str(folder / variant), resolve_device(recipe.device)) for variant in VARIANTS}
    _check_same_autoencoders(models, folder)
    return models


def _check_same_autoencoders(models: Mapping[str, SegmentationModel], folder: Path) -> None:
    first, *others = (
        {name: value for name, value in model.state_dict().items() if name.split(".")[0].endswith("autoencoder")}
        for model in models.values()
        if isinstance(model, CamSeg)
    )
    for other in others:
        if not all(torch.equal(value, other[name]) for name, value in first.items()):
            raise ConfigurationError(
                f"{folder}: the models in {', '.join(models)} have different autoencoders; expected the same, to "
                "compare under equal conditions; name another folder or remove this one"
            )


def publish_masking(
    recipe: Recipe,
    sampling: SamplingSettings,
    found: Mapping[str, SegmentationEvaluation],
    provenance: Provenance,
    start: str | None = None,
) -> Publication:
    """Table, plot and figures of the variants, trained from ``start``."""
    names = {"fixed": "100 %, fixed", "random": f"{100 * VARIANTS['random']:.0f}–100 %, random"}
    iou = {names[variant]: result.metrics.per_class_iou for variant, result in found.items()}
    height, width = recipe.size
    summary = (
        f"Two models trained from {start or 'the same random weights'}, on the same batches and autoencoders "
        f"({recipe.steps} steps of {recipe.batch_size} views of {height}×{width}). They differ in the share of mask "
        "tokens hidden in training: all of them in every step, or a share drawn for each step from a normal around 1 "
        f"with standard deviation {CamSegLossSettings.mask_ratio_std:g}, truncated at {VARIANTS['random']:g}. At "
        f"inference all are hidden. {sampling.steps} denoising step{'s' if sampling.steps > 1 else ''}, "
        f"{sampling.sampler}. One seed each: what another seed would change is not measured. "
        f"Thin classes: {thin_classes(iou)}."
    )
    return Publication(
        title="Masking in training: all tokens against a random share",
        summary=summary,
        tables=(per_class_table("IoU in %", "masked in training", iou),),
        figure=per_class_plot(iou, "IoU"),
        results={
            variant: {
                "mask_ratio_min": VARIANTS[variant],
                "miou": result.metrics.miou,
                "ap": result.metrics.ap,
                "f1": result.metrics.f1,
                "per_class_iou": result.metrics.per_class_iou,
                "frames": result.frames,
            }
            for variant, result in found.items()
        },
        provenance=provenance,
    )

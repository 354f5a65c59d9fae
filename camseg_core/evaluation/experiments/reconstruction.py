"""What semantic masks lose on their way through a continuous (KL) and through a discrete (VQ) bottleneck."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from camseg_core.autoencoders import Autoencoder, VQAutoencoder
from camseg_core.autoencoders.class_maps import decode_labels, encode_labels
from camseg_core.autoencoders.storage import load_autoencoder, load_vq_autoencoder
from camseg_core.data.datasets import LabelledDataset
from camseg_core.evaluation.boundary import BoundaryScores, diagonal_tolerance_px
from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.evaluation.experiments.per_class import per_class_plot, per_class_table, thin_classes
from camseg_core.evaluation.experiments.publication import Provenance, Publication, Table
from camseg_core.labels import LabelSet
from camseg_core.models.camseg.stages import train_mask_autoencoder
from camseg_core.runtime.device import resolve_device
from camseg_core.training.batches import collate
from camseg_core.training.recipe import Recipe

KINDS = ("kl", "vq")
STRICT_TOLERANCE_PX = 1.0


@dataclass(frozen=True)
class CodeUsage:
    """How a codebook is used on a dataset.

    Attributes:
        codes: in the codebook.
        used: that occur at all.
        perplexity: exponential of the entropy of their shares: as many codes, equally often used, say as much.
    """

    codes: int
    used: int
    perplexity: float


@dataclass(frozen=True)
class Reconstruction:
    """How well an autoencoder gives class maps back.

    Attributes:
        metrics: over all labelled pixels.
        boundary_f1: by tolerance in pixels and class name, as ``BoundaryScores`` has them.
        parameters: trained numbers, those of the codebook among them.
        latent_channels: numbers a latent position holds, or the length of a code.
        code_usage: None without a codebook.
    """

    metrics: SegmentationMetrics
    boundary_f1: dict[float, dict[str, float]]
    parameters: int
    latent_channels: int
    code_usage: CodeUsage | None

    @property
    def per_class_f1(self) -> dict[str, float]:
        """F1 of the pixels of each class, which its intersection over union determines."""
        return {name: 2.0 * iou / (1.0 + iou) for name, iou in self.metrics.per_class_iou.items()}


def train_both(recipe: Recipe, folder: Path) -> dict[str, Autoencoder]:
    """The autoencoders of both kinds, trained by one recipe in folders of their own; resumes what is there.

    Raises:
        ConfigurationError: the folder was begun with another recipe.
    """
    recipe.hold(folder)
    for kind in KINDS:
        train_mask_autoencoder(recipe, kind, folder / kind)
    # What is exported is the average of the weights; what is in memory are the last ones.
    return {"kl": load_autoencoder(folder / "kl"), "vq": load_vq_autoencoder(folder / "vq")}


@torch.inference_mode()
def measure_reconstruction(
    autoencoder: Autoencoder, label_set: LabelSet, dataset: LabelledDataset, device: str, description: str
) -> Reconstruction:
    """Send the class maps of ``dataset``, all of one size, through ``autoencoder`` and compare, with a progress bar."""
    place = resolve_device(device)
    autoencoder.eval().to(place)
    confusion = ConfusionMatrix(label_set)
    size = dataset[0].labels.shape
    boundaries = BoundaryScores(label_set, (STRICT_TOLERANCE_PX, diagonal_tolerance_px((size[0], size[1]))))
    codes = np.zeros(autoencoder.config.codes if isinstance(autoencoder, VQAutoencoder) else 0, dtype=np.int64)
    for index in tqdm(range(len(dataset)), desc=description, unit="mask"):
        sample = dataset[index]
        latent = encode_labels(autoencoder, collate([sample]).to(place).labels)
        if isinstance(autoencoder, VQAutoencoder):
            taken = autoencoder.quantizer(latent).codes.flatten().cpu().numpy()
            codes += np.bincount(taken, minlength=len(codes))
        height, width = sample.labels.shape
        decoded = decode_labels(autoencoder, latent, (height, width))[0].cpu().numpy().astype(np.uint8)
        confusion.update(sample.labels, decoded)
        boundaries.update(sample.labels, decoded)
    return Reconstruction(
        metrics=confusion.metrics(),
        boundary_f1=boundaries.per_class(),
        parameters=sum(parameter.numel() for parameter in autoencoder.parameters())
        + (autoencoder.quantizer.codebook.numel() if isinstance(autoencoder, VQAutoencoder) else 0),
        latent_channels=autoencoder.config.latent_channels,
        code_usage=_usage(codes) if len(codes) else None,
    )


def _usage(counts: np.ndarray) -> CodeUsage:
    shares = counts[counts > 0] / counts.sum()
    return CodeUsage(len(counts), len(shares), float(np.exp(-(shares * np.log(shares)).sum())))


def publish_reconstruction(
    recipe: Recipe, found: Mapping[str, Reconstruction], downsampling: int, provenance: Provenance
) -> Publication:
    """Tables, plot and figures of both kinds."""
    tolerances = list(next(iter(found.values())).boundary_f1)
    names = {kind: kind.upper() for kind in found}
    rows = {
        "pixel F1": {kind: result.per_class_f1 for kind, result in found.items()},
        "IoU": {kind: result.metrics.per_class_iou for kind, result in found.items()},
        **{
            f"boundary F1, {tolerance:g} px": {kind: result.boundary_f1[tolerance] for kind, result in found.items()}
            for tolerance in tolerances
        },
    }
    per_class = {f"{metric}, {names[kind]}": of[kind] for metric, of in rows.items() for kind in found}
    overall = Table(
        "Bottlenecks",
        ("kind", "parameters", "a latent position holds", "codes used", "perplexity of the codes"),
        tuple(
            (
                names[kind],
                result.parameters,
                _capacity(result),
                f"{result.code_usage.used} of {result.code_usage.codes}" if result.code_usage else "–",
                result.code_usage.perplexity if result.code_usage else float("nan"),
            )
            for kind, result in found.items()
        ),
        digits=0,
    )
    height, width = recipe.size
    summary = (
        "Class maps, one channel a class, through two autoencoders with the same layers and latent size "
        f"(1/{downsampling} of the image), trained on the same batches from the same seed with the same losses "
        f"({recipe.steps} steps of {recipe.batch_size} views of {height}×{width}). Only the bottleneck differs: a "
        "Gaussian latent, whose mean is decoded, against the nearest of a codebook's vectors (moving averages, dead "
        "codes revived). Pixel F1 is the harmonic mean of precision and recall over all pixels. Boundary F1 (Csurka et "
        "al., 2013) counts boundary pixels met within a tolerance, for each class the mean over the images that have "
        f"it; {tolerances[-1]:g} px is the usual 0.75 % of the diagonal. `mean` is over the classes. Thin classes: "
        f"{thin_classes(per_class)}. The paper gives F1 94.48 (KL) against 86.32 (VQ) for Cityscapes masks drawn in "
        "colours, with latents at 1/16."
    )
    return Publication(
        title="Reconstruction of masks: KL against VQ",
        summary=summary,
        tables=(per_class_table("%", "figure", per_class), overall),
        figure=per_class_plot(per_class, "F1 or IoU"),
        results={
            kind: {
                "f1": result.metrics.f1,
                "miou": result.metrics.miou,
                "per_class_f1": result.per_class_f1,
                "per_class_iou": result.metrics.per_class_iou,
                "boundary_f1": {f"{tolerance:g}px": of for tolerance, of in result.boundary_f1.items()},
                "parameters": result.parameters,
                "code_usage": vars(result.code_usage) if result.code_usage else None,
            }
            for kind, result in found.items()
        },
        provenance=provenance,
    )


def _capacity(result: Reconstruction) -> str:
    if result.code_usage is None:
        return f"{result.latent_channels} numbers"
    return f"1 code of {result.latent_channels} numbers: {math.log2(result.code_usage.codes):g} bits"

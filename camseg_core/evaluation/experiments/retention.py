"""How much of its clean quality a model keeps, with standard errors."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from camseg_core.evaluation.confusion import ConfusionMatrix, SegmentationMetrics
from camseg_core.evaluation.experiments.class_groups import group_means
from camseg_core.evaluation.experiments.robustness import CLEAN, tally_name
from camseg_core.evaluation.experiments.tally import Tally

RESAMPLES = 200


@dataclass(frozen=True)
class Kept:
    """Share of the clean figure that a model keeps.

    Attributes:
        share: a fraction; above 1 where the spoilt frames do better.
        error: its standard error by resampling frames, as if they were independent; NaN of a single frame.
    """

    share: float
    error: float


class Retention:
    """Retention of a figure: of each model, under each condition.

    Args:
        tallies: from ``measure_robustness``.
        seed: of the resampling.
    """

    def __init__(self, tallies: Mapping[str, Tally], seed: int) -> None:
        self._tallies = tallies
        frames = len(next(iter(tallies.values())).frame_counts)
        # The first row is the frames themselves, the others resamples, the same for all models and conditions.
        # Resamples of a single frame are all that frame, and would say that there is no error.
        resamples = RESAMPLES if frames > 1 else 0
        draws = np.random.default_rng(seed).multinomial(frames, np.full(frames, 1.0 / frames), resamples)
        self._weights = np.concatenate([np.ones((1, frames), np.int64), draws])
        self._resampled: dict[str, dict[str, np.ndarray]] = {}

    def metrics(self, model: str, condition: str, severity: int) -> SegmentationMetrics:
        """Over all frames."""
        return self._tallies[tally_name(model, condition, severity)].confusion.metrics()

    def kept(self, model: str, condition: str, severities: tuple[int, ...], figure: str = "miou") -> Kept:
        """Mean over ``severities`` of a figure against the clean one; see ``figures`` for their names."""
        return _summary(self._shares(model, condition, severities, figure))

    def lead(self, model: str, other: str, condition: str, severities: tuple[int, ...]) -> Kept:
        """How much more of its mIoU ``model`` keeps than ``other``; the frames are the same, and resampled together."""
        ours, theirs = (self._shares(name, condition, severities, "miou") for name in (model, other))
        return _summary(ours - theirs)

    def _shares(self, model: str, condition: str, severities: tuple[int, ...], figure: str) -> np.ndarray:
        """(1 + resamples,)."""
        clean = self._values(tally_name(model, CLEAN, 0))[figure]
        spoilt = [self._values(tally_name(model, condition, severity))[figure] for severity in severities]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.mean(spoilt, axis=0) / clean

    def _values(self, name: str) -> dict[str, np.ndarray]:
        """Every figure of a tally, (1 + resamples,); kept, because each is asked for many times."""
        if name not in self._resampled:
            tally = self._tallies[name]
            found = []
            for counts in np.tensordot(self._weights, tally.frame_counts, axes=1):
                confusion = ConfusionMatrix(tally.confusion.label_set)
                confusion.counts += counts
                found.append(figures(confusion.metrics()))
            self._resampled[name] = {figure: np.array([each[figure] for each in found]) for figure in found[0]}
        return self._resampled[name]


def figures(metrics: SegmentationMetrics) -> dict[str, float]:
    """Mean IoU and AP, over all classes and over the frequent and the thin ones."""
    iou, precision = group_means(metrics.per_class_iou), group_means(metrics.per_class_precision)
    return {
        "miou": metrics.miou,
        "frequent_miou": iou["frequent"],
        "thin_miou": iou["thin"],
        "ap": metrics.ap,
        "frequent_ap": precision["frequent"],
        "thin_ap": precision["thin"],
    }


def _summary(shares: np.ndarray) -> Kept:
    return Kept(float(shares[0]), float(np.nanstd(shares[1:], ddof=1)) if len(shares) > 2 else float("nan"))

"""Colour masks, overlays and the drift gauge: pictures for people to look at."""

import math

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.frames import DriftResult, DriftState
from camseg_core.labels import UNLABELLED, LabelSet

STATE_COLORS: dict[DriftState, tuple[int, int, int]] = {
    DriftState.UNKNOWN: (170, 170, 170),
    DriftState.NOMINAL: (60, 200, 90),
    DriftState.WARN: (250, 180, 30),
    DriftState.ERROR: (240, 60, 50),
    DriftState.STALE: (110, 140, 190),
}
"""RGB colour of each drift state, in the gauge and wherever else a state is drawn."""


def colorize(labels: np.ndarray, label_set: LabelSet) -> np.ndarray:
    """The class colours of a label image.

    Args:
        labels: (height, width) uint8 class ids; ids without a class, 255 among them, become black.
        label_set: whose colours to use.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    return np.take(label_set.color_table(), labels, axis=0)


def overlay(image: np.ndarray, labels: np.ndarray, label_set: LabelSet, alpha: float) -> np.ndarray:
    """The camera image tinted by class: ``(1 - alpha) * image + alpha * colour``; unlabelled pixels stay as they are.

    Args:
        image: (height, width, 3) uint8 RGB.
        labels: (height, width) uint8 class ids of the same size.
        label_set: whose colours to use.
        alpha: share of the class colour, 0 (only the image) to 1 (only the colours).

    Returns:
        A new (height, width, 3) uint8 RGB image.

    Raises:
        ConfigurationError: ``alpha`` is outside 0 to 1, or the sizes differ.
    """
    if not 0.0 <= alpha <= 1.0:
        raise ConfigurationError(f"overlay alpha is {alpha}; expected 0 to 1")
    if image.shape[:2] != labels.shape:
        raise ConfigurationError(
            f"overlay of labels {labels.shape} on an image of {image.shape[:2]}; expected equal sizes"
        )
    blended = cv2.addWeighted(image, 1.0 - alpha, colorize(labels, label_set), alpha, 0.0)
    return cv2.copyTo(image, (labels == UNLABELLED).view(np.uint8), blended)


def draw_drift_gauge(image: np.ndarray, drift: DriftResult) -> None:
    """Draws the drift state and score into the upper left corner of an image, sized to the image.

    The bar is full at 1.25 times the error threshold; its two ticks are the warn and the error threshold. Where score
    or thresholds are not known (NaN) the bar stays empty.

    Args:
        image: (height, width, 3) uint8 RGB, changed in place.
        drift: what to show.
    """
    scale = max(image.shape[1] / 480.0, 0.5)
    margin, pad, bar_height = (max(1, round(n * scale)) for n in (6, 5, 7))
    font, font_scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.45 * scale, max(1, round(scale))
    text = f"DRIFT {drift.state.name}  {_number(drift.score)} / {_number(drift.error_threshold)}"
    (_, text_height), baseline = cv2.getTextSize(text, font, font_scale, thickness)
    box_width, box_height = round(190 * scale), text_height + baseline + bar_height + 3 * pad
    box = image[margin : margin + box_height, margin : margin + box_width]
    box //= 4  # darkened, so that the text can be read on any picture

    color = STATE_COLORS[drift.state]
    cv2.putText(box, text, (pad, pad + text_height), font, font_scale, color, thickness, cv2.LINE_AA)
    left, right = pad, box_width - pad
    top = pad + text_height + baseline + pad
    bottom = top + bar_height
    cv2.rectangle(box, (left, top), (right, bottom), (90, 90, 90), cv2.FILLED)
    full_at = 1.25 * drift.error_threshold
    if not (math.isfinite(full_at) and full_at > 0.0 and math.isfinite(drift.score)):
        return

    def x_of(score: float) -> int:
        return left + round((right - left) * min(max(score / full_at, 0.0), 1.0))

    cv2.rectangle(box, (left, top), (x_of(drift.score), bottom), color, cv2.FILLED)
    for threshold in (drift.warn_threshold, drift.error_threshold):
        if math.isfinite(threshold):
            cv2.line(box, (x_of(threshold), top), (x_of(threshold), bottom), (255, 255, 255), thickness)


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"

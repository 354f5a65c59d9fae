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


def confidence_bytes(confidence: np.ndarray) -> np.ndarray:
    """A (height, width) float32 confidence in [0, 1] as uint8, 0 to 255."""
    return cv2.convertScaleAbs(confidence, alpha=255.0)


def annotated_overlay(
    image: np.ndarray,
    labels: np.ndarray,
    label_set: LabelSet,
    drift: DriftResult,
    alpha: float,
    names: tuple[str, ...] = (),
) -> np.ndarray:
    """``overlay`` with the legend of the classes called ``names``, empty for all, and the drift gauge."""
    drawn = overlay(image, labels, label_set, alpha)
    draw_legend(drawn, label_set, names)
    draw_drift_gauge(drawn, drift)
    return drawn


def draw_legend(image: np.ndarray, label_set: LabelSet, names: tuple[str, ...] = ()) -> None:
    """Draws class names in their colours along the lower edge of an image, sized to the image.

    Args:
        image: (height, width, 3) uint8 RGB, changed in place.
        label_set: the classes.
        names: those shown; empty for all.
    """
    scale = max(image.shape[1] / 480.0, 0.5)
    pad, chip = max(1, round(4 * scale)), max(2, round(8 * scale))
    font, font_scale, thickness = cv2.FONT_HERSHEY_SIMPLEX, 0.33 * scale, max(1, round(0.8 * scale))
    line_height = chip + pad
    entries: list[tuple[int, int, str]] = []  # left edge, line, name
    left, line = pad, 0
    for name in names or label_set.names:
        width = chip + pad + cv2.getTextSize(name, font, font_scale, thickness)[0][0] + 2 * pad
        if left + width > image.shape[1] and left > pad:
            left, line = pad, line + 1
        entries.append((left, line, name))
        left += width
    box = image[-((line + 1) * line_height + pad) :]
    box //= 3  # darkened, so that the text can be read on any picture
    for left, line, name in entries:
        top = pad + line * line_height
        color = label_set.colors[label_set.names.index(name)]
        cv2.rectangle(box, (left, top), (left + chip - 1, top + chip - 1), color, cv2.FILLED)
        at = (left + chip + pad, top + chip - max(1, round(scale)))
        cv2.putText(box, name, at, font, font_scale, (255, 255, 255), thickness, cv2.LINE_AA)


def draw_region_scores(image: np.ndarray, drift: DriftResult) -> np.ndarray:
    """The image under its regions' drift scores: clear up to half the warn threshold, then amber, red from error on.

    Args:
        image: (height, width, 3) uint8 RGB.
        drift: with one region or more.

    Returns:
        A new (height, width, 3) uint8 RGB image.
    """
    height, width = image.shape[:2]
    scores = np.reshape(np.asarray(drift.region_scores, dtype=np.float32), (drift.region_rows, drift.region_columns))
    low, high = 0.5 * drift.warn_threshold, drift.error_threshold
    strength = np.clip((scores - low) / (high - low), 0.0, 1.0) if high > low else np.zeros_like(scores)
    strength = np.nan_to_num(strength, nan=0.0)
    warn, error = (np.asarray(STATE_COLORS[state], dtype=np.float32) for state in (DriftState.WARN, DriftState.ERROR))
    colors = warn + strength[..., None] * (error - warn)
    shown = [cv2.resize(a, (width, height), interpolation=cv2.INTER_NEAREST) for a in (colors, 0.6 * strength)]
    blended = image + shown[1][..., None] * (shown[0] - image)
    return np.rint(blended).astype(np.uint8)


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

"""The report of a replay as one HTML page that needs no other file."""

from collections.abc import Sequence
from dataclasses import dataclass

from camseg_core.evaluation.report import charts
from camseg_core.evaluation.report.gallery import Picture
from camseg_core.evaluation.report.page import page_template
from camseg_core.evaluation.report.run import Timeline
from camseg_core.labels import LabelSet
from camseg_core.replay.summary import CameraSummary, ReplaySummary

TEMPLATE = "replay.html.j2"
LISTED_SEGMENTS = 40
"""The longest ones; all are in ``summary.json``."""


@dataclass(frozen=True)
class CameraReport:
    """What the page shows of one camera.

    Attributes:
        summary: its numbers.
        timeline: its frames.
        highest_drift: the frames with the highest scores.
        lowest_miou: the frames whose masks are worst by their labels; empty without.
    """

    summary: CameraSummary
    timeline: Timeline
    highest_drift: Sequence[Picture]
    lowest_miou: Sequence[Picture]


def render_replay_page(summary: ReplaySummary, cameras: Sequence[CameraReport], label_set: LabelSet) -> str:
    """The page, HTML with style, charts (SVG) and pictures (JPEG) inside."""
    return page_template(TEMPLATE).render(
        summary=summary,
        cameras=cameras,
        charts=charts,
        drift_charts={camera.summary.name: _drift_chart(camera) for camera in cameras},
        segments={camera.summary.name: _longest(camera) for camera in cameras},
        colors={name: f"rgb{color}" for name, color in zip(label_set.names, label_set.colors, strict=True)},
    )


def _drift_chart(camera: CameraReport) -> charts.DriftChart | None:
    start_ns = camera.timeline.frames[0].stamp_ns
    stretches = [
        charts.Stretch(
            (segment.start_ns - start_ns) / 1e9,
            (segment.end_ns - start_ns) / 1e9,
            segment.state.lower(),
            segment.cause or "",
        )
        for segment in camera.summary.drift.segments
    ]
    return charts.drift_chart(camera.timeline, stretches)


def _longest(camera: CameraReport) -> list[dict]:
    """The rows of the table of segments, in order of time."""
    start_ns = camera.timeline.frames[0].stamp_ns
    segments = camera.summary.drift.segments
    listed = sorted(segments, key=lambda segment: segment.duration_s, reverse=True)[:LISTED_SEGMENTS]
    return [
        {
            "segment": segment,
            "start_s": (segment.start_ns - start_ns) / 1e9,
            "end_s": (segment.end_ns - start_ns) / 1e9,
            "peak_s": (segment.peak_ns - start_ns) / 1e9,
        }
        for segment in sorted(listed, key=lambda segment: segment.start_ns)
    ]

"""From a journal to the files people look at: bag, table, summary and report."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from camseg_core.data.sources.bag_images import BagImages
from camseg_core.drawing import draw_drift_gauge, overlay
from camseg_core.evaluation.report.gallery import Picture, choose_worst
from camseg_core.evaluation.report.replay_page import CameraReport, render_replay_page
from camseg_core.evaluation.report.run import FrameRecord, Timeline
from camseg_core.evaluation.report.statistics import latency_percentiles
from camseg_core.labels import LabelSet
from camseg_core.replay.calibrations import Calibrations
from camseg_core.replay.cameras import Camera
from camseg_core.replay.journal import Journal
from camseg_core.replay.output_bag import OVERLAY_ALPHA, OutputSources, write_bag
from camseg_core.replay.scoring import MaskScores, score_masks
from camseg_core.replay.summary import LiveCounts, ReplaySummary, RunFacts, summarize_camera, timeline
from camseg_core.replay.table import write_table
from camseg_core.replay.topics import CAMERA_INFO
from camseg_core.replay.truth import TrueLabels

RESULTS = BAG, TABLE, SUMMARY, REPORT = "outputs", "frames.parquet", "summary.json", "report.html"
"""Names of the results in their folder."""


@dataclass(frozen=True)
class ReplayedBag:
    """A bag whose frames are all in a journal.

    Attributes:
        path: of the bag.
        images: of its cameras; a frame's number modulo their count is its image's.
        cameras: by whom the frames are.
        journal: what came out.
        label_set: the classes.
        truths: gives the true labels, from the first on each time.
    """

    path: Path
    images: BagImages
    cameras: Sequence[Camera]
    journal: Journal
    label_set: LabelSet
    truths: Callable[[], Iterator[TrueLabels]]


def write_results(
    folder: Path,
    replayed: ReplayedBag,
    outputs: Sequence[str],
    storage: str,
    settings: Mapping[str, Any],
    run: RunFacts,
    live: LiveCounts | None = None,
) -> ReplaySummary:
    """Writes ``outputs/``, ``frames.parquet``, ``summary.json`` and ``report.html``; returns the summary.

    Args:
        folder: where to; it exists and is empty.
        replayed: the bag and what came out.
        outputs: that the bag written holds, of ``topics.OUTPUT_TYPES``.
        storage: of the bag written.
        settings: for the summary.
        run: for the summary; times of inference and latency are filled in.
        live: where the frames went; None where no node was asked.

    Raises:
        DatasetError: labels do not fit the frames, or a calibration that is asked for cannot be read.
        OSError: a file cannot be written.
    """
    journal = replayed.journal
    scores = score_masks(journal, replayed.truths(), replayed.label_set)
    entries = tqdm(journal.entries(), desc="writing", unit="frame", total=len(journal), file=sys.stderr)
    names = [camera.name for camera in replayed.cameras]
    # Not read unasked: a damaged calibration is no reason to go without results that do not need it.
    calibrations = Calibrations(replayed.path, replayed.cameras) if CAMERA_INFO in outputs else None
    sources = OutputSources(replayed.label_set, replayed.images, calibrations)
    write_bag(folder / BAG, entries, names, outputs, sources, storage)
    write_table(folder / TABLE, journal.entries(), scores.by_frame)
    timelines = {name: frames for name in names if (frames := timeline(journal, name)).frames}
    cameras = [camera for camera in replayed.cameras if camera.name in timelines]
    summary = ReplaySummary(
        bag=replayed.path.name,
        model_id=next(journal.entries()).drift.model_id,
        settings=dict(settings),
        cameras=[summarize_camera(journal, camera, timelines[camera.name].frames, scores) for camera in cameras],
        segmentation=scores.overall,
        labels_without_frame=scores.labels_without_frame,
        live=live,
        run=_with_times(run, journal),
    )
    (folder / SUMMARY).write_text(json.dumps(summary.as_json(), indent=2, allow_nan=False) + "\n")
    (folder / REPORT).write_text(
        render_replay_page(summary, _reports(replayed, summary, timelines, scores), replayed.label_set)
    )
    return summary


def _with_times(run: RunFacts, journal: Journal) -> RunFacts:
    inference_ms = [1e3 * seconds for seconds in journal.durations_s("inference_s")]
    latency_ms = [1e3 * seconds for seconds in journal.durations_s("latency_s")]
    return RunFacts(
        run.date,
        run.hardware,
        run.versions,
        run.files,
        inference_ms=latency_percentiles(inference_ms),
        latency_ms=latency_percentiles(latency_ms),
    )


def _reports(
    replayed: ReplayedBag, summary: ReplaySummary, timelines: Mapping[str, Timeline], scores: MaskScores
) -> list[CameraReport]:
    def drift_score(frame: FrameRecord) -> float:
        return float("nan") if frame.drift is None else frame.drift.score

    def lost_iou(frame: FrameRecord) -> float:
        metrics = scores.by_frame.get(frame.index)
        return float("nan") if metrics is None else 1.0 - metrics.miou

    highest = {name: choose_worst(frames.frames, drift_score) for name, frames in timelines.items()}
    lowest = {name: choose_worst(frames.frames, lost_iou) for name, frames in timelines.items()}
    shown = [frame for chosen in (highest, lowest) for frames in chosen.values() for frame in frames]
    pictures = _pictures(replayed, shown, scores)
    return [
        CameraReport(
            camera,
            timelines[camera.name],
            [pictures[frame.index] for frame in highest[camera.name]],
            [pictures[frame.index] for frame in lowest[camera.name]],
        )
        for camera in summary.cameras
    ]


def _pictures(replayed: ReplayedBag, shown: Sequence[FrameRecord], scores: MaskScores) -> dict[int, Picture]:
    """The pictures of some frames, by their numbers."""
    wanted = {frame.index % len(replayed.images): frame for frame in shown}
    entries = {frame.index: replayed.journal.entry(frame.index) for frame in shown}
    labels = {
        truth.number: truth.labels
        for truth in (replayed.truths() if scores.by_frame else ())
        if truth.number in entries
    }
    pictures: dict[int, Picture] = {}
    for image in replayed.images:
        if image.number not in wanted:
            continue
        frame = wanted[image.number]
        entry, pixels = entries[frame.index], image.rgb()
        picture = overlay(pixels, entry.labels, replayed.label_set, OVERLAY_ALPHA)
        draw_drift_gauge(picture, entry.drift)
        truth = labels.get(frame.index)
        notes = [f"{name} {share:.0%}" for name, share in sorted(entry.drift.causes.items(), key=lambda c: -c[1])[:1]]
        if metrics := scores.by_frame.get(frame.index):
            notes.append(f"mean IoU {metrics.miou:.3f}")
        pictures[frame.index] = Picture(
            frame,
            picture,
            None if truth is None else overlay(pixels, truth, replayed.label_set, OVERLAY_ALPHA),
            " · ".join(notes),
        )
    return pictures

"""From a recording and the truth of its source to the record of the run, its numbers and the files people look at."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from camseg_core.data.sources import FrameSource
from camseg_core.drawing import overlay
from camseg_core.errors import CamsegError
from camseg_core.evaluation.confusion import ConfusionMatrix
from camseg_core.evaluation.report.gallery import Picture, choose_frames
from camseg_core.evaluation.report.page import render_page
from camseg_core.evaluation.report.run import DriftReading, FrameRecord, Run, RunCounts, RunSetup
from camseg_core.evaluation.report.summary import RunSummary, summarize
from camseg_core.evaluation.report.video import write_video
from camseg_core.frames import DriftState
from camseg_core.labels import LabelSet
from camseg_ros.replay import topics
from camseg_ros.replay.node_counters import NodeCounters
from camseg_ros.replay.recording import Recording, read_json_lines

_TRUTH_ALPHA = 0.5


class Assessment:
    """Compares a recording with the source that was played.

    Args:
        recording: what player and recorder left.
        source: the frames played, with their truth.
        label_set: the classes of the masks.
        with_labels: whether the source's labels are of these classes; others are left out.

    Raises:
        CamsegError: the recording lacks the stamps sent or the node's counters.
    """

    def __init__(
        self, recording: Recording, source: FrameSource, label_set: LabelSet, *, with_labels: bool = True
    ) -> None:
        self._recording = recording
        self._source = source
        self._label_set = label_set
        self._with_labels = with_labels
        self._sent_ns = [line["stamp_ns"] for line in read_json_lines(recording.sent)]
        counters = NodeCounters.newest(recording.diagnostics)
        if not self._sent_ns or counters is None:
            raise CamsegError(f"recording {recording.folder} holds no sent frames or no diagnostics of the node")
        self._counters = counters
        self._arrivals = [line for line in read_json_lines(recording.arrivals) if line["topic"] in topics.OUTPUTS]
        self._pictures: list[Picture] = []
        self._all_weather = ConfusionMatrix(label_set)
        self._by_weather: dict[str, ConfusionMatrix] = {}
        self._labelled_frames = 0

    def write(self, out: Path, setup: RunSetup) -> RunSummary:
        """Writes ``metrics.json``, ``report.html`` and ``overlay.mp4`` into ``out``; returns the numbers."""
        run = self._assess(setup)
        summary = summarize(
            run,
            self._all_weather.metrics() if self._labelled_frames else None,
            {name: matrix.metrics().miou for name, matrix in self._by_weather.items()},
        )
        (out / "metrics.json").write_text(json.dumps(summary.as_json(), indent=2, allow_nan=False) + "\n")
        (out / "report.html").write_text(render_page(run, summary, self._pictures, self._label_set))
        write_video(out / "overlay.mp4", self._overlays(run), setup.rate_hz)
        return summary

    def _assess(self, setup: RunSetup) -> Run:
        """Goes through the source once: the record of every frame, the confusion matrices and the pictures."""
        frames = self._frames_without_weather()
        shown = {frame.index for frame in choose_frames([f for f in frames if f.mask_arrival_ns is not None])}
        for index, truth in enumerate(
            tqdm(self._source, desc="comparing", unit="frame", total=len(frames), file=sys.stderr)
        ):
            frame = frames[index] = replace(frames[index], weather=truth.weather)
            labels = truth.labels if self._with_labels else None
            if frame.mask_arrival_ns is not None and labels is not None:
                self._count(frame, labels)
            if index in shown:
                self._show(frame, truth.image, labels)
        counts = self._counters
        return Run(
            frames=tuple(frames),
            counts=RunCounts(len(frames), counts.received, counts.processed, counts.dropped, counts.failed),
            messages_received=dict.fromkeys(topics.OUTPUTS, 0) | Counter(line["topic"] for line in self._arrivals),
            stamps_match=self._stamps_match(),
            setup=setup,
        )

    def _frames_without_weather(self) -> list[FrameRecord]:
        masks = {line["stamp_ns"]: line["arrival_ns"] for line in self._arrivals if line["topic"] == topics.MASK}
        drift = {line["stamp_ns"]: _reading(line) for line in read_json_lines(self._recording.drift)}
        return [
            FrameRecord(index, stamp_ns, masks.get(stamp_ns), drift.get(stamp_ns))
            for index, stamp_ns in enumerate(self._sent_ns)
        ]

    def _stamps_match(self) -> bool:
        """Whether each stamped output has the stamp of a sent frame, and no two of one topic the same."""
        stamped = Counter(
            (line["topic"], line["stamp_ns"]) for line in self._arrivals if line["topic"] != topics.DRIFT_SCORE
        )
        sent = set(self._sent_ns)
        return all(stamp_ns in sent and times == 1 for (_, stamp_ns), times in stamped.items())

    def _count(self, frame: FrameRecord, labels: np.ndarray) -> None:
        mask = _read(self._recording.mask(frame.stamp_ns), cv2.IMREAD_UNCHANGED)
        self._labelled_frames += 1
        self._all_weather.update(labels, mask)
        if frame.weather is not None:
            self._by_weather.setdefault(frame.weather.kind, ConfusionMatrix(self._label_set)).update(labels, mask)

    def _show(self, frame: FrameRecord, image: np.ndarray, labels: np.ndarray | None) -> None:
        path = self._recording.overlay(frame.stamp_ns)
        if path.exists():
            truth = None if labels is None else overlay(image, labels, self._label_set, _TRUTH_ALPHA)
            self._pictures.append(Picture(frame, _read_rgb(path), truth))

    def _overlays(self, run: Run) -> Iterator[np.ndarray]:
        """The newest overlay at the time of each sent frame, so that the video runs as fast as the drive did."""
        newest = None
        for frame in tqdm(run.frames, desc="video", unit="frame", file=sys.stderr):
            path = self._recording.overlay(frame.stamp_ns)
            newest = _read_rgb(path) if path.exists() else newest
            if newest is not None:
                yield newest


def _reading(line: dict) -> DriftReading:
    return DriftReading(
        score=line["score"],
        method=line["method"],
        state=DriftState(line["state"]),
        warn_threshold=line["warn_threshold"],
        error_threshold=line["error_threshold"],
    )


def _read(path: Path, flags: int) -> np.ndarray:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise CamsegError(f"recorded picture {path} is missing or cannot be decoded")
    return picture


def _read_rgb(path: Path) -> np.ndarray:
    return cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

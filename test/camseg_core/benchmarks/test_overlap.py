"""Frames are handed over ahead in one way and not in the other; what overlaps in a trace is counted."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from camseg_core.benchmarks.overlap import AHEAD, TRACED, run_pipelined, run_serially, stream_activity
from camseg_core.cli.main import app
from camseg_core.frames import Frame


class RecordingEngine:
    """Writes down in which order it is called."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def submit(self, frames: list[Frame]) -> int:
        self.calls.append(("submit", frames[0].stamp_ns))
        return frames[0].stamp_ns

    def result(self, handle: int) -> None:
        self.calls.append(("result", handle))


@pytest.fixture
def frames() -> list[Frame]:
    return [Frame(np.zeros((1, 1, 3), np.uint8), stamp_ns) for stamp_ns in range(5)]


def test_serially_each_frame_waits_for_the_one_before(frames):
    engine = RecordingEngine()
    assert run_serially(engine, frames) == 5
    assert engine.calls == [(name, stamp) for stamp in range(5) for name in ("submit", "result")]


def test_pipelined_as_many_frames_are_ahead_as_stated_and_results_stay_in_order(frames):
    engine = RecordingEngine()
    assert run_pipelined(engine, frames) == 5
    assert [stamp for name, stamp in engine.calls if name == "result"] == list(range(5))
    in_flight, most = 0, 0
    for name, _ in engine.calls:
        in_flight += 1 if name == "submit" else -1
        most = max(most, in_flight)
    assert most == AHEAD + 1
    assert in_flight == 0


def event(stream: int, begin_us: float, duration_us: float, cat: str = "kernel") -> dict:
    return {"cat": cat, "ts": begin_us, "dur": duration_us, "args": {"stream": stream}}


def test_overlap_is_the_time_in_which_two_streams_are_busy():
    activity = stream_activity(
        [
            event(7, 1000.0, 4000.0),
            event(7, 2000.0, 1000.0),  # inside the first: the stream is not busier for it
            event(13, 4000.0, 2000.0, "gpu_memcpy"),  # one millisecond of it beside stream 7
            event(20, 8000.0, 1000.0, "gpu_memset"),
            {"cat": "cpu_op", "ts": 0.0, "dur": 9999.0},
        ]
    )
    assert activity.busy_ms == pytest.approx({"7": 4.0, "13": 2.0, "20": 1.0})
    assert activity.any_ms == pytest.approx(6.0)
    assert activity.overlap_ms == pytest.approx(1.0)


def test_streams_that_follow_each_other_do_not_overlap():
    activity = stream_activity([event(7, 0.0, 1000.0), event(13, 1000.0, 1000.0)])
    assert activity.overlap_ms == 0.0
    assert activity.any_ms == pytest.approx(2.0)


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "0.png"), np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    return folder


def test_command_writes_ratio_and_trace_on_a_cpu_too(tiny_model, images, tmp_path):
    command = ["bench", "overlap", "--device", "cpu", "--model", str(tiny_model), "--images", str(images)]
    command += ["--frames", "4", "--trace", str(tmp_path / "trace.json"), "--json", str(tmp_path / "a.json")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert figures["ratio"] == pytest.approx(figures["pipelined_frames_per_s"] / figures["serial_frames_per_s"])
    assert figures["activity"]["busy_ms"] == {}
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    # Each of the frames is there, stage by stage, and what computed it: all of it is done in another thread.
    names = [event["name"] for event in events if event.get("cat") == "user_annotation"]
    stages = ("image_encoder", "transformer", "decoder", "drift")
    assert [names.count(name) for name in stages] == [TRACED] * len(stages)
    assert any(event["name"] == "aten::convolution" for event in events)


def test_command_sets_cameras_at_once_beside_one_after_the_other(tiny_model, images, tmp_path):
    command = ["bench", "cameras", "--device", "cpu", "--model", str(tiny_model), "--images", str(images)]
    command += ["--frames", "2", "--cameras", "2", "--json", str(tmp_path / "a.json")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "a.json").read_text())["figures"]
    assert figures["ratio"] == pytest.approx(figures["batched_frames_per_s"] / figures["single_frames_per_s"])

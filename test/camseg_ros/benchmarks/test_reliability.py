"""What the reliability benchmark sends and how it judges; the benchmark itself takes half an hour."""

import dataclasses
import json
import math

import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from camseg_core.errors import FrameError
from camseg_ros.benchmarks import publish_reliability
from camseg_ros.benchmarks.hostile import (
    HostileResult,
    good_compressed_image,
    good_image,
    mutated_compressed_image,
    mutated_image,
)
from camseg_ros.benchmarks.interruptions import InterruptionResult
from camseg_ros.benchmarks.load import CameraCounts, LoadResult
from camseg_ros.benchmarks.memory import MemoryResult, MemorySample
from camseg_ros.benchmarks.stage import NodeUnderTest
from camseg_ros.conversion import deserialize, deserialize_image, frame_from_message

pytestmark = pytest.mark.ros


def is_readable(serialized: bytes, transport: str) -> bool:
    try:
        frame_from_message(deserialize_image(serialized, transport), "camera")
    except FrameError:
        return False
    return True


@pytest.mark.parametrize(
    ("transport", "good", "mutated"),
    [("raw", good_image, mutated_image), ("compressed", good_compressed_image, mutated_compressed_image)],
)
def test_good_frames_are_good_and_mutated_ones_are_of_every_kind(transport, good, mutated):
    assert is_readable(good(stamp=5), transport)
    kind = {"raw": Image, "compressed": CompressedImage}[transport]
    assert deserialize(good(stamp=5), kind).header.stamp.nanosec == 5
    rng = np.random.default_rng(0)
    readable = [is_readable(mutated(rng), transport) for _ in range(100)]
    assert 0 < sum(readable) < 100
    again = np.random.default_rng(0)
    assert readable == [is_readable(mutated(again), transport) for _ in range(100)]


def test_counts_that_do_not_add_up_or_a_failed_frame_break_the_promise_of_load():
    counts = CameraCounts("front", sent=12, received=10, processed=4, dropped=6, failed=0, masks=4)
    assert counts.adds_up
    assert not dataclasses.replace(counts, received=11).adds_up
    assert not dataclasses.replace(counts, dropped=5, failed=1).adds_up


def test_memory_is_judged_from_the_thousandth_frame_on():
    samples = tuple(MemorySample(at, mib) for at, mib in ((0, 100.0), (1000, 400.0), (2000, 405.0), (20_000, 409.0)))
    result = MemoryResult(frames=20_000, lost=0, samples=samples)
    assert result.growth_mib == 9.0
    assert result.keeps_promises
    assert not dataclasses.replace(result, lost=1).keeps_promises
    grown = (*samples[:-1], MemorySample(20_000, 411.0))
    assert not dataclasses.replace(result, samples=grown).keeps_promises


def test_a_late_answer_an_uncounted_message_or_none_breaks_the_promise_of_hostile_streams():
    result = HostileResult(
        "raw", 40, received=42, processed=10, dropped=12, failed=20, answers_s=(0.1, 0.9), unanswered=0
    )
    assert result.keeps_promises
    assert not dataclasses.replace(result, answers_s=(0.1, 1.1)).keeps_promises
    assert not dataclasses.replace(result, received=41, dropped=11).keeps_promises
    assert not dataclasses.replace(result, answers_s=(0.1,), unanswered=1).keeps_promises


def test_no_mask_after_an_interruption_breaks_its_promise():
    counts = {"received": 5, "processed": 3, "dropped": 2, "failed": 0}
    assert InterruptionResult("kill", 1.0, counts).keeps_promises
    assert not InterruptionResult("kill", math.nan, counts).keeps_promises
    assert not InterruptionResult("kill", 1.0, counts | {"failed": 1, "dropped": 1}).keeps_promises


def test_the_page_names_the_promises_that_were_broken(tmp_path, tiny_model, monkeypatch):
    counts = {"received": 10, "processed": 4, "dropped": 6, "failed": 0}
    samples = (MemorySample(0, 100.0), MemorySample(6.0, 101.0), MemorySample(60.0, 103.5))
    cameras = tuple(CameraCounts(name, sent=12, masks=4, **counts) for name in ("front", "left", "right"))
    found = {
        "run_load": LoadResult(60.0, 29.5, cameras, samples),
        "run_frames": MemoryResult(1000, 0, (MemorySample(1, 100.0), MemorySample(1000, 300.0))),
        "run_hostile": [HostileResult("raw", 9, answers_s=(1.5,), unanswered=0, **counts)],
        "run_interruptions": [InterruptionResult("kill", 2.25, counts, ("STALE", "not STALE"))],
    }
    for name, result in found.items():
        monkeypatch.setattr(publish_reliability, name, lambda *_, result=result: result)
    options = publish_reliability.ReliabilityOptions(duration_s=60.0, frames=1000, messages=9, seed=0)
    (page, figures), broken = publish_reliability.publish(NodeUnderTest(str(tiny_model)), options, tmp_path / "page")
    assert broken == ["hostile streams"]
    text = page.read_text()
    for row in (
        "| load | yes |",
        "| hostile streams | **no** |",
        "| front | 12 | 10 | 4 | 6 | 0 | yes | 4 |",
        "| 60.0 | 103.5 |",
        "| raw | 9 | 10 | 4 | 6 | 0 | 1 answered, 0 not | 1.500 | 1.500 |",
        "| kill | 2.2 | STALE, then not STALE | 10 | 4 | 6 | 0 |",
    ):
        assert row in text
    results = json.loads(figures.read_text())["results"]
    assert results["load"]["growth_mib"] == 2.5
    assert results["kept"] == {"load": True, "memory": True, "hostile streams": False, "interruptions": True}

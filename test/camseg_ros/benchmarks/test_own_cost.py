"""What counts as the node's own cost of a frame."""

from types import SimpleNamespace

import pytest

from camseg_ros.benchmarks.own_cost import FrameCost, SizeCost, frame_costs
from camseg_ros.replay.recording import JsonLines

pytestmark = pytest.mark.ros


def test_own_cost_is_all_but_inference_and_receiving_is_that_of_the_frame_received_next(tmp_path):
    log = JsonLines(tmp_path / "receiving.jsonl")
    for at_ns, receiving_ms in ((90, 9.0), (150, 1.0), (350, 2.0)):  # a warm-up frame, then two that count
        log.write(at_ns=at_ns, receiving_ms=receiving_ms)
    stamps = (11, 12, 13)  # the last one is not answered
    times_ms = {"waiting": 0.5, "reading": 3.0, "inference": 40.0, "publishing": 4.0, "processing": 48.0}
    probe = SimpleNamespace(
        arrivals_s={"mask": {11: 0.0, 12: 0.0}},
        times_ms={f"{name}_time_ms": dict.fromkeys(stamps[:2], value) for name, value in times_ms.items()},
    )
    costs = list(frame_costs(probe, {11: 100, 12: 300, 13: 500}, tmp_path / "receiving.jsonl"))
    assert [cost.receiving_ms for cost in costs] == [1.0, 2.0]
    assert [cost.own_ms for cost in costs] == [9.5, 10.5]  # 48 - 40 of processing, 0.5 of waiting, receiving
    assert (costs[0].reading_ms, costs[0].publishing_ms, costs[0].inference_ms) == (3.0, 4.0, 40.0)


def test_the_aim_is_for_the_median():
    frames = tuple(FrameCost(1.0, 0.0, 0.0, 0.0, own_ms, 0.0) for own_ms in (1.0, 1.9, 30.0))
    size = SizeCost(480, 640, aim_ms=2.0, frames=frames, lost=0)
    assert size.percentile_ms("own_ms", 50) == 1.9
    assert size.meets_its_aim
    assert not SizeCost(480, 640, aim_ms=1.8, frames=frames, lost=0).meets_its_aim

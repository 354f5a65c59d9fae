"""Made-up runs for the tests of the report, and a made-up GPU for those of times."""

import pytest

from camseg_core.evaluation.report.run import DriftReading, FrameRecord, Run, RunCounts, RunSetup
from camseg_core.frames import DriftState

WARN_THRESHOLD, ERROR_THRESHOLD = 10.0, 14.0
START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 200_000_000

SETUP = RunSetup(
    source="a made-up drive",
    model="camseg-small",
    device="cpu",
    steps=4,
    seed=0,
    drift_reference="",
    rate_hz=5.0,
    date="2026-01-02T03:04:05+00:00",
    hardware="a processor, 2 cores, 8 GiB memory",
    versions={"python": "3.11.7", "torch": "2.13.0"},
)


def _made_up_run(
    weather,
    score=lambda index: 5.0,
    latency_ms=lambda index: 100.0,
    processed=lambda index: True,
):
    """One frame for each weather (or None), 5 a second; frames that are not processed count as dropped."""
    frames = []
    for index, kind in enumerate(weather):
        stamp_ns = START_NS + index * PERIOD_NS
        if not processed(index):
            frames.append(FrameRecord(index, stamp_ns, weather=kind))
            continue
        value = score(index)
        state = DriftState(1 + (value >= WARN_THRESHOLD) + (value >= ERROR_THRESHOLD))
        drift = DriftReading(value, "mahalanobis", state, WARN_THRESHOLD, ERROR_THRESHOLD)
        frames.append(FrameRecord(index, stamp_ns, stamp_ns + round(latency_ms(index) * 1e6), drift, kind))
    done = sum(frame.mask_arrival_ns is not None for frame in frames)
    return Run(
        frames=tuple(frames),
        counts=RunCounts(sent=len(frames), received=len(frames), processed=done, dropped=len(frames) - done, failed=0),
        messages_received={"/camseg/mask": done, "/camseg/overlay": done},
        stamps_match=True,
        setup=SETUP,
    )


@pytest.fixture
def made_up_run():
    """A function from true weathers to a Run; see ``_made_up_run``."""
    return _made_up_run


class LaggingDevice:
    """In place of a GPU and its clock: a call returns before its work is done, and time passes only in waiting."""

    def __init__(self) -> None:
        self.now_s, self._owed_s = 1000.0, 0.0

    def perf_counter(self) -> float:
        return self.now_s

    def wait(self, *_) -> None:
        self.now_s, self._owed_s = self.now_s + self._owed_s, 0.0

    def taking(self, seconds, work, waits=False):
        """``work`` that takes so long on the device, and waits for it where that needs its result."""

        def call(*arguments, **named):
            self._owed_s += seconds
            if waits:
                self.wait()
            return work(*arguments, **named)

        return call


@pytest.fixture
def lagging_device():
    return LaggingDevice()

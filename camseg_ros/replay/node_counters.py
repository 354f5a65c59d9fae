"""What the node says in its diagnostics about the frames it got."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from camseg_ros.replay.recording import read_json_lines

_KEYS = ("received", "processed", "dropped", "failed")


@dataclass(frozen=True)
class NodeCounters:
    """Frames as the node counts them, at one moment.

    Attributes:
        received, processed, dropped, failed: as in ``camseg_ros.worker.FrameCounts``.
        stamp_ns: when the node said so, nanoseconds since the epoch.
    """

    received: int
    processed: int
    dropped: int
    failed: int
    stamp_ns: int

    def all_answered(self) -> bool:
        """Whether nothing that was received is still waiting or being worked on."""
        return self.received == self.processed + self.dropped + self.failed

    @classmethod
    def newest(cls, diagnostics: Path) -> Self | None:
        """The newest counters in a recording's diagnostics; None before the first."""
        newest = None
        for line in read_json_lines(diagnostics):
            if all(key in line["values"] for key in _KEYS):
                newest = line
        if newest is None:
            return None
        return cls(**{key: int(newest["values"][key]) for key in _KEYS}, stamp_ns=newest["stamp_ns"])

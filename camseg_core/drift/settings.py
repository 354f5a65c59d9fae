"""How the frames of a camera are judged over time; nothing here loads torch."""

import math
from dataclasses import dataclass

from camseg_core.errors import ConfigurationError

CLEARED = 0.5
"""An alarm ends when the statistic has fallen to this part of the threshold at which it began."""


@dataclass(frozen=True)
class DriftSettings:
    """How the frames of a camera are judged over time.

    Attributes:
        expected_run_length_s: mean time between false alarms on clear driving, above 0; the alarm's threshold follows.
        threshold_scale: by what the reference's ``warn_threshold`` and ``error_threshold`` are multiplied, above 0.
        max_gap_s: after a longer gap between frames the test starts anew, above 0; and after MAX_GAP_FRAMES of the
            reference's or of the camera's last ones, where that is longer: a camera of a frame a minute, and a model
            that takes as long for one, have no gaps.
        stale_frames: with this many stamps in a row that do not advance the state is STALE, 2 or more.
        collect_s: how long a detector without a reference collects frames before it fits one, above 0.
    """

    expected_run_length_s: float = 3600.0
    threshold_scale: float = 1.0
    max_gap_s: float = 10.0
    stale_frames: int = 10
    collect_s: float = 120.0

    def __post_init__(self) -> None:
        for name in ("expected_run_length_s", "threshold_scale", "max_gap_s", "collect_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigurationError(f"drift {name} = {value}; expected a finite number above 0")
        if self.stale_frames < 2:
            raise ConfigurationError(f"drift stale_frames = {self.stale_frames}; expected 2 or more")

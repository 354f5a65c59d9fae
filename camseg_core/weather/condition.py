"""What the weather in a frame is, as a value."""

import math
from dataclasses import dataclass
from typing import Literal, Self, get_args

from camseg_core.errors import ConfigurationError

WeatherKind = Literal["clear", "fog", "rain"]

SEVERITY_UNITS: dict[str, str] = {"clear": "", "fog": "m", "rain": "mm/h"}
"""What ``Weather.severity`` counts: fog by meteorological optical range, rain by rain rate."""


@dataclass(frozen=True)
class Weather:
    """The weather of one frame; build it with ``clear``, ``fog`` or ``rain``.

    Attributes:
        kind: the name of the condition.
        severity: how much of it, in ``unit``. Fog: meteorological optical range, above 0 and finite; smaller is worse.
            Rain: rate, above 0 and finite. Clear: 0.

    Raises ConfigurationError for an unknown kind or a severity out of its range.
    """

    kind: WeatherKind
    severity: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(WeatherKind):
            raise ConfigurationError(f"weather kind {self.kind!r} is unknown; expected one of {get_args(WeatherKind)}")
        if self.kind == "clear":
            if self.severity != 0.0:
                raise ConfigurationError(f"severity {self.severity} of clear weather; expected 0")
        elif not (math.isfinite(self.severity) and self.severity > 0.0):
            raise ConfigurationError(
                f"severity {self.severity} {self.unit} of {self.kind}; expected a finite number above 0"
            )

    @property
    def unit(self) -> str:
        """Unit of ``severity``: ``m``, ``mm/h``, or nothing for clear weather."""
        return SEVERITY_UNITS[self.kind]

    @classmethod
    def clear(cls) -> Self:
        """No fog, no rain."""
        return cls("clear")

    @classmethod
    def fog(cls, visibility_m: float) -> Self:
        """Fog with a meteorological optical range (5 % contrast) of ``visibility_m`` metres."""
        return cls("fog", visibility_m)

    @classmethod
    def rain(cls, rate_mm_per_h: float) -> Self:
        """Rain of ``rate_mm_per_h`` millimetres an hour."""
        return cls("rain", rate_mm_per_h)

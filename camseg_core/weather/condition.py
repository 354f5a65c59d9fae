"""What the weather in a frame is, as a value."""

import math
import re
from dataclasses import dataclass
from typing import Literal, Self, get_args

from camseg_core.errors import ConfigurationError

WeatherKind = Literal["clear", "fog", "rain", "snow", "night", "lens_blockage"]

SEVERITY_UNITS: dict[str, str] = {
    "clear": "",
    "fog": "m",
    "rain": "mm/h",
    "snow": "mm/h",
    "night": "lx",
    "lens_blockage": "%",
}
"""What ``Weather.severity`` counts; ``Weather`` says of what."""

SEVERITY_MAXIMA: dict[str, float] = {
    "fog": math.inf,
    "rain": 300.0,
    "snow": 20.0,
    "night": 10_000.0,
    "lens_blockage": 100.0,
}
"""The largest severity in each unit: more rain or snow was never measured, more light is day."""

_LEVELS: dict[str, tuple[float, ...]] = {
    "fog": (600.0, 300.0, 150.0, 80.0, 40.0),
    "rain": (5.0, 10.0, 25.0, 50.0, 100.0),
    "snow": (0.5, 1.0, 2.0, 4.0, 8.0),
    "night": (100.0, 30.0, 10.0, 3.0, 1.0),
    "lens_blockage": (5.0, 10.0, 20.0, 35.0, 50.0),
}

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([a-z%/]+)", re.IGNORECASE)
_SPELLINGS = {"mmh": "mm/h", "mm/h": "mm/h", "m": "m", "km": "km", "lx": "lx", "lux": "lx", "%": "%"}


@dataclass(frozen=True)
class Weather:
    """The weather of one frame; build it with ``clear``, ``fog``, ``rain``, ``snow``, ``night`` or ``lens_blockage``.

    Attributes:
        kind: the name of the condition.
        severity: how much of it, in ``unit``, above 0 and finite but for clear weather, which has 0. Fog:
            meteorological optical range; smaller is worse. Rain: rate, up to 300. Snow: rate of the water in it, up to
            20. Night: illuminance of the road without the vehicle's own headlights, up to 10,000; smaller is worse.
            Lens blockage: share of the image that is covered, up to 100.

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
            return
        largest = SEVERITY_MAXIMA[self.kind]
        if not (math.isfinite(self.severity) and 0.0 < self.severity <= largest):
            limit = "" if math.isinf(largest) else f", up to {largest:g}"
            raise ConfigurationError(
                f"severity {self.severity} {self.unit} of {self.kind}; expected a finite number above 0{limit}"
            )

    @property
    def unit(self) -> str:
        """Unit of ``severity``, one of SEVERITY_UNITS; nothing for clear weather."""
        return SEVERITY_UNITS[self.kind]

    @classmethod
    def clear(cls) -> Self:
        """Nothing in the way, by day."""
        return cls("clear")

    @classmethod
    def fog(cls, visibility_m: float) -> Self:
        """Fog with a meteorological optical range (5 % contrast) of ``visibility_m`` metres."""
        return cls("fog", visibility_m)

    @classmethod
    def rain(cls, rate_mm_per_h: float) -> Self:
        """Rain of ``rate_mm_per_h`` millimetres an hour."""
        return cls("rain", rate_mm_per_h)

    @classmethod
    def snow(cls, rate_mm_per_h: float) -> Self:
        """Snow that melts to ``rate_mm_per_h`` millimetres of water an hour."""
        return cls("snow", rate_mm_per_h)

    @classmethod
    def night(cls, illuminance_lx: float) -> Self:
        """Dusk or night with ``illuminance_lx`` lux on the road: 400 at sunset, 3 in late twilight, 0.3 full moon."""
        return cls("night", illuminance_lx)

    @classmethod
    def lens_blockage(cls, covered_percent: float) -> Self:
        """A lens with ``covered_percent`` of its view behind dirt, ice or water."""
        return cls("lens_blockage", covered_percent)

    @classmethod
    def parse(cls, kind: WeatherKind, quantity: str) -> Self:
        """Weather from a number with its unit: ``150m``, ``0.3km``, ``25mm/h`` or ``25mmh``, ``10lx``, ``20%``.

        Raises ConfigurationError for anything else: a bare number does not say what it counts.
        """
        unit = SEVERITY_UNITS[kind]
        match = _QUANTITY.fullmatch(quantity.strip())
        found = _SPELLINGS.get(match[2].lower()) if match else None
        if match is None or found not in ({"m", "km"} if unit == "m" else {unit}):
            raise ConfigurationError(
                f"{kind} of {quantity!r}; expected a number and its unit, such as {_LEVELS[kind][2]:g}{unit}"
            )
        return cls(kind, float(match[1]) * (1000.0 if found == "km" else 1.0))

    def __str__(self) -> str:
        return self.kind if self.kind == "clear" else f"{self.kind} {self.severity:g} {self.unit}"


def severity_levels(kind: WeatherKind) -> tuple[Weather, ...]:
    """Five weathers of a kind from slight to severe, for tables and plots against severity.

    Fog 600, 300, 150, 80, 40 m; rain 5, 10, 25, 50, 100 mm/h; snow 0.5, 1, 2, 4, 8 mm/h; night 100, 30, 10, 3, 1 lx;
    lens blockage 5, 10, 20, 35, 50 %. Raises ConfigurationError for a kind that has no severity.
    """
    if kind not in _LEVELS:
        raise ConfigurationError(f"weather kind {kind!r} has no severity; expected one of {tuple(_LEVELS)}")
    return tuple(Weather(kind, severity) for severity in _LEVELS[kind])

"""Weather as a value, and fog and rain put into images by metric depth."""

from camseg_core.weather.condition import Weather, WeatherKind
from camseg_core.weather.fog import apply_fog, fog_extinction_per_m
from camseg_core.weather.rain import apply_rain, rain_extinction_per_m
from camseg_core.weather.scattering import AIRLIGHT

__all__ = [
    "AIRLIGHT", "Weather", "WeatherKind", "apply_fog", "apply_rain", "fog_extinction_per_m", "rain_extinction_per_m",
]  # fmt: skip

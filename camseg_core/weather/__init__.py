"""Weather as a value, and put into images by metric depth, which is measured, rendered or estimated."""

from camseg_core.weather.condition import Weather, WeatherKind
from camseg_core.weather.depth import assumed_camera, estimate_depth, ground_plane_depth
from camseg_core.weather.fog import apply_fog, fog_extinction_per_m
from camseg_core.weather.rain import apply_rain, rain_extinction_per_m
from camseg_core.weather.scattering import AIRLIGHT

__all__ = [
    "AIRLIGHT", "Weather", "WeatherKind", "apply_fog", "apply_rain", "assumed_camera", "estimate_depth",
    "fog_extinction_per_m", "ground_plane_depth", "rain_extinction_per_m",
]  # fmt: skip

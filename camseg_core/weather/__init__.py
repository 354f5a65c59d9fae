"""Weather as a value, and put into images by metric depth, which is measured, rendered or estimated."""

from camseg_core.weather.condition import Weather, WeatherKind, severity_levels
from camseg_core.weather.depth import assumed_camera, estimate_depth, ground_plane_depth
from camseg_core.weather.fog import apply_fog, fog_extinction_per_m
from camseg_core.weather.lens import apply_lens_blockage
from camseg_core.weather.night import apply_night
from camseg_core.weather.rain import apply_rain, rain_extinction_per_m
from camseg_core.weather.scattering import AIRLIGHT
from camseg_core.weather.simulation import apply_weather
from camseg_core.weather.snow import apply_snow, cover_ground, snow_extinction_per_m
from camseg_core.weather.windscreen import Windscreen

__all__ = [
    "AIRLIGHT", "Weather", "WeatherKind", "Windscreen", "apply_fog", "apply_lens_blockage", "apply_night",
    "apply_rain", "apply_snow", "apply_weather", "assumed_camera", "cover_ground", "estimate_depth",
    "fog_extinction_per_m", "ground_plane_depth", "rain_extinction_per_m", "severity_levels", "snow_extinction_per_m",
]  # fmt: skip

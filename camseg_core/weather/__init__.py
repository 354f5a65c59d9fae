"""Weather as a value, and fog and rain put into images by metric depth."""

from camseg_core.weather.condition import Weather, WeatherKind

__all__ = ["Weather", "WeatherKind"]

import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.weather import Weather


def test_severity_has_the_unit_of_its_kind():
    assert (Weather.fog(120.0).severity, Weather.fog(120.0).unit) == (120.0, "m")
    assert (Weather.rain(25.0).severity, Weather.rain(25.0).unit) == (25.0, "mm/h")
    assert (Weather.clear().severity, Weather.clear().unit) == (0.0, "")


@pytest.mark.parametrize(
    ("kind", "severity", "named"),
    [
        ("hail", 1.0, "hail"),
        ("fog", 0.0, "0.0 m"),
        ("fog", float("inf"), "inf m"),
        ("rain", -2.0, "-2.0 mm/h"),
        ("rain", float("nan"), "nan mm/h"),
        ("clear", 3.0, "3.0"),
    ],
)
def test_bad_weather_is_an_error_that_names_the_value(kind, severity, named):
    with pytest.raises(ConfigurationError, match=named):
        Weather(kind, severity)

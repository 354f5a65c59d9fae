import pytest

from camseg_core.errors import ConfigurationError
from camseg_core.weather import Weather, severity_levels


def test_severity_has_the_unit_of_its_kind():
    assert (Weather.fog(120.0).severity, Weather.fog(120.0).unit) == (120.0, "m")
    assert (Weather.rain(25.0).severity, Weather.rain(25.0).unit) == (25.0, "mm/h")
    assert (Weather.snow(2.0).unit, Weather.night(10.0).unit, Weather.lens_blockage(30.0).unit) == ("mm/h", "lx", "%")
    assert (Weather.clear().severity, Weather.clear().unit) == (0.0, "")


@pytest.mark.parametrize(
    ("kind", "severity", "named"),
    [
        ("hail", 1.0, "hail"),
        ("fog", 0.0, "0.0 m"),
        ("fog", float("inf"), "inf m"),
        ("rain", -2.0, "-2.0 mm/h"),
        ("rain", float("nan"), "nan mm/h"),
        ("rain", 301.0, "301.0 mm/h of rain; expected a finite number above 0, up to 300"),
        ("snow", 25.0, "25.0 mm/h of snow"),
        ("lens_blockage", 120.0, "120.0 % of lens_blockage"),
        ("clear", 3.0, "3.0"),
    ],
)
def test_bad_weather_is_an_error_that_names_the_value(kind, severity, named):
    with pytest.raises(ConfigurationError, match=named):
        Weather(kind, severity)


@pytest.mark.parametrize(
    ("kind", "quantity", "severity"),
    [
        ("fog", "150m", 150.0),
        ("fog", "0.3 km", 300.0),
        ("rain", "25mmh", 25.0),
        ("rain", "2.5mm/h", 2.5),
        ("snow", ".5 mm/h", 0.5),
        ("night", "10lux", 10.0),
        ("night", "3lx", 3.0),
        ("lens_blockage", "30%", 30.0),
    ],
)
def test_a_quantity_is_a_number_with_its_unit(kind, quantity, severity):
    assert Weather.parse(kind, quantity) == Weather(kind, severity)


@pytest.mark.parametrize(
    ("kind", "quantity"),
    [
        ("fog", "150"),
        ("fog", "150mm/h"),
        ("fog", "-3m"),
        ("rain", "25m"),
        ("rain", "mm/h"),
        ("night", "1e3lx"),
        ("fog", ""),
    ],
)
def test_a_quantity_without_its_unit_or_with_another_is_named(kind, quantity):
    with pytest.raises(ConfigurationError, match=f"{kind} of '{quantity}'; expected a number and its unit"):
        Weather.parse(kind, quantity)


def test_a_quantity_out_of_range_is_named():
    with pytest.raises(ConfigurationError, match=r"500\.0 mm/h"):
        Weather.parse("rain", "500mmh")


@pytest.mark.parametrize("kind", ["fog", "rain", "snow", "night", "lens_blockage"])
def test_five_severities_from_slight_to_severe(kind):
    values = [weather.severity for weather in severity_levels(kind)]
    assert len(values) == 5
    assert values == sorted(values, reverse=kind in ("fog", "night"))


def test_clear_weather_has_no_severities():
    with pytest.raises(ConfigurationError, match="'clear' has no severity"):
        severity_levels("clear")

"""Which stream the options mean, and which combinations contradict each other."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from camseg_core.data.sources import open_source
from camseg_core.data.sources.image_folder import ImageFolder
from camseg_core.data.sources.rendered_clip import RenderedClip
from camseg_core.errors import ConfigurationError


def test_no_option_means_the_built_in_clip():
    assert isinstance(open_source(rate_hz=5.0, seed=1), RenderedClip)


def test_images_mean_a_folder(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    assert isinstance(open_source(images=tmp_path, rate_hz=5.0), ImageFolder)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": Path("a"), "bag": Path("b")}, "images a and bag b are both given"),
        ({"labels": Path("a")}, "labels a are given without images"),
        ({"topic": "/camera"}, "topic '/camera' is given without a bag"),
    ],
)
def test_options_that_contradict_each_other_are_an_error(options, message):
    with pytest.raises(ConfigurationError, match=message):
        open_source(**options, rate_hz=5.0)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_is_an_error(rate_hz):
    with pytest.raises(ConfigurationError, match=r"rate .* Hz; expected a finite number above 0"):
        open_source(rate_hz=rate_hz)

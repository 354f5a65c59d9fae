"""What is asked of frames with weather of known severity."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import spearmanr

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.detection.simulation import FOG_VISIBILITIES_M, SimulatedScores, simulated_weathers


def scores_of(kind: str, visibility_m: np.ndarray) -> SimulatedScores:
    shape = visibility_m.shape
    weathers = simulated_weathers(kind)[: shape[1]]
    nothing = np.zeros(shape)
    return SimulatedScores(
        weathers, nothing[:, 0], nothing, visibility_m, nothing, nothing > 0, (Counter(),) * shape[1]
    )


def test_fog_is_tried_from_where_it_begins_to_the_densest():
    found = scores_of("fog", np.full((2, 8), 100.0))
    np.testing.assert_array_equal(found.severities, FOG_VISIBILITIES_M)
    np.testing.assert_array_equal(found.badness, 1 / found.severities)


def test_order_of_visibilities_counts_the_estimated_ones_alone():
    random = np.random.default_rng(0)
    truth_m = np.tile(FOG_VISIBILITIES_M, (6, 1))
    estimate_m = truth_m * np.exp(random.normal(0, 0.3, truth_m.shape))
    estimate_m[truth_m > 700] = np.nan
    known = np.isfinite(estimate_m)
    expected = spearmanr(truth_m[known], estimate_m[known]).statistic
    assert scores_of("fog", estimate_m).visibility_correlation() == pytest.approx(expected)
    assert 0.8 < expected < 1.0


def test_heavier_rain_is_the_worse_one_and_has_no_visibility():
    found = scores_of("rain", np.full((2, 3), 100.0))
    assert (np.diff(found.badness) > 0).all()
    assert not found.has_visibility


def test_a_kind_that_cannot_be_put_in_is_named():
    with pytest.raises(ConfigurationError, match="'hail' is unknown; expected one of fog, rain, snow"):
        simulated_weathers("hail")

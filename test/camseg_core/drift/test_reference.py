"""Fitting a reference, scoring against it, keeping it on disk."""

import numpy as np
import pytest
from scipy.stats import kstest

from camseg_core.drift.fitting import MIN_FRAMES, fit_reference
from camseg_core.drift.reference import DriftReference
from camseg_core.errors import DriftReferenceError


def gaussian_drive(frames: int, seed: int, channels: int = 6) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((channels, channels))
    return 3.0 + random.standard_normal((frames, channels)) @ mixing.T


@pytest.fixture(scope="module")
def reference():
    return fit_reference([gaussian_drive(4000, seed=0)], "camseg-tiny")


def test_score_is_the_mahalanobis_distance_over_root_d(reference):
    mixing = np.random.default_rng(99).standard_normal((6, 6))
    point = np.array([3.0, 4.0, 2.0, 3.5, 1.0, 6.0])
    difference = point - 3.0
    expected = np.sqrt(difference @ np.linalg.inv(mixing @ mixing.T) @ difference / 6)
    assert reference.score(point) == pytest.approx(expected, rel=0.1)


def test_p_values_of_clear_frames_are_uniform(reference):
    values = [reference.p_value(reference.score(row)) for row in gaussian_drive(1500, seed=1)]
    assert kstest(values, "uniform").pvalue > 0.01


def test_p_value_counts_the_held_out_scores_as_large(reference):
    assert reference.p_value(float("inf")) == pytest.approx(1 / 4001)
    assert reference.p_value(-1.0) == 1.0


def test_one_clear_frame_in_a_hundred_warns(reference):
    scores = np.array([reference.score(row) for row in gaussian_drive(5000, seed=2)])
    assert 0.005 < (scores >= reference.warn_threshold).mean() < 0.02
    assert reference.error_threshold > reference.warn_threshold


def test_survives_the_disk(reference, tmp_path):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    loaded = DriftReference.load(path, "camseg-tiny")
    assert loaded.reference_id == reference.reference_id
    point = np.arange(6.0)
    assert loaded.score(point) == reference.score(point)


def test_another_model_is_refused(reference, tmp_path):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    with pytest.raises(DriftReferenceError, match="fitted with model 'camseg-tiny'; expected 'camseg-base'"):
        DriftReference.load(path, "camseg-base")


@pytest.mark.parametrize("keep", [0, 7, 200, -1])
def test_a_cut_file_is_refused(reference, tmp_path, keep):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DriftReferenceError, match=r"reference.safetensors.*not a whole safetensors"):
        DriftReference.load(path, "camseg-tiny")


def test_an_altered_file_is_refused(reference, tmp_path):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    data = bytearray(path.read_bytes())
    data[-1] ^= 0x01
    path.write_bytes(data)
    with pytest.raises(DriftReferenceError, match="hashes to"):
        DriftReference.load(path, "camseg-tiny")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DriftReferenceError, match=r"absent.safetensors: no such file"):
        DriftReference.load(tmp_path / "absent.safetensors", "camseg-tiny")


def test_too_few_frames_are_refused():
    with pytest.raises(DriftReferenceError, match=f"12 clear frames; expected {MIN_FRAMES} or more"):
        fit_reference([gaussian_drive(12, seed=0)], "m")


def test_a_repeated_frame_is_refused():
    with pytest.raises(DriftReferenceError, match="all 50 clear frames are the same"):
        fit_reference([np.ones((50, 6))], "m")


def test_numbers_that_are_not_finite_are_refused():
    drive = gaussian_drive(50, seed=0)
    drive[17, 2] = np.nan
    with pytest.raises(DriftReferenceError, match="frame 17 is not finite"):
        fit_reference([drive], "m")

"""Fitting a reference, scoring against it, keeping it on disk."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy.signal import lfilter
from scipy.stats import kstest

from camseg_core.drift.embedding import COLUMNS, PARTS, ROWS
from camseg_core.drift.fitting import MIN_FRAMES, WARN_QUANTILE, fit_reference
from camseg_core.drift.reference import DriftReference
from camseg_core.drift.scores import default_weather_shift
from camseg_core.errors import DriftReferenceError

CHANNELS = 1
DIMENSIONS = len(PARTS) * ROWS * COLUMNS * CHANNELS


def gaussian_drive(frames: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((DIMENSIONS, DIMENSIONS))
    return 3.0 + 0.1 * random.standard_normal((frames, DIMENSIONS)) @ mixing.T


def drifting_drive(random: np.random.Generator, frames: int, correlation: float) -> np.ndarray:
    """A clear drive with a level of contrast of its own, which also changes slowly."""
    level = 0.3 * random.standard_normal(frames)
    level[1:] *= np.sqrt(1 - correlation**2)
    slow = lfilter([1.0], [1.0, -correlation], level) + 0.2 * random.standard_normal()
    return 0.2 * random.standard_normal((frames, DIMENSIONS)) + slow[:, None] * default_weather_shift(DIMENSIONS)


@pytest.fixture(scope="module")
def reference():
    drives = [gaussian_drive(1000, seed) for seed in (0, 10, 20)]
    return fit_reference(drives, "camseg-tiny", "0123456789abcdef", rate_hz=5.0)


def test_p_values_of_clear_frames_are_uniform(reference):
    values = [reference.p_value(reference.score(row)) for row in gaussian_drive(800, seed=1)]
    assert kstest(values, "uniform").pvalue > 0.01


def test_p_value_counts_the_held_out_scores_as_large(reference):
    assert reference.p_value(float("inf")) == pytest.approx(1 / 3001)
    assert reference.p_value(-1.0) == 1.0


def test_one_clear_frame_in_a_hundred_warns(reference):
    scores = np.array([reference.score(row) for row in gaussian_drive(3000, seed=2)])
    assert 0.005 < (scores >= reference.warn_threshold).mean() < 0.02
    assert reference.error_threshold > reference.warn_threshold


def test_survives_the_disk(reference, tmp_path):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    loaded = DriftReference.load(path, "camseg-tiny")
    assert loaded.reference_id == reference.reference_id
    point = np.linspace(2.0, 4.0, DIMENSIONS)
    assert loaded.score(point) == reference.score(point)
    assert loaded.run_lengths.threshold(5000) == reference.run_lengths.threshold(5000)
    np.testing.assert_array_equal(loaded.embedding_mean, reference.embedding_mean)


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


@pytest.mark.parametrize(
    "damage",
    [
        lambda header, arrays: header.pop("reference"),
        lambda header, arrays: header.pop("reference_id"),
        lambda header, arrays: header.update(reference="{"),
        lambda header, arrays: arrays.pop("embedding_mean"),
        lambda header, arrays: arrays.update(more=np.zeros(2)),
    ],
)
def test_a_file_that_lacks_a_part_is_refused(reference, tmp_path, damage):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    with safe_open(path, framework="numpy") as file:
        header, arrays = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    damage(header, arrays)
    save_file(arrays, path, header)
    with pytest.raises(DriftReferenceError, match=r"reference\.safetensors: is not a whole drift reference"):
        DriftReference.load(path, "camseg-tiny")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DriftReferenceError, match=r"absent.safetensors: no such file"):
        DriftReference.load(tmp_path / "absent.safetensors", "camseg-tiny")


def test_other_weights_of_the_same_model_are_refused(reference, tmp_path):
    path = tmp_path / "reference.safetensors"
    reference.save(path)
    assert DriftReference.load(path, "camseg-tiny", "0123456789abcdef").embedding_hash == "0123456789abcdef"
    told = "fitted on embeddings of another camseg-tiny, 0123456789abcdef; expected fedcba"
    with pytest.raises(DriftReferenceError, match=told):
        DriftReference.load(path, "camseg-tiny", "fedcba9876543210")


def test_a_place_that_cannot_be_written_is_named(reference, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DriftReferenceError, match=r"file/reference.safetensors: cannot be written"):
        reference.save(tmp_path / "file" / "reference.safetensors")


def test_counts_what_it_was_fitted_on(reference):
    assert (reference.frames, reference.drives, reference.rate_hz) == (3000, 3, 5.0)
    assert 1000 < reference.effective_frames <= 3000
    assert reference.is_conclusive


def test_frames_that_repeat_each_other_count_for_fewer_and_spread_the_thresholds():
    slow = np.cumsum(gaussian_drive(120, seed=0) - 3.0, axis=0) / 5.0
    shuffled = np.random.default_rng(1).permutation(slow)
    correlated, independent = (fit_reference([drive], "m") for drive in (slow, shuffled))
    assert correlated.effective_frames < independent.effective_frames / 3
    assert correlated.warn_threshold > independent.warn_threshold


@pytest.mark.parametrize(("drives", "frames", "correlation"), [(3, 100, 0.98), (5, 64, 0.9)])
def test_few_independent_frames_warn_of_clear_ones_no_more_often_than_stated(drives, frames, correlation):
    random = np.random.default_rng(0)
    warned, effective = [], []
    for _ in range(10):
        reference = fit_reference([drifting_drive(random, frames, correlation) for _ in range(drives)], "m")
        unseen = np.concatenate([drifting_drive(random, frames, correlation) for _ in range(10)])
        warned.append((reference.scores(unseen) >= reference.warn_threshold).mean())
        effective.append(reference.effective_frames)
    assert np.median(effective) < 25
    assert np.mean(warned) <= 1 - WARN_QUANTILE


def test_too_few_frames_are_refused():
    with pytest.raises(DriftReferenceError, match=f"12 clear frames; expected {MIN_FRAMES} or more"):
        fit_reference([gaussian_drive(12, seed=0)], "m")


def test_a_drive_of_one_frame_is_named():
    with pytest.raises(DriftReferenceError, match="clear drive 2 of 2 has 1 frames; expected 2 or more"):
        fit_reference([gaussian_drive(50, seed=0), gaussian_drive(1, seed=1)], "m")


def test_a_repeated_frame_is_refused():
    with pytest.raises(DriftReferenceError, match="all 50 clear frames are the same"):
        fit_reference([np.ones((50, DIMENSIONS))], "m")


def test_an_unknown_score_is_named():
    with pytest.raises(DriftReferenceError, match="score 'vibes' is unknown; expected one of weather, "):
        fit_reference([gaussian_drive(50, seed=0)], "m", score="vibes")


@pytest.mark.parametrize("rate_hz", [np.inf, np.nan, 0.0, -1.0])
def test_a_rate_that_is_none_is_refused(rate_hz):
    with pytest.raises(DriftReferenceError, match=f"rate_hz = {rate_hz}; expected a finite number above 0"):
        fit_reference([gaussian_drive(50, seed=0)], "m", rate_hz=rate_hz)


@pytest.mark.parametrize("rate_hz", [np.inf, np.nan, 0.0])
def test_a_file_of_a_rate_that_is_none_is_refused(reference, tmp_path, rate_hz):
    path = tmp_path / "reference.safetensors"
    replace(reference, rate_hz=rate_hz).save(path)
    with pytest.raises(DriftReferenceError, match=f"rate_hz is {rate_hz}; expected a finite number above 0"):
        DriftReference.load(path, "camseg-tiny")


def test_numbers_that_are_not_finite_are_refused():
    drive = gaussian_drive(50, seed=0)
    drive[17, 2] = np.nan
    with pytest.raises(DriftReferenceError, match="frame 17 of clear drive 1 is not finite"):
        fit_reference([drive], "m")

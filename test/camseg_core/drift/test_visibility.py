import math
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from scipy.stats import spearmanr
from sklearn.svm import SVR

from camseg_core.drift.visibility import MAX_VISIBILITY_M, VisibilityModel
from camseg_core.drift.weather_estimators import WeatherEstimators
from camseg_core.drift.weather_fitting import fit_weather_estimators
from camseg_core.errors import WeightsError
from camseg_core.weather import Weather

UNSEEN_CAMERA = 40
P_VALUE = 0.05


def estimates(world, estimators, reference, visibilities):
    rng = np.random.default_rng(5)
    frames = [world.frame(UNSEEN_CAMERA, Weather.fog(float(value)), rng) for value in visibilities]
    found = [estimators.estimate(frame.embedding, reference, P_VALUE) for frame in frames]
    return np.array([(estimate.visibility_m, estimate.visibility_std_m) for estimate in found])


def test_visibility_is_found_on_a_camera_that_the_fit_did_not_see(world, weather_fit, reference_of):
    true = np.geomspace(50, 800, 40)
    found, deviation = estimates(world, weather_fit[0], reference_of(UNSEEN_CAMERA), true).T
    known = np.isfinite(found)
    assert known.mean() > 0.9
    assert spearmanr(found[known], true[known]).statistic > 0.95
    assert np.median(np.abs(found / true - 1)[known]) < 0.25
    assert (deviation[known] > 0).all()


def test_what_is_held_out_is_judged_without_the_other_cameras_of_its_sequence(world):
    # Cameras 0 and 1 are crops of one sequence; what is known of 1 must not reach the figures of 0.
    frames = [
        replace(frame, sequence="drive 0") if frame.camera == "camera 1" else frame
        for frame in world.frames(range(7), 3, seed=0)
    ]
    changed = [
        replace(frame, embedding=frame.embedding[::-1], color=1 - frame.color) if frame.camera == "camera 1" else frame
        for frame in frames
    ]
    of_camera = np.array([frame.camera for frame in frames if frame.weather.kind == "fog"])
    before, after = (fit_weather_estimators(each, "m")[1].estimate_m for each in (frames, changed))
    np.testing.assert_array_equal(before[of_camera == "camera 0"], after[of_camera == "camera 0"])
    assert (before[of_camera == "camera 2"] != after[of_camera == "camera 2"]).any()


def test_the_stated_deviation_holds_the_truth_as_often_as_a_normal_error_would(weather_fit):
    estimators, report = weather_fit
    logarithm = np.log(report.estimate_m)
    deviation = np.interp(logarithm, estimators.visibility.error_levels, estimators.visibility.errors)
    inside = np.abs(logarithm - np.log(report.visibility_m)) < deviation
    assert 0.55 < inside.mean() < 0.9


def test_there_is_none_in_clear_air_at_night_or_behind_dirt(world, weather_fit, reference_of):
    estimators, _ = weather_fit
    for weather in (Weather.clear(), Weather.night(5), Weather.lens_blockage(30)):
        frame = world.frame(UNSEEN_CAMERA, weather, np.random.default_rng(0))
        estimate = estimators.estimate(frame.embedding, reference_of(UNSEEN_CAMERA), P_VALUE)
        assert np.isnan([estimate.visibility_m, estimate.visibility_std_m]).all()


def test_there_is_none_where_clear_frames_show_nothing_to_lose(world, weather_fit, reference_of):
    estimators, _ = weather_fit
    frame = world.frame(UNSEEN_CAMERA, Weather.fog(100), np.random.default_rng(0))
    reference = reference_of(UNSEEN_CAMERA)
    assert np.isfinite(estimators.estimate(frame.embedding, reference, P_VALUE).visibility_m)
    blank = world.camera(UNSEEN_CAMERA)
    blank[1:] -= 3.0
    reference.embedding_mean = blank.ravel()
    assert np.isnan(estimators.estimate(frame.embedding, reference, P_VALUE).visibility_m)


def test_beyond_the_fog_simulated_there_is_none():
    model = VisibilityModel(
        mean=np.zeros(2),
        scale=np.ones(2),
        vectors=np.zeros((1, 2)),
        weights=np.ones(1),
        offset=math.log(MAX_VISIBILITY_M) - 0.5,
        gamma=1.0,
        error_levels=np.zeros(1),
        errors=np.full(1, 0.5),
        min_clear_contrast=0.0,
    )
    near, far = np.zeros((1, 2)), np.full((1, 2), 10.0)
    assert np.isnan(model.estimate(near)).all()
    visibility_m, deviation_m = model.estimate(far)
    assert visibility_m[0] == pytest.approx(MAX_VISIBILITY_M * math.exp(-0.5))
    assert deviation_m[0] == pytest.approx(0.5 * visibility_m[0])


def test_it_is_the_support_vector_regression_that_was_fitted():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 5))
    machine = SVR(C=10, epsilon=0.1, gamma=0.05).fit(inputs, inputs[:, 0] + inputs[:, 1] ** 2)
    model = VisibilityModel(
        np.zeros(5), np.ones(5), machine.support_vectors_, machine.dual_coef_[0], float(machine.intercept_[0]), 0.05,
        np.zeros(1), np.zeros(1), 0.0,
    )  # fmt: skip
    np.testing.assert_allclose(model.log_visibility(inputs), machine.predict(inputs), atol=1e-9)


def test_what_is_saved_is_loaded(world, weather_fit, reference_of, tmp_path):
    estimators, _ = weather_fit
    estimators.save(tmp_path / "estimators.safetensors")
    loaded = WeatherEstimators.load(tmp_path / "estimators.safetensors", "camseg-tiny")
    reference, rng = reference_of(3), np.random.default_rng(0)
    for weather in (Weather.fog(120), Weather.snow(2)):
        frame = world.frame(3, weather, rng).embedding
        found, expected = (each.estimate(frame, reference, P_VALUE) for each in (loaded, estimators))
        assert found.causes == pytest.approx(expected.causes, abs=1e-3)
        assert found.visibility_m == pytest.approx(expected.visibility_m, rel=1e-3, nan_ok=True)
        assert found.visibility_std_m == pytest.approx(expected.visibility_std_m, rel=1e-3, nan_ok=True)


def test_files_that_do_not_fit_are_named(weather_fit, tmp_path):
    path = tmp_path / "estimators.safetensors"
    with pytest.raises(WeightsError, match="no such file; expected weather estimators"):
        WeatherEstimators.load(path, "camseg-tiny")
    replace(weather_fit[0], model_id="other").save(path)
    with pytest.raises(WeightsError, match="model_id is 'other'; expected 'camseg-tiny'"):
        WeatherEstimators.load(path, "camseg-tiny")
    replace(weather_fit[0], embedding_hash="abc").save(path)
    advice = "fit them with `camseg weather fit`"
    with pytest.raises(WeightsError, match=f"embedding_hash is 'abc'; expected 'def': {advice}"):
        WeatherEstimators.load(path, "camseg-tiny", "def")
    with safe_open(path, framework="numpy") as file:
        header, arrays = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file({name: array for name, array in arrays.items() if name != "cause.held_out"}, path, header)
    with pytest.raises(WeightsError, match=r"are not whole weather estimators \(KeyError\('cause.held_out'\)\)"):
        WeatherEstimators.load(path, "camseg-tiny")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="is not a whole safetensors file"):
        WeatherEstimators.load(path, "camseg-tiny")

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from camseg_core.drift.cause import SIGNIFICANCE, UNKNOWN
from camseg_core.drift.weather_features import COLOR_FEATURES, LightReadout, cause_features
from camseg_core.drift.weather_fitting import CAUSES, Fold, fit_causes, fit_weather_estimators, sequence_folds
from camseg_core.errors import ConfigurationError
from camseg_core.weather import Weather

SEVERITIES = {"clear": 0.0, "fog": 150.0, "rain": 25.0, "snow": 2.0, "night": 5.0, "lens_blockage": 30.0}
UNSEEN_CAMERA = 40
P_VALUE = 0.05


def causes_of(world, estimators, reference, kind, cast=0.0, count=20):
    rng = np.random.default_rng(3)
    frames = [world.frame(UNSEEN_CAMERA, Weather(kind, SEVERITIES[kind]), rng, cast) for _ in range(count)]
    return [estimators.estimate(frame.embedding, reference, P_VALUE).causes for frame in frames]


@pytest.mark.parametrize("kind", CAUSES)
def test_each_cause_is_named_on_a_camera_that_the_fit_did_not_see(world, weather_fit, reference_of, kind):
    estimators, _ = weather_fit
    named = [max(causes, key=causes.get) for causes in causes_of(world, estimators, reference_of(UNSEEN_CAMERA), kind)]
    assert named.count(kind) >= 0.8 * len(named)


@pytest.mark.parametrize("kind", CAUSES)
def test_probabilities_are_of_the_known_causes_and_unknown_and_sum_to_one(world, weather_fit, reference_of, kind):
    estimators, _ = weather_fit
    for causes in causes_of(world, estimators, reference_of(UNSEEN_CAMERA), kind):
        assert tuple(causes) == (*CAUSES, UNKNOWN)
        assert sum(causes.values()) == pytest.approx(1.0)
        assert min(causes.values()) >= 0.0


def test_orange_fog_was_never_seen_and_is_unknown(world, weather_fit, reference_of):
    estimators, _ = weather_fit
    reference = reference_of(UNSEEN_CAMERA)
    assert np.mean([causes["fog"] for causes in causes_of(world, estimators, reference, "fog")]) > 0.8
    for causes in causes_of(world, estimators, reference, "fog", cast=2.0):
        assert causes[UNKNOWN] > 0.9


def test_what_is_far_from_every_cause_is_unknown(world, weather_fit, reference_of):
    estimators, _ = weather_fit
    strange = world.camera(UNSEEN_CAMERA).ravel() + np.random.default_rng(0).normal(0, 5, world.camera(0).size)
    assert estimators.estimate(strange, reference_of(UNSEEN_CAMERA), P_VALUE).causes[UNKNOWN] > 0.99


def test_known_causes_become_unknown_no_more_often_than_stated(weather_fit):
    _, report = weather_fit
    # Twice, because the winner must lose more than half of its probability: that takes a p-value under half of it.
    assert report.confusion[:, -1].max() <= 2 * SIGNIFICANCE


def test_among_known_causes_bayes_rule_decides(world):
    frames = world.frames(range(8), 6, seed=1)
    means = {frame.camera: world.camera(int(frame.camera.split()[1])).ravel() for frame in frames}
    embeddings = np.stack([frame.embedding for frame in frames])
    readout = LightReadout.fit(embeddings, np.stack([frame.color for frame in frames]))
    features = cause_features(embeddings, np.stack([means[frame.camera] for frame in frames]), readout)
    kinds = np.array([frame.weather.kind for frame in frames])
    folds = [Fold(out, features) for out in sequence_folds(np.array([frame.sequence for frame in frames]))]
    model, _ = fit_causes(features, kinds, folds)
    gaussians = model.classes
    standardized = (features[:30] - gaussians.mean) / gaussians.scale
    densities = np.stack(
        [
            multivariate_normal(gaussians.centers[k], np.linalg.inv(gaussians.precisions[k])).logpdf(standardized)
            for k in range(len(CAUSES))
        ],
        axis=1,
    )
    expected = np.exp(densities - densities.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gaussians.posteriors(gaussians.distances(features[:30])), expected, atol=1e-6)


def test_what_the_camera_looks_at_drops_out(world, weather_fit):
    estimators, _ = weather_fit
    rng = np.random.default_rng(0)
    frame, mean = world.frame(3, Weather.fog(100), rng).embedding, world.camera(3).ravel()
    elsewhere = rng.normal(0, 1, mean.size)
    here = cause_features(frame[None], mean, estimators.readout)
    there = cause_features((frame + elsewhere)[None], mean + elsewhere, estimators.readout)
    np.testing.assert_allclose(here[:, :-COLOR_FEATURES], there[:, :-COLOR_FEATURES], atol=1e-9)


def test_the_cameras_own_clear_frames_make_clear_more_or_less_likely(world, weather_fit, reference_of):
    estimators, _ = weather_fit
    frame = world.frame(5, Weather.clear(), np.random.default_rng(1)).embedding
    frame = frame + 0.5 * (world.frame(5, Weather.rain(25), np.random.default_rng(1)).embedding - frame)
    clear = [estimators.estimate(frame, reference_of(5), p).causes["clear"] for p in (0.0005, 0.05, 0.9)]
    assert clear == sorted(clear)


def test_the_readout_finds_colour_in_the_latent(world, weather_fit):
    estimators, _ = weather_fit
    grey = world.camera(1)
    orange = grey.copy()
    orange[0, ..., 1] += 1.0
    light = estimators.readout.light(np.stack([grey.ravel(), orange.ravel()]), relative=False).mean(axis=(1, 2))
    # Channel 1 adds 0.1 of red and takes as much of blue.
    np.testing.assert_allclose(light[1] - light[0], [0.0, 0.1, -0.1], atol=1e-6)


def test_the_same_frames_give_the_same_estimators(world):
    first, second = (fit_weather_estimators(world.frames(range(6), 3, seed=0), "m")[0] for _ in range(2))
    assert np.array_equal(first.cause.classes.precisions, second.cause.classes.precisions)
    assert np.array_equal(first.visibility.weights, second.visibility.weights)


def test_no_sequence_is_on_both_sides_of_a_fold():
    sequences = np.repeat(["0001TP", "0006R0", *(f"drive {seed}" for seed in range(9))], 4)
    folds = sequence_folds(sequences)
    for out in folds:
        assert not set(sequences[out]) & set(sequences[~out])
    assert (np.sum(folds, axis=0) == 1).all()


def test_too_few_sequences_or_a_missing_weather_are_named(world):
    with pytest.raises(ConfigurationError, match="4 sequences; expected 5 or more"):
        fit_weather_estimators(world.frames(range(4), 2, seed=0), "m")
    frames = [f for f in world.frames(range(5), 2, seed=0) if (f.camera, f.weather.kind) != ("camera 2", "snow")]
    with pytest.raises(ConfigurationError, match="'camera 2' has no frame of snow"):
        fit_weather_estimators(frames, "m")

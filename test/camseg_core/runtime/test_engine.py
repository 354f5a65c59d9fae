"""The engine: same frame, same mask; results at the frame's size; errors that name what is wrong."""

from dataclasses import replace

import numpy as np
import pytest

from camseg_core.errors import ConfigurationError, DriftReferenceError, FrameError, WeightsError
from camseg_core.frames import DriftState, Frame
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.engine import SHIPPED_REFERENCE, InferenceEngine
from camseg_core.runtime.settings import EngineSettings


@pytest.fixture
def settings(tiny_model):
    return EngineSettings(model=str(tiny_model), device="cpu")


@pytest.fixture
def engine(settings):
    return InferenceEngine(settings)


def noise_frame(height: int, width: int, stamp_ns: int = 1, seed: int = 5, camera: str = "front") -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Frame(image, stamp_ns, camera)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (30, 100), (201, 97), (1, 1)])
def test_mask_has_the_frame_size_and_known_classes(engine, height, width):
    labels = engine.infer(noise_frame(height, width)).labels
    assert labels.shape == (height, width)
    assert labels.dtype == np.uint8
    assert labels.max() < len(engine.label_set)


def test_same_seed_same_mask_other_seed_other_mask(settings):
    # One step of an untrained head estimates the mean; a second one lets the starting noise through.
    frame = noise_frame(48, 64)
    masks = [InferenceEngine(replace(settings, seed=seed, steps=2)).infer(frame).labels for seed in (0, 0, 1)]
    assert np.array_equal(masks[0], masks[1])
    assert not np.array_equal(masks[0], masks[2])


def test_confidence_is_given_when_asked_for_at_the_frame_size(settings):
    engine = InferenceEngine(replace(settings, num_samples=4, steps=2))
    frame = noise_frame(30, 100)
    assert engine.infer(frame).confidence is None
    first, second = engine.infer(frame, with_confidence=True), engine.infer(frame, with_confidence=True)
    assert first.confidence.shape == (30, 100)
    assert set(np.unique(first.confidence)) <= {0.25, 0.5, 0.75, 1.0}
    assert np.array_equal(first.confidence, second.confidence)
    assert np.array_equal(first.labels, second.labels)


def test_confidence_of_a_single_mask_is_a_share(engine):
    confidence = engine.infer(noise_frame(48, 64), with_confidence=True).confidence
    assert confidence.dtype == np.float32
    assert 1 / len(engine.label_set) <= confidence.min() <= confidence.max() <= 1.0


def test_drift_tells_blank_frames_from_what_the_reference_saw(engine):
    period_ns = 100_000_000
    ordinary = [engine.infer(noise_frame(48, 64, stamp_ns=n * period_ns, seed=n)).drift for n in range(3)]
    blank = np.zeros((48, 64, 3), dtype=np.uint8)
    blind = [engine.infer(Frame(blank, n * period_ns, "front")).drift for n in range(3, 23)]
    assert {drift.state for drift in ordinary} == {DriftState.NOMINAL}
    assert blind[-1].state == DriftState.ERROR
    assert blind[-1].score > blind[-1].error_threshold


def test_cameras_keep_states_of_their_own(engine):
    engine.infer(Frame(np.zeros((48, 64, 3), dtype=np.uint8), 1, "front"))
    engine.infer(noise_frame(48, 64, stamp_ns=2, camera="rear"))
    again = engine.infer(Frame(np.zeros((48, 64, 3), dtype=np.uint8), 3, "front")).drift
    assert again.state_since_ns == 1


def test_a_batch_gives_each_frame_what_it_gets_alone(engine):
    frames = [noise_frame(48, 64, 3, seed=1, camera="left"), noise_frame(30, 100, 4, seed=2, camera="right")]
    alone = [engine.infer(frame) for frame in frames]
    together = engine.infer_batch(frames)
    for one, of_batch in zip(alone, together, strict=True):
        assert of_batch.labels.shape == one.labels.shape
        assert (of_batch.labels == one.labels).mean() > 0.99  # but for rounding
        assert of_batch.drift.score == pytest.approx(one.drift.score, rel=1e-3)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_mask_does_not_depend_on_its_place_in_the_batch(engine, sampler):
    frame = noise_frame(48, 64)
    first, second = engine.infer_batch([frame, frame], SamplingSettings(steps=3, sampler=sampler, seed=4))
    assert (first.labels == second.labels).mean() > 0.99


def test_sampling_may_change_from_frame_to_frame(settings, engine):
    frame, sampling = noise_frame(48, 64), SamplingSettings(steps=2, seed=1)
    other = InferenceEngine(replace(settings, steps=2, seed=1))
    np.testing.assert_array_equal(engine.infer_batch([frame], sampling)[0].labels, other.infer(frame).labels)


def test_masks_at_the_models_size_are_those_before_scaling(engine):
    frame = noise_frame(96, 128)
    scaled = engine.infer(frame)
    (result,) = engine.infer_batch([frame], with_confidence=True, at_model_size=True)
    assert result.labels.shape == result.confidence.shape == (48, 64)
    np.testing.assert_array_equal(result.labels.repeat(2, axis=0).repeat(2, axis=1), scaled.labels)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_an_image_of_another_kind_is_named(engine, image):
    with pytest.raises(FrameError, match="expected height×width×3 uint8"):
        engine.infer(Frame(image, 1))


def test_a_missing_model_is_named_with_the_shipped_ones():
    with pytest.raises(WeightsError, match=r"'no-such-model'.*camseg-small"):
        InferenceEngine(EngineSettings(model="no-such-model"))


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_weights_that_are_cut_short_are_named(tiny_model, tmp_path, keep):
    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=rf"model.safetensors: is not a whole safetensors file \({keep} bytes"):
        InferenceEngine(EngineSettings(model=str(tmp_path), device="cpu"))


def test_a_pickle_is_not_loaded(tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x80\x04\x95" + bytes(100))
    with pytest.raises(WeightsError, match=r"not a whole safetensors file"):
        InferenceEngine(EngineSettings(model=str(tmp_path), device="cpu"))


def test_weights_of_another_size_are_named(tiny_model, tmp_path):
    for file in tiny_model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"width": 16', '"width": 32'))
    with pytest.raises(WeightsError, match=r"model.safetensors: belongs to a model of another shape"):
        InferenceEngine(EngineSettings(model=str(tmp_path), device="cpu"))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"architecture": "segvar"}', '{"architecture": "camseg"}'])
def test_a_configuration_that_is_no_model_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsError, match=r"config\.json"):
        InferenceEngine(EngineSettings(model=str(tmp_path), device="cpu"))


def test_a_model_without_drift_reference_says_how_to_make_one(tiny_model, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model / name).read_bytes())
    with pytest.raises(DriftReferenceError, match=f"{SHIPPED_REFERENCE}: no such file.*camseg drift fit"):
        InferenceEngine(EngineSettings(model=str(tmp_path), device="cpu"))


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:97", ""])
def test_an_unknown_device_is_named(settings, device):
    with pytest.raises(ConfigurationError, match=f"device '{device}'"):
        InferenceEngine(replace(settings, device=device))


def test_steps_out_of_range_are_named(settings):
    with pytest.raises(ConfigurationError, match="steps is 0"):
        InferenceEngine(replace(settings, steps=0))

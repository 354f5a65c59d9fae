"""Conditions that are altered: which part, by what, and that nothing else changes."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.conditioning import _altered, conditions_of
from camseg_core.models.camseg.model import CamSeg
from camseg_core.runtime.prediction import prepare


def images():
    return np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)


def altered(model):
    return {name: prepared.conditions[0] for name, prepared in _altered(model, *images(), random.Random(0))}


@pytest.fixture
def model(tiny_config):
    torch.manual_seed(0)
    return CamSeg(tiny_config).eval()


def vectors(condition):
    """The positions' vectors in a fixed order."""
    return np.sort(condition.float().numpy().reshape(condition.shape[1], -1), axis=1)


def test_the_whole_condition_is_zeroed_shuffled_and_swapped(model):
    own, theirs = (prepare(model, image).conditions[0] for image in images())
    conditions = altered(model)
    assert set(conditions) == set(conditions_of(model))
    assert torch.equal(conditions["intact"], own)
    assert not conditions["condition zero"].any()
    assert torch.equal(conditions["condition of another image"], theirs)
    shuffled = conditions["condition shuffled"]
    assert not torch.equal(shuffled, own)
    np.testing.assert_array_equal(vectors(shuffled), vectors(own))


def test_the_transformers_part_is_altered_before_it_is_joined_with_the_features(model):
    seen = []
    # Called with what the fusion was given in the end.
    model.fusion.register_forward_hook(lambda _, maps, fused: seen.append([each.float() for each in maps]))
    conditions = altered(model)
    own_z, *own_features = seen[0]
    their_z, *_ = seen[1]
    # In order: own, another's, another's z kept, then zero, shuffled, another's, and without features.
    for changed_z, expected in ((seen[3], torch.zeros_like(own_z)), (seen[5], their_z)):
        torch.testing.assert_close(changed_z[0], expected)
    np.testing.assert_array_equal(vectors(seen[4][0]), vectors(own_z))
    for z in (seen[3], seen[4], seen[5]):
        torch.testing.assert_close(z[1:], own_features)
    torch.testing.assert_close(seen[6][0], own_z)
    assert not any(each.any() for each in seen[6][1:])
    assert not torch.equal(conditions["z zero"], conditions["intact"])


def test_nothing_stays_altered(model):
    before = prepare(model, images()[0]).conditions[0]
    altered(model)
    assert torch.equal(prepare(model, images()[0]).conditions[0], before)


def test_without_features_z_is_the_whole_condition(tiny_config):
    torch.manual_seed(0)
    model = CamSeg(replace(tiny_config, features=None, patch_size=1)).eval()
    assert set(altered(model)) == set(conditions_of(model)) == {"intact", "z zero", "z shuffled", "z of another image"}


def test_a_model_that_draws_nothing_is_refused():
    class Other(torch.nn.Module):
        model_id = "other"

    with pytest.raises(ConfigurationError, match="model 'other' draws no mask from a condition"):
        conditions_of(Other())

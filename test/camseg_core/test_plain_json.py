"""What JSON cannot say becomes null."""

import json
import math

import numpy as np

from camseg_core.plain_json import plain_json


def test_numbers_that_are_none_become_null_wherever_they_are():
    value = {"iou": {"sky": 0.5, "void": math.nan}, "series": (1.0, math.inf, [-math.inf, 2])}
    text = json.dumps(plain_json(value), allow_nan=False)
    assert json.loads(text) == {"iou": {"sky": 0.5, "void": None}, "series": [1.0, None, [None, 2]]}


def test_keys_become_words_and_other_values_stay():
    assert plain_json({1: "a", "b": None, "c": True}) == {"1": "a", "b": None, "c": True}
    assert plain_json(np.float64("nan")) is None

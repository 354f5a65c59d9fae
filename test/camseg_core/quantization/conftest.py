"""Frames for the model that is rounded."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def images() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), dtype=np.uint8))

"""What the tests of several commands need."""

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def tiny_camvid(tmp_path_factory):
    """A folder laid out as CamVid: two frames of noise in train and in val, their labels blocks of 8×8 pixels."""
    root = tmp_path_factory.mktemp("camvid")
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        (root / split).mkdir()
        (root / f"{split}annot").mkdir()
        for index in range(2):
            cv2.imwrite(str(root / split / f"{index}.png"), random.integers(0, 256, (48, 64, 3), dtype=np.uint8))
            labels = np.repeat(np.repeat(random.integers(0, 12, (6, 8), dtype=np.uint8), 8, 0), 8, 1)
            cv2.imwrite(str(root / f"{split}annot" / f"{index}.png"), labels)
    return root

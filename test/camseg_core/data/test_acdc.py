"""ACDC's layout; its frames of clear weather stay out of its weather."""

import pytest

from camseg_core.data.datasets import Acdc, AcdcReference
from camseg_core.errors import DatasetError

CONDITIONS = ("fog", "night", "rain", "snow")
FRAMES = ("GOPR0476_frame_000854", "GP020475_frame_000033")


@pytest.fixture
def root(tmp_path, write_image, write_ids):
    for shade, condition in enumerate(CONDITIONS):
        for frame in FRAMES:
            sequence = frame.split("_")[0]
            images, labels = tmp_path / "rgb_anon" / condition, tmp_path / "gt" / condition
            write_image(images / f"val/{sequence}/{frame}_rgb_anon.png", (shade, 0, 0))
            write_image(images / f"val_ref/{sequence}/{frame}_rgb_ref_anon.png", (shade, 200, 0))
            write_ids(labels / f"val/{sequence}/{frame}_gt_labelIds.png", 7, 26, 0)
            write_ids(labels / f"val/{sequence}/{frame}_gt_labelTrainIds.png", 0, 13, 255)
            write_ids(labels / f"val/{sequence}/{frame}_gt_invIds.png", 0, 1)
            write_image(labels / f"val/{sequence}/{frame}_gt_labelColor.png")
        # Only some of the clear counterparts are labelled.
        write_ids(labels / f"val_ref/GP020475/{FRAMES[1]}_gt_ref_labelIds.png", 8)
    return tmp_path


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_is_its_own_frames_without_the_clear_ones(root, condition):
    dataset = Acdc(root, "val", condition)
    samples = [dataset[index] for index in range(len(dataset))]
    assert [sample.name for sample in samples] == list(FRAMES)
    assert [sample.image[0, 0].tolist() for sample in samples] == [[CONDITIONS.index(condition), 0, 0]] * 2
    assert samples[0].labels[0, :3].tolist() == [0, 13, 255]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_clear_counterparts_that_are_labelled_have_the_name_of_their_frame(root, condition):
    dataset = AcdcReference(root, "val", condition)
    assert len(dataset) == 1
    assert dataset[0].name == FRAMES[1]
    assert dataset[0].image[0, 0].tolist() == [CONDITIONS.index(condition), 200, 0]
    assert dataset[0].labels[0, 0] == 1


def test_unknown_conditions_and_splits_are_named(root):
    with pytest.raises(DatasetError, match="no condition 'clear'; expected one of fog, night, rain, snow"):
        Acdc(root, "val", "clear")
    with pytest.raises(DatasetError, match="no labelled split 'val_ref'; expected one of train, val"):
        Acdc(root, "val_ref", "fog")
    with pytest.raises(DatasetError, match="no labelled split 'test'; expected one of train, val"):
        AcdcReference(root, "test", "fog")

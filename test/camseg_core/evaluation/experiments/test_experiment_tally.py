"""Frames are chosen, measured once, and added up."""

import numpy as np
import pytest

from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.class_groups import group_means
from camseg_core.evaluation.experiments.journal import Journal
from camseg_core.evaluation.experiments.tally import Outcome, chosen_frames, describe_frames, tally_frames
from camseg_core.labels import LabelSet

TWO = LabelSet("two", ("a", "b"), ((0, 0, 0), (1, 1, 1)))


class Frames:
    """Frame i has i + 1 pixels of class 0 and one of class 1."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        labels = np.array([[0] * (index + 1) + [1]], np.uint8)
        return LabelledImage(np.zeros((*labels.shape, 3), np.uint8), labels, f"frame {index}")


def right_and_all_zero(sample):
    yield "right", Outcome(sample.labels, 1.0)
    yield "zero", Outcome(np.zeros_like(sample.labels), float(sample.labels.size))


def tally(journal, measure=right_and_all_zero, every=2):
    frames = chosen_frames(Frames(5), every)
    return tally_frames(measure, Frames(5), frames, ["right", "zero"], TWO, journal, "test")


def test_counts_and_times_are_those_of_the_chosen_frames(tmp_path):
    result = tally(Journal(tmp_path / "x.partial", {}))
    # Frames 0, 2 and 4 have 1 + 3 + 5 pixels of class 0 and 3 of class 1, and 2, 4 and 6 pixels each.
    assert result["right"].confusion.counts.tolist() == [[9, 0, 0], [0, 3, 0]]
    assert result["zero"].confusion.counts.tolist() == [[9, 0, 0], [3, 0, 0]]
    assert result["zero"].frame_counts[:, 0, 0].tolist() == [1, 3, 5]
    assert (result["right"].seconds_per_frame, result["zero"].seconds_per_frame) == (1.0, 4.0)


def test_what_was_measured_before_is_not_measured_again(tmp_path):
    def stop_at_the_last(sample):
        if sample.name == "frame 4":
            raise KeyboardInterrupt
        yield from right_and_all_zero(sample)

    path, seen = tmp_path / "x.partial", []

    def record(sample):
        seen.append(sample.name)
        yield from right_and_all_zero(sample)

    with pytest.raises(KeyboardInterrupt):
        tally(Journal(path, {}), stop_at_the_last)
    resumed = tally(Journal(path, {}), record)
    assert seen == ["frame 4"]
    whole = tally(Journal(tmp_path / "y.partial", {}))
    for name in whole:
        assert np.array_equal(resumed[name].confusion.counts, whole[name].confusion.counts)


@pytest.mark.parametrize(
    ("every", "words"),
    [
        (1, "camvid val, all 101 frames"),
        (2, "camvid val, every 2nd of 101 frames (51)"),
        (11, "camvid val, every 11th of 101 frames (10)"),
        (23, "camvid val, every 23rd of 101 frames (5)"),
    ],
)
def test_the_choice_of_frames_is_put_in_words(every, words):
    assert describe_frames("camvid", "val", Frames(101), every) == words


def test_every_0th_frame_is_refused():
    with pytest.raises(ConfigurationError, match="every is 0; expected 1 or more"):
        chosen_frames(Frames(3), 0)


def test_means_of_groups_leave_out_what_does_not_occur():
    means = group_means({"road": 0.9, "sky": 0.7, "car": float("nan"), "pole": 0.2, "bicyclist": 0.4})
    assert means == pytest.approx({"frequent": 0.8, "thin": 0.3})
    assert np.isnan(group_means({"road": 0.9})["thin"])

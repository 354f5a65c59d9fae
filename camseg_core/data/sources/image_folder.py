"""A folder of frames, with or without a folder of label images."""

from collections.abc import Iterator
from pathlib import Path

from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.data.datasets.labelled_folder import LabelledFolder
from camseg_core.data.images import list_images, read_rgb
from camseg_core.data.sources.source_frame import SourceFrame
from camseg_core.labels import LabelSet


class ImageFolder:
    """The images of one folder as a stream, in the order of their names.

    The label of ``NAME.jpg`` is ``NAME.png`` in the label folder: one byte a pixel, the class id. The rule for ids,
    which CamVid's layout follows: 0 … n−1 are the n classes; n (CamVid: 11) and 255 are void and become 255; any other
    id is an error, because then the folder belongs to another label set.

    Args:
        images: folder of frames.
        labels: folder of label images, or None where there is no truth.
        rate_hz: frames are stamped 0, 1/rate, 2/rate … seconds.
        label_set: the classes the label ids mean.

    Raises:
        DatasetError: a folder is missing, holds no frames, or lacks a label. Iterating raises it for a file that cannot
            be decoded, a label of another size than its frame, or an id that is neither class nor void.
    """

    def __init__(self, images: Path, labels: Path | None, rate_hz: float, label_set: LabelSet) -> None:
        self._images = list_images(images)
        self._labelled = None if labels is None else LabelledFolder(images, labels, folder_label_map(label_set))
        self._period_ns = 1e9 / rate_hz

    def __len__(self) -> int:
        return len(self._images)

    def __iter__(self) -> Iterator[SourceFrame]:
        for index, path in enumerate(self._images):
            stamp_ns = round(index * self._period_ns)
            if self._labelled is None:
                yield SourceFrame(image=read_rgb(path), stamp_ns=stamp_ns, labels=None)
            else:
                sample = self._labelled[index]
                yield SourceFrame(image=sample.image, stamp_ns=stamp_ns, labels=sample.labels)

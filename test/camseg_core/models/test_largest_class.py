"""The class with the largest logit is the one that torch's argmax names."""

import pytest
import torch

from camseg_core.models.largest_class import largest_class


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_it_is_that_of_argmax(dtype, memory_format):
    torch.manual_seed(0)
    logits = torch.randn(2, 11, 40, 56).to(dtype, memory_format=memory_format)
    cut = logits[..., :37, :50]
    assert torch.equal(largest_class(cut), cut.argmax(dim=1).to(torch.uint8))
    assert largest_class(cut).dtype == torch.uint8


def test_of_equals_it_is_the_first():
    # Few values, so that nearly every pixel has several that are the largest.
    logits = torch.randint(1, 4, (1, 19, 40, 56), generator=torch.Generator().manual_seed(0)).float()
    largest = logits.amax(dim=1)
    expected = [next(c for c in range(19) if logits[0, c, 3, x] == largest[0, 3, x]) for x in range(56)]
    assert largest_class(logits)[0, 3].tolist() == expected


@pytest.mark.parametrize("classes", [1, 256])
def test_the_first_and_the_last_of_as_many_classes_as_there_can_be(classes):
    logits = torch.zeros(1, classes, 1, 2)
    logits[0, 0, 0, 0] = logits[0, -1, 0, 1] = 1.0
    assert largest_class(logits).tolist() == [[[0, classes - 1]]]


def test_what_is_ruled_out_is_never_the_largest():
    logits = torch.tensor([-torch.inf, -3.0, -torch.inf, -2.0]).view(1, 4, 1, 1)
    assert largest_class(logits).item() == 3

"""Attention by matrix products is attention."""

import pytest
import torch
from torch.nn import functional

from camseg_core.runtime.attention import attend_by_products


@pytest.fixture(params=[(1, 3, 50, 50), (2, 3, 20, 70)], ids=["of itself", "of more, in a batch"])
def inputs(request):
    batch, heads, length, more = request.param
    random = torch.Generator().manual_seed(0)
    # As a model has them: parts of one product, whose tokens lie apart.
    joint = torch.randn((batch, more, 3, heads, 16), generator=random, dtype=torch.float64)
    query, key, value = joint.permute(2, 0, 3, 1, 4)
    return query[:, :, -length:], key, value


@pytest.mark.parametrize("max_scores", [2**20, 1000, 1])
def test_it_is_the_softmax_of_scaled_products_however_many_queries_at_a_time(inputs, max_scores, monkeypatch):
    monkeypatch.setattr("camseg_core.runtime.attention.MAX_SCORES", max_scores)
    query, key, value = inputs
    weights = torch.softmax(torch.einsum("nhld,nhmd->nhlm", query, key) / 16**0.5, dim=-1)
    expected = torch.einsum("nhlm,nhmd->nhld", weights, value)
    torch.testing.assert_close(attend_by_products(query, key, value), expected)


def test_in_bfloat16_it_is_nearly_what_torch_has(inputs):
    rounded = [values.bfloat16() for values in inputs]
    expected = functional.scaled_dot_product_attention(*inputs)
    found = attend_by_products(*rounded)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), expected, rtol=0.05, atol=0.02)

"""The host waits for a GPU, and for that one alone."""

import pytest
import torch

from camseg_core.runtime.device import wait_for


@pytest.mark.parametrize(("name", "waited_for"), [("cuda:1", [torch.device("cuda:1")]), ("cpu", [])])
def test_it_is_the_device_given_that_is_waited_for(monkeypatch, name, waited_for):
    calls = []
    monkeypatch.setattr(torch.cuda, "synchronize", calls.append)
    wait_for(torch.device(name))
    assert calls == waited_for

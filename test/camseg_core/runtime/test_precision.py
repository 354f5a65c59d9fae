"""Each GPU is asked for its own instructions: beside an old one, a new one still has its."""

import pytest
import torch

from camseg_core.runtime.precision import supports_bfloat16


@pytest.fixture
def turing_and_ampere(monkeypatch):
    capabilities = {0: (7, 5), 1: (8, 6)}

    def capability(device=None):
        return capabilities[torch.device(device).index if device is not None else 0]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", capability)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties(capabilities[index][0]))


class Properties:
    def __init__(self, major: int) -> None:
        self.major = major


@pytest.mark.parametrize(("index", "expected"), [(0, False), (1, True)])
def test_it_is_the_device_given_that_is_asked(turing_and_ampere, index, expected):
    assert supports_bfloat16(torch.device("cuda", index)) is expected


@pytest.mark.parametrize("index", [0, 1])
def test_gpus_of_amd_have_them(turing_and_ampere, monkeypatch, index):
    monkeypatch.setattr(torch.version, "hip", "6.2")
    assert supports_bfloat16(torch.device("cuda", index))

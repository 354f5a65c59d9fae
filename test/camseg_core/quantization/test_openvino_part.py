"""A part computed by OpenVINO is called as the part is, and gives what it gives."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from camseg_core.errors import ConfigurationError
from camseg_core.quantization.openvino_part import OpenVinoPart
from camseg_core.quantization.rounding import round_layers
from camseg_core.runtime.precision import supports_bfloat16

TOLERANCE = {"rtol": 0.02, "atol": 0.02} if supports_bfloat16(torch.device("cpu")) else {"rtol": 1e-4, "atol": 1e-4}


class Pyramid(nn.Module):
    """Maps at two sizes and a sequence, and an integer that says where the sequence begins."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(8, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 32, 3, 2, padding=1)

    def forward(self, maps: Tensor, begin: int, shift: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        large = torch.relu(self.first(maps))
        small = self.second(large) + shift[:, None, None, None]
        return large, small, small.flatten(2).transpose(1, 2)[:, begin:]


@pytest.fixture
def part() -> Pyramid:
    torch.manual_seed(0)
    return Pyramid().eval().requires_grad_(False)


@pytest.fixture
def maps() -> Tensor:
    return torch.randn((1, 8, 12, 16), generator=torch.Generator().manual_seed(1))


def assert_equal(found: tuple[Tensor, ...], expected: tuple[Tensor, ...]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.float(), other, **TOLERANCE)


def test_tensors_and_integers_go_in_and_a_tuple_of_maps_and_sequences_comes_out(part, maps):
    shift = torch.tensor([0.5])
    found = OpenVinoPart(part, threads=1)(maps, 5, shift)
    assert_equal(found, part(maps, 5, shift))
    assert found[0].is_contiguous(memory_format=torch.channels_last)
    assert found[2].dtype == torch.float32


def test_in_inference_mode_and_under_autocast_as_an_engine_calls_it(part, maps):
    computed = OpenVinoPart(part, threads=1)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = computed(maps.to(memory_format=torch.channels_last).bfloat16(), 0, torch.tensor([0.0]))
    assert_equal(found, part(maps.bfloat16().float(), 0, torch.tensor([0.0])))


def test_another_size_or_integer_is_another_computation(part, maps):
    computed = OpenVinoPart(part, threads=1)
    shift = torch.tensor([0.0])
    for values, begin in ((maps, 0), (maps[..., :10], 0), (maps, 3), (maps.repeat(2, 1, 1, 1), 0), (maps, 0)):
        expected = part(values, begin, shift)
        found = computed(values, begin, shift)
        assert [one.shape for one in found] == [one.shape for one in expected]
        assert_equal(found, expected)


def test_a_result_stays_when_the_part_is_called_again(part, maps):
    computed = OpenVinoPart(part, threads=1)
    found = computed(maps, 0, torch.tensor([0.0]))
    kept = [one.clone() for one in found]
    computed(-maps, 0, torch.tensor([1.0]))
    assert all(torch.equal(one, other) for one, other in zip(found, kept, strict=True))


def test_one_tensor_comes_out_as_one():
    layer = nn.Linear(32, 32).eval().requires_grad_(False)
    values = torch.randn((5, 32), generator=torch.Generator().manual_seed(0))
    found = OpenVinoPart(layer, threads=1)(values)
    torch.testing.assert_close(found, layer(values), **TOLERANCE)


def test_rounded_layers_are_computed_in_integers(part, maps):
    round_layers(part, {"second": (0.0, 4.0)})
    computed = OpenVinoPart(part, threads=1)
    arguments = maps, 0, torch.tensor([0.0])
    assert_equal(computed(*arguments), part(*arguments))
    (request,) = computed._requests.values()
    nodes = [node.get_rt_info() for node in request.get_compiled_model().get_runtime_model().get_ordered_ops()]
    convolutions = [node for node in nodes if node["layerType"].astype(str) == "Convolution"]
    assert [node["runtimePrecision"].astype(str) in ("i8", "u8") for node in convolutions] == [False, True]


def test_its_layers_are_none_of_the_model(part):
    model = nn.Sequential(OpenVinoPart(part, threads=1))
    assert list(model.parameters()) == []


def test_without_openvino_the_setting_is_named(part, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(
        ConfigurationError, match=r"int8 is true, but OpenVINO cannot be imported .*pip install openvino"
    ):
        OpenVinoPart(part, threads=1)


def test_nothing_is_reported_home(tmp_path):
    code = (
        "import sys, torch; from camseg_core.quantization.openvino_part import OpenVinoPart; "
        "OpenVinoPart(torch.nn.Linear(2, 2).requires_grad_(False), 1)(torch.zeros(1, 2)); "
        "from openvino.tools.ovc.telemetry_utils import tm; print(tm.__name__)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "openvino.tools.ovc.telemetry_stub", result.stderr

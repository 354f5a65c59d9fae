"""What the embeddings of a model are known by, and what of it is weights of one part."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from camseg_core.errors import WeightsError
from camseg_core.labels import CAMVID
from camseg_core.model_files import SHIPPED_WEIGHTS, label_set_of
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.loading import embedding_hash
from camseg_core.weights_files import load_parts, save_module


@pytest.fixture
def copied(tiny_model, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model / name).read_bytes())
    return tmp_path


def change_setting(folder, name, value):
    config = json.loads((folder / "config.json").read_text())
    config[name] = value(config[name])
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize("part", ["transformer", "stem", "fusion", "head", "mask_autoencoder"])
def test_embeddings_stay_the_same_whatever_becomes_of_the_masks(tiny_model, altered_model, part):
    assert embedding_hash(str(altered_model(part))) == embedding_hash(str(tiny_model))


def test_another_image_autoencoder_makes_other_embeddings(tiny_model, altered_model):
    assert embedding_hash(str(altered_model("image_autoencoder"))) != embedding_hash(str(tiny_model))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input_height_px", lambda pixels: pixels + 8),
        ("input_width_px", lambda pixels: pixels + 8),
        ("image_autoencoder", lambda config: config | {"scaling_factor": 2.0 * config["scaling_factor"]}),
    ],
)
def test_another_size_or_scale_makes_other_embeddings(tiny_model, copied, name, value):
    change_setting(copied, name, value)
    assert embedding_hash(str(copied)) != embedding_hash(str(tiny_model))


def test_the_weights_that_ship_differ_in_what_they_were_trained_on_alone():
    last_run, before = (SHIPPED_WEIGHTS / name for name in ("camseg-small", "camseg-small-train"))
    configurations = [json.loads((folder / "config.json").read_text()) for folder in (last_run, before)]
    names = [configuration.pop("model_id") for configuration in configurations]
    assert names == ["camseg-small", "camseg-small-train"]
    assert configurations[0] == configurations[1]
    # A drift reference and a fast decoder of the one are right for the other.
    states = [load_file(folder / "model.safetensors") for folder in (last_run, before)]
    autoencoders = [name for name in states[0] if name.split(".")[0].endswith("autoencoder")]
    assert autoencoders
    for name in autoencoders:
        assert torch.equal(states[0][name], states[1][name]), name


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_configuration_without_a_label_set_is_named(copied, content):
    assert label_set_of(str(copied)) == CAMVID
    (copied / "config.json").write_text(content)
    with pytest.raises(WeightsError, match=r"config\.json: names no label set"):
        label_set_of(str(copied))


def test_a_model_without_an_image_autoencoder_is_named(copied):
    state = load_file(copied / "model.safetensors")
    save_file(
        {name: value for name, value in state.items() if "image_autoencoder" not in name}, copied / "model.safetensors"
    )
    with pytest.raises(WeightsError, match=r"model.safetensors: has no image_autoencoder"):
        embedding_hash(str(copied))
    (copied / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"config.json: names no image autoencoder or input size"):
        embedding_hash(str(copied))


def test_parts_are_taken_and_the_rest_stays(tiny_config, tiny_model):
    torch.manual_seed(1)
    model = CamSeg(tiny_config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    load_parts(model, tiny_model, ("stem", "fusion"))
    given = load_file(tiny_model / "model.safetensors")
    for name, value in model.state_dict().items():
        taken = name.split(".")[0] in ("stem", "fusion")
        assert torch.equal(value, (given if taken else before)[name]), name


def test_a_part_that_is_absent_or_of_another_shape_is_named(tiny_config, tiny_model, tmp_path):
    model = CamSeg(tiny_config)
    with pytest.raises(
        WeightsError, match=r"has no classifier; expected the weights of a model with stem and classifier"
    ):
        load_parts(model, tiny_model, ("stem", "classifier"))
    save_module(torch.nn.ModuleDict({"stem": torch.nn.Conv2d(3, 5, 3)}), tiny_config, tmp_path)
    with pytest.raises(WeightsError, match=r"model.safetensors: has a stem of another shape"):
        load_parts(model, tmp_path, ("stem",))

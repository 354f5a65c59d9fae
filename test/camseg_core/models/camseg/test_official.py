"""The published files, at a small size, become a model of ours that computes what the published code computes."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from safetensors import safe_open
from safetensors.torch import load_file

from camseg_core.autoencoders import Posterior
from camseg_core.errors import WeightsError
from camseg_core.labels import CITYSCAPES_CAMSEG
from camseg_core.models.camseg.official import convert, pull
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings

FIXTURES = Path(__file__).parents[3] / "fixtures" / "camseg_official"
SAMPLING = SamplingSettings(steps=100, sampler="ddpm")
CPU = torch.device("cpu")


def fixture(name: str) -> dict[str, torch.Tensor]:
    return load_file(FIXTURES / f"{name}.safetensors")


def write_autoencoder(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    """As Latent Diffusion saves it: weights of the losses beside the autoencoder's."""
    torch.save({"epoch": 3, "state_dict": weights | {"loss.logvar": torch.zeros(())}}, path)
    return path


def write_transformer(path: Path, weights: dict[str, torch.Tensor], prefix: str = "") -> Path:
    """As CAM-Seg's training saves it; the averaged weights are twice the others here."""
    named = {prefix + name: value for name, value in weights.items()}
    averaged = {name: 2.0 * value for name, value in named.items()}
    content = {"model": named, "model_ema": averaged, "optimizer": {"state": {}}, "epoch": 2000, "scaler": {}}
    torch.save(content | {"args": argparse.Namespace(model="mar_base", lr=1e-4)}, path)
    return path


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    folder = tmp_path_factory.mktemp("official")
    autoencoder = write_autoencoder(folder / "modelf16.ckpt", fixture("autoencoder_weights"))
    return autoencoder, write_transformer(folder / "city768.16.pth", fixture("transformer_weights"))


@pytest.fixture(scope="module")
def folder(official, tmp_path_factory):
    out = tmp_path_factory.mktemp("converted") / "camseg-tiny"
    convert(*official, out, heads=4)
    return out


@pytest.fixture
def model(folder):
    return load_model(str(folder), CPU)


def assert_equal(ours: torch.Tensor, published: torch.Tensor) -> None:
    assert ours.shape == published.shape
    assert float((ours - published).abs().max()) <= 1e-4 * float(published.abs().max())


def test_sizes_are_those_of_the_weights(model):
    config = model.config
    assert (config.input_height_px, config.input_width_px) == (64, 64)
    assert (config.width, config.heads, config.mlp_ratio) == (48, 4, 4.0)
    assert (config.encoder_blocks, config.decoder_blocks) == (2, 2)
    assert (config.head_width, config.head_blocks) == (64, 3)
    assert (config.model_id, config.label_set) == ("camseg-tiny", "cityscapes-camseg")


def test_the_autoencoder_is_stored_once(folder):
    with safe_open(folder / "model.safetensors", "pt") as file:
        assert {name.partition(".")[0] for name in file.keys()} == {"image_autoencoder", "transformer", "head"}  # noqa: SIM118


@torch.no_grad()
def test_image_latent(model):
    vectors = fixture("autoencoder_vectors")
    assert_equal(model.image_latent(vectors["image"]), 0.2325 * vectors["mean"])


@torch.no_grad()
def test_from_image_latent_through_conditions_and_samples_to_labels(model, monkeypatch):
    vectors = fixture("transformer_vectors")
    drawn = iter(vectors["sample_noise"])
    latents = []

    def to_map(tokens):
        return tokens.view(2, 4, 4, -1).permute(0, 3, 1, 2)

    def condition(image):
        computed = type(model).condition(model, image)
        assert_equal(computed, to_map(vectors["z"][:, 16:]))
        return computed

    def decode(latent):
        latents.append(latent)
        return type(model.mask_autoencoder).decode(model.mask_autoencoder, latent)

    posterior = Posterior(vectors["image_latent"], torch.zeros_like(vectors["image_latent"]))
    monkeypatch.setattr(model.image_autoencoder, "encode", lambda _: posterior)
    monkeypatch.setattr(model.mask_autoencoder, "decode", decode)
    monkeypatch.setattr(model, "condition", condition)
    monkeypatch.setattr(model, "starting_noise", lambda *_: to_map(vectors["sample_x_T"]))
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: to_map(next(drawn)))
    segmentation = model.segment(torch.zeros(2, 3, 64, 64), SAMPLING)
    assert_equal(latents[0].permute(0, 2, 3, 1).reshape(32, 16), vectors["sample_out"])
    assert segmentation.logits.shape == (2, 20, 64, 64)


@torch.no_grad()
def test_decoded_image_and_labels(model, monkeypatch):
    vectors = fixture("autoencoder_vectors")
    decoded = model.mask_autoencoder.decode(0.2325 * vectors["mean"])
    assert_equal(decoded, vectors["decoded"])
    # The published way to labels, in numpy: Euclidean distance to the palette rounded to four digits.
    pixels = vectors["decoded"].permute(0, 2, 3, 1).numpy() * 0.5 + 0.5
    palette = np.round(np.array(CITYSCAPES_CAMSEG.colors) / 255.0, 4)
    labels = np.linalg.norm(pixels[..., None, :] - palette, axis=-1).argmin(axis=-1)
    assert len(np.unique(labels)) > 1
    assert np.mean(model.mask_codec.logits(decoded).argmax(dim=1).numpy() == labels) > 0.999


def test_averaged_weights_on_request(official, tmp_path):
    convert(*official, tmp_path / "plain", heads=4)
    convert(*official, tmp_path / "averaged", heads=4, ema=True)
    plain, averaged = (load_file(tmp_path / name / "model.safetensors") for name in ("plain", "averaged"))
    torch.testing.assert_close(averaged["head.final_linear.bias"], 2.0 * plain["head.final_linear.bias"])
    name = "image_autoencoder.network.quant_conv.weight"
    torch.testing.assert_close(averaged[name], plain[name])


def test_files_of_distributed_training(official, folder, tmp_path):
    prefixed = write_transformer(tmp_path / "prefixed.pth", fixture("transformer_weights"), prefix="module.")
    convert(official[0], prefixed, tmp_path / "out", heads=4)
    assert (tmp_path / "out/model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_pulling_fetches_both_files(official, tmp_path):
    # As wide as the published model, for which the number of heads is known, and otherwise as small as can be.
    width = 768
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, value in fixture("transformer_weights").items():
        shape = [{48: width, 144: 3 * width, 192: width}.get(size, size) for size in value.shape]
        if "adaLN" in name or (name.startswith("diffloss.net.") and "cond_embed" not in name):
            shape = list(value.shape)
        if "_blocks.1." not in name or name.startswith("diffloss"):
            weights[name] = torch.randn(shape, generator=generator) * 0.02
    wide = write_transformer(tmp_path / "city768.16.pth", weights)
    files = {"pretrained_models/vae/modelf16.ckpt": official[0], "pretrained_models/mar/city768.16.pth": wide}
    asked = []

    def download(repository, name):
        asked.append((repository, name))
        return str(files[name])

    config = pull(tmp_path / "camseg-wide", download=download)
    assert asked == [("mahmed10/CAM-Seg", name) for name in files]
    assert (config.width, config.heads, config.encoder_blocks, config.mlp_ratio) == (768, 12, 1, 1.0)
    assert json.loads((tmp_path / "camseg-wide/config.json").read_text())["model_id"] == "camseg-wide"


class ClientError(Exception):
    """As HTTP clients raise: no OSError, and often without a text."""


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ConnectionError("no route"), "no route"),
        (ClientError("\nread timed out\nwhile a file came"), "read timed out"),
        (ClientError(), "ClientError"),
    ],
)
def test_a_hub_out_of_reach_is_named(tmp_path, error, cause):
    def download(repository, name):
        raise error

    message = rf"mahmed10/CAM-Seg: .*modelf16.ckpt cannot be fetched from the Hugging Face hub \({cause}\)$"
    with pytest.raises(WeightsError, match=message) as raised:
        pull(tmp_path, download=download)
    assert raised.value.__cause__ is error


def refused(official, tmp_path, message: str, **changes) -> None:
    """The transformer's file with some tensors replaced, or left out where None, is refused."""
    weights = {name: value for name, value in (fixture("transformer_weights") | changes).items() if value is not None}
    with pytest.raises(WeightsError, match=message):
        convert(official[0], write_transformer(tmp_path / "city.pth", weights), tmp_path / "out", heads=4)
    assert not (tmp_path / "out").exists()


def test_a_missing_tensor_is_named(official, tmp_path):
    refused(official, tmp_path, "city.pth: holds no 'mask_token'", mask_token=None)


def test_a_tensor_of_another_size_is_named(official, tmp_path):
    message = r"city.pth: 'decoder_norm.bias' is \(47,\); expected \(48,\)"
    refused(official, tmp_path, message, **{"decoder_norm.bias": torch.zeros(47)})


def test_a_tensor_of_other_dimensions_is_named(official, tmp_path):
    message = r"city.pth: 'z_proj1.weight' is \(48,\); expected 2 dimensions"
    refused(official, tmp_path, message, **{"z_proj1.weight": torch.zeros(48)})


def test_a_tensor_without_a_place_is_named(official, tmp_path):
    # What MAR's own checkpoints, which make images of classes, hold and CAM-Seg's do not.
    refused(official, tmp_path, "city.pth: holds 'fake_latent' and 0 more", fake_latent=torch.zeros(1, 48))


def test_latents_of_another_autoencoder_are_named(official, tmp_path):
    message = r"city.pth: 'z_proj1.weight' takes 4 channels; expected 16, those of the latents of .*modelf16.ckpt"
    refused(official, tmp_path, message, **{"z_proj1.weight": torch.zeros(48, 4)})


def test_positions_that_are_no_two_squares_are_named(official, tmp_path):
    message = "city.pth: 'encoder_pos_embed_learned' has 30 positions"
    refused(official, tmp_path, message, encoder_pos_embed_learned=torch.zeros(1, 30, 48))


@pytest.mark.parametrize(("heads", "message"), [(None, "is 48 wide.*expected its number of heads"), (5, "5 heads")])
def test_heads_that_cannot_be_are_named(official, tmp_path, heads, message):
    with pytest.raises(WeightsError, match=f"city768.16.pth: .*{message}"):
        convert(*official, tmp_path, heads=heads)

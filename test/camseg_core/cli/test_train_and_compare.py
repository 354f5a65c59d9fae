"""The experiments that train what they compare, and the network they compare with, from the command line."""

import json

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from camseg_core.autoencoders.storage import save_autoencoder
from camseg_core.cli.main import app
from camseg_core.errors import ConfigurationError
from camseg_core.models.camseg.stages import mask_autoencoder
from camseg_core.models.loading import load_model

pytestmark = pytest.mark.slow
SMALL = ["--batch-size", "1", "--size", "48x64", "--device", "cpu"]


@pytest.fixture(scope="module")
def autoencoders(tiny_camvid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("autoencoders")
    run("train", "image-autoencoder", "--root", tiny_camvid, "--out", folder / "image", "--steps", 1, *SMALL)
    torch.manual_seed(0)
    save_autoencoder(mask_autoencoder("kl"), folder / "mask")
    return folder


def run(*arguments):
    result = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def logged_validations(folder):
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return sum("val_miou" in entry for entry in log)


def test_reconstruction_trains_both_kinds_once_and_publishes(tiny_camvid, tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "results" / "reconstruction"
    command = ["eval", "reconstruction", "--root", tiny_camvid, "--runs", runs, "--out", out, *SMALL, "--steps"]
    for _ in range(2):
        run(*command, 2)
    assert [logged_validations(runs / kind) for kind in ("kl", "vq")] == [1, 1]

    results = json.loads(out.with_suffix(".json").read_text())["results"]
    for kind in ("kl", "vq"):
        per_class = [value for value in results[kind]["per_class_f1"].values() if value is not None]
        assert results[kind]["f1"] == pytest.approx(sum(per_class) / len(per_class))
        # 0.75 % of the diagonal of 48×64 pixels.
        assert set(results[kind]["boundary_f1"]) == {"1px", "0.6px"}
    assert results["kl"]["code_usage"] is None
    assert 1 <= results["vq"]["code_usage"]["perplexity"] <= results["vq"]["code_usage"]["used"] <= 1024
    assert results["vq"]["parameters"] == pytest.approx(results["kl"]["parameters"], rel=0.02)
    assert out.with_suffix(".png").stat().st_size > 0

    with pytest.raises(ConfigurationError, match="was begun with steps 2, now 3; expected the same"):
        run(*command, 3)


def test_masking_trains_both_variants_and_publishes(tiny_camvid, autoencoders, tmp_path):
    runs, out = tmp_path / "runs", tmp_path / "results" / "masking"
    parts = [f"--{kind}-autoencoder={autoencoders / kind}" for kind in ("image", "mask")]
    run("eval", "masking", "--root", tiny_camvid, *parts, "--runs", runs, "--out", out, *SMALL, "--steps", 2)
    published = json.loads(out.with_suffix(".json").read_text())
    assert {name: of["mask_ratio_min"] for name, of in published["results"].items()} == {"fixed": 1.0, "random": 0.7}
    weights = published["provenance"]["weights"]
    assert set(weights) == {str(runs / "fixed"), str(runs / "random")}
    assert len(set(weights.values())) == 2
    assert "100 %, fixed" in out.with_suffix(".md").read_text()

    again = ["--runs", runs, "--out", out, *SMALL, "--steps", 2, "--start", runs / "fixed"]
    with pytest.raises(ConfigurationError, match="was begun with start random, now "):
        run("eval", "masking", "--root", tiny_camvid, *parts, *again)


def test_the_discriminative_network_trains_and_loads(tiny_camvid, autoencoders, tmp_path):
    arguments = ["--root", tiny_camvid, "--image-autoencoder", autoencoders / "image", "--out", tmp_path, "--steps", 2]
    run("train", "discriminative", *arguments, "--with-val", *SMALL)
    model = load_model(str(tmp_path), torch.device("cpu"))
    assert model.model_id == "discriminative-small"


def test_segmentation_begins_with_features_trained_before(tiny_camvid, autoencoders, tmp_path):
    parts = [f"--{kind}-autoencoder={autoencoders / kind}" for kind in ("image", "mask")]
    features, model = tmp_path / "features", tmp_path / "model"
    run("train", "features", "--root", tiny_camvid, parts[0], "--out", features, "--steps", 2, *SMALL)
    segmentation = ["train", "segmentation", "--root", tiny_camvid, *parts, "--initial-features", features]
    # A learning rate of zero leaves what it began with.
    run(*segmentation, "--out", model, "--steps", 1, "--learning-rate", 0, *SMALL)
    trained = load_model(str(features), torch.device("cpu"))
    begun = load_model(str(model), torch.device("cpu"))
    for part in ("stem", "fusion"):
        for name, value in getattr(begun, part).named_parameters():
            assert torch.equal(value, trained.get_parameter(f"{part}.{name}")), name


def test_new_features_replace_those_of_initial_weights(tiny_camvid, autoencoders, tmp_path):
    parts = [f"--{kind}-autoencoder={autoencoders / kind}" for kind in ("image", "mask")]
    # A learning rate of zero leaves what each begins with.
    still = ["--root", tiny_camvid, "--steps", 1, "--learning-rate", 0, *SMALL]
    start, features, more, model = (tmp_path / name for name in ("start", "features", "more", "model"))
    run("train", "segmentation", *still, *parts, "--out", start, "--seed", 1)
    run("train", "features", *still, parts[0], "--out", features, "--seed", 2)
    run("train", "features", *still, parts[0], "--out", more, "--seed", 3, "--initial-features", features)
    run(
        *("train", "segmentation", *still, *parts, "--out", model, "--seed", 4),
        *("--initial-weights", start, "--initial-features", more),
    )
    begun, weights, trained = (load_file(folder / "model.safetensors") for folder in (model, start, features))
    for part, source in (("stem", trained), ("fusion", trained), ("transformer", weights), ("head", weights)):
        names = [
            name for name in begun if name.startswith(f"{part}.") and "running_" not in name and "num_" not in name
        ]
        assert names
        for name in names:
            assert torch.equal(begun[name], source[name]), name


def test_an_unknown_kind_of_mask_autoencoder_is_named(tiny_camvid, tmp_path):
    with pytest.raises(ConfigurationError, match="kind of mask autoencoder is 'gumbel'; expected one of kl, vq"):
        run("train", "mask-autoencoder", "--root", tiny_camvid, "--out", tmp_path, "--kind", "gumbel", *SMALL)


def test_conditioning_publishes_every_alteration(tiny_camvid, tiny_model, tmp_path):
    out = tmp_path / "conditioning"
    run("eval", "conditioning", "--root", tiny_camvid, "--model", tiny_model, "--device", "cpu", "--out", out)
    published = json.loads(out.with_suffix(".json").read_text())
    assert len(published["results"]) == 8
    assert set(published["results"]["intact"]["per_class_iou"]) > {"pole", "sign"}
    assert not out.with_name("conditioning.partial").exists()

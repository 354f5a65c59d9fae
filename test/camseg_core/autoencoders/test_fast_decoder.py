"""A fast decoder says what the full decoder says, on disk belongs to one mask autoencoder, and learns in few steps."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.fast_decoder import (
    FILE_NAME,
    FastDecoder,
    FastDecoderConfig,
    decoder_id,
    load_fast_decoder,
    save_fast_decoder,
)
from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.labels import CAMVID
from camseg_core.models.camseg.distillation import (
    DistillationSettings,
    MaskLatents,
    _choose,
    collect_latents,
    distil,
    new_fast_decoder,
)
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def decoder() -> FastDecoder:
    torch.manual_seed(1)
    return FastDecoder(FastDecoderConfig(latent_channels=4, classes=11, upsampling=8, width=16, blocks=1)).eval()


@pytest.fixture
def autoencoder(tiny_config) -> KLAutoencoder:
    torch.manual_seed(2)
    return KLAutoencoder(tiny_config.mask_autoencoder).eval()


@pytest.fixture
def model_with_fast_decoder(tiny_model, decoder, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    save_fast_decoder(decoder, load_model(str(folder), CPU).mask_autoencoder, folder / FILE_NAME)
    return folder


def test_logits_have_the_size_of_the_image(decoder):
    assert decoder(torch.randn(2, 4, 6, 8)).shape == (2, 11, 48, 64)


def test_pixels_that_cannot_be_halved_are_refused():
    with pytest.raises(ConfigurationError, match="upsampling is 7; expected an even number"):
        FastDecoderConfig(latent_channels=4, classes=11, upsampling=7)


@pytest.mark.parametrize("name", ["width", "fine_width"])
def test_widths_that_fall_into_no_groups_are_refused(name):
    with pytest.raises(ConfigurationError, match=f"{name} is 40; expected a multiple of 16"):
        FastDecoderConfig(latent_channels=4, classes=11, upsampling=8, **{name: 40})


@pytest.fixture
def full_of_two_blocks() -> KLAutoencoder:
    """Its blocks but the first at either end do nothing, nor does its last convolution look at neighbours."""
    torch.manual_seed(3)
    config = KLAutoencoderConfig(11, 4, (12, 16), pixel_unshuffle=4, norm_groups=4, scaling_factor=0.7)
    autoencoder = KLAutoencoder(config).eval()
    full = autoencoder.network.decoder
    with torch.no_grad():
        autoencoder.network.post_quant_conv.bias.zero_()  # or borders, where its output is padded with 0, would differ
        for block in (full.mid_block.resnets[1], *full.up_blocks[0].resnets, full.up_blocks[1].resnets[1]):
            block.conv2.weight.zero_()
            block.conv2.bias.zero_()
        center = full.conv_out.weight[..., 1, 1].clone()
        full.conv_out.weight.zero_()[..., 1, 1] = center
    return autoencoder


def test_started_from_a_decoder_that_does_no_more_it_says_the_same(full_of_two_blocks):
    decoder = FastDecoder(FastDecoderConfig(4, 11, 8, width=16, blocks=1, fine_width=12, fine_blocks=1, norm_groups=4))
    assert decoder.start_from(full_of_two_blocks) == 6
    latent = torch.randn(2, 4, 6, 8)
    with torch.no_grad():
        torch.testing.assert_close(decoder(latent), full_of_two_blocks.decode(latent), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ({"width": 8}, 2),  # norm and last
        ({"fine_width": 16}, 3),  # first, block and finer
        ({"norm_groups": 2}, 3),  # first, finer and last: what is normalised in other groups is another function
        ({"classes": 12}, 5),
    ],
)
def test_layers_laid_out_otherwise_stay_as_they_were(full_of_two_blocks, sizes, expected):
    same = FastDecoderConfig(4, 11, 8, width=16, blocks=1, fine_width=12, fine_blocks=1, norm_groups=4)
    assert FastDecoder(replace(same, **sizes)).start_from(full_of_two_blocks) == expected


def test_a_file_holds_the_decoder_in_bfloat16(decoder, autoencoder, tmp_path):
    path = tmp_path / FILE_NAME
    save_fast_decoder(decoder, autoencoder, path)
    loaded = load_fast_decoder(path, autoencoder, classes=11)
    for name, value in decoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.to(torch.bfloat16).to(torch.float32)), name
    assert path.stat().st_size < 3 * sum(value.numel() for value in decoder.parameters())


def test_the_id_follows_the_decoder_and_the_scale_alone(autoencoder):
    before = decoder_id(autoencoder)
    with torch.no_grad():
        autoencoder.network.encoder.conv_in.weight.add_(1.0)
    assert decoder_id(autoencoder) == before
    with torch.no_grad():
        autoencoder.network.decoder.conv_out.bias[0] += 1e-3
    assert decoder_id(autoencoder) != before


def test_a_decoder_of_another_mask_autoencoder_is_refused(decoder, autoencoder, tmp_path):
    save_fast_decoder(decoder, autoencoder, tmp_path / FILE_NAME)
    with torch.no_grad():
        autoencoder.network.post_quant_conv.bias.add_(1.0)
    with pytest.raises(WeightsError, match=r"stands for the mask decoder \w{16}; expected \w{16}"):
        load_fast_decoder(tmp_path / FILE_NAME, autoencoder, classes=11)


def test_a_decoder_of_other_classes_is_refused(decoder, autoencoder, tmp_path):
    save_fast_decoder(decoder, autoencoder, tmp_path / FILE_NAME)
    with pytest.raises(WeightsError, match="11 classes apart; expected the model's 19"):
        load_fast_decoder(tmp_path / FILE_NAME, autoencoder, classes=19)


def test_a_file_cut_short_is_named(decoder, autoencoder, tmp_path):
    path = tmp_path / FILE_NAME
    save_fast_decoder(decoder, autoencoder, path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="is not a fast decoder"):
        load_fast_decoder(path, autoencoder, classes=11)


def test_a_model_without_one_says_how_to_make_it(tiny_model):
    with pytest.raises(WeightsError, match="camseg train fast-decoder"):
        load_model(str(tiny_model), CPU, decoder="fast")


def test_an_unknown_decoder_is_refused(tiny_model):
    with pytest.raises(ConfigurationError, match="decoder is 'quick'; expected one of full, fast"):
        load_model(str(tiny_model), CPU, decoder="quick")


def test_the_fast_decoder_takes_the_place_of_the_full_one(model_with_fast_decoder):
    model = load_model(str(model_with_fast_decoder), CPU, decoder="fast")
    images = torch.rand((1, 3, 48, 64)) * 2.0 - 1.0
    with torch.no_grad():
        prepared = model.prepare(images, model.image_latent(images))
        expected = model.fast_decoder(model.draw_latent(prepared, SamplingSettings(seed=5)))
        found = model.draw(prepared, SamplingSettings(seed=5))
    torch.testing.assert_close(found, expected)


def test_the_full_decoder_stays_where_nothing_is_said(model_with_fast_decoder, tiny_model):
    images = torch.rand((1, 3, 48, 64)) * 2.0 - 1.0
    drawn = [
        load_model(str(folder), CPU).segment(images, SamplingSettings())
        for folder in (model_with_fast_decoder, tiny_model)
    ]
    torch.testing.assert_close(drawn[0].logits, drawn[1].logits)


def frame_of(size: tuple[int, int]) -> LabelledImage:
    labels = np.random.default_rng(0).integers(0, 11, size).astype(np.uint8)
    return LabelledImage(CAMVID.color_table()[labels], labels, "frame")


def test_true_latents_are_those_of_the_labels(tiny_model):
    model, frame = load_model(str(tiny_model), CPU), frame_of((48, 64))
    found = collect_latents(model, [frame], DistillationSettings())
    labels = torch.from_numpy(frame.labels).long()[None]
    for latent, masks in ((found.true, labels), (found.mirrored, labels.flip(-1))):
        with torch.no_grad():
            expected = model.mask_autoencoder.latent(model.mask_codec.encode(masks))
        torch.testing.assert_close(latent, expected, rtol=0.05, atol=0.05)  # computed in bfloat16


def test_frames_of_any_size_give_latents_at_the_model_s(tiny_model):
    model, small = load_model(str(tiny_model), CPU), frame_of((48, 64))
    large = LabelledImage(*(np.repeat(np.repeat(each, 2, 0), 3, 1) for each in (small.image, small.labels)), "large")
    settings = DistillationSettings(views=1)
    same = collect_latents(model, [small], settings)
    found = collect_latents(model, [large, small], settings)
    assert len(found.drawn) == len(found.views) == 2
    for latents, expected in ((found.true, same.true), (found.mirrored, same.mirrored)):
        for latent in latents:
            assert torch.equal(latent, expected[0])


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_decoder_is_distilled_of_collected_latents_in_either_precision(tiny_model, monkeypatch, bfloat16):
    for module in ("models.camseg.distillation", "runtime.prediction"):
        monkeypatch.setattr(f"camseg_core.{module}.supports_bfloat16", lambda _: bfloat16)
    model = load_model(str(tiny_model), CPU)
    settings = DistillationSettings(steps=4, width=16, blocks=1)
    latents = collect_latents(model, [frame_of((48, 64))], settings)
    decoder = distil(new_fast_decoder(model, settings), model, latents, settings)
    assert all(bool(value.isfinite().all()) for value in decoder.state_dict().values())


def test_a_dataset_without_frames_gives_no_latents(tiny_model):
    with pytest.raises(ConfigurationError, match="has no frames"):
        collect_latents(load_model(str(tiny_model), CPU), [], DistillationSettings())


def test_latents_of_views_are_drawn_for_each_frame_and_the_same_again(wide_model):
    model = load_model(str(wide_model), CPU)
    frames = [frame_of((48, 64))] * 3
    found, again = (collect_latents(model, frames, DistillationSettings(views=2)) for _ in range(2))
    assert found.views.shape == (6, *found.drawn.shape[1:])
    assert torch.equal(found.views, again.views)
    # Views of one frame differ, from each other and from the frame's own latent.
    assert len({tuple(latent.flatten().tolist()) for latent in (*found.views, found.drawn[0])}) == 7
    assert len(collect_latents(model, frames, DistillationSettings(views=0)).views) == 0


def test_three_latents_of_four_are_those_of_views():
    nothing, ones = torch.zeros(5, 4, 6, 8), torch.ones(7, 4, 6, 8)
    random = torch.Generator().manual_seed(0)
    latents = MaskLatents(nothing, nothing, nothing, ones)
    chosen = [float(_choose(latents, 0.0, random).mean()) for _ in range(2000)]
    assert np.mean(chosen) == pytest.approx(0.75, abs=0.04)  # four standard deviations
    assert not _choose(replace(latents, views=ones[:0]), 0.0, random).any()


@pytest.mark.parametrize(("setting", "expected"), [({"steps": 0}, "1 or more"), ({"views": -1}, "0 or more")])
def test_nothing_is_distilled_in_no_steps_or_of_fewer_views_than_none(setting, expected):
    ((name, value),) = setting.items()
    with pytest.raises(ConfigurationError, match=f"{name} is {value}; expected {expected}"):
        DistillationSettings(**setting)


def test_distillation_brings_the_classes_together(tiny_model):
    model = load_model(str(tiny_model), CPU)
    torch.manual_seed(0)
    latents = MaskLatents(*[torch.randn(1, 4, 6, 8)] * 4)
    with torch.no_grad():
        target = model.decode_mask(latents.drawn, (48, 64)).float().log_softmax(dim=1)

    def divergence(steps: int) -> float:
        settings = DistillationSettings(steps=steps, learning_rate=5e-3, warmup_steps=5, noise=0.0, width=16, blocks=1)
        decoder = distil(new_fast_decoder(model, settings), model, latents, settings)
        with torch.no_grad():
            found = decoder(latents.drawn).float().log_softmax(dim=1)
        return float((target.exp() * (target - found)).sum(dim=1).mean())

    assert divergence(60) < 0.6 * divergence(1)

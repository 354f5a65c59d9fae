"""The vector-quantised autoencoder: nearest codes, gradients, codes that follow and revive; as large as the KL one."""

from dataclasses import asdict

import pytest
import torch

from camseg_core.autoencoders import KLAutoencoder, VQAutoencoder, VQAutoencoderConfig
from camseg_core.autoencoders.storage import load_autoencoder, load_vq_autoencoder, save_autoencoder
from camseg_core.autoencoders.vq import DECAY, VectorQuantizer
from camseg_core.errors import WeightsError
from camseg_core.models.camseg.configuration import camseg_small

CONFIG = VQAutoencoderConfig(11, 4, (8, 8), pixel_unshuffle=4, norm_groups=4, codes=32)


def quantizer(codes=7, channels=3):
    torch.manual_seed(0)
    return VectorQuantizer(codes, channels)


def outputs(batch=2, channels=3, rows=4, columns=5):
    return torch.randn(batch, channels, rows, columns, generator=torch.Generator().manual_seed(1))


def test_every_position_takes_the_code_that_brute_force_finds_nearest():
    module, drawn = quantizer().eval(), outputs()
    quantized = module(drawn)
    squared = 0.0
    for image in range(2):
        for row in range(4):
            for column in range(5):
                vector = drawn[image, :, row, column]
                distances = [float((vector - code).square().sum()) for code in module.codebook]
                nearest = min(range(7), key=distances.__getitem__)
                assert int(quantized.codes[image, row, column]) == nearest
                torch.testing.assert_close(quantized.latent[image, :, row, column], module.codebook[nearest])
                squared += distances[nearest]
    assert float(quantized.commitment) == pytest.approx(squared / drawn.numel(), rel=1e-5)


def test_the_gradient_passes_straight_through_and_commitment_pulls_to_the_code():
    module, drawn = quantizer().eval(), outputs().requires_grad_()
    quantized = module(drawn)
    direction = torch.randn_like(drawn)
    (gradient,) = torch.autograd.grad((quantized.latent * direction).sum(), drawn, retain_graph=True)
    torch.testing.assert_close(gradient, direction)
    (gradient,) = torch.autograd.grad(quantized.commitment, drawn)
    torch.testing.assert_close(gradient, 2.0 * (drawn - quantized.latent).detach() / drawn.numel())


def test_the_first_batch_starts_all_codes_on_its_vectors():
    module, drawn = quantizer().train(), outputs() * 100.0
    module._revive(drawn.permute(0, 2, 3, 1).reshape(-1, 3), torch.ones(40), torch.Generator().manual_seed(0))
    vectors = {tuple(vector) for vector in drawn.permute(0, 2, 3, 1).reshape(-1, 3).tolist()}
    assert all(tuple(code) in vectors for code in module.codebook.tolist())


def test_a_code_moves_to_the_mean_of_the_vectors_that_take_it():
    module = quantizer(codes=2, channels=1).train()
    module.codebook.copy_(torch.tensor([[0.0], [10.0]]))
    module.counts.copy_(torch.tensor([2.0, 2.0]))
    module.totals.copy_(torch.tensor([[0.0], [20.0]]))
    module(torch.tensor([1.0, 2.0, 9.0, 3.0]).view(1, 1, 2, 2))
    # Moving averages of how often a code is taken and of the sum of what takes it (van den Oord et al., equation 6).
    first = (1 - DECAY) * 6.0 / (DECAY * 2.0 + (1 - DECAY) * 3.0)
    second = (DECAY * 20.0 + (1 - DECAY) * 9.0) / (DECAY * 2.0 + (1 - DECAY) * 1.0)
    torch.testing.assert_close(module.codebook, torch.tensor([[first], [second]]))


def test_a_dead_code_is_moved_onto_a_badly_matched_vector():
    module = quantizer(codes=2, channels=1).train()
    module.codebook.copy_(torch.tensor([[0.0], [-100.0]]))
    module.counts.copy_(torch.tensor([4.0, 0.0]))
    module.totals.zero_()
    quantized = module(torch.tensor([0.0, 0.0, 0.0, 7.0]).view(1, 1, 2, 2), torch.Generator().manual_seed(0))
    assert quantized.codes.flatten().tolist() == [0, 0, 0, 1]
    torch.testing.assert_close(module.codebook[1], torch.tensor([7.0]))


def test_evaluation_leaves_the_codes_alone():
    module = quantizer().eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module(outputs())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_a_collapsed_codebook_spreads_again():
    module = quantizer(codes=16, channels=2).train()
    # All codes lie far off on one spot but differ by a hair: the nearest one takes everything.
    module.codebook.mul_(1e-3).add_(50.0)
    module.counts.fill_(16.0)
    module.totals.copy_(16.0 * module.codebook)
    generator = torch.Generator().manual_seed(0)
    for _ in range(600):
        quantized = module(torch.rand(1, 2, 16, 16, generator=generator), generator)
    assert quantized.codes.unique().numel() == 16
    # Of two uniform values, 4×4 equal cells leave an error of 1/12 · 1/16; one code leaves 1/12.
    assert float(quantized.commitment) < 1.3 / 12 / 16


def test_the_latent_has_the_kl_autoencoders_shape_and_decodes_to_logits():
    torch.manual_seed(0)
    autoencoder = VQAutoencoder(CONFIG).eval()
    latent = autoencoder.latent(torch.randn(2, 11, 48, 64))
    assert latent.shape == (2, 4, 6, 8)
    assert autoencoder.decode(latent).shape == (2, 11, 48, 64)


def test_it_is_as_large_as_the_kl_autoencoder_of_camseg_small():
    kl = camseg_small().mask_autoencoder
    sizes = {name: value for name, value in asdict(kl).items() if name != "scaling_factor"}
    vq = VQAutoencoder(VQAutoencoderConfig(**sizes))
    expected = sum(parameter.numel() for parameter in KLAutoencoder(kl).parameters())
    count = sum(parameter.numel() for parameter in vq.parameters()) + vq.quantizer.codebook.numel()
    assert count == pytest.approx(expected, rel=0.02)


def test_saved_and_loaded_it_gives_the_same_and_is_not_taken_for_a_kl_autoencoder(tmp_path):
    torch.manual_seed(0)
    autoencoder = VQAutoencoder(CONFIG).eval()
    save_autoencoder(autoencoder, tmp_path)
    pixels = torch.randn(1, 11, 16, 16)
    assert torch.equal(load_vq_autoencoder(tmp_path).eval().encode(pixels).codes, autoencoder.encode(pixels).codes)
    with pytest.raises(WeightsError, match=r"config\.json: is not a KLAutoencoderConfig \(unknown entries \['codes'\]"):
        load_autoencoder(tmp_path)

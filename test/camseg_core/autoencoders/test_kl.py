"""The KL autoencoder: sizes, scaling, posterior."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig, Posterior

CONFIG = KLAutoencoderConfig(
    channels=3, latent_channels=4, block_channels=(8, 16), pixel_unshuffle=2, norm_groups=4, scaling_factor=0.5
)


@pytest.fixture
def autoencoder():
    torch.manual_seed(0)
    return KLAutoencoder(CONFIG).eval()


@torch.no_grad()
def test_latent_is_smaller_by_the_downsampling_and_decodes_to_the_same_size(autoencoder):
    assert CONFIG.downsampling == 4
    mean = autoencoder.encode(torch.randn(2, 3, 16, 24)).mean
    assert mean.shape == (2, 4, 4, 6)
    assert autoencoder.decode(mean).shape == (2, 3, 16, 24)


@torch.no_grad()
def test_scaling_factor_scales_the_latent_and_is_undone_by_decoding(autoencoder):
    torch.manual_seed(0)
    unscaled = KLAutoencoder(KLAutoencoderConfig(**{**vars(CONFIG), "scaling_factor": 1.0})).eval()
    pixels = torch.randn(1, 3, 16, 16)
    scaled, plain = autoencoder.encode(pixels), unscaled.encode(pixels)
    torch.testing.assert_close(scaled.mean, 0.5 * plain.mean)
    torch.testing.assert_close(scaled.log_variance.exp(), 0.25 * plain.log_variance.exp())
    torch.testing.assert_close(autoencoder.decode(scaled.mean), unscaled.decode(plain.mean))


def test_kl_divergence_is_that_of_two_normals():
    posterior = Posterior(mean=torch.randn(2, 3, 4, 5), log_variance=torch.randn(2, 3, 4, 5))
    expected = kl_divergence(Normal(posterior.mean, (0.5 * posterior.log_variance).exp()), Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(posterior.kl_divergence(), expected)


def test_samples_have_the_posterior_moments():
    posterior = Posterior(
        mean=torch.full((1, 1, 200, 200), 2.0), log_variance=torch.full((1, 1, 200, 200), 2.0).log() * 2
    )
    drawn = posterior.sample(torch.Generator().manual_seed(0))
    # Standard errors at 40,000 draws: 0.01 for the mean, 0.007 for the standard deviation.
    assert float(drawn.mean()) == pytest.approx(2.0, abs=0.05)
    assert float(drawn.std()) == pytest.approx(2.0, abs=0.04)

"""Given the published code's weights and inputs, our transformer, head and sampler give its outputs."""

from pathlib import Path

import pytest
import torch
from diffusers.schedulers import scheduling_ddpm
from safetensors.torch import load_file

from camseg_core.models.camseg.diffusion_head import DiffusionHead
from camseg_core.models.camseg.transformer import MaskedTransformer
from camseg_core.sampling import NoiseProcess, make_scheduler, sample

FIXTURES = Path(__file__).parents[3] / "fixtures" / "camseg_official"
GRID = (4, 4)
PROCESS = NoiseProcess(prediction_type="epsilon", learned_variance=True)
HEAD_PREFIX = "diffloss.net."
TRANSFORMER_NAMES = {
    "z_proj1.": "image_projection.",
    "z_proj2.": "mask_projection.",
    "z_proj_ln.": "input_norm.",
    "encoder_pos_embed_learned": "encoder_position",
    "decoder_pos_embed_learned": "decoder_position",
    "diffusion_pos_embed_learned": "diffusion_position",
}
HEAD_NAMES = {
    "final_layer.adaLN_modulation.1": "final_modulation",
    "final_layer.linear": "final_linear",
    "adaLN_modulation.1": "modulation",
}


def rename(name: str, names: dict[str, str]) -> str:
    for official, ours in names.items():
        name = name.replace(official, ours)
    return name


@pytest.fixture(scope="module")
def weights():
    return load_file(FIXTURES / "transformer_weights.safetensors")


@pytest.fixture(scope="module")
def vectors():
    return load_file(FIXTURES / "transformer_vectors.safetensors")


@pytest.fixture(scope="module")
def transformer(weights):
    module = MaskedTransformer(
        token_channels=(16, 16), grid=GRID, width=48, heads=4, mlp_ratio=4.0, encoder_blocks=2, decoder_blocks=2
    )
    ours = {rename(n, TRANSFORMER_NAMES): value for n, value in weights.items() if not n.startswith(HEAD_PREFIX)}
    module.load_state_dict(ours)
    return module.eval()


@pytest.fixture(scope="module")
def head(weights):
    module = DiffusionHead(latent_channels=16, output_channels=32, condition_channels=48, width=64, blocks=3)
    ours = {
        rename(n.removeprefix(HEAD_PREFIX), HEAD_NAMES): value
        for n, value in weights.items()
        if n.startswith(HEAD_PREFIX)
    }
    module.load_state_dict(ours)
    return module.eval()


def assert_equal(ours: torch.Tensor, official: torch.Tensor) -> None:
    assert ours.shape == official.shape
    assert float((ours - official).abs().max()) <= 1e-4 * float(official.abs().max())


@torch.no_grad()
def test_with_every_mask_token_masked(transformer, vectors):
    encoded = transformer.encode(vectors["image_latent"].flatten(2).transpose(1, 2), GRID)
    assert_equal(encoded, vectors["encoder_out"])
    assert_equal(transformer.decode(encoded, GRID), vectors["z"])


@torch.no_grad()
def test_with_some_mask_tokens_visible(transformer, vectors):
    masked = vectors["partial_mask"][:, 16:].bool()
    visible = torch.stack([torch.nonzero(~row).squeeze(1) for row in masked])
    image_tokens = vectors["image_latent"].flatten(2).transpose(1, 2)
    encoded = transformer.encode(image_tokens, GRID, vectors["mask_tokens"], visible)
    assert_equal(encoded, vectors["encoder_out_partial"])
    assert_equal(transformer.decode(encoded, GRID, visible), vectors["z_partial"])


@torch.no_grad()
def test_diffusion_head(head, vectors):
    assert_equal(head(vectors["head_x"], vectors["head_t"], vectors["head_c"]), vectors["head_out"])


def test_noise_schedule(vectors):
    scheduler = make_scheduler("ddpm", PROCESS)
    scheduler.set_timesteps(100)
    assert scheduler.timesteps.flip(0).tolist() == vectors["sample_timesteps"].tolist()
    assert_equal(scheduler.betas, vectors["train_betas"])


@torch.no_grad()
def test_sampling(head, vectors, monkeypatch):
    drawn = iter(vectors["sample_noise"])
    monkeypatch.setattr(scheduling_ddpm, "randn_tensor", lambda *_, **__: next(drawn))
    sampled = sample(
        denoise=lambda noisy, timestep: head(noisy, timestep, vectors["head_c"]),
        noise=vectors["sample_x_T"],
        scheduler=make_scheduler("ddpm", PROCESS),
        steps=100,
    )
    assert_equal(sampled, vectors["sample_out"])

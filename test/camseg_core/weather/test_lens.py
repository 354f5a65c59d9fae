import numpy as np
import pytest

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.weather import Windscreen, apply_lens_blockage, apply_rain
from camseg_core.weather.lens import SUBSTANCES
from camseg_core.weather.patches import patch_mask
from camseg_core.weather.windscreen import WIPER_PERIOD_S, draw_drops, drops_per_m2_s

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
NEAR = np.full((120, 160), 0.2, np.float32)
"""Nearer than any streak, so that only what is on the glass shows."""


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_patches_cover_the_stated_share(share):
    mask = patch_mask(180, 240, share, np.random.default_rng(1), edge_px=0.3)
    assert (mask > 0.5).mean() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("substance", SUBSTANCES)
def test_more_dirt_leaves_less_of_the_image(substance):
    lost = [
        np.abs(apply_lens_blockage(NOISE, percent, 3, substance).astype(int) - NOISE).mean() for percent in (5, 20, 60)
    ]
    assert lost == sorted(lost)
    assert lost[0] > 0


def test_mud_is_dark_and_the_rest_stays_as_it_was():
    bright = np.full((120, 160, 3), 220, np.uint8)
    seen = apply_lens_blockage(bright, 40.0, 0, "mud")
    assert seen.min() < 90
    assert (seen == bright).all(axis=-1).mean() > 0.2


def test_water_blurs_and_keeps_the_light():
    seen = apply_lens_blockage(NOISE, 100.0, 0, "water")
    assert seen.std() < 0.3 * NOISE.std()


def test_the_seed_decides_substance_and_patches():
    assert np.array_equal(apply_lens_blockage(NOISE, 30, 1), apply_lens_blockage(NOISE, 30, 1))
    pictures = {apply_lens_blockage(NOISE, 30, seed).tobytes() for seed in range(4)}
    assert len(pictures) == 4


def test_drops_gather_until_the_wiper_comes_and_stay_where_they_hit():
    start_s = next(t for t in np.arange(0, 3, 0.01) if Windscreen(0, t).stroke()[1] < 0.01)

    def wet(time_s):
        return (apply_rain(NOISE, NEAR, 100.0, 0, speed_mps=20.0, windscreen=Windscreen(0, time_s)) != NOISE).any(-1)

    dry = (apply_rain(NOISE, NEAR, 100.0, 0, speed_mps=20.0) != NOISE).any(-1)
    early, late = wet(start_s + 0.3) & ~dry, wet(start_s + 1.2) & ~dry
    assert 0 < early.sum() < late.sum()
    assert (early & ~late).sum() < 0.02 * early.sum()
    wiped = wet(start_s + WIPER_PERIOD_S + 0.01) & ~dry
    assert wiped.sum() < 0.2 * late.sum()


def test_hits_on_glass_are_the_flux_through_its_projection():
    # A screen raked by 60°: seen from the front it is half as high, seen from above sin 60° as long.
    assert drops_per_m2_s(100.0, 0.0, 10.0) == pytest.approx(500.0)
    assert drops_per_m2_s(100.0, 6.0, 0.0) == pytest.approx(100 * 6 * np.sqrt(3) / 2)


def test_a_drop_shows_the_whole_scene_turned_round():
    light = np.zeros((120, 160, 3), np.float32)
    light[:, :80, 0] = 1.0
    light[:, 80:, 1] = 1.0
    draw_drops(light, np.array([8.0]), np.random.default_rng(4), focal_px=160.0)
    across, down, _ = np.random.default_rng(4).random(3)
    row, column, radius = round(down * 120), round(across * 160), round(160 * 8e-3 / 0.12)
    left, right = light[row, column - radius // 2], light[row, column + radius // 2]
    assert left[1] > 2 * left[0]
    assert right[0] > 2 * right[1]


@pytest.mark.parametrize(
    ("named", "options"),
    [
        ("covered_percent = 101", {"covered_percent": 101.0}),
        ("covered_percent = nan", {"covered_percent": float("nan")}),
        ("seed = -1", {"seed": -1}),
        ("substance 'jam'", {"substance": "jam"}),
    ],
)
def test_values_out_of_range_are_named(named, options):
    with pytest.raises(ConfigurationError, match=named):
        apply_lens_blockage(NOISE, **{"covered_percent": 10.0, "seed": 0, **options})


def test_an_image_that_is_none_is_refused():
    with pytest.raises(FrameError, match="expected"):
        apply_lens_blockage(NOISE[..., 0], 10.0, 0)

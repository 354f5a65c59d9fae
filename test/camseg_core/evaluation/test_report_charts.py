"""The geometry of the charts: ticks, bands and lines lie where their values are."""

import dataclasses

import pytest

from camseg_core.evaluation.report import charts
from camseg_core.evaluation.report.statistics import latency_percentiles
from camseg_core.weather import Weather

PLOT_LEFT, PLOT_RIGHT = charts.LEFT_PX, charts.WIDTH_PX - charts.RIGHT_PX
PLOT_TOP, PLOT_BOTTOM = charts.TOP_PX, charts.HEIGHT_PX - charts.BOTTOM_PX


def drift_chart(run):
    return charts.drift_chart(run, charts.weather_stretches(run))


@pytest.mark.parametrize(
    ("low", "high", "count", "expected"),
    [
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        (0.0, 0.9, 5, [0, 0.2, 0.4, 0.6, 0.8]),
        (103.0, 131.0, 3, [110, 120, 130]),
        (0.0, 40.0, 10, [0, 5, 10, 15, 20, 25, 30, 35, 40]),
    ],
)
def test_ticks_are_round_numbers_within_the_axis(low, high, count, expected):
    assert charts.tick_values(low, high, count) == pytest.approx(expected)


def stamped(run, stamps_s):
    """The run with stamps of these seconds."""
    frames = zip(run.frames, stamps_s, strict=True)
    return dataclasses.replace(
        run, frames=tuple(dataclasses.replace(frame, stamp_ns=round(stamp_s * 1e9)) for frame, stamp_s in frames)
    )


@pytest.mark.parametrize(
    ("stamps_s", "axis_s"),
    [
        ([0, 0, 0], (0, 1)),
        ([10, 20, 0], (-10, 20)),
        ([10, 11, 0], (-10, 2)),
        ([5, 4, 3], (-2, 1)),
        ([1_700_000_000, 0, 1_700_000_001], (-1_700_000_000, 1_700_000_002)),
    ],
)
def test_stamps_that_stand_still_or_jump_back_can_be_drawn(made_up_run, stamps_s, axis_s):
    chart = drift_chart(stamped(made_up_run([Weather.fog(80.0)] * 2 + [Weather.clear()]), stamps_s))
    start_s, end_s = axis_s
    px_per_s = (PLOT_RIGHT - PLOT_LEFT) / (end_s - start_s)
    expected = [PLOT_LEFT + (stamp_s - stamps_s[0] - start_s) * px_per_s for stamp_s in stamps_s]
    assert [point.x for point in chart.points] == pytest.approx(expected, abs=0.02)
    assert all(PLOT_LEFT <= tick.at <= PLOT_RIGHT for tick in chart.x_ticks)
    assert len(chart.x_ticks) >= 2


def test_a_band_covers_its_frames_where_stamps_jump_back_after_them(made_up_run):
    run = stamped(made_up_run([Weather.fog(80.0)] * 3 + [Weather.clear()] * 2), [10, 11, 12, 0, 1])
    fog, clear = drift_chart(run).bands
    by_frame = [point.x for point in drift_chart(run).points]
    assert (fog.x, fog.x + fog.width) == pytest.approx((by_frame[0], by_frame[2]), abs=0.02)
    # The last one lasts a period of 1 s after its last frame.
    assert (clear.x, clear.width) == pytest.approx((by_frame[3], 2 * (by_frame[4] - by_frame[3])), abs=0.02)


def test_weather_bands_fill_the_time_axis_without_gaps(made_up_run):
    weather = [Weather.clear()] * 4 + [Weather.fog(80.0)] * 2 + [Weather.fog(60.0)] * 2 + [Weather.clear()] * 8
    chart = drift_chart(made_up_run(weather))
    assert [band.kind for band in chart.bands] == ["clear", "fog", "clear"]
    assert chart.bands[0].x == PLOT_LEFT
    for band, following in zip(chart.bands, chart.bands[1:], strict=False):
        assert band.x + band.width == pytest.approx(following.x, abs=0.02)
    assert chart.bands[-1].x + chart.bands[-1].width == pytest.approx(PLOT_RIGHT, abs=0.02)
    # 4 of 16 frames are fog.
    assert chart.bands[1].width == pytest.approx((PLOT_RIGHT - PLOT_LEFT) / 4, abs=0.05)


def test_thresholds_and_scores_share_one_axis(made_up_run):
    run = made_up_run([Weather.clear()] * 3, score=lambda index: 10.0)  # made-up thresholds are 10 and 14
    chart = drift_chart(run)
    warn, error = chart.thresholds
    assert [point.y for point in chart.points] == [warn.at] * 3
    assert PLOT_TOP < error.at < warn.at < PLOT_BOTTOM
    assert warn.label == "warn 10"


def test_a_run_without_truth_has_no_bands(made_up_run):
    assert drift_chart(made_up_run([None] * 5)).bands == ()


def test_frames_that_were_not_judged_are_left_out(made_up_run):
    run = made_up_run([Weather.clear()] * 5, processed=lambda index: index != 2)
    assert len(drift_chart(run).points) == 4
    assert drift_chart(made_up_run([None] * 5, processed=lambda index: False)) is None


def test_a_single_frame_can_be_drawn(made_up_run):
    run = made_up_run([Weather.clear()])
    assert len(drift_chart(run).points) == 1
    assert charts.latency_chart(run, {"p50": 100.0}).percentiles[0].label == "p50 100 ms"


def test_the_bars_of_the_histogram_count_every_frame_and_stand_on_the_axis(made_up_run):
    run = made_up_run([None] * 50, latency_ms=lambda index: 100.0 + index)
    latencies = [frame.latency_ms for frame in run.frames]
    chart = charts.latency_chart(run, latency_percentiles(latencies))
    assert sum(int(bar.title.split()[0]) for bar in chart.bars) == 50
    assert all(bar.y + bar.height == pytest.approx(PLOT_BOTTOM, abs=0.02) for bar in chart.bars)
    p50, p95, p99 = (mark.at for mark in chart.percentiles)
    assert p50 == pytest.approx((PLOT_LEFT + PLOT_RIGHT) / 2, abs=0.1)
    assert p50 < p95 < p99 < PLOT_RIGHT


def test_equal_latencies_can_be_drawn(made_up_run):
    run = made_up_run([None] * 3, latency_ms=lambda index: 20.0)
    assert sum(int(bar.title.split()[0]) for bar in charts.latency_chart(run, {"p50": 20.0}).bars) == 3


def test_infinite_thresholds_are_not_drawn(made_up_run):
    run = made_up_run([None] * 2)
    frames = tuple(
        dataclasses.replace(frame, drift=dataclasses.replace(frame.drift, error_threshold=float("nan")))
        for frame in run.frames
    )
    assert [mark.name for mark in drift_chart(dataclasses.replace(run, frames=frames)).thresholds] == ["warn"]


def test_of_a_long_drive_every_point_is_the_highest_of_its_frames_so_that_no_peak_is_lost(made_up_run):
    peak = 1234
    run = made_up_run([None] * (2 * charts.POINTS + 1), score=lambda index: 13.0 if index == peak else 5.0)
    chart = drift_chart(run)
    assert chart.frames_per_point == 3
    assert len(chart.points) == (2 * charts.POINTS + 1 + 2) // 3
    highest = min(chart.points, key=lambda point: point.y)
    assert highest.state == "warn"
    assert highest.x == pytest.approx(PLOT_LEFT + (PLOT_RIGHT - PLOT_LEFT) * peak / len(run.frames), abs=0.1)


def test_a_stretch_is_labelled_only_where_the_label_fits(made_up_run):
    run = made_up_run([None] * 100)
    wide = charts.Stretch(0.0, 10.0, "error", "fog")
    narrow = charts.Stretch(15.0, 15.2, "warn", "a long cause")
    first, second = charts.drift_chart(run, [wide, narrow]).bands
    assert (first.kind, first.label, second.kind, second.label) == ("error", "fog", "warn", "")
    assert first.width == pytest.approx((PLOT_RIGHT - PLOT_LEFT) / 2, abs=0.05)

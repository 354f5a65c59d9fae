"""Camera pixel formats become RGB; contradictory sizes are refused with the value named."""

from array import array

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from camseg_core.errors import CamsegError, FrameError
from camseg_core.runtime.pixel_formats import ENCODINGS, to_rgb

HEIGHT, WIDTH = 4, 7  # not square, so that exchanged sides are seen
BYTES_PER_PIXEL = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "mono16": 2}


@pytest.fixture
def rgb() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def padded(rows: np.ndarray, padding: int) -> tuple[bytes, int]:
    """The bytes of an image whose rows are followed by ``padding`` bytes of 0xAA, and its step."""
    flat = rows.reshape(rows.shape[0], -1).view(np.uint8)
    full = np.pad(flat, ((0, 0), (0, padding)), constant_values=0xAA)
    return full.tobytes(), full.shape[1]


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "channel_order"),
    [("rgb8", (0, 1, 2)), ("bgr8", (2, 1, 0)), ("rgba8", (0, 1, 2, None)), ("bgra8", (2, 1, 0, None))],
)
def test_color_encodings_only_reorder_channels(rgb, encoding, channel_order, padding):
    alpha = np.full((HEIGHT, WIDTH), 77, np.uint8)
    stored = np.stack([alpha if c is None else rgb[:, :, c] for c in channel_order], axis=2)
    data, step = padded(stored, padding)
    np.testing.assert_array_equal(to_rgb(encoding, HEIGHT, WIDTH, step, data), rgb)


@pytest.mark.parametrize("padding", [0, 3])
def test_mono8_is_grey_in_all_channels(rgb, padding):
    data, step = padded(rgb[:, :, 0], padding)
    np.testing.assert_array_equal(to_rgb("mono8", HEIGHT, WIDTH, step, data), np.repeat(rgb[:, :, :1], 3, axis=2))


@pytest.mark.parametrize(("is_bigendian", "dtype"), [(False, "<u2"), (True, ">u2")])
def test_mono16_scales_full_range_to_full_range(is_bigendian, dtype):
    grey8 = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) * 255 // (HEIGHT * WIDTH - 1)
    data, step = padded((grey8 * 257).astype(dtype), 4)  # 257 = 65535 / 255
    result = to_rgb("mono16", HEIGHT, WIDTH, step, data, is_bigendian)
    np.testing.assert_array_equal(result, np.repeat(grey8[:, :, None], 3, axis=2))


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_of_one_color_is_that_color_everywhere(pattern):
    color = {"r": 10, "g": 120, "b": 250}
    cell = np.array([color[c] for c in pattern], np.uint8).reshape(2, 2)
    mosaic = np.tile(cell, (3, 4))[:5, :7]  # odd sides cut through a cell
    data, step = padded(mosaic, 1)
    result = to_rgb(f"bayer_{pattern}8", 5, 7, step, data)
    assert np.unique(result.reshape(-1, 3), axis=0).tolist() == [[10, 120, 250]]


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize(("is_bigendian", "dtype"), [(False, "<u2"), (True, ">u2")])
def test_bayer_of_16_bits_is_that_of_8_bits_at_full_range(pattern, is_bigendian, dtype):
    mosaic = np.random.default_rng(0).integers(0, 256, (6, 8), dtype=np.uint8)
    data, step = padded((mosaic.astype(np.uint16) * 257).astype(dtype), 2)
    result = to_rgb(f"bayer_{pattern}16", 6, 8, step, data, is_bigendian)
    expected = to_rgb(f"bayer_{pattern}8", 6, 8, 8, mosaic.tobytes())
    assert np.abs(result.astype(int) - expected).max() <= 1  # interpolated before or after rounding


BT601_PRIMARIES = {(255, 0, 0): (81, 90, 240), (0, 255, 0): (145, 54, 34), (0, 0, 255): (41, 240, 110)}
"""Y', Cb, Cr of red, green and blue in studio range, ITU-R BT.601-7 table 2 rounded."""


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv", "nv12"])
@pytest.mark.parametrize(("rgb_color", "yuv"), BT601_PRIMARIES.items())
@pytest.mark.parametrize("padding", [0, 6])
def test_yuv_of_a_primary_color_is_that_color(encoding, rgb_color, yuv, padding):
    y, u, v = yuv
    if encoding == "nv12":
        rows = np.vstack([np.full((4, 6), y, np.uint8), np.tile(np.array([u, v], np.uint8), (2, 3))])
    else:
        pair = [u, y, v, y] if encoding in ("yuv422", "uyvy") else [y, u, y, v]
        rows = np.tile(np.array(pair, np.uint8), (4, 3))
    data, step = padded(rows, padding)
    result = to_rgb(encoding, 4, 6, step, data)
    assert result.shape == (4, 6, 3)
    assert np.abs(result.astype(int) - rgb_color).max() <= 3  # studio range has 220 steps for 256


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview, lambda b: array("B", b)])
def test_any_byte_buffer_is_read(rgb, buffer):
    np.testing.assert_array_equal(to_rgb("rgb8", HEIGHT, WIDTH, WIDTH * 3, buffer(rgb.tobytes())), rgb)


def test_unpadded_rgb8_is_not_copied(rgb):
    data = rgb.tobytes()
    assert np.shares_memory(to_rgb("rgb8", HEIGHT, WIDTH, WIDTH * 3, data), np.frombuffer(data, np.uint8))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"encoding": "yuv9000"}, ["encoding", "'yuv9000'", "rgb8"]),
        ({"encoding": ""}, ["encoding", "''"]),
        ({"height": 0}, ["size", "0x7"]),
        ({"width": 0}, ["size", "4x0"]),
        ({"step": 20}, ["step", "20", "21"]),
        ({"step": 22}, ["84 bytes", "88", "step 22"]),
        ({"height": 5}, ["84 bytes", "105", "height 5"]),
        ({"data": b""}, ["0 bytes", "84"]),
        ({"data": bytes(83)}, ["83 bytes", "84"]),
        ({"data": bytes(85)}, ["85 bytes", "84"]),
        ({"encoding": "bayer_rggb8", "height": 2, "step": 42}, ["2x7", "3x3"]),
        ({"encoding": "yuv422"}, ["4x7", "even width"]),
        ({"encoding": "nv12", "height": 3, "width": 6}, ["3x6", "even height and width"]),
        ({"encoding": "nv12", "width": 14}, ["84 bytes", "126", "height 4 and 2 chroma rows"]),
    ],
)
def test_contradictory_frame_is_refused_and_its_value_named(fields, named):
    good = {"encoding": "rgb8", "height": HEIGHT, "width": WIDTH, "step": WIDTH * 3, "data": bytes(HEIGHT * WIDTH * 3)}
    with pytest.raises(FrameError) as error:
        to_rgb(**(good | fields))
    assert [text for text in named if text not in str(error.value)] == []


@given(
    encoding=st.sampled_from(ENCODINGS) | st.text(max_size=8),
    height=st.integers(0, 2**32 - 1) | st.integers(0, 6),
    width=st.integers(0, 2**32 - 1) | st.integers(0, 6),
    step=st.integers(0, 2**32 - 1) | st.integers(0, 24),
    data=st.binary(max_size=144),
)
def test_any_fields_give_an_image_of_that_size_or_a_frame_error(encoding, height, width, step, data):
    try:
        result = to_rgb(encoding, height, width, step, data)
    except CamsegError:
        return
    assert (result.shape, result.dtype) == ((height, width, 3), np.uint8)


@given(
    encoding=st.sampled_from(sorted(BYTES_PER_PIXEL)),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    padding=st.integers(0, 3),
)
def test_every_consistent_frame_is_read(encoding, height, width, padding):
    step = width * BYTES_PER_PIXEL[encoding] + padding
    assert to_rgb(encoding, height, width, step, bytes(height * step)).shape == (height, width, 3)

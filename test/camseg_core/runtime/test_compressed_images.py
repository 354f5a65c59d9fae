"""JPEG and PNG as cameras send them, and everything else that may stand in such a message."""

import cv2
import numpy as np
import pytest

from camseg_core.errors import FrameError
from camseg_core.runtime.compressed_images import compressed_to_rgb

RED_TO_BLUE = np.zeros((16, 24, 3), np.uint8)
RED_TO_BLUE[:, :12] = (250, 10, 20)
RED_TO_BLUE[:, 12:] = (10, 20, 250)


def encoded(suffix, rgb=RED_TO_BLUE):
    return cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))[1].tobytes()


@pytest.mark.parametrize("image_format", ["png", "rgb8; png compressed bgr8", "bgr8; png compressed "])
def test_png_is_read_exactly(image_format):
    np.testing.assert_array_equal(compressed_to_rgb(image_format, encoded(".png")), RED_TO_BLUE)


@pytest.mark.parametrize("image_format", ["jpeg", "jpg", "bgr8; jpeg compressed bgr8"])
def test_jpeg_is_rgb_too(image_format):
    image = compressed_to_rgb(image_format, encoded(".jpg"))
    assert image.dtype == np.uint8
    assert np.abs(image[4, 4].astype(int) - RED_TO_BLUE[4, 4]).max() < 12
    assert np.abs(image[4, 20].astype(int) - RED_TO_BLUE[4, 20]).max() < 12


def test_grey_is_repeated():
    grey = np.arange(16 * 24, dtype=np.uint8).reshape(16, 24)
    image = compressed_to_rgb("mono8; png compressed ", cv2.imencode(".png", grey)[1].tobytes())
    np.testing.assert_array_equal(image, np.repeat(grey[..., None], 3, axis=2))


def mosaic_of(rgb, dtype=np.uint8):
    """What an RGGB sensor sees of it."""
    mosaic = np.empty(rgb.shape[:2], dtype)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        mosaic[row::2, column::2] = rgb[row::2, column::2, channel]
    return mosaic * dtype(257) if dtype == np.uint16 else mosaic


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_mosaic_that_compressed_image_transport_writes_of_a_bayer_image_has_its_colours(dtype):
    png = cv2.imencode(".png", mosaic_of(RED_TO_BLUE, dtype))[1].tobytes()
    image = compressed_to_rgb(f"bayer_rggb{8 * np.dtype(dtype).itemsize}; png compressed ", png)
    assert (image.shape, image.dtype) == (RED_TO_BLUE.shape, np.uint8)
    # Where all neighbours are of the same colour nothing has to be guessed.
    for columns in (slice(2, 10), slice(14, 22)):
        np.testing.assert_array_equal(image[2:-2, columns], RED_TO_BLUE[2:-2, columns])


def test_a_bayer_mosaic_in_a_jpeg_of_eight_bits_has_its_colours_too():
    jpeg = cv2.imencode(".jpg", mosaic_of(RED_TO_BLUE), [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    image = compressed_to_rgb("bayer_rggb16; jpeg compressed ", jpeg)
    assert np.abs(image[8, 5].astype(int) - RED_TO_BLUE[8, 5]).max() < 12


def test_colours_of_a_camera_whose_raw_images_are_bayer_are_read_as_they_are():
    np.testing.assert_array_equal(compressed_to_rgb("bayer_rggb8; png compressed bgr8", encoded(".png")), RED_TO_BLUE)


def test_a_mosaic_of_an_unknown_pattern_is_an_error():
    png = cv2.imencode(".png", mosaic_of(RED_TO_BLUE))[1].tobytes()
    with pytest.raises(FrameError, match="image encoding 'bayer_rgbw8' is not supported; expected one of"):
        compressed_to_rgb("bayer_rgbw8; png compressed ", png)


def test_zeros_after_the_end_do_not_matter():
    np.testing.assert_array_equal(compressed_to_rgb("png", encoded(".png") + bytes(7)), RED_TO_BLUE)


@pytest.mark.parametrize("image_format", ["h264", "", "16UC1; compressedDepth png", "rgb8; tiff"])
def test_another_format_is_an_error_naming_it(image_format):
    with pytest.raises(FrameError, match="is not supported; expected one of jpeg, png") as caught:
        compressed_to_rgb(image_format, encoded(".png"))
    assert repr(image_format) in str(caught.value)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_cut_image_is_an_error(suffix, share):
    whole = encoded(suffix)
    with pytest.raises(FrameError, match=r"cut short|begins with"):
        compressed_to_rgb(suffix[1:], whole[: int(len(whole) * share)])


def test_damage_inside_is_an_error():
    png = bytearray(encoded(".png"))
    png[12:16] = b"XXXX"  # the name of the header chunk
    with pytest.raises(FrameError, match="cannot be decoded"):
        compressed_to_rgb("png", bytes(png))


def test_a_chunk_that_claims_more_than_there_is_is_not_looked_for():
    png = bytearray(encoded(".png"))
    at = png.index(b"IDAT")
    png[at - 4 : at] = (2**21).to_bytes(4, "big")
    with pytest.raises(FrameError, match="damaged chunk; expected a whole png"):
        compressed_to_rgb("png", bytes(png))


def test_the_size_that_a_header_promises_is_not_believed():
    png = bytearray(encoded(".png"))
    png[16:24] = b"\x7f\xff\xff\xff" * 2
    with pytest.raises(FrameError, match="claims 2147483647x2147483647"):
        compressed_to_rgb("png", bytes(png))


def claiming(file: bytes, height: int, width: int) -> bytes:
    """The same file with another size in its header."""
    if file.startswith(b"\x89PNG"):
        return file[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + file[24:]
    at = file.index(b"\xff\xc0") + 5
    return file[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + file[at + 4 :]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("before", [b"", b"\xff\xe1\x00\x0e\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x22"])
def test_a_size_that_would_take_gigabytes_is_refused_before_it_is_decoded(suffix, before):
    file = encoded(suffix)
    if suffix == ".jpg":  # in a thumbnail or a maker's note a header counts for nothing
        file = file[:2] + before + file[2:]
        assert compressed_to_rgb("jpeg", file).shape == RED_TO_BLUE.shape
        at = len(before) + 2
        file = file[:at] + claiming(file[at:], 65000, 64000)
    else:
        file = claiming(file, 65000, 64000)
    with pytest.raises(FrameError, match=r"claims 65000x64000 pixels .* expected 33554432"):
        compressed_to_rgb("png; jpeg", file)

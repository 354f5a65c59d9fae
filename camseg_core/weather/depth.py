"""Metric depth where none was measured: from a flat road alone, or from the layout of the labels on it."""

import math

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError, FrameError
from camseg_core.labels import CAMVID, UNLABELLED, LabelSet
from camseg_core.rendering.camera import PinholeCamera

CAMERA_HEIGHT_M = 1.4
"""Of the assumed camera: behind a car's windscreen."""

BACKDROP_M = 300.0
"""What stands on the road is nowhere assumed farther away."""

_SKY = frozenset({"sky"})
_GROUND = frozenset({"road", "pavement", "sidewalk", "terrain"})
_WALLS = frozenset({"building", "tree", "fence", "wall", "vegetation"})
"""Classes that line the road and go on behind what stands before them; every other one is a thing with a foot."""

_SMOOTHED = 4
"""Hidden feet are smoothed over this part of the image's width."""


def assumed_camera(
    width_px: int, height_px: int, labels: np.ndarray | None = None, label_set: LabelSet = CAMVID
) -> PinholeCamera:
    """A camera as cars carry it, where nothing is known: 53° wide, 1.4 m high, level.

    Road above the middle of the image shows that the camera looks down: where ``labels`` (height_px, width_px) have
    some, the horizon moves up to a hundredth of the image's height above the highest 1 % of the columns' road.
    """
    horizon = (height_px - 1) / 2
    if labels is not None:
        road = np.isin(labels, _ids(label_set, frozenset({"road"})))
        columns = road.any(axis=0)
        if columns.any():
            horizon = min(horizon, float(np.quantile(road.argmax(axis=0)[columns], 0.01)) - 0.01 * height_px)
    pitch_rad = math.atan((horizon - (height_px - 1) / 2) / width_px)
    return PinholeCamera(width_px, height_px, float(width_px), CAMERA_HEIGHT_M, max(pitch_rad, -0.5))


def ground_plane_depth(
    height_px: int,
    width_px: int,
    camera: PinholeCamera | None = None,
    *,
    street_half_width_m: float = 12.0,
    structure_height_m: float = 8.0,
) -> np.ndarray:
    """Depth of a street that could be anywhere: a flat road between two walls, closed far ahead, below an open sky.

    It needs no labels and no image. It is what fog, which hides by distance, needs to be put plausibly into the clear
    frames of any camera: below the horizon the road, beside it what lines the road, above that the sky.

    Args:
        height_px: of the image, 16 to 8192.
        width_px: of the image, likewise.
        camera: its geometry; None takes ``assumed_camera``.
        street_half_width_m: distance of the walls to either side of the camera, above 0.
        structure_height_m: of the walls and of what closes the view at BACKDROP_M, above the road; above 0. inf for a
            camera that sees no sky.

    Returns (height_px, width_px) float32: range along each pixel's ray in metres, +inf for sky. Raises
    ConfigurationError for a value out of range or a camera of another size.
    """
    for name, value in (("street_half_width_m", street_half_width_m), ("structure_height_m", structure_height_m)):
        if not value > 0:
            raise ConfigurationError(f"{name} = {value}; expected above 0")
    if camera is None:
        camera = assumed_camera(width_px, height_px)
    _check_size(camera, height_px, width_px)
    ground = camera.ground_rows()[0][:, None]
    columns, rows = (slopes.astype(np.float64) for slopes in camera.ray_slopes())
    # The inverse of z, in which planes are linear: the nearest surface is the largest of them.
    structure = np.maximum(np.abs(columns) / street_half_width_m, 1 / BACKDROP_M)[None, :]
    inverse_z = np.maximum(ground, structure)
    cos, sin = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
    rise = (sin - rows * cos)[:, None] / inverse_z
    """Height above the camera at which each ray meets the nearest surface."""
    inverse_z[rise > structure_height_m - camera.height_m] = 0.0
    return _range_m(camera, inverse_z)


def estimate_depth(labels: np.ndarray, camera: PinholeCamera | None = None, label_set: LabelSet = CAMVID) -> np.ndarray:
    """Depth from class ids: the sky is endlessly far, the road is a plane, all else stands on it.

    What stands on the road is as far as its foot, the lowest pixel of its class in a column, and upright. The foot of
    what lines the road (buildings, trees, fences) may be hidden: it is a plane through the feet that are seen, in which
    1/z is linear in the column, and never nearer than what hides it. Other things (cars, people, poles) are one
    distance each, that of their lowest pixel, or of what is round them where they stand on no ground (signs).

    Args:
        labels: (height, width) uint8 ids of ``label_set``, UNLABELLED where there is none.
        camera: its geometry; None takes ``assumed_camera`` for these labels.
        label_set: the classes' meaning, by name.

    Returns (height, width) float32: range along each pixel's ray in metres, +inf for sky, else BACKDROP_M along the
    optical axis at most. Raises FrameError for labels of wrong shape, type or set, ConfigurationError for a camera of
    another size.
    """
    if labels.ndim != 2 or labels.dtype != np.uint8 or min(labels.shape) < 1:
        raise FrameError(f"labels of shape {labels.shape} and type {labels.dtype}; expected (height, width) uint8")
    strange = labels[(labels >= len(label_set)) & (labels != UNLABELLED)]
    if len(strange):
        raise FrameError(f"label {strange[0]}; expected 0 to {len(label_set) - 1} of {label_set.name}, or {UNLABELLED}")
    height, width = labels.shape
    if camera is None:
        camera = assumed_camera(width, height, labels, label_set)
    _check_size(camera, height, width)
    ground = np.maximum(camera.ground_rows()[0], 1 / BACKDROP_M)
    inverse_z = np.repeat(ground[:, None], width, axis=1)
    is_ground = np.isin(labels, _ids(label_set, _GROUND))
    sky = np.isin(labels, _ids(label_set, _SKY))
    walls = np.isin(labels, _ids(label_set, _WALLS))
    things = _regions(labels, ~(is_ground | sky | walls))
    inverse_z[sky | walls] = np.inf
    for thing in things:
        thing.fill(inverse_z, ground[thing.bottom] if thing.stands_on(is_ground) else np.inf)
    # From the nearest foot to the farthest, so that what hides a foot has its distance first.
    for wall in sorted(_regions(labels, walls), key=lambda region: -region.bottom):
        _stand_wall(inverse_z, wall, is_ground, ground)
    for thing in things:
        if not thing.stands_on(is_ground):
            thing.fill(inverse_z, _around(inverse_z, thing))
    inverse_z[sky] = 0.0
    return _range_m(camera, inverse_z)


def surface_points(camera: PinholeCamera, depth_m: np.ndarray) -> np.ndarray:
    """Metres to the right, above the road and ahead of what each pixel shows, (h, w, 3) float32; sky is 1 km away."""
    columns, rows = camera.ray_slopes()
    z = np.minimum(depth_m, 1000.0).astype(np.float32) / camera.ray_lengths()
    right, down = z * columns[None, :], z * rows[:, None]
    cos, sin = math.cos(camera.pitch_rad), math.sin(camera.pitch_rad)
    up = np.float32(camera.height_m) - down * np.float32(cos) + z * np.float32(sin)
    ahead = z * np.float32(cos) + down * np.float32(sin)
    return np.stack([right, up, ahead], axis=-1)


class _Region:
    """A connected part of one class: its mask in its bounding box, and where that is."""

    def __init__(self, mask: np.ndarray, top: int, left: int) -> None:
        self.mask, self.top, self.left = mask, top, left
        self.bottom = top + mask.shape[0] - 1
        self.right = left + mask.shape[1] - 1

    def fill(self, inverse_z: np.ndarray, value: float | np.ndarray) -> None:
        """Writes one value, or (columns,) values, into the region."""
        inside = inverse_z[self.top : self.bottom + 1, self.left : self.right + 1]
        np.copyto(inside, np.broadcast_to(value, self.mask.shape), where=self.mask)

    def stands_on(self, is_ground: np.ndarray) -> bool:
        """Whether there is ground below its lowest pixels, or the image ends there."""
        if self.bottom + 1 == len(is_ground):
            return True
        return bool((is_ground[self.bottom + 1, self.left : self.right + 1] & self.mask[-1]).any())


def _regions(labels: np.ndarray, wanted: np.ndarray) -> list[_Region]:
    regions = []
    for class_id in np.unique(labels[wanted]):
        mask = ((labels == class_id) & wanted).astype(np.uint8)
        count, ids, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        for number in range(1, count):
            left, top, width, height = (int(value) for value in stats[number, :4])
            regions.append(_Region(ids[top : top + height, left : left + width] == number, top, left))
    return regions


def _stand_wall(inverse_z: np.ndarray, wall: _Region, is_ground: np.ndarray, ground: np.ndarray) -> None:
    """Writes 1/z of a wall, column by column, into ``inverse_z``."""
    columns = np.arange(wall.mask.shape[1])
    foot = wall.bottom - wall.mask[::-1].argmax(axis=0)
    below = np.minimum(foot + 1, len(ground) - 1)
    stands = is_ground[below, wall.left + columns] | (foot + 1 == len(ground))
    # Infinite where nothing of a known distance is in front: below an overhanging crown, a hanging sign.
    plane = hidden_by = inverse_z[below, wall.left + columns]
    if stands.any():
        plane = np.minimum(np.interp(columns, columns[stands], ground[foot[stands]]), hidden_by)
    known = np.isfinite(plane)
    behind = np.interp(columns, columns[known], plane[known]) if known.any() else np.full(len(columns), 1 / BACKDROP_M)
    # A gap between two things in front, or a car before one, is no step in the wall.
    reach = inverse_z.shape[1] // (2 * _SMOOTHED)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(behind, reach, mode="edge"), 2 * reach + 1)
    behind = np.median(windows, axis=1)
    wall.fill(inverse_z, np.where(stands, ground[foot], np.minimum(behind, hidden_by)))


def _around(inverse_z: np.ndarray, thing: _Region) -> float:
    """1/z that something which stands on no ground shares with what is round it: a wall behind it, a pole below it."""
    frame = np.s_[max(thing.top - 1, 0) : thing.bottom + 2, max(thing.left - 1, 0) : thing.right + 2]
    outside = np.ones(inverse_z[frame].shape, bool)
    top, left = min(thing.top, 1), min(thing.left, 1)
    outside[top : top + thing.mask.shape[0], left : left + thing.mask.shape[1]] = ~thing.mask
    values = inverse_z[frame][outside & np.isfinite(inverse_z[frame])]
    return float(np.median(values)) if len(values) else 1 / BACKDROP_M


def _ids(label_set: LabelSet, names: frozenset[str]) -> list[int]:
    return [index for index, name in enumerate(label_set.names) if name in names]


def _range_m(camera: PinholeCamera, inverse_z: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return (camera.ray_lengths() / inverse_z).astype(np.float32)


def _check_size(camera: PinholeCamera, height_px: int, width_px: int) -> None:
    if (camera.height_px, camera.width_px) != (height_px, width_px):
        raise ConfigurationError(
            f"camera of {camera.width_px}×{camera.height_px} px for an image of {width_px}×{height_px} px; expected "
            "the same size"
        )

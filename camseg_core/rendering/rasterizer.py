"""Which surface each pixel shows, and how far it is: a depth buffer over flat surfaces.

1/z is linear over the image for a flat surface, so that a surface costs one polygon fill, one linear ramp and one
comparison.
"""

import math

import cv2
import numpy as np

from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.camera import PinholeCamera

NEAR_M = 0.3
"""Nothing nearer than this along the optical axis is drawn."""

_SUBPIXEL_BITS = 4


class DepthBuffer:
    """Surface ids and 1/z for every pixel, and the same for what lies behind the see-through surfaces.

    Attributes:
        ids: (height, width) int32 surface ids; ``inverse_z``: float32, per metre, 0 at infinity.
        behind_ids, behind_inverse_z: likewise of what a see-through surface covers; -1 where nothing is covered.
    """

    def __init__(self, camera: PinholeCamera) -> None:
        self._camera = camera
        shape = (camera.height_px, camera.width_px)
        self.ids = np.zeros(shape, np.int32)
        self.inverse_z = np.zeros(shape, np.float32)
        self.behind_ids = np.full(shape, -1, np.int32)
        self.behind_inverse_z = np.zeros(shape, np.float32)
        self._airy = np.zeros(shape, bool)
        self._mask = np.zeros(shape, np.uint8)
        self._columns, self._rows = camera.ray_slopes()

    def draw_polygons(
        self,
        corners: np.ndarray,
        normal: np.ndarray,
        offset: np.ndarray,
        surface: np.ndarray,
        see_through: bool = False,
    ) -> None:
        """Draws convex polygons wherever they are nearest.

        ``corners`` is (n, 4, 3) camera coordinates, on the planes ``normal · p = offset`` with normal (n, 3) and offset
        (n,), not 0; ``surface`` (n,) their ids.
        """
        camera = self._camera
        z = corners[..., 2]
        crossing = z.min(-1) < NEAR_M
        centre = ((camera.width_px - 1) / 2, (camera.height_px - 1) / 2)
        pixels = corners[..., :2] * (camera.focal_px / np.maximum(z, NEAR_M)[..., None]) + centre
        plane = (normal / offset[:, None]).astype(np.float32)
        nearest, farthest = (1 / np.maximum(z, NEAR_M)).max(-1), (1 / np.maximum(z, NEAR_M)).min(-1)
        for item in range(len(corners)):
            points, limits = pixels[item], (np.float32(farthest[item]), np.float32(nearest[item]))
            if crossing[item]:
                kept = _clip_near(corners[item])
                if len(kept) < 3:
                    continue
                points = kept[:, :2] * (camera.focal_px / kept[:, 2:]) + centre
            self._draw_polygon(points, plane[item], limits, int(surface[item]), see_through)

    def _draw_polygon(
        self,
        points: np.ndarray,
        plane: np.ndarray,
        limits: tuple[np.float32, np.float32],
        surface: int,
        see_through: bool,
    ) -> None:
        x, y = points.T.tolist()
        left, right = max(0, math.floor(min(x))), min(self._camera.width_px, math.ceil(max(x)) + 1)
        top, bottom = max(0, math.floor(min(y))), min(self._camera.height_px, math.ceil(max(y)) + 1)
        if left >= right or top >= bottom:
            return
        mask = self._mask[top:bottom, left:right]
        mask.fill(0)
        fixed = ((points - (left, top)) * (1 << _SUBPIXEL_BITS) + 0.5).astype(np.int32)
        cv2.fillConvexPoly(mask, fixed, 1, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
        rows = plane[1] * self._rows[top:bottom] + plane[2]
        inverse_z = np.add.outer(rows, plane[0] * self._columns[left:right])
        # The fill covers pixels that the edge only touches; there the plane must not run away from the polygon.
        np.maximum(inverse_z, limits[0], out=inverse_z)
        np.minimum(inverse_z, limits[1], out=inverse_z)
        self._write(top, bottom, left, right, inverse_z, mask.view(bool), surface, see_through)

    def draw_sprite(
        self, center: np.ndarray, size: np.ndarray, atlas: TextureAtlas, texture: int, threshold: int, surface: int
    ) -> None:
        """Draws an upright picture with the middle of its lower edge at ``center`` (camera coordinates)."""
        x, y, z = center.tolist()
        if z < NEAR_M:
            return
        camera = self._camera
        scale = camera.focal_px / z
        # A distant pole still covers a pixel.
        width, height = max(float(size[0]) * scale, 1.0), max(float(size[1]) * scale, 1.0)
        u0 = x * scale + (camera.width_px - 1) / 2 - width / 2
        v0 = y * scale + (camera.height_px - 1) / 2
        left, right = max(0, int(np.ceil(u0 - 0.5))), min(camera.width_px, int(np.ceil(u0 + width - 0.5)))
        top, bottom = max(0, int(np.ceil(v0 - height - 0.5))), min(camera.height_px, int(np.ceil(v0 - 0.5)))
        if left >= right or top >= bottom:
            return
        level = min(SIZE.bit_length() - 1, max(0, int(math.log2(max(SIZE / min(width, height), 1.0)))))
        side = SIZE >> level
        column = (np.arange(left, right) + 0.5 - u0) * (side / width)
        row = (v0 - np.arange(top, bottom) - 0.5) * (side / height)
        alpha = atlas.alpha(texture, level)
        if min(width, height) > 1.2 * SIZE:
            # Seen from close by, texels are larger than pixels: interpolate, or outlines turn into stairs.
            map_x = np.broadcast_to((column - 0.5).astype(np.float32), (bottom - top, right - left))
            map_y = np.broadcast_to((row - 0.5).astype(np.float32)[:, None], map_x.shape)
            opacity = cv2.remap(alpha, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        else:
            columns, rows = column.astype(np.intp).clip(0, side - 1), row.astype(np.intp).clip(0, side - 1)
            opacity = alpha[rows[:, None], columns[None, :]]
        wins = self._write(top, bottom, left, right, np.float32(1 / z), opacity >= threshold, surface, True)
        np.copyto(self._airy[top:bottom, left:right], opacity < 128, where=wins)

    def _write(
        self,
        top: int,
        bottom: int,
        left: int,
        right: int,
        inverse_z: np.ndarray | np.float32,
        mask: np.ndarray,
        surface: int,
        see_through: bool,
    ) -> np.ndarray:
        """Writes a surface where the mask is set and it is nearest; returns where that was."""
        window = np.s_[top:bottom, left:right]
        nearest, ids = self.inverse_z[window], self.ids[window]
        wins = (inverse_z > nearest) & mask
        if see_through:
            # Through two crowns one sees what is behind both, not the space between the twigs of the farther one.
            covers = wins & ~self._airy[window]
            np.copyto(self.behind_ids[window], ids, where=covers)
            np.copyto(self.behind_inverse_z[window], nearest, where=covers)
        np.copyto(nearest, inverse_z, where=wins)
        np.copyto(ids, surface, where=wins)
        return wins


def _clip_near(corners: np.ndarray) -> np.ndarray:
    """The part of a convex polygon with z >= NEAR_M (Sutherland and Hodgman)."""
    kept = []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if start[2] >= NEAR_M:
            kept.append(start)
        if (start[2] >= NEAR_M) != (end[2] >= NEAR_M):
            kept.append(start + (end - start) * ((NEAR_M - start[2]) / (end[2] - start[2])))
    return np.array(kept).reshape(-1, 3)

"""The pinhole camera of the procedural drive."""

import math
from dataclasses import dataclass

import numpy as np

from camseg_core.errors import ConfigurationError


@dataclass(frozen=True)
class PinholeCamera:
    """An undistorted camera above a flat road, looking along it, without roll.

    Camera coordinates are metres, x to the right, y down, z along the optical axis. Pixel (column, row) has its centre
    at integer coordinates; its ray is ``((column - cx) / f, (row - cy) / f, 1)`` with the principal point (cx, cy) in
    the middle of the image.

    Attributes:
        width_px, height_px: image size, 16 to 8192 each.
        focal_px: focal length, above 0.
        height_m: of the optical centre above the road, above 0.
        pitch_rad: optical axis above the horizontal, -0.5 to 0.5.
    """

    width_px: int
    height_px: int
    focal_px: float
    height_m: float
    pitch_rad: float

    def __post_init__(self) -> None:
        for name in ("width_px", "height_px"):
            if not 16 <= getattr(self, name) <= 8192:
                raise ConfigurationError(f"camera {name} = {getattr(self, name)}; expected 16 to 8192")
        for name in ("focal_px", "height_m"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise ConfigurationError(f"camera {name} = {value}; expected a finite number above 0")
        if not -0.5 <= self.pitch_rad <= 0.5:
            raise ConfigurationError(f"camera pitch_rad = {self.pitch_rad}; expected -0.5 to 0.5")

    @property
    def horizon_row(self) -> float:
        """Row in which the flat road would meet the sky."""
        return (self.height_px - 1) / 2 + self.focal_px * math.tan(self.pitch_rad)

    def ray_slopes(self) -> tuple[np.ndarray, np.ndarray]:
        """x/z of each column, (width,) float32, and y/z of each row, (height,) float32."""
        columns = (np.arange(self.width_px) - (self.width_px - 1) / 2) / self.focal_px
        rows = (np.arange(self.height_px) - (self.height_px - 1) / 2) / self.focal_px
        return columns.astype(np.float32), rows.astype(np.float32)

    def ray_lengths(self) -> np.ndarray:
        """Metres along each pixel's ray for one metre of z, (height, width) float32; range = z * this."""
        columns, rows = self.ray_slopes()
        return np.sqrt(1 + columns[None, :] ** 2 + rows[:, None] ** 2)

    def from_road(self, forward: np.ndarray | float, right: np.ndarray | float, up: np.ndarray | float) -> np.ndarray:
        """Camera coordinates, (..., 3), of points in metres ahead, to the right and above the road under the camera."""
        forward, right, above = np.broadcast_arrays(forward, right, np.asarray(up) - self.height_m)
        cos, sin = math.cos(self.pitch_rad), math.sin(self.pitch_rad)
        return np.stack([right, forward * sin - above * cos, forward * cos + above * sin], axis=-1)

    def ground_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """For each row, 1/z of the road seen there and its distance ahead in metres; 0 and inf above the horizon.

        With slope r of the row, pitch p and height h: 1/z = (r cos p - sin p) / h and ahead = z (cos p + r sin p).
        """
        rows = self.ray_slopes()[1].astype(np.float64)
        cos, sin = math.cos(self.pitch_rad), math.sin(self.pitch_rad)
        inverse_z = np.maximum(rows * cos - sin, 0.0) / self.height_m
        ahead = np.full(self.height_px, np.inf)
        below = inverse_z > 0
        ahead[below] = (cos + rows[below] * sin) / inverse_z[below]
        return inverse_z, ahead

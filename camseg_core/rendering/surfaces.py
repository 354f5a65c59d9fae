"""The pieces a street is built from.

They are flat four-cornered surfaces, pictures that face the camera, and shadows and paint on the ground. Positions are
street coordinates in metres: s along the street's centre line, y to its right, h above the road.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quads:
    """Flat surfaces seen from one side, corners bottom left, bottom right, top right, top left as seen.

    Attributes:
        corners: (n, 4, 3) float64, (s, y, h).
        texture: (n,) int32 ids in the atlas.
        origin, extent: (n, 2) float32; texture tiles at the first corner, and from it to the second and the fourth.
        tint: (n, 3) float32, linear factor on the texture's colour.
        label: (n,) uint8 class ids.
        see_through: (n,) bool; the texture's fourth channel is opacity (else it is the weight of the tint).
    """

    corners: np.ndarray
    texture: np.ndarray
    origin: np.ndarray
    extent: np.ndarray
    tint: np.ndarray
    label: np.ndarray
    see_through: np.ndarray

    @staticmethod
    def concatenate(parts: list["Quads"]) -> "Quads":
        """All surfaces of the parts in their order."""
        return Quads(*(np.concatenate([getattr(part, name) for part in parts]) for name in Quads.__dataclass_fields__))


@dataclass(frozen=True)
class Sprites:
    """Upright pictures that face the camera.

    Attributes:
        base: (n, 3) float64, (s, y, h) of the middle of the lower edge.
        size: (n, 2) float32, width and height in metres.
        texture: (n,) int32 ids in the atlas; the fourth channel is opacity.
        tint: (n, 3) float32, linear factor on the texture's colour.
        label: (n,) uint8 class ids.
        threshold: (n,) uint8; a pixel belongs to the thing where opacity is at least this.
    """

    base: np.ndarray
    size: np.ndarray
    texture: np.ndarray
    tint: np.ndarray
    label: np.ndarray
    threshold: np.ndarray

    @staticmethod
    def concatenate(parts: list["Sprites"]) -> "Sprites":
        """All pictures of the parts in their order."""
        return Sprites(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Sprites.__dataclass_fields__)
        )


SHADOW_CORNERS = 10
"""Corners of every shadow's outline."""


@dataclass(frozen=True)
class Shadows:
    """Things that throw shade on the ground.

    Attributes:
        outline: (n, SHADOW_CORNERS, 2) float64, (s, y) of the thing seen from above.
        height: (n,) float64, of the thing above the ground; 0 is the shade below it that needs no sun.
    """

    outline: np.ndarray
    height: np.ndarray

    @staticmethod
    def concatenate(parts: list["Shadows"]) -> "Shadows":
        """All shadows of the parts in their order."""
        return Shadows(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in Shadows.__dataclass_fields__)
        )


class SceneBuilder:
    """Collects surfaces, pictures and shadows one by one."""

    def __init__(self) -> None:
        self._quads: list[tuple] = []
        self._sprites: list[tuple] = []
        self._shadows: list[np.ndarray] = []
        self._shadow_heights: list[float] = []
        self._paint: list[list[tuple[float, float]]] = []

    def quad(
        self,
        corners: list[tuple[float, float, float]] | np.ndarray,
        texture: int,
        label: int,
        *,
        tint: np.ndarray | tuple[float, float, float] = (1.0, 1.0, 1.0),
        origin: tuple[float, float] = (0.0, 0.0),
        extent: tuple[float, float] = (1.0, 1.0),
        see_through: bool = False,
    ) -> None:
        """Adds one surface; see ``Quads``."""
        self._quads.append((corners, texture, origin, extent, tint, label, see_through))

    def sprite(
        self,
        base: tuple[float, float, float],
        size: tuple[float, float],
        texture: int,
        label: int,
        *,
        tint: np.ndarray | tuple[float, float, float] = (1.0, 1.0, 1.0),
        threshold: int = 128,
    ) -> None:
        """Adds one picture; see ``Sprites``."""
        self._sprites.append((base, size, texture, tint, label, threshold))

    def shadow(self, s: float, y: float, half_length: float, half_width: float, height_m: float = 0.0) -> None:
        """Adds the shade of an ellipse at a height above (s, y); at height 0 it is there without sun, too."""
        self._shadow_heights.append(height_m)
        angle = np.arange(SHADOW_CORNERS) * (2 * np.pi / SHADOW_CORNERS)
        self._shadows.append(np.stack([s + half_length * np.cos(angle), y + half_width * np.sin(angle)], axis=-1))

    def mark(self, outline: list[tuple[float, float]]) -> None:
        """Adds a white mark on the road, a convex outline of four corners (s, y)."""
        self._paint.append(outline)

    def paint(self) -> np.ndarray:
        """Outlines of the marks added so far, (n, 4, 2) float64, (s, y)."""
        return np.array(self._paint, np.float64).reshape(-1, 4, 2)

    def quads(self) -> Quads:
        """The surfaces added so far."""
        columns = tuple(zip(*self._quads, strict=True)) or ((),) * 7
        return Quads(
            corners=np.array(columns[0], np.float64).reshape(-1, 4, 3),
            texture=np.array(columns[1], np.int32),
            origin=np.array(columns[2], np.float32).reshape(-1, 2),
            extent=np.array(columns[3], np.float32).reshape(-1, 2),
            tint=np.array(columns[4], np.float32).reshape(-1, 3),
            label=np.array(columns[5], np.uint8),
            see_through=np.array(columns[6], bool),
        )

    def sprites(self) -> Sprites:
        """The pictures added so far."""
        columns = tuple(zip(*self._sprites, strict=True)) or ((),) * 6
        return Sprites(
            base=np.array(columns[0], np.float64).reshape(-1, 3),
            size=np.array(columns[1], np.float32).reshape(-1, 2),
            texture=np.array(columns[2], np.int32),
            tint=np.array(columns[3], np.float32).reshape(-1, 3),
            label=np.array(columns[4], np.uint8),
            threshold=np.array(columns[5], np.uint8),
        )

    def shadows(self) -> Shadows:
        """The shadows added so far."""
        outline = np.array(self._shadows, np.float64).reshape(-1, SHADOW_CORNERS, 2)
        return Shadows(outline, np.array(self._shadow_heights, np.float64))

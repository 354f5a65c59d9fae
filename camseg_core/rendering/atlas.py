"""One array that holds every texture with its smaller versions, so that a whole frame is textured by one lookup."""

import cv2
import numpy as np

SIZE = 256
"""Texels along each side of every texture."""

_LEVELS = SIZE.bit_length()
_LEVEL_OFFSETS = np.cumsum([0] + [(SIZE >> level) ** 2 for level in range(_LEVELS)])


class TextureAtlas:
    """Textures of 256×256 RGBA texels, row 0 at the bottom, with mip levels down to one texel.

    Groups name what textures are for; ``ids(group)`` lists those of one group. What the fourth channel means is up to
    the surface that uses the texture: how much its tint counts, or how opaque it is.
    """

    def __init__(self) -> None:
        self._levels: list[list[np.ndarray]] = []
        self._groups: dict[str, list[int]] = {}
        self._sizes_m: list[tuple[float, float]] = []
        self._flat: np.ndarray | None = None

    def add(self, group: str, texture: np.ndarray, width_m: float = 1.0, height_m: float = 1.0) -> int:
        """Adds a (256, 256, 4) uint8 texture, row 0 at the top, that covers the given metres; returns its id."""
        level = np.ascontiguousarray(texture[::-1])
        levels = [level]
        while level.shape[0] > 1:
            half = level.shape[0] // 2
            level = cv2.resize(level, (half, half), interpolation=cv2.INTER_AREA).reshape(half, half, 4)
            levels.append(level)
        self._levels.append(levels)
        self._groups.setdefault(group, []).append(len(self._levels) - 1)
        self._sizes_m.append((width_m, height_m))
        self._flat = None
        return len(self._levels) - 1

    def ids(self, group: str) -> list[int]:
        """Ids of the textures of a group, in the order they were added."""
        return self._groups[group]

    def size_m(self, texture: int) -> tuple[float, float]:
        """Width and height in metres that one tile of the texture covers."""
        return self._sizes_m[texture]

    def alpha(self, texture: int, level: int) -> np.ndarray:
        """Fourth channel of one mip level, (256 >> level,) * 2 uint8, row 0 at the bottom."""
        return self._levels[texture][level][..., 3]

    def lookup(self, texture: np.ndarray, u: np.ndarray, v: np.ndarray, texels_per_px: np.ndarray) -> np.ndarray:
        """Texels at (u, v), in repeating texels of the largest level, from the level that fits ``texels_per_px``.

        All arguments are (n,), ``texture`` int32 and the others float32. Returns (n, 4) uint8.
        """
        if self._flat is None:
            flat = np.concatenate([level.reshape(-1, 4) for levels in self._levels for level in levels])
            self._flat = np.ascontiguousarray(flat).view(np.uint32).ravel()
        # The exponent bits of a float32 are its floor(log2); sqrt(2) moves the switch between levels to the middle.
        level = ((texels_per_px * np.float32(1.414)).view(np.int32) >> 23) - 127
        np.clip(level, 0, _LEVELS - 1, out=level)
        index = _LEVEL_OFFSETS.astype(np.int32)[level]
        index += texture * np.int32(_LEVEL_OFFSETS[-1])
        index += ((np.floor(v).astype(np.int32) & (SIZE - 1)) >> level) << (_LEVELS - 1 - level)
        index += (np.floor(u).astype(np.int32) & (SIZE - 1)) >> level
        return self._flat[index].view(np.uint8).reshape(-1, 4)

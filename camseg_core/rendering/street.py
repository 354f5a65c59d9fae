"""An endless street, made in chunks from seed and chunk number."""

import math
from dataclasses import dataclass

import numpy as np

from camseg_core.labels import CAMVID
from camseg_core.rendering.atlas import TextureAtlas
from camseg_core.rendering.noise import keyed_rng
from camseg_core.rendering.sprites import CROWN_OPACITY
from camseg_core.rendering.surfaces import Quads, SceneBuilder, Shadows, Sprites
from camseg_core.rendering.vehicles import add_vehicle, random_paint, random_shape

CHUNK_M = 40.0
SAMPLE_M = 0.5
"""Spacing of the samples along the street for its curve and for what the ground is made of."""

SAMPLES_PER_CHUNK = round(CHUNK_M / SAMPLE_M)

_CHUNKS_PER_DISTRICT = 4
_FAR_M = 400.0

BUILDING, POLE, ROAD, PAVEMENT, TREE, SIGN, FENCE, PEDESTRIAN, BICYCLIST = (
    CAMVID.names.index(name)
    for name in ("building", "pole", "road", "pavement", "tree", "sign", "fence", "pedestrian", "bicyclist")
)

_STREET_SALT, _DISTRICT_SALT, _CHUNK_SALT = 1, 2, 3


@dataclass(frozen=True)
class GroundProfile:
    """What the ground is made of, for every SAMPLE_M along the street; index 0 of the second axis is left, 1 right.

    Attributes:
        road, walk: (n, 2) float32; distance from the centre line to the outer edge of road and of pavement, metres.
        grass: (n, 2) bool; beyond the pavement lies grass, else paving.
        wall, height: (n, 2) float32; distance to the houses' fronts and height of what throws shade there, metres (0:
            nothing).
        dashed: (n,) bool; the centre line is dashed, else there is none.
        yellow: (n, 2) bool; double yellow lines along the kerb.
        zebra: (n,) bool; stripes across the road.
        asphalt: (n,) int32; which of the drive's surfaces.
    """

    road: np.ndarray
    walk: np.ndarray
    grass: np.ndarray
    wall: np.ndarray
    height: np.ndarray
    dashed: np.ndarray
    yellow: np.ndarray
    zebra: np.ndarray
    asphalt: np.ndarray

    @staticmethod
    def concatenate(parts: list["GroundProfile"]) -> "GroundProfile":
        """The parts one after the other."""
        names = GroundProfile.__dataclass_fields__
        return GroundProfile(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Chunk:
    """CHUNK_M metres of street: what stands there, the shade below it, and the ground.

    ``paint`` is (n, 4, 2) float64, outlines (s, y) of white marks on the road.
    """

    quads: Quads
    sprites: Sprites
    shadows: Shadows
    paint: np.ndarray
    ground: GroundProfile


class StreetCurve:
    """The centre line: its heading is a sum of slow sines, so that it bends gently and never turns back."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._amplitudes = rng.uniform(0.02, 0.13, 2)
        self._wavelengths_m = np.array([rng.uniform(160, 320), rng.uniform(400, 900)])
        self._phases = rng.uniform(0, 2 * np.pi, 2)

    def heading(self, s: np.ndarray) -> np.ndarray:
        """Heading in radians, clockwise from above, at distances s in metres; same shape."""
        angle = np.asarray(s)[..., None] * (2 * np.pi / self._wavelengths_m) + self._phases
        return (self._amplitudes * np.sin(angle)).sum(-1)


class LocalStreet:
    """The stretch of street around the vehicle, in the vehicle's own axes: metres ahead and to the right of it.

    Attributes:
        start_s: street coordinate of the first sample; samples lie SAMPLE_M apart.
    """

    def __init__(self, curve: StreetCurve, start_s: float, length_m: float, vehicle_s: float, vehicle_y: float) -> None:
        self.start_s = start_s
        self._s = start_s + SAMPLE_M * np.arange(round(length_m / SAMPLE_M) + 1)
        origin = float(curve.heading(np.array(vehicle_s)))
        heading = curve.heading(self._s) - origin
        # Midpoint rule between the samples: exact enough over bends of a hundred metres and more.
        middle = curve.heading(self._s[:-1] + SAMPLE_M / 2) - origin
        ahead = np.concatenate([[0.0], np.cumsum(np.cos(middle) * SAMPLE_M)])
        right = np.concatenate([[0.0], np.cumsum(np.sin(middle) * SAMPLE_M)])
        self._cos, self._sin = np.cos(heading), np.sin(heading)
        self.heading = origin
        self._ahead = ahead - np.interp(vehicle_s, self._s, ahead)
        self._right = right - np.interp(vehicle_s, self._s, right) - vehicle_y

    def place(self, s: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres ahead and to the right of points at street coordinates (s, y)."""
        sin = np.interp(s, self._s, self._sin)
        cos = np.interp(s, self._s, self._cos)
        return np.interp(s, self._s, self._ahead) - y * sin, np.interp(s, self._s, self._right) + y * cos

    def locate(self, ahead: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Street coordinates (s, y) of points near the street, and the index of the nearest sample; all (n,)."""
        first_s = np.interp(ahead, self._ahead, self._s)
        first_index = self._index(first_s)
        across = right - np.interp(ahead, self._ahead, self._right)
        index = self._index(first_s + across * self._sin[first_index])
        d_ahead, d_right = ahead - self._ahead[index], right - self._right[index]
        cos, sin = self._cos[index], self._sin[index]
        s = self._s[index] + d_ahead * cos + d_right * sin
        return s.astype(np.float32), (d_right * cos - d_ahead * sin).astype(np.float32), index

    def _index(self, s: np.ndarray) -> np.ndarray:
        # The last sample ends the stretch: the ground's profile describes what lies before it.
        return np.clip(((s - self.start_s) / SAMPLE_M + 0.5).astype(np.int32), 0, len(self._s) - 2)


@dataclass(frozen=True)
class _Side:
    """How one side of the street looks within a district, metres and shares."""

    parking: bool
    walk_m: float
    setback_m: float
    grass: bool
    boundary: str
    houses: float
    street_trees: float
    garden_trees: float
    shops: float
    offices: float
    floors: tuple[int, int]
    parked: float
    guard_rail: float


def _make_side(rng: np.random.Generator, style: str) -> _Side:
    match style:
        case "high_street":
            return _Side(
                parking=rng.random() < 0.3,
                walk_m=rng.uniform(2.0, 3.8),
                setback_m=0.0,
                grass=False,
                boundary="none",
                houses=0.97,
                street_trees=0.05,
                garden_trees=0.0,
                shops=0.85,
                offices=0.2,
                floors=(2, 5),
                parked=0.7,
                guard_rail=0.18,
            )
        case "terrace":
            return _Side(
                parking=rng.random() < 0.7,
                walk_m=rng.uniform(1.5, 2.6),
                setback_m=float(rng.choice([0.0, 1.5, 3.0])),
                grass=False,
                boundary=str(rng.choice(["wall", "railing", "hedge", "boards"])),
                houses=0.95,
                street_trees=0.12,
                garden_trees=0.25,
                shops=0.06,
                offices=0.03,
                floors=(2, 4),
                parked=0.75,
                guard_rail=0.02,
            )
        case "suburb":
            return _Side(
                parking=rng.random() < 0.35,
                walk_m=rng.uniform(1.5, 3.0),
                setback_m=rng.uniform(4, 10),
                grass=rng.random() < 0.6,
                boundary=str(rng.choice(["hedge", "boards", "wall", "railing", "none"])),
                houses=0.75,
                street_trees=0.35,
                garden_trees=0.8,
                shops=0.0,
                offices=0.08,
                floors=(2, 3),
                parked=0.6,
                guard_rail=0.03,
            )
        case "park":
            return _Side(
                parking=rng.random() < 0.3,
                walk_m=rng.uniform(1.5, 3.5),
                setback_m=rng.uniform(8, 16),
                grass=True,
                boundary=str(rng.choice(["railing", "hedge", "none", "boards"])),
                houses=0.12,
                street_trees=0.6,
                garden_trees=1.0,
                shops=0.0,
                offices=0.3,
                floors=(2, 4),
                parked=0.6,
                guard_rail=0.08,
            )
        case _:
            return _Side(
                parking=rng.random() < 0.2,
                walk_m=rng.uniform(2.0, 4.5),
                setback_m=rng.uniform(1, 6),
                grass=rng.random() < 0.3,
                boundary=str(rng.choice(["railing", "none", "wall"])),
                houses=0.85,
                street_trees=0.25,
                garden_trees=0.2,
                shops=0.1,
                offices=0.8,
                floors=(3, 7),
                parked=0.6,
                guard_rail=0.15,
            )


class Street:
    """The street of one drive.

    Attributes:
        curve: its centre line.
        lane_m: width of each of the two lanes.
    """

    def __init__(self, seed: int, atlas: TextureAtlas) -> None:
        rng = keyed_rng(seed, _STREET_SALT)
        self._seed = seed
        self._atlas = atlas
        self._chunks: dict[int, Chunk] = {}
        self.curve = StreetCurve(rng)
        self.lane_m = float(rng.uniform(3.0, 4.4))
        self._weights = rng.dirichlet(np.full(5, 0.9)) * 0.5 + 0.5 * np.array([0.33, 0.22, 0.18, 0.14, 0.13])
        self._styles = np.array(["high_street", "terrace", "suburb", "park", "modern"])
        self._leafy = rng.random() < 0.4
        self._density = float(rng.uniform(0.5, 1.4))

    def chunk(self, number: int) -> Chunk:
        """The chunk from ``number * CHUNK_M`` on; the last hundred are kept, as frames need the same ones again."""
        chunk = self._chunks.pop(number, None)
        if chunk is None:
            chunk = self._make(number)
        self._chunks[number] = chunk
        if len(self._chunks) > 100:
            del self._chunks[next(iter(self._chunks))]
        return chunk

    def _sides(self, number: int) -> tuple[str, list[_Side]]:
        rng = keyed_rng(self._seed, _DISTRICT_SALT, number // _CHUNKS_PER_DISTRICT)
        style = str(rng.choice(self._styles, p=self._weights))
        sides = [_make_side(rng, style)]
        other = style if rng.random() < 0.7 else str(rng.choice(self._styles, p=self._weights))
        sides.append(_make_side(rng, other))
        return style, sides

    def _make(self, number: int) -> Chunk:
        rng = keyed_rng(self._seed, _CHUNK_SALT, number)
        style, sides = self._sides(number)
        builder = SceneBuilder()
        start = number * CHUNK_M
        n = SAMPLES_PER_CHUNK
        junction = rng.random(2) < 0.22
        zebra = np.zeros(n, bool)
        if style in ("high_street", "modern") and rng.random() < 0.15:
            zebra[8:14] = True
        road, walk = np.zeros((n, 2), np.float32), np.zeros((n, 2), np.float32)
        wall, height = np.full((n, 2), 60, np.float32), np.zeros((n, 2), np.float32)
        yellow = np.zeros((n, 2), bool)
        for index, side in enumerate(sides):
            sign = -1 if index == 0 else 1
            kerb = self.lane_m + (2.1 if side.parking else 0.0)
            road[:, index] = kerb
            walk[:, index] = kerb + side.walk_m
            yellow[:, index] = not side.parking and rng.random() < 0.5
            free = [(0.0, CHUNK_M)]
            if junction[index]:
                middle, half = rng.uniform(14, 26), rng.uniform(3.5, 5.5)
                free = [(0.0, middle - half), (middle + half, CHUNK_M)]
                opening = slice(int((middle - half) / SAMPLE_M), int((middle + half) / SAMPLE_M))
                road[opening, index] = _FAR_M
                walk[opening, index] = _FAR_M + 1
                yellow[opening, index] = False
                self._add_junction(builder, rng, sign, start + middle - half, start + middle + half, kerb)
            for begin, end in free:
                front = kerb + side.walk_m + side.setback_m
                for a, b, high in self._add_houses(builder, rng, side, sign, start + begin, start + end, front):
                    part = slice(round((a - start) / SAMPLE_M), round((b - start) / SAMPLE_M))
                    wall[part, index], height[part, index] = front, high
                self._add_boundary(builder, rng, side, sign, start + begin, start + end, kerb + side.walk_m)
                self._add_furniture(builder, rng, side, sign, start + begin, start + end, kerb)
                if side.parking:
                    self._add_parked(builder, rng, side, sign, start + begin, start + end, kerb)
            self._add_background(builder, rng, side, sign, start, kerb)
        self._add_paint(builder, rng, start, junction)
        ground = GroundProfile(
            road=road,
            walk=walk,
            grass=np.broadcast_to([side.grass for side in sides], (n, 2)),
            wall=wall,
            height=height,
            dashed=np.full(n, rng.random() < 0.85),
            yellow=yellow,
            zebra=zebra,
            asphalt=np.full(n, (number // _CHUNKS_PER_DISTRICT) % 2, np.int32),
        )
        return Chunk(builder.quads(), builder.sprites(), builder.shadows(), builder.paint(), ground)

    def _pick(self, rng: np.random.Generator, group: str) -> int:
        ids = self._atlas.ids(group)
        return ids[int(rng.integers(len(ids)))]

    @staticmethod
    def _upright(sign: int, s0: float, s1: float, y: float, h0: float, h1: float) -> list[tuple[float, float, float]]:
        """Corners of a wall along the street at distance y on one side, seen from the road."""
        left, right = (s0, s1) if sign < 0 else (s1, s0)
        return [(left, sign * y, h0), (right, sign * y, h0), (right, sign * y, h1), (left, sign * y, h1)]

    @staticmethod
    def _end(sign: int, s: float, y0: float, y1: float, h0: float, h1: float) -> list[tuple[float, float, float]]:
        """Corners of a wall across the street from distance y0 to y1 on one side, seen when coming along the street."""
        left, right = sorted((sign * y0, sign * y1))
        return [(s, left, h0), (s, right, h0), (s, right, h1), (s, left, h1)]

    def _add_houses(
        self,
        builder: SceneBuilder,
        rng: np.random.Generator,
        side: _Side,
        sign: int,
        begin: float,
        end: float,
        front: float,
    ) -> list[tuple[float, float, float]]:
        placed = []
        s = begin
        while s < end - 3.0:
            width = min(float(rng.uniform(5, 16)), end - s)
            if end - s - width < 4.0:
                width = end - s
            if rng.random() < side.houses:
                gap = rng.uniform(0.5, 1.5) if side.setback_m > 3.5 else 0.0
                y = front + (rng.uniform(0, 2.0) if side.setback_m > 0 else 0.0)
                high = self._add_house(builder, rng, side, sign, s, s + width - gap, y)
                placed.append((s, s + width - gap, high))
            s += width
        return placed

    def _add_house(
        self, builder: SceneBuilder, rng: np.random.Generator, side: _Side, sign: int, s0: float, s1: float, y: float
    ) -> float:
        tint = np.clip(rng.uniform(0.55, 1.35) * rng.uniform(0.92, 1.08, 3), 0.3, 1.6)
        is_office = rng.random() < side.offices
        upper = self._pick(rng, "office" if is_office else "facade")
        tile_w, tile_h = self._atlas.size_m(upper)
        floors = int(rng.integers(side.floors[0], side.floors[1] + 1))
        has_shop = rng.random() < side.shops
        ground = None
        if has_shop:
            ground = self._pick(rng, "shop")
        elif not is_office and rng.random() < 0.6:
            ground = self._pick(rng, "house_ground_floor")
        base = self._atlas.size_m(ground)[1] if ground is not None else 0.0
        eaves = base + (floors - (ground is not None)) * (tile_h / max(1, round(tile_h / 3.0)))
        width, depth = s1 - s0, float(rng.uniform(8, 12))
        start = float(rng.random())
        if ground is not None:
            ground_w = self._atlas.size_m(ground)[0]
            builder.quad(
                self._upright(sign, s0, s1, y, 0, base),
                ground,
                BUILDING,
                tint=tint if not has_shop else np.ones(3),
                origin=(start, 0),
                extent=(max(1, round(width / ground_w * 2)) / 2, 1),
            )
        tiles = max(0.25, width / tile_w)
        builder.quad(
            self._upright(sign, s0, s1, y, base, eaves),
            upper,
            BUILDING,
            tint=tint,
            extent=(tiles, (eaves - base) / tile_h),
        )
        end_texture = upper if rng.random() < 0.3 else self._pick(rng, "wall")
        end_w, end_h = self._atlas.size_m(end_texture)
        builder.quad(
            self._end(sign, s0, y, y + depth, 0, eaves),
            end_texture,
            BUILDING,
            tint=tint,
            extent=(depth / end_w, eaves / end_h),
        )
        if is_office or rng.random() < 0.3:
            if rng.random() < 0.6:
                lip = tint * rng.uniform(0.4, 1.3)
                builder.quad(
                    self._upright(sign, s0, s1, y - 0.25, eaves - 0.5, eaves + 0.3),
                    self._atlas.ids("plain")[0],
                    BUILDING,
                    tint=lip * 0.4,
                )
            ridge = eaves
        else:
            ridge = eaves + float(rng.uniform(2.0, 4.5))
            texture = self._pick(rng, "roof")
            roof_tint = np.ones(3) * rng.uniform(0.6, 1.1)
            near = self._upright(sign, s0, s1, y - 0.3, eaves - 0.1, eaves - 0.1)
            middle = sign * (y + depth / 2)
            corners = [near[0], near[1], (near[1][0], middle, ridge), (near[0][0], middle, ridge)]
            builder.quad(corners, texture, BUILDING, tint=roof_tint, extent=(width / 4, depth / 8))
            gable = self._end(sign, s0, y, y + depth, eaves, eaves)
            builder.quad(
                [gable[0], gable[1], (s0, middle, ridge), (s0, middle, ridge)],
                end_texture,
                BUILDING,
                tint=tint,
                extent=(depth / end_w, (ridge - eaves) / end_h),
            )
            if rng.random() < 0.7:
                for s in (s0, s1 - 1.2)[: int(rng.integers(1, 3))]:
                    brick = self._pick(rng, "wall")
                    low, high = eaves + 0.5 * (ridge - eaves), ridge + rng.uniform(0.6, 1.6)
                    inner, outer = y + depth / 2 - 0.5, y + depth / 2 + 0.5
                    builder.quad(self._upright(sign, s, s + 1.2, inner, low, high), brick, BUILDING, extent=(0.2, 0.3))
                    builder.quad(self._end(sign, s, inner, outer, low, high), brick, BUILDING, extent=(0.2, 0.3))
        if has_shop and rng.random() < 0.7:
            size = rng.uniform(0.5, 1.3, 2)
            place = (rng.uniform(s0, s1), sign * (y - 0.55), rng.uniform(2.6, 3.4))
            builder.sprite(place, tuple(size * (0.8, 1.0)), self._pick(rng, "board"), SIGN)
        return ridge

    def _add_boundary(
        self,
        builder: SceneBuilder,
        rng: np.random.Generator,
        side: _Side,
        sign: int,
        begin: float,
        end: float,
        y: float,
    ) -> None:
        if side.setback_m < 1.0 or side.boundary == "none":
            return
        label = {"wall": BUILDING, "railing": FENCE, "hedge": TREE, "boards": FENCE}[side.boundary]
        texture = self._pick(rng, side.boundary)
        tile_w, tile_h = self._atlas.size_m(texture)
        s = begin
        while s < end - 1.0:
            length = min(float(rng.uniform(5, 14)), end - s)
            high = rng.uniform(0.7, 1.3) if side.boundary in ("wall", "railing") else rng.uniform(1.0, 2.0)
            v = high / tile_h if side.boundary == "wall" else 1.0
            corners = self._upright(sign, s, s + length, y + 0.05, 0, high)
            tint = np.ones(3) * rng.uniform(0.7, 1.2)
            see_through = side.boundary == "railing"
            builder.quad(corners, texture, label, tint=tint, extent=(length / tile_w, v), see_through=see_through)
            if not see_through:
                thick = 0.3 if side.boundary == "wall" else (0.9 if side.boundary == "hedge" else 0.08)
                edge = self._end(sign, s, y + 0.05, y + 0.05 + thick, 0, high)
                builder.quad(edge, texture, label, tint=tint, extent=(thick / tile_w, v))
            # Gates and drives.
            s += length + (float(rng.uniform(1.2, 3.5)) if rng.random() < 0.7 else 0.0)

    def _post(
        self, builder: SceneBuilder, s: float, y: float, high: float, width: float, tint: np.ndarray, base: float = 0.0
    ) -> None:
        builder.sprite((s, y, base), (width, high), self._atlas.ids("plain")[0], POLE, tint=tint)

    def _add_furniture(
        self,
        builder: SceneBuilder,
        rng: np.random.Generator,
        side: _Side,
        sign: int,
        begin: float,
        end: float,
        kerb: float,
    ) -> None:
        grey = np.array([0.2, 0.2, 0.2]) * rng.uniform(0.15, 1.6)
        edge = sign * (kerb + 0.45)
        if rng.random() < 0.75:
            s = rng.uniform(begin, end)
            high = rng.uniform(5.5, 9.0)
            self._post(builder, s, edge, high, rng.uniform(0.13, 0.2), grey)
            arm = rng.uniform(0.8, 2.0)
            self._post(builder, s, edge - sign * arm / 2, 0.12, arm, grey, base=high - 0.1)
            self._post(builder, s, edge - sign * arm, 0.18, 0.7, grey * 1.5, base=high - 0.22)
        if rng.random() < 0.2:
            self._post(
                builder,
                rng.uniform(begin, end),
                sign * (kerb + side.walk_m - 0.2),
                rng.uniform(6, 9),
                0.25,
                grey * (1.2, 1, 0.8),
            )
        if rng.random() < 0.16:
            s, step = rng.uniform(begin, end), rng.uniform(1.4, 2.5)
            for number in range(int(rng.integers(2, 7))):
                if s + number * step < end:
                    self._post(builder, s + number * step, edge, rng.uniform(0.9, 1.1), 0.16, grey)
        for _ in range(int(rng.poisson(1.1))):
            s, high = rng.uniform(begin, end), rng.uniform(1.9, 2.7)
            group = str(rng.choice(["round_sign", "triangle_sign", "board"], p=[0.4, 0.2, 0.4]))
            size = rng.uniform(0.55, 1.0) * np.array([1.0, 1.0])
            self._post(builder, s, edge, high + 0.3, 0.08, np.full(3, 0.25))
            builder.sprite((s - 0.06, edge, high - size[1] * 0.6), tuple(size), self._pick(rng, group), SIGN)
            if rng.random() < 0.3:
                builder.sprite((s - 0.06, edge, high - size[1] - 0.3), (0.5, 0.4), self._pick(rng, "board"), SIGN)
        if rng.random() < 0.2:
            s, width = rng.uniform(begin, end), rng.uniform(1.2, 2.4)
            y = sign * (kerb + side.walk_m - 0.2 + width / 2)
            for shift in (-0.35, 0.35):
                self._post(builder, s, y + shift * width, 2.6, 0.12, np.full(3, 0.25))
            builder.sprite(
                (s - 0.1, y, rng.uniform(1.0, 2.0)), (width, rng.uniform(1.0, 1.9)), self._pick(rng, "board"), SIGN
            )
        if rng.random() < side.guard_rail:
            length = min(float(rng.uniform(8, 25)), end - begin)
            corners = self._upright(sign, begin, begin + length, kerb + 0.3, 0, 1.1)
            texture = self._pick(rng, "railing")
            extent = (length / self._atlas.size_m(texture)[0], 1.0)
            builder.quad(
                corners, texture, FENCE, extent=extent, tint=np.ones(3) * rng.uniform(0.7, 1.3), see_through=True
            )
        s = begin + rng.uniform(0, 8)
        while s < end:
            if rng.random() < side.street_trees:
                self._add_tree(builder, rng, s, sign * (kerb + rng.uniform(0.7, 1.0)), rng.uniform(5, 11))
            s += rng.uniform(7, 13)
        s = begin + rng.uniform(0, 5)
        while s < end and side.setback_m > 1.0:
            if rng.random() < side.garden_trees * 0.7:
                y = kerb + side.walk_m + rng.uniform(0.8, max(1.0, side.setback_m))
                self._add_tree(builder, rng, s, sign * y, rng.uniform(3, 12))
            s += rng.uniform(4, 10)
        for _ in range(int(rng.poisson(0.9 * self._density * (1 + 2 * side.shops)))):
            y = sign * (kerb + rng.uniform(0.5, max(0.8, side.walk_m - 0.3)))
            self.add_person(builder, rng, rng.uniform(begin, end), y)

    def add_person(self, builder: SceneBuilder, rng: np.random.Generator, s: float, y: float) -> None:
        """Adds one person and the shade under them."""
        high = rng.uniform(1.5, 1.9)
        texture = self._pick(rng, "person")
        builder.sprite((s, y, 0), (high * 0.54, high), texture, PEDESTRIAN, tint=np.ones(3) * rng.uniform(0.5, 1.3))
        builder.shadow(s, y, 0.3, 0.35)

    def add_rider(self, builder: SceneBuilder, rng: np.random.Generator, s: float, y: float, across: bool) -> None:
        """Adds one cyclist, riding along the street or, seen from the side, across it."""
        texture = self._pick(rng, "rider_side" if across else "rider")
        builder.sprite(
            (s, y, 0), self._atlas.size_m(texture), texture, BICYCLIST, tint=np.ones(3) * rng.uniform(0.5, 1.2)
        )
        builder.shadow(s, y, 0.9, 0.35)

    def _add_tree(self, builder: SceneBuilder, rng: np.random.Generator, s: float, y: float, high: float) -> None:
        leafy = rng.random() < (0.8 if self._leafy else 0.2)
        texture = self._pick(rng, "leafy_tree" if leafy else "bare_tree")
        width = high * rng.uniform(0.75, 1.15)
        tint = rng.uniform(0.5, 1.2) * rng.uniform(0.9, 1.1, 3)
        threshold = 70 if leafy else CROWN_OPACITY // 2
        builder.sprite((s, y, 0), (width, high), texture, TREE, tint=tint, threshold=threshold)
        builder.shadow(s, y, width * 0.4, width * 0.4, height_m=0.65 * high)

    def _add_paint(self, builder: SceneBuilder, rng: np.random.Generator, start: float, junction: np.ndarray) -> None:
        """Arrows, stop lines, letters and hatching on the road."""
        lane = self.lane_m
        for sign in (-1, 1):
            # Traffic keeps left: it comes towards larger s on the left half of the road.
            ahead = -sign
            middle = sign * lane / 2
            if rng.random() < 0.18:
                s = start + rng.uniform(4, CHUNK_M - 8)
                builder.mark(
                    [(s, middle - 0.1), (s, middle + 0.1), (s + ahead * 3, middle + 0.1), (s + ahead * 3, middle - 0.1)]
                )
                tip = s + ahead * 4.4
                builder.mark(
                    [(s + ahead * 3, middle - 0.45), (s + ahead * 3, middle + 0.45), (tip, middle), (tip, middle)]
                )
            if junction.any() and rng.random() < 0.45:
                s = start + (7.0 if ahead > 0 else CHUNK_M - 7.0)
                inner, outer = sign * 0.15, sign * (lane - 0.2)
                builder.mark([(s, inner), (s, outer), (s + 0.35, outer), (s + 0.35, inner)])
            if rng.random() < 0.12:
                s = start + rng.uniform(4, CHUNK_M - 8)
                for letter in range(int(rng.integers(3, 5))):
                    y = middle + (letter - 1.5) * 0.6
                    for stroke in rng.uniform(0, 2.0, 2):
                        builder.mark(
                            [
                                (s + stroke, y),
                                (s + stroke, y + 0.45),
                                (s + stroke + 0.35, y + 0.45),
                                (s + stroke + 0.35, y),
                            ]
                        )
                    builder.mark([(s, y), (s, y + 0.12), (s + 2.3, y + 0.12), (s + 2.3, y)])
        if rng.random() < 0.08:
            for bar in range(12):
                s = start + 8 + 2.0 * bar
                builder.mark([(s, -0.5), (s + 0.9, 0.5), (s + 1.15, 0.5), (s + 0.25, -0.5)])

    def _add_junction(
        self, builder: SceneBuilder, rng: np.random.Generator, sign: int, begin: float, end: float, kerb: float
    ) -> None:
        if rng.random() < 0.6:
            for s in (begin - 0.7, end + 0.7):
                y = sign * (kerb + 0.5)
                self._post(builder, s, y, 3.2, 0.12, np.full(3, 0.05))
                builder.sprite((s - 0.06, y, 2.2), (0.42, 1.1), self._pick(rng, "traffic_light"), SIGN)
        if rng.random() < 0.5:
            shape = random_shape(rng, large=False)
            add_vehicle(
                builder,
                self._atlas,
                shape,
                (begin + end) / 2 + sign * 1.2,
                sign * (kerb + rng.uniform(10, 22)),
                True,
                random_paint(rng),
                int(rng.integers(16)),
            )

    def _add_parked(
        self,
        builder: SceneBuilder,
        rng: np.random.Generator,
        side: _Side,
        sign: int,
        begin: float,
        end: float,
        kerb: float,
    ) -> None:
        s = begin + 3.5
        while s < end - 3.0:
            if rng.random() < side.parked:
                forward = (sign < 0) == (rng.random() < 0.85)
                y = sign * (kerb - 1.05 + rng.uniform(-0.1, 0.1))
                add_vehicle(
                    builder,
                    self._atlas,
                    random_shape(rng, large=False),
                    s,
                    y,
                    forward,
                    random_paint(rng),
                    int(rng.integers(16)),
                )
            s += rng.uniform(5.6, 7.5)

    def _add_background(
        self, builder: SceneBuilder, rng: np.random.Generator, side: _Side, sign: int, start: float, kerb: float
    ) -> None:
        """Things farther from the road that show through gaps."""
        near = kerb + side.walk_m + side.setback_m + 14
        for _ in range(int(rng.integers(1, 4)) + int(6 * (1 - side.houses))):
            y = near + rng.uniform(0, 25)
            self._add_tree(builder, rng, start + rng.uniform(0, CHUNK_M), sign * y, rng.uniform(6, 15))
        if rng.random() < 0.7:
            s, width, high = start + rng.uniform(0, 20), rng.uniform(8, 20), rng.uniform(5, 14)
            y = near + rng.uniform(15, 35)
            texture = self._pick(rng, "facade")
            tile_w, tile_h = self._atlas.size_m(texture)
            tint = np.ones(3) * rng.uniform(0.5, 1.1)
            builder.quad(
                self._upright(sign, s, s + width, y, 0, high),
                texture,
                BUILDING,
                tint=tint,
                extent=(width / tile_w, high / tile_h),
            )
            builder.quad(
                self._end(sign, s, y, y + 12, 0, high),
                texture,
                BUILDING,
                tint=tint,
                extent=(12 / tile_w, high / tile_h),
            )


def chunk_numbers(begin_s: float, end_s: float) -> range:
    """Numbers of the chunks that cover a stretch of street."""
    return range(math.floor(begin_s / CHUNK_M), math.ceil(end_s / CHUNK_M))

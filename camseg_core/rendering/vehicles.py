"""Cars, vans and buses as closed shapes of flat surfaces."""

from dataclasses import dataclass

import numpy as np

from camseg_core.labels import CAMVID
from camseg_core.rendering.atlas import TextureAtlas
from camseg_core.rendering.surfaces import SceneBuilder

_CAR = CAMVID.names.index("car")

_PAINTS = (
    (0.62, 0.63, 0.64),
    (0.50, 0.52, 0.54),
    (0.05, 0.05, 0.06),
    (0.03, 0.05, 0.14),
    (0.30, 0.02, 0.03),
    (0.80, 0.80, 0.78),
    (0.02, 0.08, 0.05),
    (0.10, 0.11, 0.12),
    (0.05, 0.12, 0.32),
    (0.45, 0.40, 0.30),
    (0.20, 0.21, 0.22),
    (0.55, 0.45, 0.03),
)
"""Linear RGB of silver, black, blue, red, white, green, grey, beige and yellow paint."""


@dataclass(frozen=True)
class VehicleShape:
    """Outline of a vehicle in metres; distances along it are from its middle, positive to the front.

    Attributes:
        length, width: of the body.
        bonnet_h, belt_h, roof_h: heights of the bonnet's front, of the windows' lower edge and of the roof.
        screen_base, roof_front, roof_rear, window_base: where windscreen, roof and rear window begin and end.
        inset: how far the roof is narrower on each side.
    """

    length: float
    width: float
    bonnet_h: float
    belt_h: float
    roof_h: float
    screen_base: float
    roof_front: float
    roof_rear: float
    window_base: float
    inset: float


SHAPES: dict[str, VehicleShape] = {
    "hatchback": VehicleShape(3.9, 1.70, 0.74, 0.93, 1.45, 0.95, 0.25, -1.45, -1.85, 0.16),
    "saloon": VehicleShape(4.5, 1.76, 0.72, 0.92, 1.42, 0.95, 0.25, -1.10, -1.65, 0.18),
    "estate": VehicleShape(4.5, 1.76, 0.76, 0.96, 1.50, 1.00, 0.35, -1.90, -2.20, 0.15),
    "off_roader": VehicleShape(4.5, 1.85, 0.98, 1.10, 1.78, 0.95, 0.50, -2.05, -2.20, 0.12),
    "van": VehicleShape(5.2, 1.95, 1.05, 1.30, 2.30, 2.00, 1.35, -2.45, -2.55, 0.08),
    "bus": VehicleShape(10.5, 2.50, 1.05, 1.15, 3.10, 5.20, 5.10, -5.10, -5.20, 0.03),
    "double_decker": VehicleShape(10.0, 2.50, 1.05, 1.20, 4.30, 4.95, 4.85, -4.85, -4.95, 0.03),
}


def random_paint(rng: np.random.Generator) -> np.ndarray:
    """Linear RGB of a car's paint, (3,)."""
    return np.array(_PAINTS[rng.integers(len(_PAINTS))]) * rng.uniform(0.7, 1.2)


def random_shape(rng: np.random.Generator, large: bool) -> str:
    """Name of a vehicle's shape; buses and vans only where there is room for something large."""
    if large and rng.random() < 0.14:
        return str(rng.choice(["bus", "double_decker"]))
    return str(rng.choice(["hatchback", "saloon", "estate", "off_roader", "van"], p=[0.36, 0.28, 0.14, 0.10, 0.12]))


def add_vehicle(
    builder: SceneBuilder,
    atlas: TextureAtlas,
    shape_name: str,
    s: float,
    y: float,
    forward: bool,
    paint: np.ndarray,
    look: int,
) -> None:
    """Adds a vehicle with its middle at (s, y), facing along the street or against it, and the shade under it.

    ``look`` chooses among the drive's lamps, wheels and windows.
    """
    shape = SHAPES[shape_name]
    turn = 1.0 if forward else -1.0

    def pick(group: str) -> int:
        ids = atlas.ids(group)
        return ids[look % len(ids)]

    def place(*points: tuple[float, float, float]) -> list[tuple[float, float, float]]:
        return [(s + turn * ahead, y + turn * right, h) for ahead, right, h in points]

    front, rear = shape.length / 2, -shape.length / 2
    half, top = shape.width / 2, shape.width / 2 - shape.inset
    split = (shape.screen_base - rear) / shape.length
    is_van = shape_name == "van"
    body = pick("car_side")
    for side in (-1, 1):
        # Seen from the right (+y) the front is on the right-hand side of the picture, from the left on the left-hand
        # side.
        lower = [
            (rear, half, 0.0),
            (shape.screen_base, half, 0.0),
            (shape.screen_base, half, shape.belt_h),
            (rear, half, shape.belt_h),
        ]
        nose = [
            (shape.screen_base, half, 0.0),
            (front, half, 0.0),
            (front, half, shape.bonnet_h),
            (shape.screen_base, half, shape.belt_h),
        ]
        cabin = [
            (shape.window_base, half, shape.belt_h),
            (shape.screen_base, half, shape.belt_h),
            (shape.roof_front, top, shape.roof_h),
            (shape.roof_rear, top, shape.roof_h),
        ]
        panels = [
            (lower, body, (0.0, 0.0), (split, 1.0)),
            (nose, body, (split, 0.0), (1 - split, 1.0)),
            (cabin, atlas.ids("plain")[0] if is_van else pick("car_windows"), (0.0, 0.0), (1.0, 1.0)),
        ]
        for corners, texture, (u, v), (du, dv) in panels:
            if side == 1:
                builder.quad(place(*corners), texture, _CAR, tint=paint, origin=(u, v), extent=(du, dv))
            else:
                flipped = [(corners[i][0], -corners[i][1], corners[i][2]) for i in (1, 0, 3, 2)]
                builder.quad(place(*flipped), texture, _CAR, tint=paint, origin=(u + du, v), extent=(-du, dv))
    across = [
        (front, half, 0.0, front, half, shape.bonnet_h, pick("car_front"), True),
        (front, half, shape.bonnet_h, shape.screen_base, half, shape.belt_h, atlas.ids("plain")[0], True),
        (shape.screen_base, half, shape.belt_h, shape.roof_front, top, shape.roof_h, atlas.ids("windscreen")[0], True),
        (shape.roof_front, top, shape.roof_h, shape.roof_rear, top, shape.roof_h, atlas.ids("plain")[0], True),
        (rear, half, 0.0, rear, half, shape.belt_h, pick("car_rear"), False),
        (rear, half, shape.belt_h, shape.window_base, half, shape.belt_h, atlas.ids("plain")[0], False),
        (
            shape.window_base,
            half,
            shape.belt_h,
            shape.roof_rear,
            top,
            shape.roof_h,
            atlas.ids("plain")[0] if is_van else atlas.ids("windscreen")[0],
            False,
        ),
    ]
    for ahead0, half0, h0, ahead1, half1, h1, texture, from_front in across:
        right = -1 if from_front else 1
        corners = place(
            (ahead0, -right * half0, h0),
            (ahead0, right * half0, h0),
            (ahead1, right * half1, h1),
            (ahead1, -right * half1, h1),
        )
        builder.quad(corners, texture, _CAR, tint=paint)
    builder.shadow(s, y, shape.length * 0.56, shape.width * 0.62)

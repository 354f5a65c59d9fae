"""Textures of walls, roofs, ground and cars, drawn at random.

Every function returns (256, 256, 4) uint8 RGBA, row 0 at the top. The fourth channel is how much a surface's tint
counts there.
"""

import cv2
import numpy as np

from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.noise import tile_noise

_WALLS = (
    (112, 62, 48),
    (128, 84, 62),
    (150, 122, 88),
    (172, 150, 112),
    (186, 176, 156),
    (206, 202, 192),
    (150, 146, 138),
    (122, 118, 112),
    (98, 78, 66),
    (88, 66, 56),
    (196, 178, 140),
    (140, 140, 144),
    (164, 96, 70),
)
"""sRGB of red and yellow brick, render, stone, concrete."""


def _noisy(
    rng: np.random.Generator, color: np.ndarray, strength: float, cells: tuple[int, ...] = (4, 16, 64, 256)
) -> np.ndarray:
    """A colour with brightness noise at several scales, ``strength`` relative; (256, 256, 3) float32."""
    noise = tile_noise(rng, SIZE, cells, tuple(rng.uniform(0.4, 1.0, len(cells))))
    return np.asarray(color, np.float32) * (1 + strength * noise[..., None])


def _finish(color: np.ndarray, tinted: np.ndarray | int = 255) -> np.ndarray:
    out = np.empty((SIZE, SIZE, 4), np.uint8)
    out[..., :3] = np.clip(color, 2, 253)
    out[..., 3] = tinted
    return out


def _mortar(rng: np.random.Generator, color: np.ndarray, row_px: int, strength: float) -> None:
    color[::row_px] *= 1 - strength
    for row in range(0, SIZE, row_px):
        start = rng.integers(0, 2 * row_px)
        color[row : row + row_px, start :: 2 * row_px] *= 1 - strength


def _window(
    rng: np.random.Generator, image: np.ndarray, box: tuple[int, int, int, int], frame: np.ndarray, light: float
) -> None:
    """A window with frame, bars, sill and perhaps curtains into box (left, top, right, bottom)."""
    left, top, right, bottom = box
    if right - left < 4 or bottom - top < 4:
        return
    cv2.rectangle(image, (left - 2, top - 2), (right + 1, bottom + 1), tuple(frame.tolist()), -1)
    glass = rng.uniform(12, 60) * np.array([0.9, 1.0, 1.1])
    sky = light * rng.uniform(0.2, 1.0)
    ramp = np.linspace(1, rng.uniform(0, 0.6), bottom - top)[:, None, None]
    pane = glass + ramp * sky * np.array([0.85, 0.95, 1.05])
    image[top:bottom, left:right] = pane
    if rng.random() < 0.4:
        cloth = rng.uniform(90, 200)
        width = int((right - left) * rng.uniform(0.1, 0.35))
        image[top:bottom, left : left + width] = cloth
        image[top:bottom, right - width : right] = cloth
    middle = (left + right) // 2
    if rng.random() < 0.7:
        cv2.line(image, (middle, top), (middle, bottom - 1), tuple(frame.tolist()), 1 + int(right - left > 24))
    height = top + int((bottom - top) * rng.choice([0.33, 0.5]))
    if rng.random() < 0.7:
        cv2.line(image, (left, height), (right - 1, height), tuple(frame.tolist()), 1)
    shade = rng.uniform(0.55, 0.8)
    image[top : top + 2, left:right] *= shade
    sill = np.clip(frame * rng.uniform(0.6, 1.05), 0, 255)
    cv2.rectangle(image, (left - 4, bottom + 2), (right + 3, bottom + 3), tuple(sill.tolist()), -1)


def _wall(rng: np.random.Generator) -> np.ndarray:
    base = np.array(_WALLS[rng.integers(len(_WALLS))]) * rng.uniform(0.75, 1.1) * rng.uniform(0.93, 1.07, 3)
    wall = _noisy(rng, base, rng.uniform(0.03, 0.11))
    if rng.random() < 0.6:
        _mortar(rng, wall, int(rng.choice([3, 4, 6])), rng.uniform(0.04, 0.14))
    # Rain and soot run down a wall: streaks that are the same along a column.
    wall *= 1 + 0.05 * cv2.GaussianBlur(rng.standard_normal((1, SIZE)).astype(np.float32), (1, 5), 1)[..., None]
    return wall


def facade(rng: np.random.Generator, floors: int, bays: int) -> np.ndarray:
    """Upper floors of a house: a grid of windows in a wall of brick, render or stone."""
    wall = _wall(rng)
    frame = np.array([225.0, 225, 220]) if rng.random() < 0.65 else rng.uniform(20, 140, 3)
    bay, floor = SIZE // bays, SIZE // floors
    width, height = int(bay * rng.uniform(0.3, 0.62)), int(floor * rng.uniform(0.42, 0.68))
    light = rng.uniform(10, 110)
    lintel = wall.mean((0, 1)) * rng.uniform(0.7, 1.35)
    has_lintel, has_band, paired = rng.random() < 0.5, rng.random() < 0.35, rng.random() < 0.3
    for row in range(floors):
        top = row * floor + int(floor * 0.22)
        if has_band:
            cv2.rectangle(wall, (0, row * floor), (SIZE, row * floor + 4), tuple(lintel.tolist()), -1)
        for column in range(bays):
            left = column * bay + (bay - width) // 2
            if has_lintel:
                cv2.rectangle(wall, (left - 4, top - 7), (left + width + 4, top - 2), tuple(lintel.tolist()), -1)
            if paired:
                gap = max(2, width // 10)
                half = (width - gap) // 2
                _window(rng, wall, (left, top, left + half, top + height), frame, light)
                _window(rng, wall, (left + half + gap, top, left + width, top + height), frame, light)
            else:
                _window(rng, wall, (left, top, left + width, top + height), frame, light)
    if rng.random() < 0.5:
        pipe = int(rng.integers(0, SIZE))
        cv2.line(wall, (pipe, 0), (pipe, SIZE), tuple((wall.mean((0, 1)) * 0.45).tolist()), 2)
    return _finish(wall)


def office(rng: np.random.Generator, floors: int, bays: int) -> np.ndarray:
    """A modern front: bands or a grid of glass between concrete or metal."""
    wall = _noisy(rng, np.array([150.0, 152, 155]) * rng.uniform(0.4, 1.4), rng.uniform(0.02, 0.06))
    bay, floor = SIZE // bays, SIZE // floors
    gap = max(2, int(bay * rng.uniform(0.05, 0.2)))
    top = int(floor * rng.uniform(0.2, 0.45))
    tint = rng.uniform(0.8, 1.2, 3)
    light = rng.uniform(20, 130)
    for row in range(floors):
        for column in range(bays):
            pane = (rng.uniform(15, 60) + light * rng.uniform(0.2, 1) * np.linspace(1, 0.4, floor - top))[
                :, None, None
            ] * tint
            wall[row * floor + top : (row + 1) * floor, column * bay + gap : (column + 1) * bay] = pane
    return _finish(wall)


def shop(rng: np.random.Generator) -> np.ndarray:
    """A ground floor with shop windows, doors and coloured fascias; one tile is one storey."""
    image = _noisy(rng, rng.uniform(30, 170, 3), 0.06)
    left = 0
    while left < SIZE - 20:
        width = min(int(rng.integers(60, 130)), SIZE - left)
        right = left + width
        hue = rng.uniform(0.4, 1.2, 3) if rng.random() < 0.35 else rng.uniform(0.85, 1.1, 3)
        color = rng.uniform(20, 160) * hue
        cv2.rectangle(image, (left, 0), (right, SIZE), tuple((color * 0.7).tolist()), -1)
        glass = rng.uniform(15, 70)
        ramp = np.linspace(1.4, 0.5, 150)[:, None, None] * glass * rng.uniform(0.85, 1.15, 3)
        image[70:220, left + 8 : right - 8] = ramp
        for _ in range(rng.integers(3, 12)):
            x, y = rng.integers(left + 8, max(left + 9, right - 20)), rng.integers(90, 190)
            size = rng.integers(5, 30, 2)
            shade = tuple((rng.uniform(20, 220) * rng.uniform(0.6, 1.1, 3)).tolist())
            cv2.rectangle(
                image, (int(x), int(y)), (int(min(x + size[0], right - 8)), int(min(y + size[1], 219))), shade, -1
            )
        door = int(rng.integers(left + 8, max(left + 9, right - 40)))
        cv2.rectangle(image, (door, 62), (door + 30, 246), tuple((color * 0.5).tolist()), 3)
        image[70:246, door + 3 : door + 28] *= 0.6
        fascia = np.clip(color * rng.uniform(0.9, 1.5), 0, 240)
        cv2.rectangle(image, (left, 18), (right, 56), tuple(fascia.tolist()), -1)
        ink = tuple((np.array([235.0, 235, 225]) if fascia.mean() < 130 else np.array([30.0, 30, 40])).tolist())
        pen = left + 14
        while pen < right - 22:
            letter = int(rng.integers(4, 11))
            bottom = 44 + int(rng.integers(-3, 3))
            cv2.rectangle(image, (pen, 30), (pen + letter, bottom), ink, int(rng.choice([-1, 2])))
            pen += letter + int(rng.integers(3, 8))
        left = right
    image[:8] *= 0.6
    return _finish(image)


def house_ground_floor(rng: np.random.Generator) -> np.ndarray:
    """A ground floor with doors and windows in a wall; one tile is one storey."""
    wall = _wall(rng)
    frame = np.array([225.0, 225, 220]) if rng.random() < 0.7 else rng.uniform(20, 140, 3)
    for left in (0, SIZE // 2):
        door = tuple((rng.uniform(20, 160) * rng.uniform(0.3, 1.1, 3)).tolist())
        cv2.rectangle(wall, (left + 8, 70), (left + 42, 250), tuple(frame.tolist()), -1)
        cv2.rectangle(wall, (left + 12, 84), (left + 38, 250), door, -1)
        width = int(rng.integers(34, 62))
        _window(rng, wall, (left + 58, 80, left + 58 + width, 178), frame, rng.uniform(10, 110))
    wall[246:] *= 0.7
    return _finish(wall)


def roof(rng: np.random.Generator) -> np.ndarray:
    """Slate or clay tiles in rows."""
    base = np.array([(78, 76, 80), (104, 64, 50), (92, 84, 76), (120, 92, 74)][rng.integers(4)]) * rng.uniform(
        0.7, 1.15
    )
    image = _noisy(rng, base, 0.09)
    _mortar(rng, image, 8, 0.15)
    return _finish(image)


def asphalt(rng: np.random.Generator) -> np.ndarray:
    """Grain of a road surface, grey 128 on average."""
    grey = np.array([128.0, 128, 128]) * rng.uniform(0.97, 1.03, 3)
    image = _noisy(rng, grey, rng.uniform(0.05, 0.12), (8, 32, 128, 256))
    return _finish(image)


def stains(rng: np.random.Generator) -> np.ndarray:
    """Repairs, tar joints, oil, covers and cracks of a road, for a large tile, grey 128 on average."""
    image = np.full((SIZE, SIZE, 3), 128, np.float32)
    image *= 1 + rng.uniform(0.04, 0.1) * tile_noise(rng, SIZE, (4, 8, 32), (1, 1, 0.5))[..., None]
    for _ in range(rng.integers(1, 5)):
        x, y, w, h = rng.integers(0, 200), rng.integers(0, 200), rng.integers(10, 50), rng.integers(8, 120)
        image[y : y + h, x : x + w] *= rng.uniform(0.75, 1.2)
    for _ in range(rng.integers(0, 5)):
        start = rng.integers(0, SIZE, 2)
        points = start + np.cumsum(rng.integers(-6, 10, (24, 2)), axis=0)
        cv2.polylines(image, [points.astype(np.int32)], False, (85, 85, 85), 1)
    for _ in range(rng.integers(1, 4)):
        cover_x, cover_y = rng.integers(10, 240, 2).tolist()
        cv2.rectangle(image, (cover_x, cover_y), (cover_x + 9, cover_y + 7), (70, 70, 70), -1)
    return _finish(image)


def paving(rng: np.random.Generator) -> np.ndarray:
    """Slabs with joints."""
    base = np.array([128.0, 126, 121]) * rng.uniform(0.85, 1.25) * rng.uniform(0.97, 1.03, 3)
    image = _noisy(rng, base, rng.uniform(0.04, 0.09))
    step = int(rng.choice([32, 64, 64, 128]))
    for y in range(0, SIZE, step):
        for x in range(0, SIZE, step):
            image[y : y + step, x : x + step] *= rng.uniform(0.9, 1.1)
    joint = rng.uniform(0.65, 0.9)
    image[::step] *= joint
    image[:, ::step] *= joint
    return _finish(image)


def grass(rng: np.random.Generator) -> np.ndarray:
    """A lawn, green to straw."""
    base = np.array([86.0, 100, 48]) * rng.uniform(0.7, 1.25) * rng.uniform(0.9, 1.1, 3)
    return _finish(_noisy(rng, base, 0.2, (4, 16, 64, 128, 256)))


def hedge(rng: np.random.Generator) -> np.ndarray:
    """Leaves of a hedge, dark below."""
    base = np.array([58.0, 74, 36]) * rng.uniform(0.6, 1.2) * rng.uniform(0.85, 1.15, 3)
    image = _noisy(rng, base, 0.4, (8, 32, 64, 128)) * np.linspace(1.2, 0.5, SIZE)[:, None, None]
    return _finish(image)


def boards(rng: np.random.Generator) -> np.ndarray:
    """A fence of upright boards."""
    image = _noisy(rng, np.array([110.0, 84, 60]) * rng.uniform(0.5, 1.3), 0.08, (16, 64, 256))
    step = int(rng.choice([16, 21, 32]))
    for x in range(0, SIZE, step):
        image[:, x : x + step] *= rng.uniform(0.8, 1.15)
        image[:, x : x + 2] *= 0.5
    return _finish(image)


def railing(rng: np.random.Generator) -> np.ndarray:
    """Bars with gaps; the fourth channel is opacity, never 0, so that the gaps still count as fence."""
    opacity = np.full((SIZE, SIZE), 60, np.uint8)
    step = int(rng.choice([16, 32, 32, 64]))
    opacity[:, : SIZE // step * step][:, np.arange(SIZE) % step < max(3, step // 5)] = 255
    for top in (4, int(rng.integers(90, 130)), 226):
        opacity[top : top + 14] = 255
    shade = rng.choice([20.0, 40, 120, 190])
    return _finish(_noisy(rng, np.full(3, shade) * rng.uniform(0.9, 1.1, 3), 0.08), opacity)


def plain(rng: np.random.Generator, strength: float = 0.04) -> np.ndarray:
    """White with a little noise: all colour comes from the tint."""
    return _finish(_noisy(rng, np.full(3, 235.0), strength, (4, 16, 64)))


def car_side(rng: np.random.Generator) -> np.ndarray:
    """Lower side of a car from ground to windows: wheels, sills, door seams. Tinted where there is paint."""
    image = _noisy(rng, np.full(3, 215.0), 0.02, (4, 8))
    image *= np.interp(np.arange(SIZE), [0, 60, 110, 170, 215], [1.05, 0.8, 1.1, 0.75, 0.5])[:, None, None]
    tint = np.full((SIZE, SIZE), 255, np.uint8)
    image[206:], tint[206:] = rng.uniform(8, 24), 0
    for x in (80, 150, 190):
        image[20:200, x : x + 2] *= 0.6
    for x in (48, 206):
        cv2.ellipse(image, (x, 178), (25, 88), 0, 0, 360, (14, 14, 15), -1)
        cv2.ellipse(tint, (x, 178), (25, 88), 0, 0, 360, 0, -1)
        hub = rng.uniform(60, 170)
        cv2.ellipse(image, (x, 186), (13, 46), 0, 0, 360, (hub, hub, hub), -1)
        cv2.ellipse(image, (x, 186), (4, 14), 0, 0, 360, (40, 40, 40), -1)
    band = rng.random()
    if band < 0.5:
        image[118:126, :], tint[118:126, :] = 30, 0
    return _finish(image, tint)


def glass(rng: np.random.Generator, pillars: tuple[int, ...]) -> np.ndarray:
    """Car windows with painted pillars at the given columns."""
    image = np.full((SIZE, SIZE, 3), rng.uniform(14, 40), np.float32) * rng.uniform(0.92, 1.08, 3).astype(np.float32)
    image *= np.linspace(rng.uniform(1.5, 5.5), rng.uniform(0.9, 2.0), SIZE)[:, None, None]
    x = int(rng.integers(20, 200))
    image[:, x : x + 40] *= rng.uniform(1.0, 1.7)
    cv2.ellipse(image, (int(rng.integers(60, 200)), 200), (18, 70), 0, 0, 360, (12, 12, 12), -1)
    tint = np.zeros((SIZE, SIZE), np.uint8)
    for x in pillars:
        image[:, max(0, x - 8) : x + 8], tint[:, max(0, x - 8) : x + 8] = 190, 255
    image[:16], tint[:16] = 200, 255
    return _finish(image, tint)


def car_end(rng: np.random.Generator, rear: bool) -> np.ndarray:
    """Front or rear of a car from ground to bonnet or boot: lamps, plate, bumper, wheels."""
    image = _noisy(rng, np.full(3, 215.0), 0.02, (4, 8))
    image *= np.interp(np.arange(SIZE), [0, 80, 130, 200], [1.1, 0.85, 1.0, 0.55])[:, None, None]
    tint = np.full((SIZE, SIZE), 255, np.uint8)
    image[208:], tint[208:] = 10, 0
    if rng.random() < 0.4:
        image[130:208], tint[130:208] = rng.uniform(20, 50), 0
    lamp = (150.0, 16, 12) if rear else (215.0, 220, 225)
    top = int(rng.integers(20, 60))
    size = (int(rng.integers(22, 48)), int(rng.integers(26, 80)))
    for x in (8, SIZE - 8 - size[0]):
        cv2.rectangle(image, (x, top), (x + size[0], top + size[1]), lamp, -1)
        cv2.rectangle(tint, (x, top), (x + size[0], top + size[1]), 0, -1)
        if rear:
            cv2.rectangle(image, (x, top + size[1] - 10), (x + size[0], top + size[1]), (200, 120, 40), -1)
    if not rear:
        cv2.rectangle(image, (70, top + 6), (186, top + 50), (20, 20, 22), -1)
        cv2.rectangle(tint, (70, top + 6), (186, top + 50), 0, -1)
    plate = (190.0, 160, 20) if rear else (205.0, 205, 200)
    y = int(rng.integers(96, 150))
    cv2.rectangle(image, (92, y), (164, y + 26), plate, -1)
    cv2.rectangle(tint, (92, y), (164, y + 26), 0, -1)
    cv2.line(image, (100, y + 13), (156, y + 13), (30, 30, 30), 9)
    for x in (12, SIZE - 52):
        image[208:, x : x + 40] = 18
    return _finish(image, tint)


def add_surfaces(atlas: TextureAtlas, rng: np.random.Generator) -> None:
    """Adds one drive's own choice of all the flat materials to the atlas."""
    for _ in range(7):
        floors, bays = int(rng.integers(2, 4)), int(rng.integers(2, 5))
        atlas.add("facade", facade(rng, floors, bays), bays * rng.uniform(2.0, 3.6), floors * rng.uniform(2.7, 3.3))
    for _ in range(3):
        floors, bays = int(rng.integers(2, 5)), int(rng.integers(3, 8))
        atlas.add("office", office(rng, floors, bays), bays * rng.uniform(1.2, 3.0), floors * rng.uniform(3.0, 3.8))
    for _ in range(4):
        atlas.add("shop", shop(rng), rng.uniform(9, 14), rng.uniform(3.2, 4.0))
    for _ in range(3):
        atlas.add("house_ground_floor", house_ground_floor(rng), rng.uniform(8, 12), rng.uniform(2.9, 3.4))
    for _ in range(3):
        atlas.add("wall", _finish(_wall(rng)), 6.0, 6.0)
        atlas.add("roof", roof(rng), 4.0, 4.0)
    for _ in range(2):
        atlas.add("asphalt", asphalt(rng), 2.0, 2.0)
        atlas.add("stains", stains(rng), 22.0, 22.0)
        atlas.add("paving", paving(rng), 2.4, 2.4)
        atlas.add("grass", grass(rng), 3.0, 3.0)
        atlas.add("hedge", hedge(rng), 2.0, 1.6)
        atlas.add("boards", boards(rng), 2.5, 1.5)
        atlas.add("railing", railing(rng), rng.uniform(1.5, 3.0), 1.1)
    atlas.add("plain", plain(rng))
    for _ in range(3):
        atlas.add("car_side", car_side(rng))
        atlas.add("car_front", car_end(rng, rear=False))
        atlas.add("car_rear", car_end(rng, rear=True))
    for pillars in ((0, 100, 185, 255), (0, 130, 255), (0, 70, 140, 210, 255)):
        atlas.add("car_windows", glass(rng, pillars))
    atlas.add("windscreen", glass(rng, (0, 255)))

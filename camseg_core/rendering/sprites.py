"""Flat pictures of trees, people, bicycles and signs that always face the camera.

Every function returns (256, 256, 4) uint8 RGBA, row 0 at the top; the fourth channel is opacity.
"""

import cv2
import numpy as np

from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.noise import tile_noise

CROWN_OPACITY = 36
"""Opacity between the twigs of a bare tree: sky shines through, but the crown still counts as tree."""


def _rgba(color: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    return np.dstack([np.clip(color, 2, 253).astype(np.uint8), opacity.astype(np.uint8)])


def leafy_tree(rng: np.random.Generator) -> np.ndarray:
    """A trunk under a crown of leaves in clumps, lit from above."""
    opacity = np.zeros((SIZE, SIZE), np.uint8)
    trunk = int(rng.integers(6, 11))
    cv2.rectangle(opacity, (128 - trunk // 2, 130), (128 + trunk // 2, SIZE), 255, -1)
    base = np.array([88.0, 102, 54]) * rng.uniform(0.5, 1.35) * rng.uniform(0.8, 1.2, 3)
    color = np.empty((SIZE, SIZE, 3), np.float32)
    color[:] = np.array([70.0, 60, 50]) * rng.uniform(0.6, 1.2)
    conifer = rng.random() < 0.25
    for _ in range(46):
        if conifer:
            y = rng.uniform(15, 205)
            x = 128 + rng.uniform(-1, 1) * (8 + 0.42 * y)
            size = rng.uniform(10, 24)
        else:
            angle, radius = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
            x, y = 128 + 95 * radius * np.cos(angle), 98 + 78 * radius * np.sin(angle)
            size = rng.uniform(12, 34)
        center, axes = (int(x), int(y)), (int(size), int(size * rng.uniform(0.5, 0.9)))
        shade = base * rng.uniform(0.6, 1.2) * (1.25 - 0.6 * y / 200)
        cv2.ellipse(opacity, center, axes, rng.uniform(0, 180), 0, 360, 255, -1)
        cv2.ellipse(color, center, axes, rng.uniform(0, 180), 0, 360, shade.tolist(), -1)
    leaves = tile_noise(rng, SIZE, (16, 64, 128), (0.6, 1, 1))
    color *= 1 + 0.3 * leaves[..., None]
    # The outline frays into leaves, and a few gaps open inside.
    distance = cv2.distanceTransform(opacity, cv2.DIST_L2, 3)
    fringe = (distance + 3.5 * leaves < 2.5) & (np.arange(SIZE)[:, None] < 190)
    opacity[fringe] = 0
    opacity[(leaves > 1.6) & (opacity > 0)] = 90
    return _rgba(color, opacity)


def bare_tree(rng: np.random.Generator) -> np.ndarray:
    """A winter tree: branching lines, with the space between the twigs almost transparent."""
    large = 2 * SIZE
    lines = np.zeros((large, large), np.uint8)
    spread, upward = rng.uniform(0.35, 0.6), rng.uniform(0.04, 0.14)
    up = -np.pi / 2
    tips = [(large / 2, large - 1.0, up + rng.uniform(-0.05, 0.05), rng.uniform(95, 135), rng.uniform(11, 17))]
    for depth in range(9):
        grown = []
        for x, y, angle, length, width in tips:
            x1, y1 = x + length * np.cos(angle), y + length * np.sin(angle)
            ends = (int(x), int(y)), (int(x1), int(y1))
            cv2.line(
                lines, *ends, 255 if width >= 1 else int(255 * max(width, 0.45)), max(1, round(width)), cv2.LINE_AA
            )
            count = 3 if depth == 0 or rng.random() < 0.35 else 2
            for turn in (np.arange(count) - (count - 1) / 2) * 2 * spread / (count - 1) + rng.normal(0, 0.2, count):
                toward = angle + turn
                child = length * rng.uniform(0.62, 0.86)
                grown.append((x1, y1, toward + upward * (up - toward), child, width * rng.uniform(0.55, 0.75)))
        tips = grown if len(grown) < 700 else [grown[index] for index in rng.permutation(len(grown))[:700]]
    drawn = cv2.resize(lines, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    crown = cv2.morphologyEx((drawn > 12).astype(np.uint8), cv2.MORPH_CLOSE, kernel).astype(np.float32)
    opacity = np.maximum(np.minimum(drawn.astype(np.float32) * 1.4, 255), crown * CROWN_OPACITY)
    base = np.array([84.0, 76, 68]) * rng.uniform(0.35, 1.2) * rng.uniform(0.92, 1.08, 3)
    color = base * (1 + 0.25 * tile_noise(rng, SIZE, (16, 128), (1, 1))[..., None])
    return _rgba(color, opacity)


def _cloth(rng: np.random.Generator) -> list[float]:
    if rng.random() < 0.72:
        return (rng.uniform(8, 60) * rng.uniform(0.8, 1.25, 3)).tolist()
    return (rng.uniform(60, 210) * rng.uniform(0.35, 1.15, 3)).clip(0, 245).tolist()


def _draw(
    color: np.ndarray, opacity: np.ndarray, points: list[tuple[float, float]], shade: list[float], width: int
) -> None:
    line = np.array(points, np.int32)
    cv2.polylines(color, [line], False, shade, width)
    cv2.polylines(opacity, [line], False, 255, width)


def _blob(
    color: np.ndarray, opacity: np.ndarray, center: tuple[int, int], axes: tuple[int, int], shade: list[float]
) -> None:
    cv2.ellipse(color, center, axes, 0, 0, 360, shade, -1)
    cv2.ellipse(opacity, center, axes, 0, 0, 360, 255, -1)


def person(rng: np.random.Generator) -> np.ndarray:
    """A walking or standing person, for 0.95 × 1.75 m."""
    color = np.zeros((SIZE, SIZE, 3), np.float32)
    opacity = np.zeros((SIZE, SIZE), np.uint8)
    trousers, coat = _cloth(rng), _cloth(rng)
    skin = (np.array([200.0, 160, 135]) * rng.uniform(0.35, 1.0)).tolist()
    hair = (np.array([60.0, 45, 30]) * rng.uniform(0.2, 2.2)).tolist()
    stride, swing = rng.uniform(6, 46), rng.uniform(5, 45)
    for side in (-1, 1):
        hip, foot = (128 + side * 10, 140), (128 + side * stride, 244)
        knee = ((hip[0] + foot[0]) / 2 + 6, 192)
        _draw(color, opacity, [hip, knee, foot], trousers, 30)
        _draw(color, opacity, [foot, (foot[0] + 14, 249)], [20.0, 18, 16], 12)
    shoulder = int(rng.integers(32, 44))
    _blob(color, opacity, (128, 95), (shoulder, 58), coat)
    if rng.random() < 0.3:
        _blob(color, opacity, (128, 138), (shoulder + 6, 40), coat)
    for side in (-1, 1):
        hand = (128 + side * swing * 1.2 + side * 14, 140)
        _draw(color, opacity, [(128 + side * (shoulder - 6), 64), (128 + side * (shoulder + 6), 105), hand], coat, 19)
        _blob(color, opacity, (int(hand[0]), 144), (9, 9), skin)
    _blob(color, opacity, (128, 22), (22, 21), hair)
    _blob(color, opacity, (132, 27), (17, 17), skin)
    if rng.random() < 0.4:
        bag = int(128 + rng.choice([-1, 1]) * rng.integers(40, 60))
        _blob(color, opacity, (bag, 140), (22, 24), _cloth(rng))
    color *= 1 + 0.12 * tile_noise(rng, SIZE, (8, 32, 64), (1, 1, 0.5))[..., None]
    color *= np.linspace(1.15, 0.8, SIZE)[:, None, None]
    return _rgba(color, opacity)


def rider_from_behind(rng: np.random.Generator) -> np.ndarray:
    """A cyclist seen from behind or in front, for 0.85 × 1.75 m."""
    picture = person(rng)
    color, opacity = picture[..., :3].astype(np.float32), picture[..., 3].copy()
    opacity[196:] = 0
    shade = rng.uniform(10, 40)
    for x in (100, 156):
        _draw(color, opacity, [(x, 150), (x + (128 - x) // 5, 205)], _cloth(rng), 26)
    _blob(color, opacity, (128, 204), (9, 48), [shade, shade, shade])
    _draw(color, opacity, [(70, 128), (186, 128)], [30.0, 30, 30], 8)
    if rng.random() < 0.5:
        _blob(color, opacity, (128, 15), (24, 15), (rng.uniform(30, 230, 3)).tolist())
    if rng.random() < 0.4:
        _blob(color, opacity, (128, 90), (34, 42), [200.0, 215, 30])
    return _rgba(color, opacity)


def rider_from_side(rng: np.random.Generator) -> np.ndarray:
    """A cyclist seen from the side, for 1.8 × 1.75 m."""
    color = np.zeros((SIZE, SIZE, 3), np.float32)
    opacity = np.zeros((SIZE, SIZE), np.uint8)
    frame, coat, trousers = _cloth(rng), _cloth(rng), _cloth(rng)
    for x in (52, 204):
        cv2.ellipse(color, (x, 202), (45, 48), 0, 0, 360, (22, 22, 22), 7)
        cv2.ellipse(opacity, (x, 202), (45, 48), 0, 0, 360, 70, -1)
        cv2.ellipse(opacity, (x, 202), (45, 48), 0, 0, 360, 255, 7)
    _draw(color, opacity, [(52, 202), (108, 202), (92, 140), (52, 202)], frame, 7)
    _draw(color, opacity, [(108, 202), (184, 140), (92, 140)], frame, 7)
    _draw(color, opacity, [(204, 202), (182, 128), (168, 118)], frame, 7)
    _draw(color, opacity, [(92, 128), (130, 158), (112, 206)], trousers, 18)
    _draw(color, opacity, [(92, 130), (112, 170), (88, 206)], trousers, 16)
    _draw(color, opacity, [(94, 120), (140, 52)], coat, 38)
    _draw(color, opacity, [(138, 60), (150, 100), (176, 118)], coat, 13)
    _blob(color, opacity, (154, 24), (15, 19), (np.array([200.0, 160, 135]) * rng.uniform(0.35, 1.0)).tolist())
    _blob(color, opacity, (150, 13), (17, 12), (rng.uniform(10, 200, 3)).tolist())
    color *= 1 + 0.12 * tile_noise(rng, SIZE, (8, 32, 64), (1, 1, 0.5))[..., None]
    return _rgba(color, opacity)


def _text(rng: np.random.Generator, color: np.ndarray, box: tuple[int, int, int, int], ink: list[float]) -> None:
    left, top, right, bottom = box
    step = max(14, (bottom - top) // int(rng.integers(2, 5)))
    for y in range(top, bottom - step // 2, step):
        x = left
        while x < right:
            width = int(rng.integers(8, 46))
            cv2.rectangle(color, (x, y), (min(x + width, right), y + step // 2), ink, -1)
            x += width + int(rng.integers(5, 16))


def round_sign(rng: np.random.Generator) -> np.ndarray:
    """A prohibition (red ring) or mandatory (blue) sign."""
    color = np.zeros((SIZE, SIZE, 3), np.float32)
    opacity = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(opacity, (128, 128), 126, 255, -1)
    blue = rng.random() < 0.4
    color[:] = (25, 60, 150) if blue else (170, 25, 28)
    if not blue:
        cv2.circle(color, (128, 128), 92, (222, 222, 216), -1)
    ink = [225.0, 225, 220] if blue else [20.0, 20, 22]
    _text(rng, color, (80, 90, 176, 170), ink)
    return _rgba(color * rng.uniform(0.7, 1.0), opacity)


def triangle_sign(rng: np.random.Generator) -> np.ndarray:
    """A warning sign."""
    color = np.zeros((SIZE, SIZE, 3), np.float32)
    opacity = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(opacity, np.array([(128, 4), (252, 250), (4, 250)], np.int32), 255)
    color[:] = (170, 25, 28)
    cv2.fillConvexPoly(color, np.array([(128, 62), (204, 222), (52, 222)], np.int32), (222, 222, 216))
    cv2.rectangle(color, (114, 120), (142, 205), (20, 20, 22), -1)
    return _rgba(color * rng.uniform(0.7, 1.0), opacity)


def board(rng: np.random.Generator) -> np.ndarray:
    """A rectangular direction or shop sign with something like writing on it."""
    base = [(20.0, 50, 130), (10.0, 80, 55), (215.0, 212, 205), (140.0, 25, 25), (30.0, 30, 34), (215.0, 170, 20)][
        rng.integers(6)
    ]
    color = np.empty((SIZE, SIZE, 3), np.float32)
    color[:] = base
    ink = [225.0, 225, 220] if np.mean(base) < 140 else [24.0, 24, 30]
    cv2.rectangle(color, (6, 6), (249, 249), ink, 6)
    _text(rng, color, (26, 36, 230, 225), ink)
    return _rgba(color * rng.uniform(0.65, 1.0), np.full((SIZE, SIZE), 255))


def traffic_light(rng: np.random.Generator, lit: int) -> np.ndarray:
    """Three lamps one above the other on a dark board with ``lit`` of them on."""
    color = np.full((SIZE, SIZE, 3), 16, np.float32)
    for lamp, shade in enumerate(((235.0, 50, 30), (240.0, 160, 30), (60.0, 235, 150))):
        on = lamp == lit
        cv2.ellipse(
            color, (128, 48 + lamp * 80), (62, 30), 0, 0, 360, [part * (1.0 if on else 0.18) for part in shade], -1
        )
    cv2.rectangle(color, (0, 0), (255, 255), [rng.uniform(20, 120)] * 3, 12)
    return _rgba(color, np.full((SIZE, SIZE), 255))


def add_sprites(atlas: TextureAtlas, rng: np.random.Generator) -> None:
    """Adds one drive's own choice of trees, people, riders and signs to the atlas."""
    for _ in range(4):
        atlas.add("leafy_tree", leafy_tree(rng))
        atlas.add("bare_tree", bare_tree(rng))
    for _ in range(8):
        atlas.add("person", person(rng))
    for _ in range(4):
        atlas.add("rider", rider_from_behind(rng), 0.85, 1.75)
    for _ in range(2):
        atlas.add("rider_side", rider_from_side(rng), 1.8, 1.75)
    for _ in range(2):
        atlas.add("round_sign", round_sign(rng))
        atlas.add("triangle_sign", triangle_sign(rng))
    for _ in range(5):
        atlas.add("board", board(rng))
    for lit in range(3):
        atlas.add("traffic_light", traffic_light(rng, lit))

"""The procedural drive: frames of a street with exact classes and distances."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from camseg_core.errors import ConfigurationError
from camseg_core.labels import CAMVID
from camseg_core.rendering.atlas import SIZE, TextureAtlas
from camseg_core.rendering.camera import PinholeCamera
from camseg_core.rendering.ground import Ground, GroundPoints, in_house_shade
from camseg_core.rendering.light import Light
from camseg_core.rendering.noise import keyed_rng, tile_noise
from camseg_core.rendering.rasterizer import NEAR_M, DepthBuffer
from camseg_core.rendering.sprites import add_sprites
from camseg_core.rendering.street import (
    BUILDING,
    CHUNK_M,
    TREE,
    GroundProfile,
    LocalStreet,
    Street,
    chunk_numbers,
)
from camseg_core.rendering.surfaces import Quads, SceneBuilder, Shadows, Sprites
from camseg_core.rendering.textures import add_surfaces
from camseg_core.rendering.traffic import Traffic
from camseg_core.srgb import srgb_to_linear

SPEED_MPS = 8.0
"""Speed of the vehicle that carries the camera."""

_SKY_LABEL = CAMVID.names.index("sky")
_SKY, _GROUND, _FAR_HOUSES, _FAR_TREES, _FIRST = range(5)
"""Surface ids; what is placed in the street counts from the last one."""

_BEHIND_M, _AHEAD_M = 20.0, 270.0
_BACKDROP_M = 260.0
"""Distance along the optical axis of the skyline that closes the view."""

_MARKS_SEEN_M = 120.0
"""Shadows and paint farther away are less than a pixel high."""

_MAX_TIME_S = 1e7
_SALT, _FRAME_SALT = 40, 41


@dataclass(frozen=True)
class RenderedFrame:
    """One frame of a drive with the truth about it.

    Attributes:
        image: (height, width, 3) uint8, RGB.
        labels: (height, width) uint8, ids of the label set ``CAMVID``.
        depth_m: (height, width) float32; metres from the camera's centre to the surface along the pixel's ray (range,
            not z), as Koschmieder's law needs it; +inf for sky. Label and distance of a pixel come from the same
            surface.
    """

    image: np.ndarray
    labels: np.ndarray
    depth_m: np.ndarray


@dataclass(frozen=True)
class _Table:
    """What shading needs of each surface.

    Texture coordinates are linear in camera coordinates, u = p · axis_u + offset_u.

    Columns of ``values`` (n, 16) float32: axis_u 0-2, offset_u 3, axis_v 4-6, offset_v 7, light times tint 8-10, texels
    per metre 11, texture 12, see-through 13.
    """

    values: np.ndarray
    labels: np.ndarray


def _random_camera(seed: int, width_px: int, height_px: int) -> PinholeCamera:
    rng = keyed_rng(seed, _SALT)
    focal_px = width_px * float(rng.uniform(0.85, 1.2))
    horizon = height_px * float(rng.uniform(-0.01, 0.06))
    return PinholeCamera(width_px, height_px, focal_px, float(rng.uniform(1.2, 1.6)), math.atan(horizon / focal_px))


class Drive:
    """A vehicle drives down an endless street at 8 m/s; any moment can be rendered, in any order.

    Everything depends on the seed and the time alone: materials, houses, traffic, light, the camera and its noise. The
    same seed, size and time give the same bytes.

    Args:
        seed: 0 or more.
        width_px, height_px: image size, 16 to 8192 each.
        camera: the camera; None draws focal length, height and pitch from the seed. Its size must be the one given.

    Raises ConfigurationError for a value out of its range.
    """

    def __init__(
        self, seed: int, width_px: int = 480, height_px: int = 360, camera: PinholeCamera | None = None
    ) -> None:
        if seed < 0:
            raise ConfigurationError(f"drive seed = {seed}; expected 0 or more")
        if camera is None:
            camera = _random_camera(seed, width_px, height_px)
        elif (camera.width_px, camera.height_px) != (width_px, height_px):
            raise ConfigurationError(
                f"camera of {camera.width_px}×{camera.height_px} px for a drive of {width_px}×{height_px} px; "
                "expected the same size"
            )
        self.camera = camera
        rng = keyed_rng(seed, _SALT, 1)
        self._seed = seed
        self._atlas = TextureAtlas()
        add_surfaces(self._atlas, rng)
        add_sprites(self._atlas, rng)
        self._decode = srgb_to_linear(np.arange(256) / 255).astype(np.float32)
        self._light = Light(seed)
        self._street = Street(seed, self._atlas)
        self._traffic = Traffic(seed, self._street, self._atlas, SPEED_MPS)
        self._ground = Ground(seed, self._atlas, self._decode)
        self._skyline_m = 7.0 + 4.0 * tile_noise(rng, 2048, (32, 128, 512), (1.0, 0.7, 0.3))[0]
        self._skyline_is_trees = tile_noise(rng, 2048, (64,), (1.0,))[0] > rng.uniform(-0.8, 0.8)
        self._blur = float(rng.uniform(0.0, 0.75))
        self._offset_y = float(rng.uniform(-0.3, 0.3))
        self._ray_lengths = camera.ray_lengths()
        noise = rng.standard_normal((camera.height_px + 64, camera.width_px + 64, 3)) * rng.uniform(0.5, 3.0)
        self._noise = np.round(noise).astype(np.int16)

    def frame(self, time_s: float) -> RenderedFrame:
        """The frame at ``time_s`` seconds from the start, 0 to 1e7; raises ConfigurationError outside."""
        if not 0.0 <= time_s <= _MAX_TIME_S:
            raise ConfigurationError(f"drive time_s = {time_s}; expected 0 to {_MAX_TIME_S:g}")
        vehicle_s = SPEED_MPS * time_s
        numbers = chunk_numbers(vehicle_s - _BEHIND_M, vehicle_s + _AHEAD_M)
        local = LocalStreet(
            self._street.curve,
            numbers[0] * CHUNK_M,
            len(numbers) * CHUNK_M,
            vehicle_s,
            -self._street.lane_m / 2 + self._offset_y,
        )
        chunks = [self._street.chunk(number) for number in numbers]
        profile = GroundProfile.concatenate([chunk.ground for chunk in chunks])
        moving = SceneBuilder()
        self._traffic.add(moving, time_s, vehicle_s)
        quads = Quads.concatenate([chunk.quads for chunk in chunks] + [moving.quads()])
        sprites = Sprites.concatenate([chunk.sprites for chunk in chunks] + [moving.sprites()])
        shadows = Shadows.concatenate([chunk.shadows for chunk in chunks] + [moving.shadows()])

        buffer = DepthBuffer(self.camera)
        self._draw_ground_and_skyline(buffer, local.heading)
        table = self._draw_surfaces(buffer, quads, sprites, local, profile)
        shade = self._ground_shade(shadows, local)
        outlines = np.concatenate([chunk.paint for chunk in chunks])
        paint = np.zeros_like(shade)
        self._fill_on_ground(paint, *local.place(outlines[..., 0], outlines[..., 1]), 255)
        radiance, labels = self._shade(buffer, table, local, profile, shade, paint)
        depth_m = np.full(labels.shape, np.inf, np.float32)
        np.divide(self._ray_lengths, buffer.inverse_z, out=depth_m, where=buffer.inverse_z > 0)
        return RenderedFrame(self._develop(radiance, time_s), labels, depth_m)

    def _draw_ground_and_skyline(self, buffer: DepthBuffer, heading: float) -> None:
        camera = self.camera
        ground = camera.ground_rows()[0].astype(np.float32)
        buffer.inverse_z[:] = ground[:, None]
        buffer.ids[ground > 0] = _GROUND
        azimuth = np.arctan(camera.ray_slopes()[0]) + heading
        place = (azimuth * (2048 / (2 * math.pi))).astype(int) % 2048
        ahead = _BACKDROP_M * math.cos(camera.pitch_rad)
        top = camera.from_road(ahead, 0.0, self._skyline_m[place].clip(2.5))
        top_slope = top[:, 1] / top[:, 2]
        rows = camera.ray_slopes()[1]
        skyline = (rows[:, None] >= top_slope[None, :]) & (ground[:, None] < 1 / _BACKDROP_M)
        buffer.inverse_z[skyline] = 1 / _BACKDROP_M
        surface = np.where(self._skyline_is_trees[place], _FAR_TREES, _FAR_HOUSES)
        buffer.ids[skyline] = np.broadcast_to(surface, skyline.shape)[skyline]

    def _draw_surfaces(
        self, buffer: DepthBuffer, quads: Quads, sprites: Sprites, local: LocalStreet, profile: GroundProfile
    ) -> _Table:
        camera, light = self.camera, self._light
        sun_road = light.sun_direction(local.heading)
        sun = camera.from_road(*sun_road) - camera.from_road(0.0, 0.0, 0.0)
        up = camera.from_road(0.0, 0.0, 1.0) - camera.from_road(0.0, 0.0, 0.0)

        ahead, right = local.place(quads.corners[..., 0], quads.corners[..., 1])
        corners = camera.from_road(ahead, right, quads.corners[..., 2])
        edge_u, edge_v = corners[:, 1] - corners[:, 0], corners[:, 3] - corners[:, 0]
        normal = np.cross(edge_u, edge_v)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        offset = (normal * corners[:, 0]).sum(-1)
        visible = (offset < -0.01) & (corners[..., 2].max(-1) > NEAR_M)
        # Outside of the view's side planes, or too far.
        slack = (camera.width_px / 2 + 2) / camera.focal_px * corners[..., 2]
        visible &= (
            (corners[..., 0] < slack).any(-1)
            & (corners[..., 0] > -slack).any(-1)
            & (corners[..., 2].min(-1) < _BACKDROP_M)
        )
        chosen = np.flatnonzero(visible)

        base_ahead, base_right = local.place(sprites.base[:, 0], sprites.base[:, 1])
        base = camera.from_road(base_ahead, base_right, sprites.base[:, 2])
        reach = (camera.width_px / 2 + 2) / camera.focal_px * base[:, 2] + sprites.size[:, 0]
        seen = np.flatnonzero((base[:, 2] > NEAR_M) & (base[:, 2] < _BACKDROP_M) & (np.abs(base[:, 0]) < reach))

        values = np.zeros((_FIRST + len(chosen) + len(seen), 16), np.float32)
        labels = np.zeros(len(values), np.uint8)
        labels[_SKY], labels[_FAR_HOUSES], labels[_FAR_TREES] = _SKY_LABEL, BUILDING, TREE
        self._fill_skyline(values, local.heading)

        part = values[_FIRST : _FIRST + len(chosen)]
        edge_u, edge_v, corner = edge_u[chosen], edge_v[chosen], corners[chosen, 0]
        uu, uv, vv = (edge_u**2).sum(-1), (edge_u * edge_v).sum(-1), (edge_v**2).sum(-1)
        scale = (quads.extent[chosen] * SIZE) / (uu * vv - uv * uv)[:, None]
        axis_u = (vv[:, None] * edge_u - uv[:, None] * edge_v) * scale[:, :1]
        axis_v = (uu[:, None] * edge_v - uv[:, None] * edge_u) * scale[:, 1:]
        part[:, 0:3], part[:, 4:7] = axis_u, axis_v
        part[:, 3] = quads.origin[chosen, 0] * SIZE - (axis_u * corner).sum(-1)
        part[:, 7] = quads.origin[chosen, 1] * SIZE - (axis_v * corner).sum(-1)
        middle = corners[chosen].mean(1)
        facing = np.abs((normal[chosen] * middle).sum(-1)) / np.linalg.norm(middle, axis=-1)
        density = np.sqrt(np.linalg.norm(axis_u, axis=-1) * np.linalg.norm(axis_v, axis=-1))
        part[:, 11] = density / np.sqrt(np.maximum(facing, 0.08))
        part[:, 12], part[:, 13] = quads.texture[chosen], quads.see_through[chosen]
        place = quads.corners[chosen].mean(1)
        lit = ~in_house_shade(place[:, 0], place[:, 1], place[:, 2], local.start_s, profile, sun_road)
        facing_sun = np.maximum(normal[chosen] @ sun, 0) * lit
        facing_up = 0.75 + 0.25 * (normal[chosen] @ up)
        brightness = facing_up[:, None] * light.ambient + (facing_sun * light.sun)[:, None] * light.sun_color
        part[:, 8:11] = quads.tint[chosen] * brightness
        labels[_FIRST : _FIRST + len(chosen)] = quads.label[chosen]

        part = values[_FIRST + len(chosen) :]
        width, height = sprites.size[seen].T
        part[:, 0], part[:, 5] = SIZE / width, -SIZE / height
        part[:, 3] = SIZE / 2 - base[seen, 0] * part[:, 0]
        part[:, 7] = -base[seen, 1] * part[:, 5]
        part[:, 11] = SIZE / np.minimum(width, height)
        part[:, 12], part[:, 13] = sprites.texture[seen], 1
        place = sprites.base[seen]
        lit = ~in_house_shade(place[:, 0], place[:, 1], place[:, 2] + height / 2, local.start_s, profile, sun_road)
        # A picture has no shape: the sun lights the more of it, the more it is behind the camera.
        facing_sun = (0.45 - 0.35 * sun[2]) * lit
        part[:, 8:11] = sprites.tint[seen] * (0.8 * light.ambient + (facing_sun * light.sun)[:, None] * light.sun_color)
        labels[_FIRST + len(chosen) :] = sprites.label[seen]

        solid = ~quads.see_through[chosen]
        drawn = np.flatnonzero(solid)
        buffer.draw_polygons(corners[chosen[drawn]], normal[chosen[drawn]], offset[chosen[drawn]], _FIRST + drawn)
        # What shines through must come after what is behind it.
        clear = np.flatnonzero(~solid)
        distance = np.concatenate([middle[clear, 2], base[seen, 2]])
        for item in np.argsort(-distance, kind="stable").tolist():
            if item < len(clear):
                one = clear[item : item + 1]
                quad = chosen[one]
                buffer.draw_polygons(corners[quad], normal[quad], offset[quad], _FIRST + one, see_through=True)
            else:
                number = item - len(clear)
                sprite = seen[number]
                buffer.draw_sprite(
                    base[sprite],
                    sprites.size[sprite],
                    self._atlas,
                    int(sprites.texture[sprite]),
                    int(sprites.threshold[sprite]),
                    _FIRST + len(chosen) + number,
                )
        return _Table(values, labels)

    def _fill_skyline(self, values: np.ndarray, heading: float) -> None:
        for surface, group, tile_m in ((_FAR_HOUSES, "facade", 24.0), (_FAR_TREES, "hedge", 14.0)):
            scale = SIZE / tile_m
            values[surface, 0], values[surface, 5] = scale, -scale
            values[surface, 3] = heading * _BACKDROP_M * scale
            values[surface, 8:11] = 0.75 * self._light.ambient
            values[surface, 11], values[surface, 12] = scale, self._atlas.ids(group)[0]

    def _ground_shade(self, shadows: Shadows, local: LocalStreet) -> np.ndarray:
        """Where something keeps light from the ground, (height, width) uint8: 1 the sun's, 2 the sky's, too."""
        shade = np.zeros((self.camera.height_px, self.camera.width_px), np.uint8)
        ahead, right = local.place(shadows.outline[..., 0], shadows.outline[..., 1])
        sun = self._light.sun_direction(local.heading)
        shift = shadows.height[:, None] / sun[2]
        ahead, right = ahead - shift * sun[0], right - shift * sun[1]
        for value, which in ((1, shadows.height > 0), (2, shadows.height == 0)):
            self._fill_on_ground(shade, ahead[which], right[which], value)
        return shade

    def _fill_on_ground(self, mask: np.ndarray, ahead: np.ndarray, right: np.ndarray, value: int) -> None:
        """Writes ``value`` into ``mask`` where convex outlines, (n, corners) metres ahead and right, are seen."""
        camera = self.camera
        points = camera.from_road(ahead, right, 0.0)
        z = points[..., 2]
        seen = (z.min(-1) > 1.0) & (z.min(-1) < _MARKS_SEEN_M)
        seen &= (np.abs(points[..., 0]) < z * camera.width_px / camera.focal_px).any(-1)
        pixels = points[seen, :, :2] * (camera.focal_px / z[seen][..., None])
        pixels += ((camera.width_px - 1) / 2, (camera.height_px - 1) / 2)
        for outline in np.round(pixels * 16).astype(np.int32):
            cv2.fillConvexPoly(mask, outline, value, lineType=cv2.LINE_AA if value == 255 else cv2.LINE_8, shift=4)

    def _shade(
        self,
        buffer: DepthBuffer,
        table: _Table,
        local: LocalStreet,
        profile: GroundProfile,
        shade: np.ndarray,
        paint: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        camera = self.camera
        ids, inverse_z, behind_ids = buffer.ids.ravel(), buffer.inverse_z.ravel(), buffer.behind_ids.ravel()
        labels = table.labels[ids]
        front = np.flatnonzero(ids != _SKY)
        # A pixel whose nearest surface is solid does not show what an earlier one let through.
        covering = np.flatnonzero((behind_ids >= 0) & (table.values[:, 13] > 0)[ids])
        pixel = np.concatenate([front, covering])
        surface = np.concatenate([ids[front], behind_ids[covering]])
        z = np.concatenate([inverse_z[front], buffer.behind_inverse_z.ravel()[covering]])
        np.divide(1, z, out=z, where=z > 0)

        radiance = np.empty((camera.height_px * camera.width_px, 3), np.float32)
        columns, rows = camera.ray_slopes()
        sky_rows = int(np.searchsorted(rows, math.tan(camera.pitch_rad) + 0.01))
        sky = self._light.sky(np.arctan(columns) + local.heading, camera.pitch_rad - np.arctan(rows[:sky_rows]))
        radiance[: sky_rows * camera.width_px] = sky.reshape(-1, 3)
        color = np.empty((len(pixel), 3), np.float32)
        open_sky = np.flatnonzero(surface == _SKY)
        color[open_sky] = radiance[pixel[open_sky]]

        ground = np.flatnonzero(surface == _GROUND)
        color[ground], ground_labels = self._shade_ground(pixel[ground], z[ground], local, profile, shade, paint)
        in_front = ground < len(front)
        labels[pixel[ground[in_front]]] = ground_labels[in_front]

        things = np.flatnonzero(surface > _GROUND)
        color[things], opacity = self._shade_things(pixel[things], surface[things], z[things], table)

        radiance[front] = color[: len(front)]
        alpha = np.empty(len(radiance), np.float32)
        alpha[pixel[things[::-1]]] = opacity[::-1]
        weight = alpha[covering][:, None]
        behind = color[len(front) :]
        radiance[covering] = behind + (radiance[covering] - behind) * weight
        shape = (camera.height_px, camera.width_px)
        return radiance.reshape(*shape, 3), labels.reshape(shape)

    def _shade_things(
        self, pixel: np.ndarray, surface: np.ndarray, z: np.ndarray, table: _Table
    ) -> tuple[np.ndarray, np.ndarray]:
        columns, rows = self.camera.ray_slopes()
        row, column = np.divmod(pixel, self.camera.width_px)
        x, y = columns[column] * z, rows[row] * z
        # One gather for each column stays in the cache, one of whole rows does not.
        u0, u1, u2, u3, v0, v1, v2, v3 = np.ascontiguousarray(table.values[:, :8].T)
        u = u0[surface] * x + u1[surface] * y + u2[surface] * z + u3[surface]
        v = v0[surface] * x + v1[surface] * y + v2[surface] * z + v3[surface]
        texels_per_px = (table.values[:, 11] * np.float32(1 / self.camera.focal_px))[surface] * z
        texel = self._atlas.lookup(table.values[:, 12].astype(np.int32)[surface], u, v, texels_per_px)
        channel = texel[:, 3] * np.float32(1 / 255)
        see_through = (table.values[:, 13] > 0)[surface]
        color = self._decode[texel[:, :3]]
        # Light and tint share columns. Where the texture says that the tint does not count, the sky's light stands in.
        lit = np.ascontiguousarray(table.values[:, 8:11])
        factor = lit[surface]
        bare = np.flatnonzero(~see_through & (texel[:, 3] < 255))
        factor[bare] += (self._light.ambient - factor[bare]) * (1 - channel[bare])[:, None]
        color *= factor
        return color, np.where(see_through, channel, np.float32(1))

    def _shade_ground(
        self,
        pixel: np.ndarray,
        z: np.ndarray,
        local: LocalStreet,
        profile: GroundProfile,
        shade: np.ndarray,
        paint: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        camera, light = self.camera, self._light
        columns, _ = camera.ray_slopes()
        row, column = np.divmod(pixel, camera.width_px)
        ahead = camera.ground_rows()[1][row]
        s, y, index = local.locate(ahead, columns[column] * z)
        across = z * np.float32(1 / camera.focal_px)
        along = across * z * np.float32(1 / camera.height_m)
        points = GroundPoints(s, y, index, across, along, paint.ravel()[pixel])
        color, labels = self._ground.shade(points, profile)
        kind = shade.ravel()[pixel]
        brightness = np.where(kind == 2, np.float32(0.35), np.float32(1))[:, None] * light.ambient
        if light.sun > 0:
            sun = light.sun_direction(local.heading)
            lit = ~in_house_shade(s, y, 0.0, local.start_s, profile, sun) & (kind == 0)
            brightness += (lit * np.float32(light.sun * sun[2]))[:, None] * light.sun_color
        color *= brightness
        return color, labels

    def _develop(self, radiance: np.ndarray, time_s: float) -> np.ndarray:
        """Lens blur, exposure and sensor noise."""
        if self._blur > 0.2:
            radiance = cv2.GaussianBlur(radiance, (3, 3), self._blur)
        image = self._light.expose(radiance)
        rng = keyed_rng(self._seed, _FRAME_SALT, round(time_s * 1e6))
        top, left = rng.integers(0, 64, 2)
        height, width = image.shape[:2]
        return cv2.add(image, self._noise[top : top + height, left : left + width], dtype=cv2.CV_8U)

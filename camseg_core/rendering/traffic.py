"""What moves: cars, people and cyclists, each a function of time alone."""

import math
from collections.abc import Iterator

import numpy as np

from camseg_core.rendering.atlas import TextureAtlas
from camseg_core.rendering.noise import keyed_rng
from camseg_core.rendering.street import CHUNK_M, Street
from camseg_core.rendering.surfaces import SceneBuilder
from camseg_core.rendering.vehicles import add_vehicle, random_paint, random_shape

_SALT = 10
_ONCOMING, _LEADER, _WALKERS, _RIDERS, _CROSSING = range(5)
_VIEW_M = (-8.0, 190.0)
"""How far behind and ahead of the vehicle moving things exist."""


class Traffic:
    """Everything that moves along one drive.

    Streams of things move at one speed each: slot k of a stream starts at k times its spacing, and slot, seed and
    stream decide what is in it. So any moment can be made without the ones before.
    """

    def __init__(self, seed: int, street: Street, atlas: TextureAtlas, speed_mps: float) -> None:
        rng = keyed_rng(seed, _SALT)
        self._seed, self._street, self._atlas, self._speed_mps = seed, street, atlas, speed_mps
        self._oncoming_mps = float(rng.uniform(6, 11))
        self._oncoming_share = float(rng.uniform(0.15, 0.7))
        self._leader_period_s = float(rng.uniform(40, 90))
        self._leader_phase = float(rng.uniform(0, 2 * math.pi))
        self._has_leader = bool(rng.random() < 0.75)
        self._walker_share = float(rng.uniform(0.1, 0.6))
        self._rider_share = float(rng.uniform(0.15, 0.6))

    def add(self, builder: SceneBuilder, time_s: float, vehicle_s: float) -> None:
        """Adds what moves near the vehicle at this time."""
        lane = self._street.lane_m
        for s, rng in self._stream(_ONCOMING, 26.0, -self._oncoming_mps, self._oncoming_share, time_s, vehicle_s):
            y = lane / 2 + rng.uniform(-0.2, 0.3)
            shape = random_shape(rng, large=True)
            add_vehicle(builder, self._atlas, shape, s, y, False, random_paint(rng), int(rng.integers(16)))
        if self._has_leader:
            gap = 66 + 56 * math.sin(2 * math.pi * time_s / self._leader_period_s + self._leader_phase)
            rng = keyed_rng(self._seed, _SALT, _LEADER)
            shape = random_shape(rng, large=True)
            paint = random_paint(rng)
            add_vehicle(builder, self._atlas, shape, vehicle_s + gap, -lane / 2, True, paint, int(rng.integers(16)))
        for sign in (-1, 1):
            for direction in (-1, 1):
                key = _WALKERS + 10 * sign + 100 * direction
                for s, rng in self._stream(key, 9.0, 1.35 * direction, self._walker_share, time_s, vehicle_s):
                    ground = self._street.chunk(math.floor(s / CHUNK_M)).ground
                    side = (sign + 1) // 2
                    y = rng.uniform(ground.road[0, side] + 0.4, ground.walk[0, side] - 0.2)
                    self._street.add_person(builder, rng, s, sign * y)
            for s, rng in self._stream(_RIDERS + 10 * sign, 24.0, -4.5 * sign, self._rider_share, time_s, vehicle_s):
                self._street.add_rider(builder, rng, s, sign * (lane - 0.45), across=False)
        self._add_crossing(builder, time_s)

    def _stream(
        self, key: int, spacing_m: float, speed_mps: float, share: float, time_s: float, vehicle_s: float
    ) -> Iterator[tuple[float, np.random.Generator]]:
        """Street coordinate and generator of each thing of a stream that is in view."""
        shift = speed_mps * time_s
        first = math.floor((vehicle_s + _VIEW_M[0] - shift) / spacing_m)
        last = math.ceil((vehicle_s + _VIEW_M[1] - shift) / spacing_m)
        for slot in range(first, last + 1):
            rng = keyed_rng(self._seed, _SALT, key, slot)
            s = slot * spacing_m + rng.uniform(0, spacing_m - 8.0) + shift
            if rng.random() < share and _VIEW_M[0] <= s - vehicle_s <= _VIEW_M[1]:
                yield s, rng

    def _add_crossing(self, builder: SceneBuilder, time_s: float) -> None:
        """Somebody on foot or on a bicycle crosses the road ahead, done before the vehicle is there."""
        period_s = 7.0
        episode = math.floor(time_s / period_s)
        rng = keyed_rng(self._seed, _SALT, _CROSSING, episode)
        if rng.random() < 0.45:
            return
        s = episode * period_s * self._speed_mps + self._speed_mps * period_s + rng.uniform(6, 20)
        across = rng.random() < 0.4
        reach = self._street.lane_m + 1.0
        direction = 1 if rng.random() < 0.5 else -1
        y = direction * reach * (2 * (time_s / period_s - episode) - 1)
        if across:
            self._street.add_rider(builder, rng, s, y * 2.5, across=True)
        else:
            self._street.add_person(builder, rng, s, y)

"""A stand-in for a GPU's streams that does no work before something waits for it, and then in an awkward order."""

import random
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

POISON = 0xA5
"""In buffers that nothing has been written to yet."""


@dataclass
class Event:
    has_come: bool = False


@dataclass
class DeferredStreams:
    """See ``camseg_core.runtime.streams.Streams``.

    Attributes:
        seed: of the order in which streams take turns; within what events allow, any order may come.
        ignores_events: leave out every wait between streams, to see that a test would notice.
        allocations: buffers asked for so far.
    """

    seed: int = 0
    ignores_events: bool = False
    allocations: int = 0
    _queues: dict[str, deque] = field(default_factory=lambda: defaultdict(deque))

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def enqueue(self, stream: str, work: Callable[[], None]) -> None:
        self._queues[stream].append(work)

    def record(self, stream: str) -> Event:
        event = Event()
        self._queues[stream].append(event)
        return event

    def wait(self, stream: str, event: Event) -> None:
        if not self.ignores_events:
            self._queues[stream].append(("wait", event))

    def synchronize(self, event: Event) -> None:
        while not event.has_come:
            ready = [queue for queue in self._queues.values() if queue and not self._is_blocked(queue[0])]
            assert ready, "the host waits for an event that no stream will ever reach"
            self._run(self._random.choice(ready).popleft())

    def host_buffer(self, size_bytes: int) -> Tensor:
        self.allocations += 1
        return torch.full((size_bytes,), POISON, dtype=torch.uint8)

    def device_buffer(self, size_bytes: int) -> Tensor:
        return self.host_buffer(size_bytes)

    @staticmethod
    def _is_blocked(entry) -> bool:
        return isinstance(entry, tuple) and not entry[1].has_come

    @staticmethod
    def _run(entry) -> None:
        if isinstance(entry, Event):
            entry.has_come = True
        elif not isinstance(entry, tuple):
            entry()

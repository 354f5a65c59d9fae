"""The page and the figures of ``camseg bench reliability``: load, memory, hostile streams, interruptions."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from camseg_core.evaluation.experiments.publication import Publication, Table
from camseg_ros.benchmarks import hostile, load, memory
from camseg_ros.benchmarks.hostile import HostileResult, run_hostile
from camseg_ros.benchmarks.interruptions import InterruptionResult, run_interruptions
from camseg_ros.benchmarks.load import LoadResult, run_load
from camseg_ros.benchmarks.memory import MemoryResult, run_frames
from camseg_ros.benchmarks.publish_own_cost import ros_provenance
from camseg_ros.benchmarks.stage import NodeUnderTest

_SUMMARY = f"""\
What `camseg_node` withstands. Node, cameras and consumer are processes that talk over DDS. Frames are noise.

- **Load**: {len(load.CAMERAS)} cameras of {load.HEIGHT}×{load.WIDTH} at {load.RATE_HZ:g} Hz each, mask and drift
  subscribed to. Promised: the node does not end; of each camera received = processed + dropped + failed, none
  failed; memory grows by at most {load.MAX_GROWTH_MIB:g} MiB after the first tenth of the time. What was sent and
  not received was lost on the way, as best effort may.
- **Memory**: frames one after the other through the whole engine with a model of 48×64 and random weights; mask,
  colours, overlay, confidence, drift and heatmap subscribed to. Promised: at most {memory.MAX_GROWTH_MIB:g} MiB
  from frame 1000 to the last.
- **Hostile streams**: images and compressed images with wrong fields or damaged bytes, over a reliable subscription
  so that each arrives; after every {hostile.AT_ONCE} a good frame of {hostile.HEIGHT}×{hostile.WIDTH}. Promised:
  its mask within {hostile.AIM_S:g} s, every message counted.
- **Interruptions**: promised are masks again, no failed frame and counts that add up. Recovery is counted to the
  first mask, from the camera's first frames, or from the start of the new node, whose model has to be loaded."""


@dataclass(frozen=True)
class ReliabilityOptions:
    """How long each part is.

    Attributes:
        duration_s: of the load.
        frames: of the memory test.
        messages: mutated ones.
        seed: of their mutations.
    """

    duration_s: float
    frames: int
    messages: int
    seed: int


def publish(node: NodeUnderTest, options: ReliabilityOptions, out: Path) -> tuple[tuple[Path, ...], list[str]]:
    """Runs everything and writes ``out`` with the endings .md and .json.

    Returns:
        The files, and which promises were broken, in words.

    Raises:
        CamsegError: a process ended that should not have, or what was waited for did not come.
    """

    def tell(line: str) -> None:
        print(line, file=sys.stderr)

    tell(f"load: {options.duration_s:g} s")
    loaded = run_load(node, options.duration_s)
    tell(f"memory: {options.frames} frames")
    remembered = run_frames(options.frames, node.device)
    tell(f"hostile streams: {options.messages} messages")
    streams = run_hostile(node, options.messages, options.seed)
    interruptions = run_interruptions(node, tell)

    kept = {
        "load": loaded.keeps_promises,
        "memory": remembered.keeps_promises,
        "hostile streams": all(stream.keeps_promises for stream in streams),
        "interruptions": all(interruption.keeps_promises for interruption in interruptions),
    }
    publication = Publication(
        title="Reliability",
        summary=_SUMMARY,
        tables=(
            Table("Promises", ("part", "kept"), tuple((name, "yes" if ok else "**no**") for name, ok in kept.items())),
            *_load_tables(loaded),
            _memory_table(remembered),
            _hostile_table(streams),
            _interruptions_table(interruptions),
        ),
        figure=None,
        results={
            "kept": kept,
            "load": asdict(loaded) | {"growth_mib": loaded.growth_mib},
            "memory": asdict(remembered) | {"growth_mib": remembered.growth_mib},
            "hostile": [asdict(stream) for stream in streams],
            "interruptions": [asdict(interruption) for interruption in interruptions],
        },
        provenance=ros_provenance(options.seed, "noise images", node.model),
    )
    return publication.write(out), [name for name, ok in kept.items() if not ok]


def _load_tables(loaded: LoadResult) -> tuple[Table, Table]:
    columns = ("camera", "sent", "received", "processed", "dropped", "failed", "adds up", "masks that arrived")
    rows = tuple(
        (c.camera, c.sent, c.received, c.processed, c.dropped, c.failed, "yes" if c.adds_up else "no", c.masks)
        for c in loaded.cameras
    )
    title = f"Load: {loaded.duration_s:g} s, {loaded.sent_hz:.1f} frames a second of each camera as sent"
    memory_title = f"Load: memory of the node; grown by {loaded.growth_mib:.1f} MiB after the first tenth"
    memory_rows = tuple((sample.at, sample.resident_mib) for sample in loaded.memory)
    return Table(title, columns, rows), Table(memory_title, ("s", "MiB"), memory_rows, digits=1)


def _memory_table(remembered: MemoryResult) -> Table:
    rows = tuple((round(sample.at), sample.resident_mib) for sample in remembered.samples)
    found = f"grown by {remembered.growth_mib:.1f} MiB; {remembered.lost} frames lost"
    title = f"Memory over {remembered.frames} frames: {found}"
    return Table(title, ("frames", "MiB"), rows, digits=1)


def _hostile_table(streams: Sequence[HostileResult]) -> Table:
    columns = (
        "images",
        "messages",
        "received",
        "processed",
        "dropped",
        "failed",
        "good frames",
        "median s",
        "longest s",
    )
    rows = tuple(
        (
            stream.transport,
            stream.messages,
            stream.received,
            stream.processed,
            stream.dropped,
            stream.failed,
            f"{len(stream.answers_s)} answered, {stream.unanswered} not",
            sorted(stream.answers_s)[len(stream.answers_s) // 2] if stream.answers_s else float("nan"),
            max(stream.answers_s, default=float("nan")),
        )
        for stream in streams
    )
    return Table("Hostile streams", columns, rows)


def _interruptions_table(interruptions: Sequence[InterruptionResult]) -> Table:
    columns = ("what", "masks again after s", "diagnostics", "received", "processed", "dropped", "failed")
    rows: tuple[tuple[str | int | float, ...], ...] = tuple(
        (
            one.what,
            one.recovered_s,
            ", then ".join(one.statuses) or "–",
            *(one.counts[name] for name in ("received", "processed", "dropped", "failed")),
        )
        for one in interruptions
    )
    return Table("Interruptions", columns, rows, digits=1)

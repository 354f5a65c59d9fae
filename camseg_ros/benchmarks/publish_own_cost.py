"""The page and the figures of ``camseg bench node``."""

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path

from camseg_core.evaluation.experiments.publication import Provenance, Publication, Table
from camseg_core.evaluation.report.machine import versions
from camseg_ros.benchmarks.own_cost import ALL_OUTPUTS, DEFAULT_OUTPUTS, ENCODING, FrameCost, SizeCost, measure
from camseg_ros.benchmarks.stage import NodeUnderTest

_TITLE = "Cost of the node beside the model"

_SUMMARY = """\
What a frame costs `camseg_node` beside the model, in milliseconds. Node, camera and consumer are processes that talk
over DDS; the next frame is sent when the one before is answered. **receiving** is the processor time of the receiving
thread: waking up, taking the message from the middleware, reading its header. **waiting** passes until the worker
takes the frame, **reading** is deserialising and converting, **publishing** drawing and sending what is subscribed
to. **own** is all that is not inference: the four and what lies between them; its median is what the aim is for.
**inference** is the engine, for comparison: it scales the image to the model's size and the mask back."""


def publish(node: NodeUnderTest, frames: int, all_outputs: bool, out: Path) -> tuple[tuple[Path, ...], bool]:
    """Measures and writes ``out`` with the endings .md and .json.

    Args:
        node: its model.
        frames: of each size.
        all_outputs: whether to subscribe to every output instead of ``DEFAULT_OUTPUTS``.
        out: path of the page without its ending.

    Returns:
        The files, and whether every aim is met.

    Raises:
        CamsegError: the node ends, or answers nothing.
    """
    outputs = ALL_OUTPUTS if all_outputs else DEFAULT_OUTPUTS
    sizes = measure(node, frames, outputs)
    names = tuple(field.name for field in fields(FrameCost))
    publication = Publication(
        title=_TITLE,
        summary=f"{_SUMMARY}\n\nSubscribed to: {', '.join(outputs)}.",
        tables=(
            Table("Against the aim", ("image", "frames", "lost", "own p50", "aim", "met"), _aims(sizes)),
            Table("Median / 95th percentile, ms", ("image", *(n.removesuffix("_ms") for n in names)), _stages(sizes)),
        ),
        figure=None,
        results={
            "outputs": list(outputs),
            "sizes": [
                {name: value for name, value in asdict(size).items() if name != "frames"}
                | {name: {f"p{p}": size.percentile_ms(name, p) for p in (50, 95, 99)} for name in names}
                | {"frames": len(size.frames), "meets_its_aim": size.meets_its_aim}
                for size in sizes
            ],
        },
        provenance=ros_provenance(0, f"noise images, {ENCODING}, {frames} of each size", node.model),
    )
    return publication.write(out), all(size.meets_its_aim for size in sizes)


def ros_provenance(seed: int, data: str, model: str) -> Provenance:
    """Where figures come from, with the versions of ROS."""
    provenance = Provenance.collect(seed=seed, data=data, models=[model])
    ros = versions("rclpy", "ros-rclpy", "rosbags")
    return replace(provenance, versions=provenance.versions | ros)


def _aims(sizes: Sequence[SizeCost]) -> tuple[tuple[str | int | float, ...], ...]:
    return tuple(
        (
            _name(size),
            len(size.frames),
            size.lost,
            size.percentile_ms("own_ms", 50),
            f"≤ {size.aim_ms:g}",
            "yes" if size.meets_its_aim else "no",
        )
        for size in sizes
    )


def _stages(sizes: Sequence[SizeCost]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            _name(size),
            *(
                f"{size.percentile_ms(field.name, 50):.2f} / {size.percentile_ms(field.name, 95):.2f}"
                for field in fields(FrameCost)
            ),
        )
        for size in sizes
    )


def _name(size: SizeCost) -> str:
    return f"{size.height}×{size.width}"

"""The page of all benchmarks: what was aimed at, what came out, and what was not measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from camseg_core.benchmarks.record import BenchmarkRecord
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Table

NOTES = "notes.md"
"""In the folder of the records: what people have to say, put between the aims and the records as it is."""

_ORDER = ("inference", "reference", "overlap", "cameras", "decoder", "int8")


@dataclass(frozen=True)
class Bound:
    """What a figure shall keep to.

    Attributes:
        words: say it.
        is_met: whether a value does.
    """

    words: str
    is_met: Callable[[float], bool]


def at_least(bound: float, unit: str = "") -> Bound:
    """``bound`` or more."""
    return Bound(f"≥ {bound:g}{unit}", lambda value: value >= bound)


def at_most(bound: float, unit: str = "") -> Bound:
    """``bound`` or less."""
    return Bound(f"≤ {bound:g}{unit}", lambda value: value <= bound)


def within(bound: float, unit: str = "") -> Bound:
    """No farther from 0 than ``bound``."""
    return Bound(f"within {bound:g}{unit}", lambda value: abs(value) <= bound)


@dataclass(frozen=True)
class Aim:
    """Something to reach.

    Attributes:
        what: is measured, in words.
        wanted: of it.
        kind: of the records that tell.
        conditions: figures that a record must have to count.
        value: reads the figure from a record's figures.
        unit: after it.
        is_compiled: whether a record must be of torch.compile; None: of either.
    """

    what: str
    wanted: Bound
    kind: str
    conditions: Mapping[str, Any]
    value: Callable[[Mapping[str, Any]], float]
    unit: str
    is_compiled: bool | None = None

    def row(self, records: Sequence[BenchmarkRecord]) -> tuple[str, str, str, str]:
        """What, wanted, measured and whether that is enough; of several records the last."""
        found = [
            self.value(record.figures)
            for record in records
            if record.kind == self.kind
            and self.is_compiled in (None, record.is_compiled)
            and all(record.figures.get(name) == wanted for name, wanted in self.conditions.items())
        ]
        if not found:
            return self.what, self.wanted.words, "", "open: not measured"
        verdict = "met" if self.wanted.is_met(found[-1]) else "missed"
        return self.what, self.wanted.words, f"{found[-1]:.4g}{self.unit}", verdict


_BASE = {"model_id": "camseg-base", "device": "cuda", "steps": 4, "decoder": "fast", "batch": 1}
_SMALL_GPU = {"model_id": "camseg-small", "device": "cuda", "batch": 1}
_SMALL_CPU = {"model_id": "camseg-small", "device": "cpu", "batch": 1}


def _on_two_cores(what: str, decoder: str, int8: bool = False) -> Aim:
    """What CPUs are to reach, by one way of computing the masks."""
    return Aim(
        what,
        at_least(8.0),
        "inference",
        {**_SMALL_CPU, "decoder": decoder, "int8": int8},
        lambda figures: figures["frames_per_s"],
        "",
        is_compiled=False,
    )


def _compiled_and_not(*aims: Aim) -> tuple[Aim, ...]:
    """The aims by torch.compile and then as the model is by default; ``{way}`` in their words says which."""
    return tuple(
        replace(aim, what=aim.what.format(way=way), is_compiled=is_compiled)
        for is_compiled, way in ((True, "torch_compile"), (False, "no torch_compile"))
        for aim in aims
    )


AIMS = (
    *_compiled_and_not(
        Aim(
            "camseg-base, 768×768, GPU, bfloat16, 4 steps, fast decoder, {way}: p50, camera buffer to host mask",
            at_most(16.0, " ms"),
            "inference",
            _BASE,
            lambda figures: figures["latency"]["p50_ms"],
            " ms",
        ),
        Aim(
            "the same: p99",
            at_most(20.0, " ms"),
            "inference",
            _BASE,
            lambda figures: figures["latency"]["p99_ms"],
            " ms",
        ),
        Aim(
            "the same: ratio to the counted floor",
            at_most(2.0),
            "inference",
            _BASE,
            lambda figures: figures["ratio_to_floor"],
            "",
        ),
        Aim(
            "the same: peak GPU memory",
            at_most(3.0, " GB"),
            "inference",
            _BASE,
            lambda figures: figures["memory"]["device_peak"] / 1e9,
            " GB",
        ),
        Aim(
            "the same: pipelined over serial throughput",
            at_least(1.3),
            "overlap",
            {"model_id": "camseg-base", "device": "cuda"},
            lambda figures: figures["ratio"],
            "",
        ),
    ),
    Aim(
        "camseg-base, GPU: against the published schedule in the same run",
        at_least(20.0, " times as fast"),
        "reference",
        {"model_id": "camseg-base", "device": "cuda", "steps": 4, "decoder": "fast"},
        lambda figures: figures["ratio"],
        " times",
    ),
    *_compiled_and_not(
        Aim(
            "camseg-small, 360×480, GPU, {way}: frames a second of one camera, handed over ahead",
            at_least(400.0),
            "overlap",
            {"model_id": "camseg-small", "device": "cuda"},
            lambda figures: figures["pipelined_frames_per_s"],
            "",
        ),
    ),
    Aim(
        "the same, each after the result of the one before: p99",
        at_most(4.0, " ms"),
        "inference",
        _SMALL_GPU,
        lambda figures: figures["latency"]["p99_ms"],
        " ms",
    ),
    Aim(
        "camseg-small, GPU: three cameras in one call against three calls",
        at_least(2.0, " times the throughput"),
        "cameras",
        {"model_id": "camseg-small", "device": "cuda", "cameras": 3},
        lambda figures: figures["ratio"],
        " times",
    ),
    _on_two_cores("camseg-small, 360×480, two CPU cores, all of it: frames a second, full decoder", "full"),
    _on_two_cores("the same, fast decoder", "fast"),
    _on_two_cores("the same, full decoder, int8", "full", int8=True),
    _on_two_cores("the same, fast decoder, int8", "fast", int8=True),
    Aim(
        "camseg-small-train: pixels that the fast decoder gives the full decoder's class",
        at_least(99.5, " %"),
        "decoder",
        {"model_id": "camseg-small-train"},
        lambda figures: 100.0 * figures["agreement"],
        " %",
    ),
    Aim(
        "camseg-small-train: mIoU of the fast decoder minus that of the full one",
        within(0.3, " points"),
        "decoder",
        {"model_id": "camseg-small-train"},
        lambda figures: 100.0 * (figures["fast"]["miou"] - figures["full"]["miou"]),
        " points",
    ),
)


def load_records(folder: Path) -> list[BenchmarkRecord]:
    """All records in ``folder``, the benchmarks in a fixed order, those of one kind by file name.

    Raises:
        ConfigurationError: the folder is missing, or holds a JSON file that is no record.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: no such folder; expected records that `camseg bench … --json` wrote")
    records = [BenchmarkRecord.load(path) for path in sorted(folder.glob("*.json"))]
    unknown = sorted({record.kind for record in records} - set(_ORDER))
    if unknown:
        raise ConfigurationError(
            f"{folder}: holds records of {', '.join(unknown)}; expected some of {', '.join(_ORDER)}"
        )
    return sorted(records, key=lambda record: _ORDER.index(record.kind))


def page(folder: Path) -> str:
    """The page in Markdown; what has no record is said to be open."""
    records = load_records(folder)
    aims = Table("", ("aim", "wanted", "measured", ""), tuple(aim.row(records) for aim in AIMS))
    parts = [
        "# Performance",
        "Every table is as `camseg bench`, `camseg eval decoder` or `camseg eval int8` wrote it, with its command, "
        "machine, versions and date. `camseg bench page` made this page of those records; what was not measured is "
        "open, and nothing is estimated.",
        aims.markdown(),
    ]
    if not any(record.figures.get("device") == "cuda" for record in records):
        parts.append("**The rows about a GPU are open**: none of these records was made on one.")
    if (notes := folder / NOTES).is_file():
        parts.append(notes.read_text(encoding="utf-8").strip())
    parts += [record.markdown().strip() for record in records]
    return "\n\n".join(parts) + "\n"

"""Publishes an experiment: a page with tables and a plot for people, JSON for programs, and where all of it came from.

provenance = Provenance.collect(seed=0, data="CamVid val, every 4th of 101 frames: 26 frames", models=["camseg-small"])
publication = Publication(
    title="Masking",
    summary="What is measured, on what, and how to read the table.",
    tables=(Table("mIoU", ("masking", "mIoU", "pole"), (("fixed", 0.512, 0.081), ("random", 0.518, 0.090))),),
    figure=figure,            # matplotlib.figure.Figure, made without pyplot, which keeps state of its own
    results={"fixed": {"miou": 0.512}},
    provenance=provenance,
)
publication.write(Path("docs/results/masking"))   # masking.md, masking.png, masking.json
"""

import hashlib
import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from matplotlib.figure import Figure

from camseg_core import __version__
from camseg_core.evaluation.report.machine import hardware, versions
from camseg_core.model_files import WEIGHTS_NAME, model_folder
from camseg_core.plain_json import plain_json

DOTS_PER_INCH = 130


@dataclass(frozen=True)
class Provenance:
    """Where figures come from.

    Attributes:
        command: what was typed, quoted for a shell.
        seed: of everything random.
        data: dataset, split and number of frames, in words.
        weights: SHA-256 of the weights file of each model, first 12 digits, by the name or folder it was loaded by.
        hardware: processor, cores, memory, graphics cards.
        versions: of Python and of the libraries that figures depend on.
        date: of the end of the run, ISO 8601, UTC.
    """

    command: str
    seed: int
    data: str
    weights: dict[str, str]
    hardware: str
    versions: dict[str, str]
    date: str

    @classmethod
    def collect(cls, *, seed: int, data: str, models: Sequence[str], libraries: Sequence[str] = ()) -> Self:
        """Of the running process.

        Args:
            seed: as above.
            data: as above.
            models: names or folders as ``load_model`` takes them.
            libraries: what the figures depend on besides the libraries that all do.
        """
        packages = ("torch", "diffusers", "numpy", "opencv-python-headless", *libraries)
        return cls(
            command=shlex.join(["camseg", *sys.argv[1:]]),
            seed=seed,
            data=data,
            weights={model: _digest(model_folder(model) / WEIGHTS_NAME) for model in models},
            hardware=hardware(),
            versions={"camseg": __version__, **versions(*packages)},
            date=datetime.now(UTC).date().isoformat(),
        )

    @property
    def weights_in_words(self) -> str:
        """Each model with its digest, in Markdown."""
        return ", ".join(f"`{model}` {digest}" for model, digest in self.weights.items())

    @property
    def versions_in_words(self) -> str:
        """Each library with its version."""
        return ", ".join(f"{name} {version}" for name, version in self.versions.items())


@dataclass(frozen=True)
class Table:
    """Rows of text and numbers.

    Attributes:
        title: stands above it; "" for none.
        columns: their headings.
        rows: a cell for each column; NaN is drawn as a dash.
        digits: decimals of floating-point cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    digits: int = 3

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"row {row} of table {self.title!r}; expected {len(self.columns)} cells")

    def markdown(self) -> str:
        """The table in GitHub's Markdown, numbers to the right."""
        numeric = [all(not isinstance(row[column], str) for row in self.rows) for column in range(len(self.columns))]
        lines = [self.columns, ["---:" if number else "---" for number in numeric]]
        lines += [[self._cell(value) for value in row] for row in self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def section(self) -> str:
        """The table in Markdown, below its title where it has one."""
        return f"**{self.title}**\n\n{self.markdown()}" if self.title else self.markdown()

    def _cell(self, value: str | int | float) -> str:
        if isinstance(value, float):
            return "–" if math.isnan(value) else f"{value:.{self.digits}f}"
        return str(value)


@dataclass(frozen=True)
class Publication:
    """What an experiment found.

    Attributes:
        title: heading of the page.
        summary: Markdown paragraphs between the heading and the tables: what was measured and how to read it.
        tables: in the order of the page.
        figure: the plot; None for a page without one.
        results: the figures for programs: mappings, sequences, strings, numbers and None; NaN becomes null.
        provenance: where the figures come from.
    """

    title: str
    summary: str
    tables: tuple[Table, ...]
    figure: Figure | None
    results: Mapping[str, object]
    provenance: Provenance

    def write(self, path: Path) -> tuple[Path, ...]:
        """Writes ``path`` with the endings .md, .png where there is a plot, and .json, replacing what is there.

        Returns the paths.

        The page shows the picture by its file name, so the two belong in one folder.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        page, picture, figures = (path.with_name(f"{path.name}.{ending}") for ending in ("md", "png", "json"))
        if self.figure is not None:
            self.figure.savefig(picture, dpi=DOTS_PER_INCH, bbox_inches="tight", facecolor="white")
        page.write_text(self._page(picture.name), encoding="utf-8")
        content = {"title": self.title, "provenance": asdict(self.provenance), "results": plain_json(self.results)}
        figures.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        return (page, figures) if self.figure is None else (page, picture, figures)

    def _page(self, picture: str) -> str:
        source = self.provenance
        parts = [f"# {self.title}", self.summary.strip()]
        parts += [] if self.figure is None else [f"![{self.title}]({picture})"]
        parts += [table.section() for table in self.tables]
        parts += [
            "Made by",
            f"    {source.command}",
            f"on {source.date}. Data: {source.data}. Seed {source.seed}. Weights (SHA-256): "
            f"{source.weights_in_words}. Machine: {source.hardware}. Versions: {source.versions_in_words}.",
        ]
        return "\n\n".join(parts) + "\n"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]

"""What a benchmark found: tables for people, figures for programs, and where both come from."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance, Table
from camseg_core.plain_json import plain_json


@dataclass(frozen=True)
class BenchmarkRecord:
    """One run of a benchmark.

    Attributes:
        kind: which benchmark: ``inference``, ``reference``, ``overlap``, ``cameras``, ``decoder`` or
            ``int8``.
        title: heading, with model, device and settings.
        summary: what was measured and how to read it, in Markdown.
        tables: for people.
        figures: for programs: mappings, sequences, strings and numbers.
        provenance: where the figures come from.
    """

    kind: str
    title: str
    summary: str
    tables: tuple[Table, ...]
    figures: Mapping[str, Any]
    provenance: Provenance

    @property
    def is_compiled(self) -> bool:
        """Whether torch.compile made the model's kernels; its command says so."""
        return "--compile" in self.provenance.command.split()

    def markdown(self) -> str:
        """The record as a section of a page."""
        source = self.provenance
        parts = [f"## {self.title}", self.summary.strip()]
        parts += [table.section() for table in self.tables]
        parts += [
            f"    {source.command}",
            f"{source.date}. {source.hardware}. {source.versions_in_words}. Data: {source.data}. "
            f"Seed {source.seed}. Weights (SHA-256): {source.weights_in_words}.",
        ]
        return "\n\n".join(parts) + "\n"

    def save(self, path: Path) -> None:
        """Write the record as JSON; a figure that is not finite becomes null."""
        path.parent.mkdir(parents=True, exist_ok=True)
        content = json.dumps(plain_json(asdict(self)), indent=2, ensure_ascii=False, allow_nan=False)
        path.write_text(content + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """A record that ``save`` wrote; raises ConfigurationError."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["tables"] = tuple(
                Table(
                    table["title"],
                    tuple(table["columns"]),
                    tuple(tuple(math.nan if cell is None else cell for cell in row) for row in table["rows"]),
                    table["digits"],
                )
                for table in content["tables"]
            )
            content["provenance"] = Provenance(**content["provenance"])
            return cls(**content)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(
                f"{path}: is no record of a benchmark ({error}); expected one by --json"
            ) from error

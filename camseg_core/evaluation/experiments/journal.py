"""What a long experiment has measured so far, on disk, so that a run that was stopped goes on where it was."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from camseg_core.data.datasets import LabelledFiles
from camseg_core.errors import ConfigurationError
from camseg_core.evaluation.experiments.publication import Provenance


class Journal:
    """Results by key, one JSON line each, after a first line with the settings that they depend on.

    A line that a kill cut short is dropped, and its result measured again.

    Args:
        path: the file; it appears with the first result.
        settings: everything that results depend on, as JSON has it.

    Attributes:
        results: what is on disk, by key.

    Raises:
        ConfigurationError: the file is of a run with other settings, or none that a run wrote.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self._path = path
        self._settings = json.loads(json.dumps(settings))
        self.results: dict[str, Any] = {}
        if not path.exists():
            return
        try:
            lines = [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
            found = dict(json.loads(lines[0])) if lines else {}
            self.results = dict(json.loads(line) for line in lines[1:])
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                f"{path}: cannot be gone on with ({error}); expected what a stopped run wrote; remove it, or choose "
                "another --out"
            ) from error
        if not lines:
            path.unlink()
            return
        if found != self._settings:
            names = sorted(name for name in {*found, *self._settings} if found.get(name) != self._settings.get(name))
            raise ConfigurationError(
                f"{path}: was begun with other settings ({', '.join(names)}); remove it, or choose another --out"
            )
        path.write_text("".join(lines), encoding="utf-8")

    def add(self, key: str, result: Any) -> None:
        """Keep a result, as JSON has it, on disk and in ``results``."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        first = not self._path.exists()
        with self._path.open("a", encoding="utf-8") as file:
            if first:
                file.write(json.dumps(self._settings) + "\n")
            file.write(json.dumps([key, result]) + "\n")
        self.results[key] = result

    def remove(self) -> None:
        """Delete the file: the experiment is complete and published."""
        self._path.unlink(missing_ok=True)


def journal_beside(
    out: Path, provenance: Provenance, samples: LabelledFiles, device: torch.device, **settings: Any
) -> Journal:
    """The journal of an experiment on labelled frames, until its page is published at ``out``.

    Args:
        out: path of the page without suffix.
        provenance: whose data, weights and seed the results depend on.
        samples: the frames.
        device: what measures.
        settings: what else the results depend on.
    """
    common = {
        "data": provenance.data,
        "files": samples.fingerprint,
        "device": str(device),
        "weights": provenance.weights,
        "seed": provenance.seed,
    }
    return Journal(out.with_name(f"{out.name}.partial"), {**common, **settings})

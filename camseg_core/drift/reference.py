"""What clear driving looks like to a model: the fitted reference, on disk as safetensors."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from camseg_core.errors import DriftReferenceError

FORMAT = "camseg-drift-reference-1"


@dataclass(frozen=True)
class DriftReference:
    """A Gaussian of clear embeddings, with scores of clear frames it was not fitted on.

    Attributes:
        model_id: the model whose embeddings were fitted.
        mean: (D,) float64.
        whitening: (D, D) float64; the score is the norm of ``whitening @ (embedding − mean)``.
        held_out_scores: (M,) float64, ascending: scores of clear frames by fits that did not see their drive or block.
        warn_threshold, error_threshold: scores from which a frame is WARN or ERROR.
    """

    model_id: str
    mean: np.ndarray
    whitening: np.ndarray
    held_out_scores: np.ndarray
    warn_threshold: float
    error_threshold: float

    def score(self, embedding: np.ndarray) -> float:
        """Mahalanobis distance of a (D,) embedding divided by √D, so that about 1 is ordinary."""
        return float(np.linalg.norm(self.whitening @ (embedding - self.mean)) / np.sqrt(len(self.mean)))

    def p_value(self, score: float) -> float:
        """Conformal p-value, (1 + held-out scores as large) / (1 + held-out scores) (Vovk et al., 2005)."""
        count = len(self.held_out_scores)
        larger = count - int(np.searchsorted(self.held_out_scores, score, side="left"))
        return (1 + larger) / (1 + count)

    @property
    def reference_id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything fitted."""
        digest = hashlib.sha256(self.model_id.encode())
        for array in (self.mean, self.whitening, self.held_out_scores):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(np.array([self.warn_threshold, self.error_threshold]).tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the reference to ``path``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"mean": self.mean, "whitening": self.whitening, "held_out_scores": self.held_out_scores}
        header = {
            "format": FORMAT,
            "model_id": self.model_id,
            "thresholds": json.dumps([self.warn_threshold, self.error_threshold]),
            "reference_id": self.reference_id,
        }
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path, metadata=header)

    @classmethod
    def load(cls, path: Path, model_id: str) -> "DriftReference":
        """The reference in ``path``.

        Raises:
            DriftReferenceError: the file is missing, not whole, altered, or fitted with another model.
        """
        if not path.is_file():
            raise DriftReferenceError(f"{path}: no such file; expected a drift reference made by `camseg drift fit`")
        try:
            with safe_open(path, framework="numpy") as file:
                header = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        except (SafetensorError, OSError) as error:
            raise DriftReferenceError(f"{path}: is not a whole safetensors file ({error})") from error
        if header.get("format") != FORMAT:
            raise DriftReferenceError(f"{path}: format is {header.get('format')!r}; expected {FORMAT!r}")
        warn, error_threshold = json.loads(header["thresholds"])
        reference = cls(
            header["model_id"], arrays["mean"], arrays["whitening"], arrays["held_out_scores"], warn, error_threshold
        )
        if reference.model_id != model_id:
            raise DriftReferenceError(f"{path}: was fitted with model {reference.model_id!r}; expected {model_id!r}")
        if reference.reference_id != header["reference_id"]:
            raise DriftReferenceError(
                f"{path}: content hashes to {reference.reference_id}; expected {header['reference_id']}"
            )
        return reference

"""What clear driving looks like to a model: the fitted reference, on disk as safetensors."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from camseg_core.drift.scores import SCORES, Parameters
from camseg_core.errors import DriftReferenceError

FORMAT = "camseg-drift-reference-2"

_PARAMETER = "score."
"""Prefix of the score's own arrays in the file."""


@dataclass(frozen=True)
class DriftReference:
    """The clear driving of one camera, with scores of clear frames that the fit did not see.

    Attributes:
        model_id: the model whose embeddings were fitted.
        weights_hash: of the weights of that model; "" where they are not known.
        method: name of the score in ``scores.SCORES``.
        parameters: the arrays of that score.
        embedding_mean: (D,) float64, mean embedding of the clear frames.
        embedding_std: (D,) float64, standard deviation over the clear frames.
        held_out_scores: (M,) float64, ascending: scores of clear frames by fits that did not see their drive or block.
        warn_threshold, error_threshold: scores from which a frame counts as WARN or ERROR.
    """

    model_id: str
    weights_hash: str
    method: str
    parameters: Parameters
    embedding_mean: np.ndarray
    embedding_std: np.ndarray
    held_out_scores: np.ndarray
    warn_threshold: float
    error_threshold: float

    def score(self, embedding: np.ndarray) -> float:
        """The score of a (D,) embedding, 0 and more; larger is stranger."""
        return float(SCORES[self.method].evaluate(self.parameters, embedding[None])[0])

    def p_value(self, score: float) -> float:
        """Conformal p-value, (1 + held-out scores as large) / (1 + held-out scores) (Vovk et al., 2005)."""
        count = len(self.held_out_scores)
        larger = count - int(np.searchsorted(self.held_out_scores, score, side="left"))
        return (1 + larger) / (1 + count)

    @property
    def reference_id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything fitted."""
        digest = hashlib.sha256(json.dumps(self._header()).encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the reference to ``path``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(array) for name, array in self._arrays().items()}
        header = {"format": FORMAT, "reference": json.dumps(self._header()), "reference_id": self.reference_id}
        save_file(arrays, path, metadata=header)

    @classmethod
    def load(cls, path: Path, model_id: str, weights_hash: str = "") -> "DriftReference":
        """The reference in ``path``.

        Args:
            path: file made by ``save``.
            model_id: the model that is going to be used.
            weights_hash: of its weights; "" does not compare them.

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
            raise DriftReferenceError(
                f"{path}: format is {header.get('format')!r}; expected {FORMAT!r}, made by `camseg drift fit`"
            )
        parameters = {
            name.removeprefix(_PARAMETER): value for name, value in arrays.items() if name.startswith(_PARAMETER)
        }
        others = {name: value for name, value in arrays.items() if not name.startswith(_PARAMETER)}
        reference = cls(parameters=parameters, **others, **json.loads(header["reference"]))
        if reference.model_id != model_id:
            raise DriftReferenceError(f"{path}: was fitted with model {reference.model_id!r}; expected {model_id!r}")
        if reference.reference_id != header["reference_id"]:
            raise DriftReferenceError(
                f"{path}: content hashes to {reference.reference_id}; expected {header['reference_id']}"
            )
        if weights_hash and reference.weights_hash != weights_hash:
            raise DriftReferenceError(
                f"{path}: was fitted with other weights of {model_id}, {reference.weights_hash or 'unknown'}; expected "
                f"{weights_hash}: fit it again"
            )
        return reference

    def _arrays(self) -> dict[str, np.ndarray]:
        own = {_PARAMETER + name: value for name, value in self.parameters.items()}
        return own | {name: getattr(self, name) for name in ("embedding_mean", "embedding_std", "held_out_scores")}

    def _header(self) -> dict[str, str | float]:
        names = ("model_id", "weights_hash", "method", "warn_threshold", "error_threshold")
        return {name: getattr(self, name) for name in names}

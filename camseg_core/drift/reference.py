"""What clear driving looks like to a model: the fitted reference, on disk as safetensors."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from scipy.special import ndtri

from camseg_core.drift.scores import COMPONENTS, SCORES, WEATHER_DIRECTION, Parameters, region_losses
from camseg_core.drift.sequential import MAX_NORMAL_SCORE, RunLengths
from camseg_core.errors import DriftReferenceError
from camseg_core.whole_file import write_whole

FORMAT = "camseg-drift-reference-4"

MIN_EFFECTIVE_FRAMES = 4.0
"""With fewer independent frames than this nothing can be said of what clear driving varies by."""


def is_rate(rate_hz: float) -> bool:
    """Whether frames can come at that rate: by an infinite one the test over time would be of no number."""
    return math.isfinite(rate_hz) and rate_hz > 0.0


@dataclass(frozen=True)
class DriftReference:
    """The clear driving of one camera, with scores of clear frames that the fit did not see.

    Attributes:
        model_id: the model whose embeddings were fitted.
        embedding_hash: of what makes the model's embeddings, ``camseg_core.models.loading.embedding_hash``; "" where it
            is not known.
        method: name of the score in ``scores.SCORES``.
        rate_hz: of the clear frames, finite and above 0.
        frames, drives: how many were fitted.
        effective_frames: as many independent frames say as much as these correlated ones.
        warn_threshold, error_threshold: scores from which a frame by itself is strange, and very strange.
        embedding_mean: (D,) mean embedding of the clear frames.
        embedding_std: (D,) standard deviation over the clear frames.
        weather_shift: (D,) what simulated weather adds to an embedding.
        parameters: the arrays of each component of the score and of the weather direction, as ``COMPONENT.ARRAY``.
        component_mean, component_std: (components of the score,) over clear frames held out of the fit.
        region_mean, region_std: (ROWS · COLUMNS,) of each region's share in the weather direction, likewise.
        held_out_scores: (M,) ascending: scores of clear frames by fits that did not see their drive or block.
        run_length_thresholds, run_length_log_frames: see ``sequential.RunLengths``.
    """

    model_id: str
    embedding_hash: str
    method: str
    rate_hz: float
    frames: int
    drives: int
    effective_frames: float
    warn_threshold: float
    error_threshold: float
    embedding_mean: np.ndarray
    embedding_std: np.ndarray
    weather_shift: np.ndarray
    parameters: Parameters
    component_mean: np.ndarray
    component_std: np.ndarray
    region_mean: np.ndarray
    region_std: np.ndarray
    held_out_scores: np.ndarray
    run_length_thresholds: np.ndarray
    run_length_log_frames: np.ndarray

    def score(self, embedding: np.ndarray) -> float:
        """The score of a (D,) embedding, 0 and more; larger is stranger."""
        return float(self.scores(embedding[None])[0])

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """The scores of (N, D) embeddings, (N,): softplus of the components' weighted sum, so 0.7 is ordinary."""
        total = np.zeros(len(embeddings))
        weights = SCORES[self.method]
        for (name, weight), mean, std in zip(weights.items(), self.component_mean, self.component_std, strict=True):
            values = COMPONENTS[name].evaluate(self._components[name], embeddings)
            total += weight * (values - mean) / std
        return np.logaddexp(0.0, total)

    def region_scores(self, embedding: np.ndarray) -> np.ndarray:
        """Structure that each region of a (D,) embedding lost to weather, (ROWS · COLUMNS,), scaled as ``score``."""
        losses = region_losses(self._components[WEATHER_DIRECTION], embedding[None])[0]
        return np.logaddexp(0.0, (losses - self.region_mean) / self.region_std)

    def p_value(self, score: float) -> float:
        """Conformal p-value, (1 + held-out scores as large) / (1 + held-out scores) (Vovk et al., 2005)."""
        return (1 + self._larger(score)) / (1 + len(self.held_out_scores))

    def normal_score(self, score: float) -> float:
        """The standard normal quantile of the score's rank among the held-out ones, at most MAX_NORMAL_SCORE.

        Beyond the largest of them ranks end; from there it grows in proportion to the distance from their median.
        """
        scores = self.held_out_scores
        upper_tail = (self._larger(score) + 0.5) / (len(scores) + 1)
        by_rank = min(-float(ndtri(upper_tail)), MAX_NORMAL_SCORE)
        middle = self._median
        reach = float(scores[-1]) - middle
        return by_rank * max((score - middle) / reach, 1.0) if score > scores[-1] and reach > 0.0 else by_rank

    @property
    def run_lengths(self) -> RunLengths:
        """How often the test over time alarms falsely, by its threshold."""
        return RunLengths(self.run_length_thresholds, self.run_length_log_frames)

    @property
    def is_conclusive(self) -> bool:
        """Whether the clear frames were enough to judge others by."""
        return self.effective_frames >= MIN_EFFECTIVE_FRAMES

    @cached_property
    def reference_id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything fitted."""
        digest = hashlib.sha256(json.dumps(self._header()).encode())
        for name, array in sorted(self._arrays().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write the reference to ``path``; raises DriftReferenceError where that cannot be done."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self._arrays().items()}
        header = {"format": FORMAT, "reference": json.dumps(self._header()), "reference_id": self.reference_id}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, save(arrays, header))
        except OSError as error:
            raise DriftReferenceError(f"{path}: cannot be written ({error})") from error

    @classmethod
    def load(cls, path: Path, model_id: str, embedding_hash: str = "") -> "DriftReference":
        """The reference in ``path``.

        Args:
            path: file made by ``save``.
            model_id: the model that is going to be used.
            embedding_hash: of what makes its embeddings; "" does not compare it.

        Raises:
            DriftReferenceError: the file is missing, not whole, altered, without a rate, or fitted with another model.
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
        # An array of a component carries the component's name before a dot, one of the reference itself has no dot.
        parameters = {name: array for name, array in arrays.items() if "." in name}
        own = {name: array for name, array in arrays.items() if "." not in name}
        try:
            reference = cls(parameters=parameters, **own, **json.loads(header["reference"]))
            stored_id = header["reference_id"]
        except (ValueError, KeyError, TypeError) as error:  # an entry that is missing, damaged or of no use
            raise DriftReferenceError(f"{path}: is not a whole drift reference ({error!r})") from error
        if reference.model_id != model_id:
            raise DriftReferenceError(f"{path}: was fitted with model {reference.model_id!r}; expected {model_id!r}")
        if reference.reference_id != stored_id:
            raise DriftReferenceError(f"{path}: content hashes to {reference.reference_id}; expected {stored_id}")
        if not is_rate(reference.rate_hz):
            raise DriftReferenceError(f"{path}: rate_hz is {reference.rate_hz}; expected a finite number above 0")
        if embedding_hash and reference.embedding_hash != embedding_hash:
            raise DriftReferenceError(
                f"{path}: was fitted on embeddings of another {model_id}, {reference.embedding_hash or 'unknown'}; "
                f"expected {embedding_hash}: fit it again with `camseg drift fit`"
            )
        return reference

    @cached_property
    def _components(self) -> Mapping[str, Parameters]:
        """The arrays of each component, in the precision that they are used in.

        A matrix keeps its single precision: reading it from memory is what a score costs.
        """
        components: dict[str, dict[str, np.ndarray]] = {}
        for key, array in self.parameters.items():
            name, _, part = key.partition(".")
            components.setdefault(name, {})[part] = array if array.ndim == 2 else array.astype(np.float64)
        return components

    @cached_property
    def _median(self) -> float:
        return float(np.median(self.held_out_scores))

    def _larger(self, score: float) -> int:
        return len(self.held_out_scores) - int(np.searchsorted(self.held_out_scores, score, side="left"))

    def _arrays(self) -> dict[str, np.ndarray]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**self.parameters, **{name: value for name, value in own.items() if isinstance(value, np.ndarray)}}

    def _header(self) -> dict[str, str | float]:
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in own.items() if isinstance(value, str | int | float)}

"""The report of an evaluation: one HTML page with its plots inside, the plots beside it, and a table of all frames."""

import base64
import csv
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from camseg_core.evaluation.detection.evaluation import DriftEvaluation
from camseg_core.evaluation.detection.plots import roc_figure, severity_figure, timeline_figure
from camseg_core.evaluation.detection.scoring import ScoredFrame, most_probable_cause
from camseg_core.evaluation.report.page import number

DOTS_PER_INCH = 110
REPORT = "report.html"

FRAME_COLUMNS = (
    "condition",
    "frame",
    "score",
    "p_value",
    "state",
    "cause",
    "visibility_m",
    "measured_visibility_m",
)
"""Of ``frames.csv``, before those of compared references and of statistics, which have names of their own."""


def write_report(evaluation: DriftEvaluation, content: dict[str, Any], folder: Path) -> Path:
    """Writes ``report.html``, ``roc.png``, ``severity.png``, ``timeline.png`` and ``frames.csv``; returns the page.

    A plot for which there is nothing to show is left out.

    Args:
        evaluation: what was found.
        content: of the JSON file, from ``figures``, with ``provenance``.
        folder: made where it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "roc": roc_figure(evaluation),
        "severity": severity_figure(evaluation),
        "timeline": timeline_figure(evaluation),
    }
    plots = {}
    for name, figure in drawn.items():
        if figure is not None:
            data = _png(figure)
            (folder / f"{name}.png").write_bytes(data)
            plots[name] = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    environment = Environment(
        loader=PackageLoader("camseg_core.evaluation.detection", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, percent=percent)
    causes = list(dict.fromkeys(cause for counts in content["cause_confusion"].values() for cause in counts))
    page = folder / REPORT
    template = environment.get_template("detection.html.j2")
    page.write_text(template.render(content=content, plots=plots, causes=causes), encoding="utf-8")
    _write_frames(evaluation, folder / "frames.csv")
    return page


def percent(fraction: float | None, decimals: int = 1) -> str:
    """A fraction in per cent for a person to read; a dash where there is none."""
    return "–" if fraction is None else f"{100 * fraction:.{decimals}f}\N{NO-BREAK SPACE}%"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, facecolor="white")
    return buffer.getvalue()


def _write_frames(evaluation: DriftEvaluation, path: Path) -> None:
    rows = [_row(frames.name, frame) for frames in evaluation.frame_sets() for frame in frames.frames]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _row(condition: str, frame: ScoredFrame) -> dict[str, str | float]:
    result = frame.result
    own: tuple[str | float, ...] = (
        condition,
        frame.name,
        result.score,
        result.p_value,
        result.state.name,
        most_probable_cause(result),
        result.visibility_m,
        frame.visibility_m,
    )
    return {**dict(zip(FRAME_COLUMNS, own, strict=True)), **frame.compared, **frame.measurement.statistics}

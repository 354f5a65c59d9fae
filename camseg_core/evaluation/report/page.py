"""The report of a run as one HTML page that needs no other file."""

import math
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from camseg_core.evaluation.report import charts
from camseg_core.evaluation.report.gallery import Picture, data_uri
from camseg_core.evaluation.report.run import Run
from camseg_core.evaluation.report.summary import RunSummary
from camseg_core.labels import LabelSet

TEMPLATE = "report.html.j2"


def render_page(run: Run, summary: RunSummary, pictures: Sequence[Picture], label_set: LabelSet) -> str:
    """The page, HTML with style, charts (SVG) and pictures (JPEG) inside.

    Args:
        run: the record, for the charts.
        summary: the numbers of the same run.
        pictures: the frames to show.
        label_set: the classes of the table and their colours.
    """
    return page_template(TEMPLATE).render(
        run=run,
        summary=summary,
        pictures=pictures,
        charts=charts,
        drift_chart=charts.drift_chart(run, charts.weather_stretches(run)),
        latency_chart=charts.latency_chart(run, summary.latency_ms),
        colors={name: f"rgb{color}" for name, color in zip(label_set.names, label_set.colors, strict=True)},
    )


def page_template(name: str) -> Template:
    """A page's template, with the filters ``data_uri`` and ``number``."""
    environment = Environment(
        loader=PackageLoader("camseg_core.evaluation.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(data_uri=data_uri, number=number)
    return environment.get_template(name)


def number(value: float | None, decimals: int = 3) -> str:
    """A number for a person to read; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{decimals}f}"

"""The numbers of a run as a table on the terminal."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from camseg_core.evaluation.report.page import number
from camseg_core.evaluation.report.summary import RunSummary


def print_summary(summary: RunSummary, out: Path) -> None:
    """Prints the numbers and where the files are."""
    counts, latency_ms = summary.counts, summary.latency_ms
    miou = summary.segmentation.miou if summary.segmentation else None
    table = Table(title=f"{summary.setup.source} · {summary.setup.model}", show_header=False, title_justify="left")
    table.add_column(style="dim")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("frames sent", str(counts.sent), f"{summary.setup.rate_hz:g} a second")
    table.add_row("frames received", str(counts.received), f"{summary.frames_lost} lost in transport")
    table.add_row("frames processed", str(counts.processed), f"{counts.failed} failed")
    table.add_row("frames dropped", str(counts.dropped), "a newer frame came first")
    for name, milliseconds in latency_ms.items():
        table.add_row(f"latency {name}", f"{number(milliseconds, 1)} ms", "camera stamp to mask")
    table.add_row("mean IoU", number(miou), "fraction" if miou is not None else "no labels")
    truth = "fog and rain against clear" if summary.drift_auroc is not None else "no true weather of both kinds"
    table.add_row("drift AUROC", number(summary.drift_auroc), truth)
    table.add_row("stamps", "equal" if summary.stamps_match else "NOT EQUAL", "outputs against camera")
    console = Console()
    console.print(table)
    for name in ("overlay.mp4", "report.html", "metrics.json"):
        console.print(f"  {out / name}", highlight=False)

"""``camseg bench page``."""

from pathlib import Path
from typing import Annotated

import typer

from camseg_core.benchmarks.page import NOTES
from camseg_core.benchmarks.page import page as make_page


def page(
    records: Annotated[
        Path, typer.Argument(help=f"Folder of the JSON files that benchmarks wrote, and {NOTES} where there is one.")
    ] = Path("docs/results/performance"),
    out: Annotated[Path, typer.Option(help="Page to write.")] = Path("docs/results/performance.md"),
) -> None:
    """One page of all records: what was aimed at, what came out, and what is open."""
    text = make_page(records)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")
    typer.echo(str(out))

"""``camseg bench``: how fast it is."""

import typer

from camseg_core.cli.bench_inference import inference
from camseg_core.cli.bench_reference import reference

app = typer.Typer(no_args_is_help=True, help="Measure speed: hardware, versions and date stand beside every figure.")
app.command("inference")(inference)
app.command("reference")(reference)


@app.callback()
def bench() -> None:
    """Measure speed: hardware, versions and date stand beside every figure."""

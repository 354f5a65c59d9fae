"""``camseg bench``: how fast it is."""

import typer

app = typer.Typer(no_args_is_help=True, help="Measure speed: hardware, versions and date stand beside every figure.")


@app.callback()
def bench() -> None:
    """Measure speed: hardware, versions and date stand beside every figure."""

"""The ``camseg`` command."""

import sys

import typer

from camseg_core import __version__
from camseg_core.cli import bench, drift, evaluate, render, replay, train, weather, weights
from camseg_core.errors import CamsegError

app = typer.Typer(
    name="camseg",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="CAM-Seg without ROS: train, evaluate, replay bags, render, fit drift references, convert weights.",
)
app.add_typer(train.app, name="train")
app.add_typer(evaluate.app, name="eval")
app.add_typer(bench.app, name="bench")
app.add_typer(drift.app, name="drift")
app.add_typer(render.app, name="render")
app.command("replay", no_args_is_help=True)(replay.replay)
app.add_typer(weather.app, name="weather")
app.add_typer(weights.app, name="weights")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Options of all subcommands."""


def main() -> None:
    """Run the command; bad input, or a file that cannot be written, ends it with one line and exit code 2.

    Ctrl-C ends it with 130.
    """
    try:
        app()
    except (CamsegError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()

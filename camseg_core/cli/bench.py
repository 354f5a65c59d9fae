"""``camseg bench``: how fast it is."""

import typer

from camseg_core.cli.bench_cameras import cameras
from camseg_core.cli.bench_inference import inference
from camseg_core.cli.bench_overlap import overlap
from camseg_core.cli.bench_page import page
from camseg_core.cli.bench_reference import reference
from camseg_core.cli.bench_ros import node, reliability

app = typer.Typer(no_args_is_help=True, help="Measure speed: hardware, versions and date stand beside every figure.")
app.command("inference")(inference)
app.command("cameras")(cameras)
app.command("overlap")(overlap)
app.command("page")(page)
app.command("node")(node)
app.command("reference")(reference)
app.command("reliability")(reliability)

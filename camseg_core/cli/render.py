"""``camseg render``: procedural drives as files."""

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from tqdm import tqdm

from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.rendering import Drive
from camseg_core.weather import apply_fog, apply_rain, fog_extinction_per_m, rain_extinction_per_m
from camseg_core.weather.rain import drops_seed

SKY_DEPTH = 65535
"""What a depth PNG holds for sky; every other value is centimetres along the ray."""

app = typer.Typer(no_args_is_help=True, help="Procedural drives with exact labels and depth.")


@app.callback()
def render() -> None:
    """Procedural drives with exact labels and depth."""


@app.command("drive")
def drive(
    out: Annotated[Path, typer.Option(help="Folder to write new images/, labels/ and depth/ into.")],
    seed: Annotated[int, typer.Option(min=0, help="Decides everything about the drive.")] = 0,
    frames: Annotated[int, typer.Option(min=1, help="Number of frames.")] = 100,
    rate_hz: Annotated[float, typer.Option(min=0.01, help="Frames per second of driving at 8 m/s.")] = 5.0,
    width: Annotated[int, typer.Option(min=16, max=8192, help="Image width in pixels.")] = 480,
    height: Annotated[int, typer.Option(min=16, max=8192, help="Image height in pixels.")] = 360,
    fog: Annotated[float | None, typer.Option(help="Visibility in fog, metres (1 or more).")] = None,
    rain: Annotated[float | None, typer.Option(help="Rain rate, mm/h (0 to 300).")] = None,
) -> None:
    """Render a drive: RGB PNGs, class id PNGs, and 16-bit PNGs of the distance along the ray in cm (65535: sky)."""
    if fog is not None:
        fog_extinction_per_m(fog)
    if rain is not None:
        rain_extinction_per_m(rain)
    folders = [out / name for name in ("images", "labels", "depth")]
    # Among the frames of another drive, those that are not replaced would pass for frames of this one.
    if there := [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]:
        raise ConfigurationError(f"{there[0]}: is already there; expected a new folder for --out")
    source = Drive(seed, width, height)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(frames), desc=f"drive {seed}", unit="frame"):
        frame = source.frame(number / rate_hz)
        image = frame.image
        if fog is not None:
            image = apply_fog(image, frame.depth_m, fog)
        if rain is not None:
            drops = drops_seed(seed, number)
            image = apply_rain(image, frame.depth_m, rain, drops, focal_px=source.camera.focal_px)
        centimetres = np.minimum(np.round(frame.depth_m * 100), SKY_DEPTH).astype(np.uint16)
        pictures = (cv2.cvtColor(image, cv2.COLOR_RGB2BGR), frame.labels, centimetres)
        for folder, picture in zip(folders, pictures, strict=True):
            path = folder / f"{number:06d}.png"
            if not cv2.imwrite(str(path), picture):
                raise DatasetError(f"{path}: cannot be written")
    typer.echo(f"{out}: {frames} frames")

"""``camseg weather``: put weather into photographs, and fit on it what tells causes and visibility."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from tqdm import tqdm

from camseg_core.cli.render import SKY_DEPTH
from camseg_core.data.datasets import get_dataset
from camseg_core.data.datasets.label_map import folder_label_map
from camseg_core.data.images import list_images, read_labels, read_rgb
from camseg_core.drift.embedding import embed
from camseg_core.drift.simulated_frames import FRAMES_PER_SCENE, photographed_frames, rendered_frames
from camseg_core.drift.weather_estimators import FILE_NAME
from camseg_core.drift.weather_fitting import CAUSES, EmbeddedFrame, fit_weather_estimators
from camseg_core.errors import ConfigurationError, DatasetError
from camseg_core.labels import CAMVID, LabelSet, get_label_set
from camseg_core.model_files import model_folder
from camseg_core.models.loading import embedding_hash, load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.prediction import image_latent, predict
from camseg_core.runtime.settings import EngineSettings
from camseg_core.weather import Weather, apply_weather, assumed_camera, estimate_depth
from camseg_core.weather.condition import WeatherKind
from camseg_core.whole_file import check_writable

app = typer.Typer(no_args_is_help=True, help="Put weather into photographs; fit what tells its kinds.")

Segmenter = Callable[[Path, np.ndarray], np.ndarray]


@app.callback()
def weather() -> None:
    """Put weather into photographs."""


@app.command("apply")
def apply(
    inputs: Annotated[list[Path], typer.Argument(metavar="IMAGE_OR_FOLDER...", help="Frames of a clear day.")],
    out: Annotated[Path, typer.Option(help="Folder to write NAME.png into, for each NAME.* given.")],
    fog: Annotated[str | None, typer.Option(help="Visibility in metres or kilometres: 150m, 0.3km.")] = None,
    rain: Annotated[str | None, typer.Option(help="Rate, up to 300 mm/h: 25mmh.")] = None,
    snow: Annotated[str | None, typer.Option(help="Rate of the water in it, up to 20 mm/h: 2mmh.")] = None,
    night: Annotated[str | None, typer.Option(help="Light on the road: 100lx is dusk, 10lx a lit street.")] = None,
    lens: Annotated[str | None, typer.Option(help="Share of the lens that dirt, ice or water covers: 30%.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides drops, flakes, lamps, dirt and noise.")] = 0,
    labels: Annotated[
        Path | None, typer.Option(help="Folder of class id PNGs named as the images; else a model segments them.")
    ] = None,
    label_set: Annotated[str, typer.Option(help="The classes in --labels: camvid or cityscapes.")] = CAMVID.name,
    depth: Annotated[
        Path | None, typer.Option(help="Folder of depth PNGs as `camseg render drive` writes; else depth is estimated.")
    ] = None,
    model: Annotated[str, typer.Option(help="Segments where there are no labels.")] = EngineSettings.model,
    rate_hz: Annotated[float, typer.Option(min=0.01, help="Frames a second: drops gather, dirt stays.")] = 10.0,
    speed_mps: Annotated[float, typer.Option(min=0.0, max=100.0, help="Of the camera, m/s.")] = 0.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
) -> None:
    """Put one kind of weather into images of a clear day; give just one of --fog, --rain, --snow, --night and --lens.

    Weather hides by distance. Where no depth is given it is estimated from what is road, sky or stands on the road, for
    a camera 1.4 m high and 53° wide.
    """
    condition = _condition({"fog": fog, "rain": rain, "snow": snow, "night": night, "lens_blockage": lens})
    pairs = _outputs(inputs, out, overwrite)
    known = get_label_set(label_set)
    segment: Segmenter | None = None
    if labels is not None:
        segment = _stored_labels(labels, known)
    elif depth is None and condition.kind != "lens_blockage":
        segment, known = _predicted_labels(model)
    out.mkdir(parents=True, exist_ok=True)
    for number, (source, target) in enumerate(tqdm(pairs, desc=str(condition), unit="image")):
        image = read_rgb(source)
        classes = None if segment is None else segment(source, image)
        camera = assumed_camera(image.shape[1], image.shape[0], classes, known)
        if depth is not None:
            depth_m = _read_depth_m(depth / f"{source.stem}.png", image.shape[:2])
        elif classes is not None:
            depth_m = estimate_depth(classes, camera, known)
        else:
            depth_m = np.full(image.shape[:2], np.inf, np.float32)  # dirt on the lens hides near and far alike
        result = apply_weather(
            condition,
            image,
            depth_m,
            seed,
            time_s=number / rate_hz,
            speed_mps=speed_mps,
            camera=camera,
            labels=classes,
            label_set=known,
        )
        if not cv2.imwrite(str(target), cv2.cvtColor(result, cv2.COLOR_RGB2BGR)):
            raise DatasetError(f"{target}: cannot be written")
    typer.echo(f"{out}: {len(pairs)} {'image' if len(pairs) == 1 else 'images'}, {condition}, seed {seed}")


def _condition(quantities: dict[WeatherKind, str | None]) -> Weather:
    given = {kind: quantity for kind, quantity in quantities.items() if quantity is not None}
    if len(given) != 1:
        named = ", ".join(given) if given else "none"
        raise ConfigurationError(f"weather given: {named}; expected one of --fog, --rain, --snow, --night, --lens")
    [(kind, quantity)] = given.items()
    return Weather.parse(kind, quantity)


def _outputs(inputs: list[Path], out: Path, overwrite: bool) -> list[tuple[Path, Path]]:
    """Each image and the file to write for it; every conflict is found before anything is written."""
    pairs: dict[Path, Path] = {}
    for path in inputs:
        for source in list_images(path) if path.is_dir() else [path]:
            if not source.is_file():
                raise DatasetError(f"{source}: no such file; expected an image or a folder of images")
            target = out / f"{source.stem}.png"
            if target in pairs:
                raise ConfigurationError(f"{pairs[target]} and {source} would both become {target}; expected one")
            if target.exists() and target.samefile(source):
                raise ConfigurationError(f"{target} is an image to read; expected another folder for --out")
            if target.exists() and not overwrite:
                raise ConfigurationError(f"{target}: is already there; expected a new folder, or --overwrite")
            pairs[target] = source
    return [(source, target) for target, source in pairs.items()]


def _stored_labels(folder: Path, label_set: LabelSet) -> Segmenter:
    label_map = folder_label_map(label_set)

    def read(source: Path, image: np.ndarray) -> np.ndarray:
        path = folder / f"{source.stem}.png"
        classes = label_map.apply(read_labels(path), path)
        if classes.shape != image.shape[:2]:
            raise DatasetError(f"{path}: is {classes.shape}; expected {image.shape[:2]} as {source}")
        return classes

    return read


def _predicted_labels(model: str) -> tuple[Segmenter, LabelSet]:
    network = load_model(model, resolve_device(EngineSettings.device))
    return lambda _, image: predict(network, image, SamplingSettings()).labels, network.label_set


def _read_depth_m(path: Path, size: tuple[int, int]) -> np.ndarray:
    """Metres along the ray, (h, w) float32, inf for sky, from a 16-bit PNG of centimetres."""
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) if path.is_file() else None
    if stored is None or stored.dtype != np.uint16 or stored.shape != size:
        found = "missing or unreadable" if stored is None else f"{stored.shape} {stored.dtype}"
        raise DatasetError(f"{path}: is {found}; expected a 16-bit PNG of {size}, centimetres")
    return np.where(stored == SKY_DEPTH, np.inf, stored / 100).astype(np.float32)


@app.command("fit")
def fit(
    root: Annotated[Path, typer.Option(help="CamVid's folder: its train split is photographed weather's background.")],
    out: Annotated[Path | None, typer.Option(help=f"File to write; else {FILE_NAME} in the model's folder.")] = None,
    model: Annotated[str, typer.Option(help="Name of a shipped model, or a model folder.")] = EngineSettings.model,
    drives: Annotated[int, typer.Option(min=1, help="Rendered drives, each with a camera and light of its own.")] = 50,
    scenes: Annotated[int, typer.Option(min=1, help="Moments of each drive, each seen in every weather.")] = 4,
    every: Annotated[int, typer.Option(min=1, help="Take each so-many-th photograph.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="First of the drives' seeds.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda:N.")] = EngineSettings.device,
) -> None:
    """Fit what tells the causes of drift apart, and visibility, on simulated weather; once for each model.

    The same options give the same file. What is printed is of drives and sequences of photographs left out of the fit.
    """
    path = model_folder(model) / FILE_NAME if out is None else out
    check_writable(path)
    network = load_model(model, resolve_device(device))
    photographs = get_dataset("camvid", root, "train", network.label_set)
    total = drives * scenes * FRAMES_PER_SCENE + -(-len(photographs) // every) * FRAMES_PER_SCENE
    simulated = chain(
        rendered_frames(range(seed, seed + drives), scenes),
        photographed_frames(photographs, network.label_set, every),
    )
    frames = []
    for frame in tqdm(simulated, total=total, desc="simulated weather", unit="frame"):
        embedding = embed(image_latent(network, frame.image))
        color = frame.image.mean(axis=(0, 1)) / 255
        frames.append(EmbeddedFrame(frame.camera, frame.sequence, frame.weather, embedding, color))
    estimators, report = fit_weather_estimators(frames, network.model_id, embedding_hash(model))
    typer.echo(f"{path}: from {len(frames)} frames; on sequences left out of the fit:")
    for name, row in zip(CAUSES, report.confusion, strict=True):
        shares = ", ".join(
            f"{found} {share:.2f}" for found, share in zip(report.names, row, strict=True) if share >= 0.005
        )
        typer.echo(f"{name:>16}: {shares}")
    typer.echo(
        f"visibility 50 to 1000 m: Spearman {report.rank_correlation():.3f}, median relative error "
        f"{report.median_relative_error():.0%}"
    )
    estimators.save(path)

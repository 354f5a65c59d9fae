"""``camseg eval decoder``."""

from camseg_core.benchmarks.agreement import agreement_record, measure_agreement
from camseg_core.cli import bench_options
from camseg_core.cli import experiment_options as options
from camseg_core.data.datasets import get_dataset
from camseg_core.evaluation.experiments.publication import Provenance
from camseg_core.evaluation.experiments.tally import chosen_frames, describe_frames
from camseg_core.models.loading import load_model
from camseg_core.models.settings import SamplingSettings
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.settings import EngineSettings
from camseg_core.whole_file import check_writable


def decoder(
    root: options.Root,
    dataset: options.Dataset = options.DATASET,
    split: options.Split = options.SPLIT,
    model: options.Model = EngineSettings.model,
    steps: bench_options.Steps = EngineSettings.steps,
    sampler: bench_options.Sampler = EngineSettings.sampler,
    every: options.Every = 1,
    seed: options.Seed = EngineSettings.seed,
    device: options.Device = EngineSettings.device,
    json_path: bench_options.Json = None,
    report: bench_options.Report = None,
) -> None:
    """How far a model's fast decoder gives the masks that its full decoder gives."""
    check_writable(json_path, report)
    full, fast = (load_model(model, resolve_device(device), name) for name in ("full", "fast"))
    samples = get_dataset(dataset, root, split, full.label_set)
    sampling = SamplingSettings(steps, sampler, seed)
    found = measure_agreement((full, fast), samples, chosen_frames(samples, every), sampling)
    data = describe_frames(dataset, split, samples, every)
    provenance = Provenance.collect(seed=seed, data=data, models=[model])
    title = f"Fast decoder against full: {model}"
    record = agreement_record("decoder", title, ("full", "fast"), model, sampling, found, provenance)
    bench_options.publish(record, json_path, report)

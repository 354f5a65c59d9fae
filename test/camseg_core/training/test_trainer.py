"""A run that is killed goes on as if it had not been."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from camseg_core.autoencoders import KLAutoencoder, KLAutoencoderConfig
from camseg_core.autoencoders.training_tasks import AutoencoderLossSettings, MaskAutoencoderTask
from camseg_core.data.datasets import LabelledImage
from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.labels import CAMVID
from camseg_core.models.camseg.model import CamSeg
from camseg_core.models.camseg.training_task import CamSegLossSettings, CamSegTask
from camseg_core.models.settings import SamplingSettings
from camseg_core.training.augmentation import AugmentationSettings
from camseg_core.training.batches import BatchSource
from camseg_core.training.optimizers import OPTIMIZERS
from camseg_core.training.trainer import CHECKPOINT_NAME, LOCK_NAME, LOG_NAME, Trainer, TrainerSettings


@pytest.fixture
def dataset():
    random = np.random.default_rng(0)
    images = []
    for index in range(4):
        labels = np.repeat(np.repeat(random.integers(0, 11, (6, 8), dtype=np.uint8), 8, 0), 8, 1)
        images.append(LabelledImage(CAMVID.color_table()[labels], labels, f"{index}"))
    return images


def batches(dataset, seed=0):
    return BatchSource([(dataset, 1.0)], 2, (48, 64), AugmentationSettings(), seed)


def mask_task(dataset):
    torch.manual_seed(0)
    autoencoder = KLAutoencoder(KLAutoencoderConfig(11, 4, (8, 8), pixel_unshuffle=4, norm_groups=4))
    return MaskAutoencoderTask(autoencoder, CAMVID, torch.ones(11), dataset, AutoencoderLossSettings())


def settings(steps, **changes):
    return TrainerSettings(steps=steps, device="cpu", checkpoint_every=3, validate_every=100, warmup_steps=2, **changes)


class KilledError(Exception):
    pass


def killed_at(source: BatchSource, step: int) -> BatchSource:
    draw = source.batch

    def batch(index):
        if index == step:
            raise KilledError
        return draw(index)

    source.batch = batch
    return source


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_killed_run_ends_with_the_weights_of_one_that_was_not(dataset, tmp_path, optimizer):
    chosen = settings(8, optimizer=optimizer)
    Trainer(mask_task(dataset), batches(dataset), chosen, tmp_path / "whole").run()
    with pytest.raises(KilledError):
        Trainer(mask_task(dataset), killed_at(batches(dataset), 5), chosen, tmp_path / "killed").run()
    Trainer(mask_task(dataset), batches(dataset), chosen, tmp_path / "killed").run()
    whole, resumed = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, msg=name)


def test_a_run_that_is_done_gives_its_last_validation_again(dataset, tmp_path):
    figures = Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()
    written = (tmp_path / "log.jsonl").read_text()
    again = Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()
    assert again == pytest.approx(figures, nan_ok=True)
    assert (tmp_path / "log.jsonl").read_text() == written


def logged_steps(folder):
    return [json.loads(line)["step"] for line in (folder / LOG_NAME).read_text().splitlines()]


def test_the_log_of_a_killed_run_says_every_step_once(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("camseg_core.training.trainer.LOG_EVERY", 1)
    # Killed before the first checkpoint, then between two, each time after steps that are logged.
    for step in (2, 5):
        with pytest.raises(KilledError):
            Trainer(mask_task(dataset), killed_at(batches(dataset), step), settings(8), tmp_path).run()
        assert logged_steps(tmp_path) == list(range(1, step + 1))
    Trainer(mask_task(dataset), batches(dataset), settings(8), tmp_path).run()
    assert logged_steps(tmp_path) == [1, 2, 3, 4, 5, 6, 7, 8, 8]  # the last one again with the validation


def test_a_last_line_of_the_log_that_was_cut_short_is_written_again(dataset, tmp_path):
    figures = Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()
    log = tmp_path / LOG_NAME
    whole = log.read_text()
    log.write_text(whole[:-10])
    again = Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()
    assert again == pytest.approx(figures, nan_ok=True)
    assert log.read_text() == whole


@pytest.mark.parametrize("line", ["garbage", "[1]", '{"loss": 1.0}', "\x00"])
def test_a_line_of_the_log_that_is_no_entry_is_named(dataset, tmp_path, line):
    (tmp_path / LOG_NAME).write_text(f'{{"step": 0}}\n{line}\n')
    with pytest.raises(ConfigurationError, match=r"log\.jsonl: line 2 is no entry"):
        Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()


def test_fewer_steps_than_are_done_are_refused(dataset, tmp_path):
    Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()
    with pytest.raises(ConfigurationError, match="steps is 2, but 4 are done; expected 4 or more"):
        Trainer(mask_task(dataset), batches(dataset), settings(2), tmp_path).run()


def test_the_number_of_drawing_threads_changes_nothing(dataset, tmp_path):
    for threads in (0, 1, 3):
        Trainer(
            mask_task(dataset), batches(dataset), settings(8, drawing_threads=threads), tmp_path / f"{threads}"
        ).run()
    none, one, three = (load_file(tmp_path / name / "model.safetensors") for name in ("0", "1", "3"))
    for name, value in none.items():
        torch.testing.assert_close(one[name], value, msg=name)
        torch.testing.assert_close(three[name], value, msg=name)


def test_a_folder_in_which_another_run_trains_is_left_alone(dataset, tmp_path):
    program = (
        "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path / LOCK_NAME], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(ConfigurationError, match="another run trains in this folder"):
            Trainer(mask_task(dataset), batches(dataset), settings(2), tmp_path).run()
        assert not (tmp_path / CHECKPOINT_NAME).exists()
        other.kill()
    # A run that was killed leaves no lock behind.
    Trainer(mask_task(dataset), batches(dataset), settings(2), tmp_path).run()
    assert (tmp_path / CHECKPOINT_NAME).exists()


def test_training_lowers_the_loss(dataset, tmp_path):
    task = mask_task(dataset)
    before = task.losses(batches(dataset).batch(0), torch.Generator().manual_seed(0))["total"].item()
    Trainer(task, batches(dataset), settings(80, learning_rate=2e-2), tmp_path).run()
    after = task.losses(batches(dataset).batch(0), torch.Generator().manual_seed(0))["total"].item()
    assert after < 0.9 * before


def test_camseg_trains_its_own_parts_and_leaves_the_autoencoders(dataset, tmp_path, tiny_config):
    torch.manual_seed(0)
    model = CamSeg(tiny_config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    task = CamSegTask(model, torch.ones(11), dataset, CamSegLossSettings(), SamplingSettings())
    Trainer(task, batches(dataset), settings(4, learning_rate=1e-2), tmp_path).run()
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"transformer", "stem", "feature_projection", "fusion", "head"}


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04 cut short"])
def test_a_checkpoint_that_is_not_whole_is_named(dataset, tmp_path, content):
    (tmp_path / CHECKPOINT_NAME).write_bytes(content)
    with pytest.raises(WeightsError, match=r"checkpoint\.pt: cannot be resumed"):
        Trainer(mask_task(dataset), batches(dataset), settings(4), tmp_path).run()


def test_a_disk_that_fills_is_one_line_and_leaves_the_checkpoint_before(dataset, tmp_path, file_size_limit):
    Trainer(mask_task(dataset), batches(dataset), settings(3), tmp_path).run()
    before = (tmp_path / CHECKPOINT_NAME).read_bytes()
    with file_size_limit(len(before) // 2), pytest.raises(OSError, match=r"File too large: '.*checkpoint\.pt'"):
        Trainer(mask_task(dataset), batches(dataset), settings(6), tmp_path).run()
    assert (tmp_path / CHECKPOINT_NAME).read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_batches_are_functions_of_seed_and_step(dataset):
    first, again, other = batches(dataset), batches(dataset), batches(dataset, seed=1)
    first.batch(0)
    assert torch.equal(first.batch(3).images, again.batch(3).images)
    assert torch.equal(first.batch(3).labels, again.batch(3).labels)
    assert not torch.equal(first.batch(3).images, first.batch(4).images)
    assert not torch.equal(first.batch(3).images, other.batch(3).images)


def test_shares_that_do_not_add_up_are_named(dataset):
    with pytest.raises(ConfigurationError, match=r"shares are \[0.5, 0.4\]"):
        BatchSource([(dataset, 0.5), (dataset, 0.4)], 2, (48, 64), AugmentationSettings(), 0)

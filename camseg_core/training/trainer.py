"""The training loop: optimiser, schedule, moving average, checkpoints, log; it knows no model."""

import json
import math
import os
import time
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn
from tqdm import tqdm

from camseg_core.errors import ConfigurationError, WeightsError
from camseg_core.plain_json import plain_json
from camseg_core.runtime.device import resolve_device
from camseg_core.runtime.precision import supports_bfloat16
from camseg_core.training.batches import Batch, BatchSource
from camseg_core.training.host_memory import keep_freed_memory
from camseg_core.training.optimizers import OPTIMIZERS, make_optimizers
from camseg_core.training.task import TrainingTask
from camseg_core.whole_file import write_whole

CHECKPOINT_NAME = "checkpoint.pt"
LOG_NAME = "log.jsonl"
LOCK_NAME = "training.lock"
LOG_EVERY = 20
"""Steps between lines of the log; its ``seconds`` are a step's mean since the line before."""


@dataclass(frozen=True)
class TrainerSettings:
    """How a stage is trained.

    Attributes:
        steps: optimiser steps in all.
        learning_rate: at its peak; linear warm-up, then a cosine down to a hundredth.
        optimizer: one of ``OPTIMIZERS``.
        warmup_steps: of the learning rate.
        weight_decay: decoupled, on matrices only.
        gradient_clip: largest norm of the gradient.
        ema_decay: of the moving average of the weights, which is what is validated and exported.
        checkpoint_every, validate_every: steps between.
        device: ``auto``, ``cpu`` or ``cuda:N``.
        seed: of the noise in the losses.
        drawing_threads: that draw batches ahead, of which a GPU needs several to be kept busy; 0 draws each batch
            between two steps, which on two processors is faster than to draw beside a step that uses both.
    """

    steps: int
    learning_rate: float = 1e-3
    optimizer: str = OPTIMIZERS[0]
    warmup_steps: int = 200
    weight_decay: float = 0.02
    gradient_clip: float = 3.0
    ema_decay: float = 0.998
    checkpoint_every: int = 200
    validate_every: int = 1000
    device: str = "auto"
    seed: int = 0
    drawing_threads: int = max(0, min(8, (os.cpu_count() or 1) // 2 - 1))

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigurationError(f"steps is {self.steps}; expected 1 or more")
        if self.drawing_threads < 0:
            raise ConfigurationError(f"drawing_threads is {self.drawing_threads}; expected 0 or more")


class Trainer:
    """Trains a task, leaving ``checkpoint.pt``, ``log.jsonl`` and the exported weights in a folder.

    A folder with a checkpoint is resumed from there. Batches and noise are functions of the seed and the step, so a
    run that was killed goes on as if it had not been.
    """

    def __init__(self, task: TrainingTask, batches: BatchSource, settings: TrainerSettings, folder: Path) -> None:
        self._task = task
        self._batches = batches
        self._settings = settings
        self._folder = folder
        self._device = resolve_device(settings.device)
        task.module.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # absent from torch's stubs
        self._trainable = [parameter for parameter in task.module.parameters() if parameter.requires_grad]
        self._optimizers = make_optimizers(
            settings.optimizer, task.module, settings.learning_rate, settings.weight_decay
        )
        self._average = {name: value.clone() for name, value in task.module.state_dict().items()}
        self._step = 0

    def run(self) -> dict[str, float]:
        """Train to the last step, export the averaged weights and return the last validation.

        Raises:
            ConfigurationError: another process trains in the folder, or it was trained for more steps already, or its
                log is damaged.
            WeightsError: the folder's checkpoint is not whole, or of another stage.
            OSError: a checkpoint cannot be written; the one before is as it was.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        # The lock goes with the process, however that ends.
        lock = FileLock(self._folder / LOCK_NAME)
        try:
            with lock.acquire(timeout=0):
                return self._run()
        except Timeout as error:
            raise ConfigurationError(
                f"{self._folder}: another run trains in this folder; wait for it, stop it, or name another --out"
            ) from error

    def _run(self) -> dict[str, float]:
        if self._device.type == "cpu":
            keep_freed_memory()
        self._resume()
        if self._step > self._settings.steps:
            raise ConfigurationError(
                f"{self._folder}: steps is {self._settings.steps}, but {self._step} are done; expected {self._step} or "
                "more, or another --out"
            )
        entries = self._log_until_now()
        if self._step == self._settings.steps:
            return self._of_earlier_run(entries)
        bfloat16 = supports_bfloat16(self._device)
        figures: dict[str, float] = {}
        with (
            closing(self._drawn_ahead()) as batches,
            tqdm(total=self._settings.steps, initial=self._step, unit="step") as progress,
        ):
            started = time.perf_counter()
            for batch in batches:
                # A cast that is kept from a part without gradients would have none in the part with them (torch 2.9 and
                # before, pytorch issue 112583).
                with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16, cache_enabled=False):
                    losses = self._train_step(batch)
                self._step += 1
                progress.update()
                if self._step % LOG_EVERY == 0:
                    values = {name: float(value) for name, value in losses.items()}
                    progress.set_postfix({name: f"{value:.3f}" for name, value in values.items()})
                    self._log({"step": self._step, **values, "seconds": (time.perf_counter() - started) / LOG_EVERY})
                    started = time.perf_counter()
                last = self._step == self._settings.steps
                if self._step % self._settings.validate_every == 0 or last:
                    figures = self._validate_and_export()
                    progress.write(f"step {self._step}: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()))
                if self._step % self._settings.checkpoint_every == 0 or last:
                    self._save()
        return figures

    def _of_earlier_run(self, entries: list[dict[str, Any]]) -> dict[str, float]:
        """The last validation of a run that has nothing left to do; made again where the log has lost it."""
        tqdm.write(f"{self._folder}: all {self._step} steps are done; more steps go on from here")
        last = {
            name.removeprefix("val_"): math.nan if value is None else value
            for entry in entries
            if entry["step"] == self._step
            for name, value in entry.items()
            if name.startswith("val_")
        }
        return last or self._validate_and_export()

    def _log_until_now(self) -> list[dict[str, Any]]:
        """The log's entries up to the present step; those beyond, whose steps are done again, are taken out of it.

        So is a last line that was cut short, as by a power cut.

        Raises:
            ConfigurationError: another line is no entry.
        """
        path = self._folder / LOG_NAME
        written = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        kept, entries = [], []
        for number, line in enumerate(written.splitlines(keepends=True), start=1):
            if not line.endswith("\n"):
                continue
            try:
                entry = json.loads(line)
                is_done = entry["step"] <= self._step
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigurationError(
                    f"{path}: line {number} is no entry ({error!r}); expected JSON with a step; remove it to go on"
                ) from error
            if is_done:
                kept.append(line)
                entries.append(entry)
        if (text := "".join(kept)) != written:
            write_whole(path, text.encode())
        return entries

    def _drawn_ahead(self) -> Generator[Batch]:
        """The batches of the steps to come, drawn while others are computed."""
        steps = iter(range(self._step, self._settings.steps))
        threads = self._settings.drawing_threads
        if not threads:
            yield from (self._batches.batch(step) for step in steps)
            return
        # OpenCV and numpy let go of the interpreter lock, so that threads suffice.
        with ThreadPoolExecutor(max_workers=threads) as drawing:
            try:
                ahead = deque(drawing.submit(self._batches.batch, step) for step in islice(steps, 2 * threads))
                while ahead:
                    batch = ahead.popleft().result()
                    ahead.extend(drawing.submit(self._batches.batch, step) for step in islice(steps, 1))
                    yield batch
            finally:
                drawing.shutdown(cancel_futures=True)

    def _train_step(self, batch: Batch) -> dict[str, Tensor]:
        self._task.module.train()
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._learning_rate()
        generator = torch.Generator(self._device).manual_seed(self._settings.seed * 1_000_003 + self._step)
        torch.manual_seed(self._settings.seed * 1_000_003 + self._step)
        losses = self._task.losses(batch.to(self._device), generator)
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        losses["total"].backward()
        norm = nn.utils.clip_grad_norm_(self._trainable, self._settings.gradient_clip)
        # A batch whose gradient is not finite would spoil the weights for good.
        if torch.isfinite(norm):
            for optimizer in self._optimizers:
                optimizer.step()
        self._update_average()
        return {name: value.detach() for name, value in losses.items()}

    def _learning_rate(self) -> float:
        settings = self._settings
        if self._step < settings.warmup_steps:
            return settings.learning_rate * (self._step + 1) / settings.warmup_steps
        done = (self._step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
        return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))

    @torch.no_grad()
    def _update_average(self) -> None:
        # The ramp keeps the random first weights from lingering in the average.
        decay = min(self._settings.ema_decay, (1 + self._step) / (10 + self._step))
        for name, value in self._task.module.state_dict().items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1.0 - decay)
            else:
                self._average[name].copy_(value)

    def _validate_and_export(self) -> dict[str, float]:
        module = self._task.module
        current = {name: value.clone() for name, value in module.state_dict().items()}
        module.load_state_dict(self._average)
        module.eval()
        try:
            with torch.no_grad():
                figures = self._task.validate()
            self._task.export(self._folder)
        finally:
            module.load_state_dict(current)
        self._log({"step": self._step, **{f"val_{name}": value for name, value in figures.items()}})
        return figures

    def _log(self, entry: dict[str, float]) -> None:
        with (self._folder / LOG_NAME).open("a") as log:
            log.write(json.dumps(plain_json(entry), allow_nan=False) + "\n")

    def _save(self) -> None:
        content = BytesIO()  # torch's own writer of files hides why one cannot be written
        torch.save(
            {
                "step": self._step,
                "settings": asdict(self._settings),
                "module": self._task.module.state_dict(),
                "average": self._average,
                "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            },
            content,
        )
        # A run that is killed while it writes, or finds no room, leaves the checkpoint before.
        write_whole(self._folder / CHECKPOINT_NAME, content.getbuffer())

    def _resume(self) -> None:
        path = self._folder / CHECKPOINT_NAME
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location=self._device, weights_only=True)
            self._task.module.load_state_dict(state["module"])
            for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self._average = state["average"]
            self._step = state["step"]
        except Exception as error:
            raise WeightsError(
                f"{path}: cannot be resumed ({error}); expected a checkpoint of this very stage; "
                "delete it or name another --out"
            ) from error

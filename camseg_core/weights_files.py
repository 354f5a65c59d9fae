"""Weights on disk: safetensors beside a typed JSON configuration; no pickle."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from camseg_core.errors import WeightsError
from camseg_core.model_files import CONFIG_NAME, WEIGHTS_NAME
from camseg_core.whole_file import write_whole

Config = TypeVar("Config")


def save_module(module: nn.Module, config: Any, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` into ``folder``, making it if need be.

    A tensor that the module holds under several names is written once, under the first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG_NAME).write_text(json.dumps(asdict(config), indent=2) + "\n")
    copies = _copies(module)
    state = {name: value for name, value in module.state_dict().items() if name not in copies}
    save_tensors({name: value.detach().cpu().contiguous() for name, value in state.items()}, folder / WEIGHTS_NAME)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file, whole or not at all."""
    write_whole(path, save(dict(tensors), None if metadata is None else dict(metadata)))


def load_config(cls: type[Config], folder: Path) -> Config:
    """The configuration in ``folder`` as ``cls``; raises WeightsError naming the file and what is wrong."""
    path = folder / CONFIG_NAME
    try:
        return _from_dict(cls, json.loads(path.read_text()))
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; expected a folder with {CONFIG_NAME} and {WEIGHTS_NAME}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: is not a {cls.__name__} ({error})") from error


def load_weights(module: nn.Module, folder: Path) -> None:
    """Fill ``module`` from ``folder``; raises WeightsError naming the file and what is wrong."""
    path, state = _read_weights(folder)
    state |= {name: state[first] for name, first in _copies(module).items() if first in state}
    try:
        module.load_state_dict({name: value.to(torch.float32) for name, value in state.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path}: belongs to a model of another shape: {error}") from error


def load_parts(module: nn.Module, folder: Path, parts: Sequence[str]) -> None:
    """Fill some parts of ``module`` with the equally named parts of another module, whose weights are in ``folder``.

    Args:
        module: what has the parts.
        folder: with the weights of a module that has them too.
        parts: names of submodules.

    Raises:
        WeightsError: the file is not there or not whole, lacks a part, or has it in another shape.
    """
    for part in parts:
        path, state = _read_weights(folder, f"{part}.")
        if not state:
            raise WeightsError(f"{path}: has no {part}; expected the weights of a model with {' and '.join(parts)}")
        own = {name.removeprefix(f"{part}."): value.to(torch.float32) for name, value in state.items()}
        try:
            module.get_submodule(part).load_state_dict(own)
        except RuntimeError as error:
            raise WeightsError(f"{path}: has a {part} of another shape: {error}") from error


def weights_hash(folder: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of the weights in ``folder``; raises WeightsError without them."""
    return file_hash(folder / WEIGHTS_NAME)


def file_hash(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a safetensors file; raises WeightsError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); expected weights in safetensors format"
        ) from error


def part_hash(folder: Path, part: str, settings: Mapping[str, Any]) -> str:
    """Hash of one part of the weights in ``folder`` and of the settings it is used with.

    Args:
        folder: with the weights.
        part: name of a submodule.
        settings: what else decides its results, as plain data.

    Returns:
        The first 16 hexadecimal digits of a SHA-256.

    Raises:
        WeightsError: the file is not there or not whole, or lacks the part.
    """
    path, state = _read_weights(folder, f"{part}.")
    if not state:
        raise WeightsError(f"{path}: has no {part}; expected the weights of a model with one")
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _read_weights(folder: Path, prefix: str = "") -> tuple[Path, dict[str, Tensor]]:
    """The file of the weights in ``folder``, and those of its tensors whose names begin so; raises WeightsError."""
    path = folder / WEIGHTS_NAME
    if not path.is_file():
        raise WeightsError(f"{path}: no such file; expected weights in safetensors format")
    try:
        with safe_open(path, "pt") as file:
            return path, {name: file.get_tensor(name) for name in file.keys() if name.startswith(prefix)}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: is not a whole safetensors file ({path.stat().st_size} bytes; {error})") from error


def _copies(module: nn.Module) -> dict[str, str]:
    """Further names of tensors that the module holds under several, and the first name of each."""
    first: dict[int, str] = {}
    names = {name: first.setdefault(id(value), name) for name, value in module.state_dict(keep_vars=True).items()}
    return {name: original for name, original in names.items() if name != original}


def _from_dict(cls: Any, data: Any) -> Any:
    """Rebuild a dataclass of dataclasses, tuples and plain values from JSON."""
    if is_dataclass(cls):
        if not isinstance(data, dict):
            raise ValueError(f"{data!r} is no object")
        known = {field.name for field in fields(cls)}
        if unknown := set(data) - known:
            raise ValueError(f"unknown entries {sorted(unknown)}")
        hints = get_type_hints(cls)
        return cls(**{name: _from_dict(hints[name], value) for name, value in data.items()})  # type: ignore[operator]
    if get_origin(cls) is tuple:
        return tuple(data)
    if data is not None and (options := [option for option in get_args(cls) if is_dataclass(option)]):
        return _from_dict(options[0], data)
    return data

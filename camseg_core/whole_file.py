"""Files that are there whole or not at all, and whether they can be written."""

import os
from pathlib import Path

from camseg_core.errors import ConfigurationError


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write ``data`` to ``path``, replacing what is there only when all of it is written; raises OSError naming it.

    Safetensors' bytes come this way instead of through its ``save_file``, whose files nobody but their writer can read
    (its issue 782): a model trained by one user and loaded by another, a container's say, would not be found.
    """
    partial = path.with_suffix(".partial")
    try:
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names none
        raise
    finally:
        partial.unlink(missing_ok=True)  # a full disk is not made fuller


def check_writable(*paths: Path | None) -> None:
    """Find out before the work whether its results can be written, making the folders they go into.

    Args:
        paths: of files, which stay as they are; None for those that nobody asked for.

    Raises:
        ConfigurationError: one is a folder, or cannot be written.
    """
    for path in paths:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Only by opening it is one sure. Pipes and devices are left alone: whoever reads a pipe would see it end.
            if path.is_file() or path.is_dir():
                path.open("ab").close()
            elif not os.path.lexists(path):
                path.touch(exist_ok=False)
                path.unlink()
        except OSError as error:
            raise ConfigurationError(
                f"{path}: cannot be written ({error.strerror}); expected a place for a file"
            ) from error

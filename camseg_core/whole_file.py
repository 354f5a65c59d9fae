"""Files that are there whole or not at all."""

from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, replacing what is there only when all of it is written; raises OSError.

    Safetensors' bytes come this way instead of through its ``save_file``, whose files nobody but their writer can read
    (its issue 782): a model trained by one user and loaded by another, a container's say, would not be found.
    """
    partial = path.with_suffix(".partial")
    partial.write_bytes(data)
    partial.replace(path)

"""What the tests of several parts of the runtime need."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """What lives on in a cycle stays; a collection might come too late on a GPU."""
    gc.disable()
    yield
    gc.enable()

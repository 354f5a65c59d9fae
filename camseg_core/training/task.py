"""What a training stage hands to the loop."""

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from camseg_core.training.batches import Batch


class TrainingTask(Protocol):
    """One stage of training, of whichever model.

    Attributes:
        module: all that is trained or needed for it; parameters that do not require gradients stay as they are.
    """

    module: nn.Module

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Named scalar losses of a batch; ``total`` is the one that is minimised."""
        ...

    def validate(self) -> dict[str, float]:
        """Named figures on held-out data, computed with the module as it is."""
        ...

    def export(self, folder: Path) -> None:
        """Write the module into ``folder`` in the form it is loaded from."""
        ...

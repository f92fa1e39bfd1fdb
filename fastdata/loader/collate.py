"""Batches of a pack's samples, for those who read the pack by a DataLoader of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from fastdata.engines.decoded import decoded_fields
from fastdata.engines.maker import PackMaker
from fastdata.engines.work import Task
from fastdata.errors import UsageError
from fastdata.schema import Field
from fastdata.transforms import Plan

__all__ = ["RefusingCollate", "SampleCollate"]


@dataclass(frozen=True)
class SampleCollate:
    """The ``collate_fn`` that a FastLoader over a pack shows.

    Tools that build a DataLoader of their own from a loader's attributes, as Accelerate does, get
    the same kind of batch from it, with the loader's transforms and fields. Random geometry is
    drawn from torch's generator, since samples do not say which they are. A FastLoader that is
    given it makes its batches itself.

    Attributes:
        schema: The fields wanted.
        plan: The transforms.
        function: The user's own collate function, or None.
    """

    schema: Mapping[str, Field]
    plan: Plan
    function: Callable[[Any], Any] | None = None

    def __call__(self, samples: Sequence[Any]) -> Any:
        """A "Batch" of "Sample" named tuples; of a single one, the sample as tensors."""
        is_single = hasattr(samples, "_fields")
        found = [samples] if is_single else samples
        maker = PackMaker(decoded_fields(found, self.schema), self.plan, skip_bad=False)
        task = Task(self._seed(), 0, np.arange(len(found)))
        if self.function is not None:
            transformed, _ = maker.samples(task)
            return self.function(transformed[0] if is_single else transformed)
        return maker.single(task).batch if is_single else maker.make(task).batch

    def _seed(self) -> int:
        if not self.plan.moves_pixels:
            return 0
        return int(torch.empty((), dtype=torch.int64).random_().item())


@dataclass(frozen=True)
class RefusingCollate:
    """Shown where another loader would leave out transforms before a mapped pack's function.

    Attributes:
        function: The user's own collate function, or None.
    """

    function: Callable[[Any], Any] | None

    def __call__(self, samples: Any) -> Any:  # noqa: ARG002
        """Raises what to do instead."""
        raise UsageError(
            "a DataLoader built from this FastLoader (as accelerator.prepare does) would leave out "
            "its transforms= and fields= before pack.map(); use the FastLoader itself: it shares "
            "samples among ranks, and device= moves batches"
        )

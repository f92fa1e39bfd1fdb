"""Where a loader stands, as plain numbers that a checkpoint can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastdata.errors import UsageError

__all__ = ["LoaderState", "Position"]

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class LoaderState:
    """A position in a run; independent of workers, engine, ranks and batch size.

    Attributes:
        seed: What orders and random geometry follow from; None when nothing was drawn yet.
        epoch: The epoch to go on with.
        consumed: Samples of it that all ranks together have handed out.
        batches: Batches of it that this rank has handed out; all that is known of the position when
            the order is a user's own sampler.
        count: Samples in the dataset; None when the dataset has no length.
        shuffle: Whether the loader shuffles; None when the order is a user's own.
        order: Checksum of the epoch's order, 0 when nothing was consumed.
        version: Version of this record.
    """

    seed: int | None
    epoch: int
    consumed: int
    batches: int
    count: int | None
    shuffle: bool | None
    order: int = 0
    version: int = _VERSION

    def to_dict(self) -> dict[str, Any]:
        """The state as a dict of numbers."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LoaderState:
        """The state that `to_dict` gave.

        Raises:
            UsageError: The values are not those of a loader's state.
        """
        names = {entry.name for entry in fields(cls)}
        if not isinstance(values, Mapping) or set(values) != names:
            raise UsageError(
                f"a loader state has {sorted(names)}; found "
                f"{sorted(values) if isinstance(values, Mapping) else type(values).__name__}; pass "
                "what state_dict() returned"
            )
        if values["version"] != _VERSION:
            raise UsageError(
                f"loader state of version {values['version']}; this fastdata reads {_VERSION}"
            )
        return cls(**values)


@dataclass
class Position:
    """How far one epoch has come; the iterator moves it, the loader reads it.

    Attributes:
        epoch: The epoch.
        start: Samples consumed before its first batch here.
        skipped_batches: Batches handed out before that.
        ends: Samples consumed after each batch, or None when the order is a user's own.
        order: Checksum of the epoch's order.
        batches: Batches handed out here.
        finished: Whether the epoch came to its end.
    """

    epoch: int
    start: int = 0
    skipped_batches: int = 0
    ends: NDArray[np.int64] | None = field(default=None, repr=False)
    order: int = 0
    batches: int = 0
    finished: bool = False

    @property
    def consumed(self) -> int:
        """Samples that all ranks together have consumed."""
        if self.ends is None or not self.batches:
            return self.start
        return int(self.ends[self.batches - 1])

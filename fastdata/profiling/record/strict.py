"""What the other records are built of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

__all__ = ["Estimate", "Strict"]


class Strict:
    """What `fastdata.profiling.record.store` lets pass when it reads a record."""

    __pydantic_config__: ClassVar[Any] = {
        "strict": True,
        "extra": "forbid",
        "allow_inf_nan": False,
    }


@dataclass(frozen=True, kw_only=True)
class Estimate(Strict):
    """A median with its 95 % confidence interval.

    Attributes:
        median: Of the measured values, or the modelled value.
        low: Near end of the interval; at most the median.
        high: Far end.
    """

    median: float
    low: float
    high: float

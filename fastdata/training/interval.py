"""How often something happens in a run: every so many optimizer steps or epochs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from fastdata.errors import UsageError

__all__ = ["Interval", "parse_interval"]

_WRITTEN = re.compile(r"(\d+)\s*(step|epoch)s?")


@dataclass(frozen=True)
class Interval:
    """A distance between two events of a run.

    Attributes:
        count: How many units lie between them, from 1.
        unit: "step" (one update of the optimizer) or "epoch".
    """

    count: int
    unit: Literal["step", "epoch"]

    def is_due(self, *, step: int, epoch: int, epoch_ended: bool) -> bool:
        """Whether it is time.

        Args:
            step: Steps done in the run.
            epoch: Epochs done in the run.
            epoch_ended: Whether the last of them has just ended.
        """
        if self.unit == "epoch":
            return epoch_ended and epoch % self.count == 0
        return step > 0 and step % self.count == 0


def parse_interval(written: int | str | None, *, name: str) -> Interval | None:
    """An interval as a user writes it: 500, "500 steps" or "2 epochs"; None for never.

    Args:
        written: A whole number means steps.
        name: The setting's name, for the message.

    Raises:
        UsageError: It is nothing of these.
    """
    if written is None:
        return None
    text = f"{written} steps" if type(written) is int else str(written)
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise UsageError(
            f"{name}={written!r}; expected a number of steps from 1, '500 steps', '2 epochs', or "
            "None for never"
        )
    return Interval(int(match[1]), "epoch" if match[2] == "epoch" else "step")

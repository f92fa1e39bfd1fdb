"""What a monitor hands out: samples while it runs, a summary at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Figures", "Sample", "Status", "Summary", "Worker"]


@dataclass(frozen=True)
class Worker:
    """One child process over one interval.

    Attributes:
        pid: Its number.
        cpu_cores: CPU time a second, without its own children.
    """

    pid: int
    cpu_cores: float


@dataclass(frozen=True)
class Sample:
    """What was used over one interval.

    Attributes:
        seconds: Its end, since the monitor started.
        interval_seconds: Its length.
        values: By column name, in the units of `fastdata.monitoring.columns`; None where something
            cannot be seen.
        workers: Child processes, the busiest first, at most 32.
        throttle: What held GPU clocks down, such as ("power cap",).
    """

    seconds: float
    interval_seconds: float
    values: Mapping[str, float | None]
    workers: tuple[Worker, ...] = ()
    throttle: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figures:
    """One column over a whole run; every sample weighs as much as its interval is long.

    Attributes:
        name: The column.
        unit: Its unit.
        mean: Weighted mean.
        spread: Weighted standard deviation.
        p95: The value that 95 % of the time was not above.
        peak: The largest value.
        fluctuation: spread / mean, or None where the mean is 0.
    """

    name: str
    unit: str
    mean: float
    spread: float
    p95: float
    peak: float
    fluctuation: float | None


@dataclass(frozen=True)
class Status:
    """What the figures come to.

    Attributes:
        kind: "on target", "uneven", "below target", "no GPU" or "no samples".
        sentence: For people, with the numbers that it rests on.
        next_command: What to run next; "" when nothing is to be done.
    """

    kind: Literal["on target", "uneven", "below target", "no GPU", "no samples"]
    sentence: str
    next_command: str = ""


@dataclass(frozen=True)
class Summary:
    """A whole run.

    Attributes:
        seconds: How long it was watched.
        samples: How often.
        cores_allowed: Cores that quota and affinity allow, such as 1.5.
        columns: Figures of each column that was seen at all.
        status: What they come to.
        throttle: Everything that held GPU clocks down at some time.
        unseen: What could not be seen, and why, one line each.
        monitor_cpu_share: CPU time that the monitor itself took, as a part of one core.
    """

    seconds: float
    samples: int
    cores_allowed: float
    columns: tuple[Figures, ...]
    status: Status
    throttle: tuple[str, ...]
    unseen: tuple[str, ...]
    monitor_cpu_share: float

    def figures(self, name: str) -> Figures | None:
        """The figures of a column, or None when it was never seen."""
        return next((found for found in self.columns if found.name == name), None)

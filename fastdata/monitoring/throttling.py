"""How long a CPU quota has held this process's container back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastdata.hardware import cgroup_folders

__all__ = ["Throttling", "read_throttling"]


@dataclass(frozen=True, kw_only=True)
class Throttling:
    """Counters of the control group that was held back most; they only rise.

    Attributes:
        periods: Enforcement periods in which the group wanted to run.
        throttled_periods: Those of them in which its quota ran out.
        throttled_seconds: Time that its threads waited for the next period, summed over cores.
    """

    periods: int
    throttled_periods: int
    throttled_seconds: float


def read_throttling(*, root: Path = Path("/")) -> Throttling | None:
    """The counters as they are now, or None where no quota is counted.

    Args:
        root: Folder with ``proc`` and ``sys``; another one only to try this function.

    Source: Linux kernel, Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst.
    """
    groups = [_parse(folder / "cpu.stat") for folder in cgroup_folders("cpu", root=root)]
    counted = [group for group in groups if group is not None]
    return max(counted, key=lambda group: group.throttled_periods, default=None)


def _parse(path: Path) -> Throttling | None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        values = {name: int(value) for name, value in (line.split() for line in lines)}
    except (OSError, ValueError):
        return None
    if not values.get("nr_periods"):
        return None
    # Microseconds in version 2, nanoseconds in version 1.
    seconds = values.get("throttled_usec", 0) / 1e6 + values.get("throttled_time", 0) / 1e9
    return Throttling(
        periods=values["nr_periods"],
        throttled_periods=values.get("nr_throttled", 0),
        throttled_seconds=seconds,
    )

"""Where the time of a training goes: clocks, plain records, a verdict.

In a process of the run, `hooks` tell `recorders`, which turn `clocks` and write to `lanes`. Whoever
watches it reads these: `assemble` makes a `record` of them by `findings`, and `rendering` shows it.
`selfcheck` holds all of that against runs that are known.

Names are resolved on first use, because every process of a profiled command begins here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastdata.profiling.profiler import Profiler as Profiler
    from fastdata.profiling.record import Profile as Profile
    from fastdata.profiling.record.store import read_profile as read_profile
    from fastdata.profiling.record.store import write_profile as write_profile
    from fastdata.profiling.rendering.report import write_report as write_report

_HOME = {
    "Profile": "record",
    "Profiler": "profiler",
    "read_profile": "record.store",
    "write_profile": "record.store",
    "write_report": "rendering.report",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'fastdata.profiling' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fastdata.profiling.{_HOME[name]}"), name)

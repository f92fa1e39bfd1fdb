"""How a profiled command's processes know of their watcher, and the lane in which each answers.

The watcher imports this and not `child`, which is of the processes that train: torch takes seconds.
"""

from __future__ import annotations

__all__ = ["PROCESS", "VARIABLE"]

VARIABLE = "FASTDATA_PROFILE"
"""Environment variable that holds a JSON object: channel, plan."""

PROCESS = 9
"""Kind of the lane in which a process tells that it was there, and how it ended."""

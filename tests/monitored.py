"""Waiting for a monitor that runs."""

from __future__ import annotations

import time

from fastdata import Monitor


def wait_for_samples(monitor: Monitor, count: int) -> None:
    """However slow the machine is."""
    while monitor.summary().samples < count:
        time.sleep(0.01)

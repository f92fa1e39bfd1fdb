"""Runs a program under a CPU quota, as a container does."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["cpu_quota"]

MOUNT = Path("/sys/fs/cgroup")
PERIOD_USEC = 100_000


@contextlib.contextmanager
def cpu_quota(cores: float) -> Iterator[list[str]]:
    """A control group with a quota; gives the words to put before a command that runs in it.

    Skips where groups cannot be made, as without root or in most containers.
    """
    is_v2 = (MOUNT / "cgroup.controllers").exists()
    group = (MOUNT if is_v2 else MOUNT / "cpu") / f"fastdata-test-{uuid.uuid4().hex[:8]}"
    quota = round(cores * PERIOD_USEC)
    try:
        group.mkdir()
        if is_v2:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_USEC}", encoding="utf-8")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_USEC), encoding="utf-8")
            (group / "cpu.cfs_quota_us").write_text(str(quota), encoding="utf-8")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"control groups cannot be made here: {error}")
    try:
        yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(group)

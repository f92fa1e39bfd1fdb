"""What one check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Section", "State"]

State = Literal["ok", "warn", "fail"]
"""ok: as it should be. warn: works, but slower, or less safe. fail: training will break on it."""


@dataclass(frozen=True)
class Finding:
    """One line of a checkup.

    Attributes:
        name: What was looked at, such as "/dev/shm".
        state: "ok", "warn" or "fail".
        found: What is there, with its unit.
        remedy: What to do about it; "" where nothing needs doing.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Section:
    """Findings of one topic.

    Attributes:
        title: The topic, such as "storage".
        findings: In the order in which they are read.
    """

    title: str
    findings: tuple[Finding, ...]
